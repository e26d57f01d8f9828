//! Any bytes, as a sequence of frames that are judged one after the other: the property is `firewall-common`'s own
//! tests' too.
#![no_main]

#[path = "../../firewall-common/tests/native/support/environment.rs"]
mod environment;
#[path = "../../firewall-common/tests/native/support/invariants.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|input: &[u8]| invariants::judge_frames(input));
