//! Other programs on an interface.

use super::finding::{Finding, Topic};
use crate::kernel::{
    entry::{self, Through},
    error::Holder,
    held_by::HeldBy,
    netlink::{Interface, Mode},
    tc::{self, Classifier},
};

/// The programs on an interface that aren't the filter's.
#[derive(Debug)]
pub(super) struct Facts {
    interface: String,
    xdp: Vec<(Holder, Mode, HeldBy)>,
    /// What calls the filter there, and whose it is.
    through: Option<(Through, HeldBy)>,
    /// Whether one of them calls Fragwall's entry.
    has_entry: bool,
    classifiers: Vec<Classifier>,
    /// Whether the filter's own can be told from others.
    is_whole: bool,
}

/// The name of Fragwall's own program.
const OWN: &str = "fragwall";

impl Facts {
    /// Asks the kernel. `own` are the ids of the filter's programs; `None` if that may not be seen. The filter is called `through` another
    /// program, if the interface has one.
    pub(super) fn gather(interface: &Interface, own: Option<&[u32]>, through: Option<&Through>) -> Self {
        let is_other = |id: u32| !own.unwrap_or_default().contains(&id);
        let xdp = interface.xdp.iter().filter(|attached| is_other(attached.program));
        // Of those that can't be told from the filter's own there's nothing to say.
        let mut classifiers = if own.is_some() { tc::programs(interface) } else { Vec::new() };
        classifiers.retain(|classifier| is_other(classifier.program.id));
        Self {
            interface: interface.name.clone(),
            xdp: xdp
                .map(|attached| {
                    let holder = Holder::of(attached.program);
                    let by = HeldBy::of(interface, &holder);
                    (holder, attached.mode, by)
                })
                .collect(),
            through: through.map(|through| (through.clone(), HeldBy::of(interface, &through.program))),
            has_entry: entry::is_on(interface),
            classifiers,
            is_whole: own.is_some(),
        }
    }
}

/// What there is to say of them.
pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let Facts { interface, xdp, through, has_entry, classifiers, is_whole } = facts;
    let mut findings: Vec<Finding> = xdp
        .iter()
        .map(|(holder, mode, by)| match (is_whole, has_entry) {
            (false, _) => of_unknown(holder, *mode),
            (true, true) => Finding::ok(
                Topic::Programs,
                format!(
                    "an XDP program on it calls Fragwall's entry: {}; `fragwall attach {interface}` filters there",
                    told(holder, *mode, by)
                ),
            ),
            (true, false) => in_the_way(interface, holder, *mode, by),
        })
        .collect();
    findings.extend(through.iter().map(|(through, by)| {
        let by = by.to_string();
        let by = if by.is_empty() { by } else { format!(": {by}") };
        Finding::ok(Topic::Programs, format!("Fragwall is {through}{by}"))
    }));
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

/// A program, and all that is known of whose it is.
fn told(holder: &Holder, mode: Mode, by: &HeldBy) -> String {
    let (mode, by) = (mode.name(), by.to_string());
    if by.is_empty() { format!("{holder} ({mode} mode)") } else { format!("{holder} ({mode} mode), {by}") }
}

fn of_unknown(holder: &Holder, mode: Mode) -> Finding {
    Finding::note(
        Topic::Programs,
        format!("an XDP program is on it: {holder} ({} mode); whose it is can't be seen", mode.name()),
        "run it as root",
    )
}

fn in_the_way(interface: &str, holder: &Holder, mode: Mode, by: &HeldBy) -> Finding {
    let holds = told(holder, mode, by);
    let found = format!("it is held by another XDP program: {holds}; attaching to it would be refused");
    let advice = if holder.name.as_deref() == Some(OWN) {
        "it looks like a filter that is pinned elsewhere: name its bpffs with `--bpffs DIR`".to_owned()
    } else {
        by.advice(interface, mode)
    };
    Finding::problem(Topic::Programs, found, advice)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::kernel::{
        egress::Hook,
        held_by::{Manager, Tie},
        openers::Process,
        tc::Direction,
    };

    fn facts() -> Facts {
        Facts {
            interface: "eth0".to_owned(),
            xdp: Vec::new(),
            through: None,
            has_entry: false,
            classifiers: Vec::new(),
            is_whole: true,
        }
    }

    fn held(name: &str, is_whole: bool) -> Finding {
        let holder = Holder { id: 17, name: Some(name.to_owned()) };
        let by = HeldBy { tie: Some(Tie::Netlink), ..HeldBy::default() };
        findings(&Facts { xdp: vec![(holder, Mode::Generic, by)], is_whole, ..facts() }).remove(0)
    }

    fn component(name: &str) -> Holder {
        Holder { id: 9, name: Some(name.to_owned()) }
    }

    /// A dispatcher of libxdp's that calls a program.
    fn dispatcher(calls: &str) -> (Holder, HeldBy) {
        let by = HeldBy {
            tie: Some(Tie::Netlink),
            manager: Some(Manager::Libxdp),
            components: vec![component(calls)],
            ..HeldBy::default()
        };
        (Holder { id: 17, name: Some("xdp_dispatcher".to_owned()) }, by)
    }

    fn shared(calls: &str) -> Finding {
        let (holder, by) = dispatcher(calls);
        let has_entry = calls == "fragwall_entry";
        findings(&Facts { xdp: vec![(holder, Mode::Native, by)], has_entry, ..facts() }).remove(0)
    }

    fn called() -> Finding {
        let (program, by) = dispatcher("fragwall_entry");
        findings(&Facts { through: Some((Through { program }, by)), ..facts() }).remove(0)
    }

    fn kept() -> Finding {
        let by = HeldBy {
            tie: Some(Tie::Link),
            pins: vec!["/sys/fs/bpf/monitor/link".into()],
            processes: vec![Process { id: 1204, name: "monitord".to_owned() }],
            ..HeldBy::default()
        };
        findings(&Facts { xdp: vec![(component("xdp_monitor"), Mode::Native, by)], ..facts() }).remove(0)
    }

    fn classified() -> Vec<Finding> {
        let program = Holder { id: 18, name: Some("cil_from_netdev".to_owned()) };
        let classifiers = vec![Classifier { direction: Direction::Ingress, hook: Hook::Tcx, program }];
        findings(&Facts { classifiers, ..facts() })
    }

    pub(crate) fn examples() -> Vec<Finding> {
        let mut all = findings(&facts());
        all.extend([held("xdp_filt_alw", true), held(OWN, true), held("xdp_filt_alw", false)]);
        all.extend([kept(), shared("xdp_pass"), shared("fragwall_entry"), called()]);
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
    fn whose_it_is_is_told() {
        let kept = kept();
        assert_eq!(kept.level.word(), "problem");
        for words in ["attached by a link", "/sys/fs/bpf/monitor/link", "process 1204 (monitord)"] {
            assert!(kept.found.contains(words), "{kept}");
        }
    }

    #[test]
    fn a_dispatcher_is_a_problem_unless_it_calls_the_entry() {
        let other = shared("xdp_pass");
        assert_eq!(other.level.word(), "problem");
        assert!(other.found.contains("libxdp's dispatcher, which calls \"xdp_pass\", id 9"), "{other}");
        assert!(other.advice.is_some_and(|advice| advice.contains("fragwall entry")));
        for fine in [shared("fragwall_entry"), called()] {
            assert_eq!(fine.level.word(), "ok", "{fine}");
        }
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
