//! Other programs on an interface.

use super::finding::{Finding, Topic};
use crate::kernel::{
    error::Holder,
    netlink::{Interface, Mode},
    tc::{self, Classifier},
};

/// The programs on an interface that aren't the filter's.
#[derive(Debug)]
pub(super) struct Facts {
    interface: String,
    xdp: Vec<(Holder, Mode)>,
    classifiers: Vec<Classifier>,
    /// Whether the filter's own can be told from others.
    is_whole: bool,
}

/// The name of Fragwall's own program.
const OWN: &str = "fragwall";

impl Facts {
    /// Asks the kernel. `own` are the ids of the filter's programs; `None` if that may not be seen.
    pub(super) fn gather(interface: &Interface, own: Option<&[u32]>) -> Self {
        let is_other = |id: u32| !own.unwrap_or_default().contains(&id);
        let xdp = interface.xdp.iter().filter(|attached| is_other(attached.program));
        // Of those that can't be told from the filter's own there's nothing to say.
        let mut classifiers = if own.is_some() { tc::programs(interface) } else { Vec::new() };
        classifiers.retain(|classifier| is_other(classifier.program.id));
        Self {
            interface: interface.name.clone(),
            xdp: xdp.map(|attached| (Holder::of(attached.program), attached.mode)).collect(),
            classifiers,
            is_whole: own.is_some(),
        }
    }
}

/// What there is to say of them.
pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let Facts { interface, xdp, classifiers, is_whole } = facts;
    let mut findings: Vec<Finding> =
        xdp.iter().map(|(holder, mode)| on_xdp(interface, holder, *mode, *is_whole)).collect();
    findings.extend(classifiers.iter().map(|Classifier { direction, hook, program }| {
        let (direction, hook) = (direction.name(), hook.name());
        Finding::note(
            Topic::Programs,
            format!("another program is on its {direction} ({hook}): {program}; it may drop or redirect what Fragwall passes"),
            format!("`bpftool net show dev {interface}` and `tc filter show dev {interface} {direction}` tell more of it"),
        )
    }));
    if findings.is_empty() && *is_whole {
        findings.push(Finding::ok(Topic::Programs, "no others are on it"));
    }
    findings.into_iter().map(|finding| finding.on(interface)).collect()
}

fn on_xdp(interface: &str, holder: &Holder, mode: Mode, is_whole: bool) -> Finding {
    let mode = mode.name();
    if !is_whole {
        return Finding::note(
            Topic::Programs,
            format!("an XDP program is on it: {holder} ({mode} mode); whose it is can't be seen"),
            "run it as root",
        );
    }
    let found = format!(
        "it is held by another XDP program: {holder} ({mode} mode); attaching to it would be refused"
    );
    let advice = if holder.name.as_deref() == Some(OWN) {
        "it looks like a filter that is pinned elsewhere: name its bpffs with `--bpffs DIR`".to_owned()
    } else {
        format!("`ip link show dev {interface}` shows it; detach it with the tool that attached it")
    };
    Finding::problem(Topic::Programs, found, advice)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::kernel::{egress::Hook, tc::Direction};

    fn facts() -> Facts {
        Facts { interface: "eth0".to_owned(), xdp: Vec::new(), classifiers: Vec::new(), is_whole: true }
    }

    fn held(name: &str, is_whole: bool) -> Finding {
        let holder = Holder { id: 17, name: Some(name.to_owned()) };
        findings(&Facts { xdp: vec![(holder, Mode::Generic)], is_whole, ..facts() }).remove(0)
    }

    fn classified() -> Vec<Finding> {
        let program = Holder { id: 18, name: Some("cil_from_netdev".to_owned()) };
        let classifiers = vec![Classifier { direction: Direction::Ingress, hook: Hook::Tcx, program }];
        findings(&Facts { classifiers, ..facts() })
    }

    pub(crate) fn examples() -> Vec<Finding> {
        let mut all = findings(&facts());
        all.extend([held("xdp_filt_alw", true), held(OWN, true), held("xdp_filt_alw", false)]);
        [all, classified()].concat()
    }

    #[test]
    fn another_xdp_program_is_a_problem_that_names_it() {
        let other = held("xdp_filt_alw", true);
        assert_eq!(other.level.word(), "problem");
        assert!(other.found.contains("\"xdp_filt_alw\", id 17 (generic mode)"), "{other}");
        let own = held(OWN, true);
        assert_eq!(own.level.word(), "problem");
        assert!(own.advice.is_some_and(|advice| advice.contains("--bpffs")));
    }

    #[test]
    fn whose_it_is_must_be_seen() {
        assert_eq!(held(OWN, false).level.word(), "note");
        assert_eq!(findings(&Facts { is_whole: false, ..facts() }), []);
        assert_eq!(findings(&facts())[0].level.word(), "ok");
    }

    #[test]
    fn other_classifiers_are_notes() {
        let [finding] = &classified()[..] else { panic!("one finding") };
        assert_eq!(finding.level.word(), "note");
        assert!(finding.found.contains("ingress (tcx): \"cil_from_netdev\", id 18"), "{finding}");
    }
}
