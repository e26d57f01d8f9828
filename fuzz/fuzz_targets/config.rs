//! Any text, as a config file: the property is `firewall-user`'s own tests' too.
#![no_main]

#[expect(dead_code, reason = "a target for each of them")]
#[path = "../../firewall-user/tests/texts/promises.rs"]
mod promises;
#[expect(dead_code, unused_imports, reason = "a library, without what it needs to load the kernel program")]
#[path = "../../firewall-user/src/ruleset/mod.rs"]
mod ruleset;

libfuzzer_sys::fuzz_target!(|text: &str| promises::config(text));
