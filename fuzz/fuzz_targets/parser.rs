//! Any bytes, as one frame that is parsed: the property is `firewall-common`'s own tests' too.
#![no_main]

#[expect(dead_code, reason = "its shorthands are for tests that say what they expect")]
#[path = "../../firewall-common/tests/native/support/parse.rs"]
mod parse;
#[path = "../../firewall-common/tests/native/support/parsing.rs"]
mod parsing;
#[path = "../../firewall-common/tests/native/support/reference.rs"]
mod reference;

libfuzzer_sys::fuzz_target!(|frame: &[u8]| parsing::parse_frame(frame));
