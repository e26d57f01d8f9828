//! What was found, and what to do about it.

use std::fmt;

use serde::Serialize;

/// Something that was looked at. Its [`Display`](fmt::Display) form is a line, and another one for the advice.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// How it is.
    pub level: Level,
    /// What it's about.
    pub topic: Topic,
    /// The interface that it's about, if it's about one.
    pub interface: Option<String>,
    /// What was found.
    pub found: String,
    /// What to do about it; `None` if there's nothing to do.
    pub advice: Option<String>,
}

/// How something is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Something to know, that may be meant so.
    Note,
    /// Something in the way of the filter, or of fragments that it lets in.
    Problem,
}

impl Level {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Problem => "problem",
        }
    }
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    /// What this process may do.
    Privileges,
    /// What the kernel has of that which the programs need.
    Kernel,
    /// Where the filter is pinned.
    Bpffs,
    /// The filter in force.
    Filter,
    /// How an interface runs the program.
    Mode,
    /// VLAN tags that hardware takes out of frames.
    Vlan,
    /// How packets are spread over an interface's queues.
    Queues,
    /// Other programs on an interface.
    Programs,
    /// What the host can hold for reassembly.
    Reassembly,
    /// Connection tracking.
    Tracking,
    /// The rules of iptables and nftables.
    Rules,
}

impl Topic {
    /// All of them, in the order in which they're told.
    pub const ALL: [Self; 11] = [
        Self::Privileges,
        Self::Kernel,
        Self::Bpffs,
        Self::Filter,
        Self::Mode,
        Self::Vlan,
        Self::Queues,
        Self::Programs,
        Self::Reassembly,
        Self::Tracking,
        Self::Rules,
    ];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Privileges => "privileges",
            Self::Kernel => "kernel",
            Self::Bpffs => "bpffs",
            Self::Filter => "filter",
            Self::Mode => "mode",
            Self::Vlan => "vlan",
            Self::Queues => "queues",
            Self::Programs => "programs",
            Self::Reassembly => "reassembly",
            Self::Tracking => "tracking",
            Self::Rules => "rules",
        }
    }
}

impl Finding {
    pub(super) fn ok(topic: Topic, found: impl Into<String>) -> Self {
        Self { level: Level::Ok, topic, interface: None, found: found.into(), advice: None }
    }

    pub(super) fn note(topic: Topic, found: impl Into<String>, advice: impl Into<String>) -> Self {
        let advice = Some(advice.into());
        Self { level: Level::Note, topic, interface: None, found: found.into(), advice }
    }

    pub(super) fn problem(topic: Topic, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { level: Level::Problem, ..Self::note(topic, found, advice) }
    }

    /// The same about an interface.
    pub(super) fn on(self, interface: &str) -> Self {
        Self { interface: Some(interface.to_owned()), ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { level, topic, interface, found, advice } = self;
        write!(f, "{:<9}{}", level.word(), topic.word())?;
        interface.iter().try_for_each(|name| write!(f, " of {name}"))?;
        write!(f, ": {found}")?;
        advice.iter().try_for_each(|advice| write!(f, "\n         {advice}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_stands_below() {
        let ok = Finding::ok(Topic::Kernel, "as it should be");
        assert_eq!(ok.to_string(), "ok       kernel: as it should be");
        let problem = Finding::problem(Topic::Mode, "is wrong", "mend it").on("eth0");
        assert_eq!(problem.to_string(), "problem  mode of eth0: is wrong\n         mend it");
    }

    #[test]
    fn words_are_those_of_the_json() {
        for topic in Topic::ALL {
            assert_eq!(serde_json::to_value(topic).unwrap(), topic.word());
        }
        for level in [Level::Ok, Level::Note, Level::Problem] {
            assert_eq!(serde_json::to_value(level).unwrap(), level.word());
        }
    }
}
