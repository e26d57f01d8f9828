//! Fragwall with imported rules, natively.

use std::collections::HashMap;

use firewall_common::{
    fragment::identity::HashKey,
    rules::Slot,
    verdict::{Reason, Verdict},
};
use firewall_tests::harness::{kernel::Setup, native::Native};
use fragwall::import::Import;
use fragwall::ruleset::{Compiled, compile::Host};

use super::oracle::INTERFACES;
use super::packets::Sent;

/// A filter for each interface that packets come in on.
pub(crate) struct Fragwall {
    filters: HashMap<&'static str, Native>,
}

impl Fragwall {
    pub(crate) fn new(import: &Import) -> Self {
        let interfaces: HashMap<String, u32> = INTERFACES.map(str::to_owned).into_iter().zip(2..).collect();
        let host = Host { interfaces: interfaces.clone(), ..Host::default() };
        let slotted: Vec<_> = import
            .rules
            .iter()
            .enumerate()
            .map(|(n, rule)| (rule.clone(), Slot::rule(n).expect("no more rules than slots")))
            .collect();
        let hash_key = Some(HashKey(std::array::from_fn(|n| n as u64)));
        let setup = Setup { hash_key, ..Setup::of(import.rules.clone()).default(import.default) };
        let filter = |name: &str| {
            let rules =
                Compiled::new(&slotted, import.default, &host).expect("no more rules than there may be");
            let mut native = Native::of(&setup, rules).expect("there's a hash key");
            native.arrive_on(interfaces[name]);
            native
        };
        Self { filters: INTERFACES.into_iter().map(|name| (name, filter(name))).collect() }
    }

    /// Whether a packet passes by the rules; `None` if they aren't asked.
    pub(crate) fn passes(&self, sent: &Sent) -> Option<bool> {
        let judged = self.filters[sent.interface].judge(&sent.frame);
        matches!(judged.reason, Reason::Rule | Reason::Default).then_some(judged.verdict == Verdict::Pass)
    }
}
