//! Any bytes, as a sequence of frames: the property that `firewall-common`'s own tests check too.
#![no_main]

#[path = "../../firewall-common/tests/native/support/environment.rs"]
mod environment;
#[path = "../../firewall-common/tests/native/support/invariants.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|input: &[u8]| invariants::judge_frames(input));
