//! Any bytes, as what iptables or nftables prints: the property is `firewall-user`'s own tests' too.
#![no_main]

#[expect(dead_code, reason = "a library, of which the promises need a part")]
#[path = "../../firewall-user/src/import/mod.rs"]
mod import;
#[path = "../../firewall-user/tests/import/promises.rs"]
mod promises;
#[expect(dead_code, unused_imports, reason = "a library, without what it needs to load the kernel program")]
#[path = "../../firewall-user/src/ruleset/mod.rs"]
mod ruleset;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| promises::import_of(bytes));
