//! Connection tracking, which puts datagrams together before rules see them.

use std::fs;

use firewall_common::packet::Family;

use super::finding::{Finding, Topic};

/// Whether connections are tracked.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// How many are, in this network namespace; `None` if the kernel doesn't tell.
    connections: Option<u64>,
    /// The IP versions whose rules ask for it.
    asked_for: Vec<Family>,
}

impl Facts {
    /// Asks the kernel; `tracks` says whether rules ask for it, of each IP version.
    pub(super) fn gather(tracks: [bool; 2]) -> Self {
        // The kernel answers for the namespace of the thread that opens the file, where it has connection tracking at all.
        let count = fs::read_to_string("/proc/sys/net/netfilter/nf_conntrack_count").ok();
        Self {
            connections: count.and_then(|count| count.trim().parse().ok()),
            asked_for: Family::ALL.into_iter().filter(|family| tracks[family.index()]).collect(),
        }
    }
}

/// What there is to say of it.
pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let Facts { connections, asked_for } = facts;
    let connections = connections.unwrap_or(0);
    if connections == 0 && asked_for.is_empty() {
        return vec![Finding::ok(Topic::Tracking, "connections aren't tracked in this network namespace")];
    }
    let families: Vec<_> = asked_for.iter().map(|family| family.name()).collect();
    let why = if families.is_empty() {
        String::new()
    } else {
        format!("; rules of {} ask for it", families.join(" and "))
    };
    vec![Finding::note(
        Topic::Tracking,
        format!(
            "connections are tracked, {connections} of them now{why}: fragments that Fragwall passes are put together, and \
             judged once more, before other rules see them"
        ),
        "it does no harm, and takes time and memory (`sysctl -a --pattern 'nf_conntrack_frag6'`); `nft list ruleset` and \
         `iptables-save` show the rules that ask for it",
    )]
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn of(connections: Option<u64>, asked_for: &[Family]) -> Finding {
        findings(&Facts { connections, asked_for: asked_for.to_vec() }).remove(0)
    }

    pub(crate) fn examples() -> Vec<Finding> {
        vec![of(Some(0), &[]), of(Some(212), &Family::ALL)]
    }

    #[test]
    fn tracked_connections_are_a_note() {
        assert_eq!(of(None, &[]).level.word(), "ok");
        assert_eq!(of(Some(0), &[]).level.word(), "ok");
        assert_eq!(of(Some(3), &[]).level.word(), "note");
        let asked = of(Some(0), &[Family::V6]);
        assert_eq!(asked.level.word(), "note");
        assert!(asked.found.contains("rules of IPv6 ask"), "{asked}");
    }
}
