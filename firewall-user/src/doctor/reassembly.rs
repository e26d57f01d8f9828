//! What the host can hold for reassembly.

use firewall_common::packet::Family;

use super::finding::{Finding, Topic};
use crate::{kernel::reassembly::Reassembly, ruleset::duration};

/// The settings of an IP version.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    family: Family,
    /// What they are now.
    now: Reassembly,
    /// What the filter in force goes by, if one is.
    in_force: Option<Reassembly>,
    /// The most that one source may have outstanding.
    early_budget: u32,
}

/// How many fragments of full Ethernet frames the largest datagram has, of 64 KB.
const LARGEST: u32 = 45;
/// What the kernel's own settings are, in bytes.
const DEFAULT: u64 = 4 << 20;

impl Facts {
    /// Reads them, of both IP versions.
    pub(super) fn gather(in_force: Option<[Reassembly; 2]>, early_budget: u32) -> [Self; 2] {
        Family::ALL.map(|family| Self {
            family,
            now: Reassembly::of(family),
            in_force: in_force.map(|both| both[family.index()]),
            early_budget,
        })
    }
}

/// What there is to say of them.
pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let Facts { family, now, in_force, early_budget } = facts;
    let name = family.name();
    let (host, source, strangers) = (now.fragments(), now.per_source(*early_budget), now.of_strangers());
    let budget = format!(
        "{name}: the host holds {host} fragments, each for {}; one source may have {source} of them, all strangers {strangers}",
        duration::text(now.time)
    );
    let mut findings = Vec::new();
    // A share that the config makes small is meant so.
    let is_small = now.per_source(u32::MAX) < LARGEST;
    findings.push(if is_small {
        let sysctl = match family {
            Family::V4 => "net.ipv4.ipfrag_high_thresh",
            Family::V6 => "net.ipv6.ip6frag_high_thresh",
        };
        Finding::note(
            Topic::Reassembly,
            format!("{budget}; a datagram of 64 KB has {LARGEST}, and can't get in"),
            format!("`sysctl -w {sysctl}={DEFAULT}`, or more"),
        )
    } else {
        Finding::ok(Topic::Reassembly, budget)
    });
    if in_force.is_some_and(|in_force| in_force != *now) {
        findings.push(Finding::note(
            Topic::Reassembly,
            format!("{name}: these settings are newer than the filter, which goes by those from when its rules were loaded"),
            "the next change of rules takes them in: `fragwall apply`, say",
        ));
    }
    findings
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;

    fn facts(memory: u64) -> Facts {
        let now = Reassembly { memory, time: Duration::from_secs(60) };
        Facts { family: Family::V6, now, in_force: Some(now), early_budget: 8192 }
    }

    fn changed() -> Facts {
        let in_force = Reassembly { memory: 64 << 20, time: Duration::from_secs(60) };
        Facts { in_force: Some(in_force), ..facts(DEFAULT) }
    }

    pub(crate) fn examples() -> Vec<Finding> {
        [findings(&facts(DEFAULT)), findings(&facts(1 << 20)), findings(&changed()).split_off(1)].concat()
    }

    #[test]
    fn the_kernels_own_settings_are_fine() {
        let [finding] = &findings(&facts(DEFAULT))[..] else { panic!("one finding") };
        assert_eq!(finding.level.word(), "ok");
        assert!(finding.found.contains("910 fragments, each for 1m; one source may have 56"), "{finding}");
        let small = Facts { early_budget: 16, ..facts(DEFAULT) };
        assert_eq!(findings(&small)[0].level.word(), "ok", "the config's own choice");
    }

    #[test]
    fn too_little_for_the_largest_datagram_is_a_note() {
        let [finding] = &findings(&facts(1 << 20))[..] else { panic!("one finding") };
        assert_eq!(finding.level.word(), "note");
        assert!(finding.advice.as_ref().unwrap().contains("net.ipv6.ip6frag_high_thresh=4194304"));
        let four = Facts { family: Family::V4, ..facts(0) };
        assert!(findings(&four)[0].advice.as_ref().unwrap().contains("net.ipv4.ipfrag_high_thresh="));
    }

    #[test]
    fn what_changed_since_the_rules_were_loaded_is_a_note() {
        let [ok, note] = &findings(&changed())[..] else { panic!("two findings") };
        assert_eq!((ok.level.word(), note.level.word()), ("ok", "note"));
    }
}
