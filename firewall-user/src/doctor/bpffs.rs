//! Where the filter is pinned.

use std::path::Path;

use super::finding::{Finding, Topic};
use crate::kernel::{Error, error::bpffs_advice, layout::Layout};

/// Whether a bpffs is at a path.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    path: &'a Path,
    outcome: Result<(), Error>,
}

impl<'a> Facts<'a> {
    /// Looks.
    pub(super) fn gather(path: &'a Path) -> Self {
        Self { path, outcome: Layout::new(path).map(drop) }
    }
}

/// What there is to say of it.
pub(super) fn findings(facts: &Facts<'_>) -> Vec<Finding> {
    let path = facts.path.display();
    let finding = match &facts.outcome {
        Ok(()) => Finding::ok(Topic::Bpffs, format!("{path}: a bpffs is mounted there")),
        Err(Error::NoBpffs { path: missing, inside_netns }) => Finding::problem(
            Topic::Bpffs,
            format!("{path}: no bpffs is mounted there"),
            bpffs_advice(missing, inside_netns.as_deref()),
        ),
        Err(error) => Finding::note(Topic::Bpffs, error.to_string(), "run it as root"),
    };
    vec![finding]
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn of(outcome: Result<(), Error>) -> Finding {
        findings(&Facts { path: Path::new("/sys/fs/bpf"), outcome }).remove(0)
    }

    fn missing(inside_netns: Option<&str>) -> Finding {
        let inside_netns = inside_netns.map(str::to_owned);
        of(Err(Error::NoBpffs { path: "/sys/fs/bpf".into(), inside_netns }))
    }

    pub(crate) fn examples() -> Vec<Finding> {
        vec![of(Ok(())), missing(None), missing(Some("blue"))]
    }

    #[test]
    fn a_missing_one_is_a_problem_with_the_loaders_own_advice() {
        assert_eq!(of(Ok(())).level.word(), "ok");
        let finding = missing(None);
        assert_eq!(finding.level.word(), "problem");
        let error = Error::NoBpffs { path: "/sys/fs/bpf".into(), inside_netns: None }.to_string();
        assert_eq!(error, format!("{}; {}", finding.found, finding.advice.unwrap()));
        assert!(missing(Some("blue")).advice.unwrap().contains("--netns blue"));
    }

    #[test]
    fn what_may_not_be_seen_is_a_note() {
        assert_eq!(of(Err(Error::Privileges { doing: "/sys/fs/bpf".to_owned() })).level.word(), "note");
    }
}
