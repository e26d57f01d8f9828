//! What this process may do.

use super::finding::{Finding, Topic};

/// What there is to say of the capabilities that are missing.
pub(super) fn findings(missing: &[&str]) -> Vec<Finding> {
    let finding = if missing.is_empty() {
        Finding::ok(Topic::Privileges, "this process may load programs, attach them, and look for others")
    } else {
        Finding::note(
            Topic::Privileges,
            format!(
                "without {} not all can be seen: what the kernel has, other programs, and the rules of iptables and nftables \
                 are left out",
                missing.join(", ")
            ),
            "run it as root",
        )
    };
    vec![finding]
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn examples() -> Vec<Finding> {
        [findings(&[]), findings(&["CAP_NET_ADMIN", "CAP_PERFMON", "CAP_BPF"])].concat()
    }

    #[test]
    fn what_is_missing_is_a_note() {
        let [all, none] = &examples()[..] else { panic!("two findings") };
        assert_eq!((all.level.word(), &all.advice), ("ok", &None));
        assert_eq!(none.level.word(), "note");
        assert!(
            none.found.contains("CAP_PERFMON, CAP_BPF") && none.advice.as_deref() == Some("run it as root")
        );
    }
}
