//! What is pinned and shouldn't be, or should be and isn't: what the next change mends.

use std::fmt;

use super::{
    Error, egress, generation, layout, link, netlink,
    state::{State, newest},
};

/// Something that isn't as it should be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LeftOver {
    /// An interface, by its name, is filtered by other rules than those in force: a command that changed them was killed.
    OtherRules(String),
    /// What goes out by an interface, by its name, isn't looked at, though replies are accepted.
    Unwatched(String),
    /// The rules of a change that came to nothing.
    Rules,
    /// The link of an interface that is gone.
    Link,
    /// The entry was taken off an interface, by its name: it isn't filtered any more.
    Entry(String),
}

impl LeftOver {
    /// What is to be done about it.
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::OtherRules(_) | Self::Unwatched(_) | Self::Rules | Self::Link => {
                "the next change of rules mends it: `fragwall apply`, say"
            }
            Self::Entry(_) => "have the entry loaded again, and `fragwall attach`",
        }
    }

    /// The interface whose packets are judged otherwise than the filter says; `None` if none are.
    pub fn interface(&self) -> Option<&str> {
        match self {
            Self::OtherRules(name) | Self::Unwatched(name) | Self::Entry(name) => Some(name),
            Self::Rules | Self::Link => None,
        }
    }

    /// What it is, in a word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::OtherRules(_) => "other-rules",
            Self::Unwatched(_) => "unwatched",
            Self::Rules => "rules",
            Self::Link => "link",
            Self::Entry(_) => "entry",
        }
    }
}

impl fmt::Display for LeftOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherRules(name) => {
                write!(f, "{name} is filtered by other rules than those in force: a change was interrupted")
            }
            Self::Unwatched(name) => {
                write!(f, "what goes out by {name} isn't looked at, so replies to it are dropped")
            }
            Self::Rules => f.write_str("rules are pinned that aren't in force: a change came to nothing"),
            Self::Entry(name) => {
                write!(f, "{name} isn't filtered any more: whoever has it took Fragwall's entry off it")
            }
            Self::Link => f.write_str("the link of an interface that is gone is pinned"),
        }
    }
}

/// All that [`State::mend`] would see to.
pub(super) fn left_over(state: &State) -> Result<Vec<LeftOver>, Error> {
    let State { layout, document, current, links, .. } = state;
    let mut left = Vec::new();
    let here = netlink::interfaces()?;
    for pinned in link::pinned(layout)?.iter().filter(|pinned| pinned.info.interface.is_none()) {
        let interface = here.iter().find(|interface| interface.index == pinned.name);
        // An array that is empty was left by a command that was killed.
        match interface.filter(|_| pinned.entry.is_some() && pinned.info.program != 0) {
            Some(interface) => left.push(LeftOver::Entry(interface.name.clone())),
            None if left.contains(&LeftOver::Link) => {}
            None => left.push(LeftOver::Link),
        }
    }
    // The program of a change that wasn't confirmed in time hands all packets to the one before, which is in force.
    let is_overdue = newest(layout, links)? != Some(*current);
    let generations = generation::all(layout)?;
    let program = generations.iter().find(|of| of.number == *current).map(|of| of.program);
    for (link, name) in links.iter().filter_map(|link| Some((link, link.name()?))) {
        if !is_overdue && Some(link.pinned.info.program) != program {
            left.push(LeftOver::OtherRules(name.to_owned()));
        }
        let is_watched = egress::hook(layout, link.pinned.name)?.is_some();
        if egress::is_wanted(layout, *current) && !is_watched {
            left.push(LeftOver::Unwatched(name.to_owned()));
        }
    }
    let previous = document.pending.and_then(|pending| pending.previous);
    let is_kept = |number: &u32| number == current || Some(*number) == previous;
    if !layout::numbered(&layout.generations())?.iter().all(is_kept) {
        left.push(LeftOver::Rules);
    }
    Ok(left)
}
