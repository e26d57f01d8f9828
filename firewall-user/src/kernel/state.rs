//! What is pinned for a network namespace, read as one: which generation is in force, on which interfaces.

use firewall_common::rules::Slot;

use super::{
    Error,
    counters::Counters,
    document::Document,
    generation::{self, Generation},
    layout::{self, Layout},
    link::{self, Pinned},
    netlink::{self, Interface, Mode},
    shared,
};
use crate::ruleset::Rule;

/// A filter's state. Whoever reads or changes it holds the lock.
#[derive(Debug)]
pub(super) struct State {
    pub(super) layout: Layout,
    /// What it filters by.
    pub(super) document: Document,
    /// The number of the generation in force.
    pub(super) current: u32,
    pub(super) links: Vec<Link>,
}

/// An interface that a filter is attached to.
#[derive(Clone, Debug)]
pub struct Link {
    /// Where it is now.
    pub place: Place,
    pub(super) pinned: Pinned,
}

/// Where a filtered interface is.
#[derive(Clone, Debug)]
pub enum Place {
    /// In this network namespace.
    Here {
        /// The interface.
        interface: Interface,
        /// How the filter is attached to it.
        mode: Mode,
    },
    /// It was moved to another network namespace, and is filtered there.
    Elsewhere,
}

impl Link {
    /// Whether this is a name of the interface.
    pub fn is_named(&self, name: &str) -> bool {
        matches!(&self.place, Place::Here { interface, .. } if interface.is_named(name))
    }

    /// The interface's name; `None` if it's in another network namespace.
    pub fn name(&self) -> Option<&str> {
        match &self.place {
            Place::Here { interface, .. } => Some(&interface.name),
            Place::Elsewhere => None,
        }
    }
}

impl State {
    /// The state of a filter that is in force.
    ///
    /// # Errors
    /// None is, or it was made by another version of Fragwall.
    pub(super) fn find(layout: Layout) -> Result<Self, Error> {
        let links = links(&layout)?;
        let generations = generation::all(&layout)?;
        let holds = |generation: &&Generation| {
            links.iter().any(|link| link.pinned.info.program == generation.program)
        };
        // A command that was killed amid an exchange left the newer generation in some of the links.
        let current = generations.iter().rev().find(holds).ok_or(Error::NotAttached)?.number;
        let document = generation::document(&layout, current)?;
        shared::check(&layout, document.config.fragments.table)?;
        Ok(Self { layout, document, current, links })
    }

    /// Finishes or clears away what an interrupted command left behind: links with an older generation, generations
    /// that no link holds, links of interfaces that are gone.
    pub(super) fn mend(&self) -> Result<(), Error> {
        for pinned in link::pinned(&self.layout)? {
            if pinned.info.interface.is_none() {
                link::remove(&self.layout, pinned.name)?;
            }
        }
        self.settle()
    }

    /// Puts the current generation into every link, and then removes all others. One link that fails keeps no other
    /// from it.
    fn settle(&self) -> Result<(), Error> {
        let mut program = generation::program(&self.layout, self.current)?;
        let info =
            program.info().map_err(|error| Error::aya("asking the kernel about the program", error))?;
        let mut failed = None;
        for link in &self.links {
            if link.pinned.info.program != info.id()
                && let Err(error) = link::exchange(&mut program, &self.layout, link.pinned.name)
            {
                failed = failed.or(Some(error));
            }
        }
        // An interface that has gone just now takes no part in it. Any other needs the generation that it has.
        if let Some(error) = failed
            && links(&self.layout)?.iter().any(|link| link.pinned.info.program != info.id())
        {
            return Err(error);
        }
        for number in layout::numbered(&self.layout.generations())? {
            if number != self.current {
                layout::remove(&self.layout.generation(number))?;
            }
        }
        Ok(())
    }

    /// Puts other rules into force, for every packet from one moment on. Rules that stay keep their counters; fragments
    /// in flight keep the verdicts of their datagrams.
    ///
    /// # Errors
    /// The kernel refuses the new program: the old one stays in force. Or it refuses to exchange it in some link, which the
    /// next change tries again.
    pub(super) fn replace_rules(&mut self, rules: Vec<Rule>) -> Result<(), Error> {
        let (document, fresh) = self.document.with_rules(rules)?;
        let number = self.current + 1;
        self.renew(&fresh)?;
        if let Err(error) = generation::make(&self.layout, number, &document) {
            // What was pinned of it is in nobody's way, and goes with the next command if not now.
            let _ = layout::remove(&self.layout.generation(number));
            return Err(error);
        }
        self.document = document;
        self.current = number;
        self.settle()
    }

    /// Makes slots that are given to new rules as if nobody had had them: their counters are empty, their limits not used up.
    fn renew(&self, slots: &[Slot]) -> Result<(), Error> {
        shared::fill_buckets(&self.layout, slots)?;
        let mut counters = Counters::open(&shared::counters(&self.layout))?;
        slots.iter().try_for_each(|&slot| counters.retire(slot))
    }
}

/// The links of interfaces that aren't gone. That is for the link itself to tell, not for a list of interfaces: one that isn't
/// among this namespace's may have been moved to another, where it's filtered as before.
pub(super) fn links(layout: &Layout) -> Result<Vec<Link>, Error> {
    let interfaces = netlink::interfaces()?;
    let mut links = Vec::new();
    for pinned in link::pinned(layout)? {
        let Some(index) = pinned.info.interface else { continue };
        let here = interfaces.iter().find_map(|interface| {
            let mode = interface.mode_of(pinned.info.program).filter(|_| interface.index == index)?;
            Some(Place::Here { interface: interface.clone(), mode })
        });
        links.push(Link { place: here.unwrap_or(Place::Elsewhere), pinned });
    }
    Ok(links)
}

/// The names of their interfaces.
pub(super) fn names(links: &[Link]) -> Vec<String> {
    let name = |link: &Link| match link.name() {
        Some(name) => name.to_owned(),
        None => format!("number {} (moved to another network namespace)", link.pinned.name),
    };
    links.iter().map(name).collect()
}
