//! What the kernel has of that which the programs need.

use std::path::Path;

use super::finding::{Finding, Topic};
use crate::kernel::{
    Error,
    probe::{self, Features},
};

/// What was tried.
#[derive(Debug)]
pub(super) struct Facts {
    features: Result<Features, Error>,
    /// Whether the whole program loads; that isn't tried where the kernel lacks what it needs.
    loads: Result<(), Error>,
    has_btf: bool,
}

impl Facts {
    /// Tries it out.
    pub(super) fn gather() -> Self {
        let features = Features::probe();
        let is_whole = features.as_ref().is_ok_and(|features| features.frags && features.xdp_links);
        Self {
            features,
            loads: if is_whole { probe::load() } else { Ok(()) },
            has_btf: Path::new("/sys/kernel/btf/vmlinux").exists(),
        }
    }
}

const ADVICE: &str =
    "boot Linux 6.1 or newer, with CONFIG_BPF_SYSCALL and CONFIG_BPF_JIT; `uname -r` tells which this is";

/// What there is to say of them.
pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let topic = Topic::Kernel;
    let features = match &facts.features {
        Ok(features) => features,
        Err(error @ Error::Privileges { .. }) => {
            // With all the capabilities there are: a container's, or a kernel that is locked down.
            return vec![Finding::note(
                topic,
                error.to_string(),
                "run it as root on the host, outside of containers",
            )];
        }
        Err(error) => {
            return vec![Finding::problem(
                topic,
                format!("it loads no XDP program: {}", told(error)),
                ADVICE,
            )];
        }
    };
    let &Features { frags, xdp_links, tcx, jit } = features;
    let mut findings = Vec::new();
    if !frags {
        let found =
            "it has no programs for frames in several buffers (xdp.frags, bpf_xdp_load_bytes: Linux 5.18)";
        findings.push(Finding::problem(topic, found, ADVICE));
    }
    // Without those the links weren't tried.
    if frags && !xdp_links {
        findings.push(Finding::problem(topic, "it has no XDP links (Linux 5.9)", ADVICE));
    }
    match &facts.loads {
        Err(error) => findings.push(Finding::problem(topic, told(error), ADVICE)),
        Ok(()) if frags && xdp_links => {
            let hook = if tcx { "tcx" } else { "clsact, since there is no tcx before Linux 6.6" };
            let btf = if facts.has_btf { "there" } else { "not there, and not needed" };
            let found = format!(
                "the program loads; frames in several buffers, XDP links; on egress {hook}; the kernel's BTF is {btf}"
            );
            findings.push(Finding::ok(topic, found));
        }
        Ok(()) => {}
    }
    if jit == Some(false) {
        findings.push(Finding::note(
            topic,
            "programs are interpreted, which takes many times as long as compiled ones do",
            "`sysctl -w net.core.bpf_jit_enable=1`; the next change of rules loads a program that is compiled",
        ));
    }
    findings
}

/// An error in one line, with its cause.
fn told(error: &Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}").replace('\n', " / ")
}

#[cfg(test)]
pub(super) mod tests {
    use std::io;

    use super::*;

    const WHOLE: Features = Features { frags: true, xdp_links: true, tcx: true, jit: Some(true) };

    fn of(features: Features) -> Vec<Finding> {
        findings(&Facts { features: Ok(features), loads: Ok(()), has_btf: true })
    }

    fn refused(error: Error) -> Vec<Finding> {
        findings(&Facts { features: Err(error), loads: Ok(()), has_btf: true })
    }

    fn no_xdp() -> Vec<Finding> {
        refused(Error::os("loading an XDP program", io::Error::from_raw_os_error(nix::libc::ENOSYS)))
    }

    pub(crate) fn examples() -> Vec<Finding> {
        let jit = of(Features { jit: Some(false), ..WHOLE }).split_off(1);
        let frags = of(Features { frags: false, xdp_links: false, jit: None, ..WHOLE });
        let links = of(Features { xdp_links: false, ..WHOLE });
        [of(WHOLE), jit, frags, links, no_xdp()].concat()
    }

    #[test]
    fn a_kernel_with_all_of_it_is_fine() {
        let [finding] = &of(WHOLE)[..] else { panic!("one finding") };
        assert_eq!((finding.level.word(), &finding.advice), ("ok", &None));
        let [older] = &of(Features { tcx: false, jit: None, ..WHOLE })[..] else { panic!("one finding") };
        assert_eq!(older.level.word(), "ok");
        assert!(older.found.contains("clsact"), "{older}");
        let without = Facts { features: Ok(WHOLE), loads: Ok(()), has_btf: false };
        assert!(findings(&without)[0].found.contains("not needed"));
    }

    #[test]
    fn what_is_lacking_is_a_problem() {
        let lacking = [
            (Features { frags: false, xdp_links: false, ..WHOLE }, "xdp.frags"),
            (Features { xdp_links: false, ..WHOLE }, "XDP links"),
        ];
        for (features, name) in lacking {
            let [finding] = &of(features)[..] else { panic!("one finding") };
            assert_eq!(finding.level.word(), "problem");
            assert!(finding.found.contains(name), "{finding}");
        }
        let error = Error::Load { problem: "no\nsuch helper".to_owned(), hint: String::new() };
        let refused = findings(&Facts { features: Ok(WHOLE), loads: Err(error), has_btf: true });
        let [finding] = &refused[..] else { panic!("one finding") };
        assert_eq!(finding.level.word(), "problem");
        assert!(finding.found.contains("no / such helper"), "{finding}");
    }

    #[test]
    fn a_kernel_without_xdp_is_a_problem_and_one_that_refuses_a_note() {
        let [finding] = &no_xdp()[..] else { panic!("one finding") };
        assert_eq!(finding.level.word(), "problem");
        assert!(finding.found.contains("implemented"), "{finding}");
        let [finding] = &refused(Error::Privileges { doing: "loading".to_owned() })[..] else {
            panic!("one finding")
        };
        assert_eq!(finding.level.word(), "note");
    }

    #[test]
    fn an_interpreter_is_a_note() {
        let [_, finding] = &of(Features { jit: Some(false), ..WHOLE })[..] else { panic!("two findings") };
        assert_eq!(finding.level.word(), "note");
        assert!(finding.advice.as_ref().is_some_and(|advice| advice.contains("bpf_jit_enable=1")));
    }
}
