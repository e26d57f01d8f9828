//! The filter in force.

use std::time::Duration;

use super::finding::{Finding, Topic};
use crate::{
    kernel::{
        Error,
        filter::{Filter, LeftOver},
        release::Release,
    },
    ruleset::duration,
};

/// A filter in force.
#[derive(Clone, Debug)]
pub(super) struct InForce {
    /// The names of its interfaces.
    interfaces: Vec<String>,
    is_observing: bool,
    /// How long it is until its last change is undone, if that awaits confirmation.
    left: Option<Duration>,
    left_over: Vec<LeftOver>,
    /// Who loaded its program.
    release: Release,
}

impl InForce {
    /// Asks the kernel.
    ///
    /// # Errors
    /// The kernel refuses to tell.
    pub(super) fn gather(filter: &Filter) -> Result<Self, Error> {
        Ok(Self {
            interfaces: filter.interface_names(),
            is_observing: filter.is_observing(),
            left: filter.time_left()?,
            left_over: filter.left_over()?,
            release: filter.document().release.clone(),
        })
    }
}

/// What there is to say of it, or of why there's none.
pub(super) fn findings(outcome: Result<&InForce, &Error>) -> Vec<Finding> {
    let topic = Topic::Filter;
    match outcome {
        Ok(in_force) => of_filter(in_force),
        Err(Error::NotAttached) => vec![Finding::note(
            topic,
            "Fragwall isn't attached to any interface in this network namespace",
            "`fragwall attach IFACE` attaches it",
        )],
        // That is said by itself.
        Err(Error::NoBpffs { .. }) => Vec::new(),
        Err(Error::Privileges { .. }) => {
            vec![Finding::note(topic, "whether one is in force can't be seen", "run it as root")]
        }
        Err(error) => vec![Finding::problem(
            topic,
            error.to_string(),
            "as long as it is so, no command changes or shows the filter",
        )],
    }
}

fn of_filter(in_force: &InForce) -> Vec<Finding> {
    let topic = Topic::Filter;
    let InForce { interfaces, is_observing, left, left_over, release } = in_force;
    let mut findings = vec![Finding::ok(topic, format!("attached to {}", interfaces.join(", ")))];
    if *is_observing {
        findings.push(Finding::note(
            topic,
            "it observes: every packet passes, and what would become of it is counted",
            "`fragwall enforce` ends that",
        ));
    }
    if let Some(left) = left {
        findings.push(Finding::note(
            topic,
            format!("its last change awaits confirmation, for another {}", duration::rounded_up(*left)),
            "keep it by `fragwall confirm`, or undo it by `fragwall rollback`",
        ));
    }
    if !release.is_own() {
        findings.push(of_another(release));
    }
    findings.extend(left_over.iter().map(mended));
    findings
}

/// That its program isn't this version's.
fn of_another(release: &Release) -> Finding {
    let found = format!("its program is that of version {}, not this one's", release.version);
    let advice = if release.is_newer() {
        "use that version, or a newer one: this one changes nothing"
    } else {
        "`fragwall upgrade` has this one's take over; `fragwall status` says whether anything starts anew then"
    };
    Finding::note(Topic::Filter, found, advice)
}

/// What an interrupted command left behind.
fn mended(left_over: &LeftOver) -> Finding {
    let finding = if left_over.interface().is_some() { Finding::problem } else { Finding::note };
    finding(Topic::Filter, left_over.to_string(), left_over.advice())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn in_force() -> InForce {
        InForce {
            interfaces: vec!["eth0".to_owned()],
            is_observing: false,
            left: None,
            left_over: Vec::new(),
            release: Release::own(),
        }
    }

    fn another(version: &str) -> Release {
        Release { version: version.to_owned(), program: String::new(), ..Release::own() }
    }

    fn left_over(left_over: &[LeftOver]) -> Vec<Finding> {
        findings(Ok(&InForce { left_over: left_over.to_vec(), ..in_force() })).split_off(1)
    }

    const ALL: [fn() -> LeftOver; 5] = [
        || LeftOver::OtherRules("eth1".to_owned()),
        || LeftOver::Unwatched("eth1".to_owned()),
        || LeftOver::Rules,
        || LeftOver::Link,
        || LeftOver::Entry("eth1".to_owned()),
    ];

    pub(crate) fn examples() -> Vec<Finding> {
        let whole = InForce { is_observing: true, left: Some(Duration::from_secs(20)), ..in_force() };
        [
            findings(Ok(&whole)),
            findings(Err(&Error::NotAttached)),
            findings(Err(&Error::Privileges { doing: "opening".to_owned() })),
            left_over(&ALL.map(|make| make())),
            ["0.0.9", "9999.0.0"].map(|version| of_another(&another(version))).to_vec(),
        ]
        .concat()
    }

    #[test]
    fn a_whole_filter_is_fine() {
        let [finding] = &findings(Ok(&in_force()))[..] else { panic!("one finding") };
        assert_eq!((finding.level.word(), &*finding.found), ("ok", "attached to eth0"));
    }

    #[test]
    fn what_ends_or_does_nothing_is_a_note() {
        let observing = findings(Ok(&InForce { is_observing: true, ..in_force() }));
        assert_eq!(observing[1].level.word(), "note");
        assert!(observing[1].advice.as_ref().unwrap().contains("fragwall enforce"));
        let pending = findings(Ok(&InForce { left: Some(Duration::from_millis(19_500)), ..in_force() }));
        assert_eq!(pending[1].level.word(), "note");
        assert!(pending[1].found.contains("20s"), "{}", pending[1]);
    }

    #[test]
    fn a_program_of_another_version_is_a_note() {
        let of = |version| findings(Ok(&InForce { release: another(version), ..in_force() })).remove(1);
        for (version, advice) in [("0.0.9", "fragwall upgrade"), ("9999.0.0", "changes nothing")] {
            let finding = of(version);
            assert_eq!(finding.level.word(), "note");
            assert!(finding.found.contains(version), "{finding}");
            assert!(finding.advice.as_ref().unwrap().contains(advice), "{finding}");
        }
    }

    #[test]
    fn what_was_interrupted_is_a_problem_where_packets_are_judged_otherwise() {
        let levels = ALL.map(|make| left_over(&[make()])[0].level.word());
        assert_eq!(levels, ["problem", "problem", "note", "note", "problem"]);
    }

    #[test]
    fn no_filter_is_a_note_and_a_state_that_isnt_understood_a_problem() {
        assert_eq!(findings(Err(&Error::NotAttached))[0].level.word(), "note");
        assert_eq!(findings(Err(&Error::Privileges { doing: String::new() }))[0].level.word(), "note");
        let error = Error::Incompatible { path: "/sys/fs/bpf/fragwall".into(), what: "another".to_owned() };
        assert_eq!(findings(Err(&error))[0].level.word(), "problem");
        let missing = Error::NoBpffs { path: "/".into(), inside_netns: None };
        assert_eq!(findings(Err(&missing)), []);
    }
}
