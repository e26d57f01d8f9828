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
    /// The interface.
    pub interface: Interface,
    /// How it's attached.
    pub mode: Mode,
    pub(super) pinned: Pinned,
}

impl State {
    /// The state of a filter that is in force.
    ///
    /// # Errors
    /// None is, or it was made by another version of Fragwall.
    pub(super) fn find(layout: Layout) -> Result<Self, Error> {
        let links = live_links(&layout)?;
        let generations = generation::all(&layout)?;
        let holds =
            |generation: &&Generation| links.iter().any(|link| link.pinned.program == generation.program);
        // A command that was killed amid an exchange left the newer generation in some of the links.
        let current = generations.iter().rev().find(holds).ok_or(Error::NotAttached)?.number;
        let document = generation::document(&layout, current)?;
        generation::check_shared(&layout, &document)?;
        Ok(Self { layout, document, current, links })
    }

    /// Finishes or clears away what an interrupted command left behind: links with an older generation, generations
    /// that no link holds, links of interfaces that are gone.
    pub(super) fn mend(&self) -> Result<(), Error> {
        for pinned in link::pinned(&self.layout)? {
            if !self.links.iter().any(|link| link.pinned.interface == pinned.interface) {
                link::remove(&self.layout, pinned.interface, pinned.program)?;
            }
        }
        self.settle()
    }

    /// Puts the current generation into every link, and then removes all others.
    fn settle(&self) -> Result<(), Error> {
        let mut program = generation::program(&self.layout, self.current)?;
        let id =
            program.info().map_err(|error| Error::aya("asking the kernel about the program", error))?.id();
        for link in &self.links {
            if link.pinned.program != id {
                link::exchange(&mut program, &self.layout, link.pinned.interface)?;
            }
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
    /// The kernel refuses the new program: the old one stays in force.
    pub(super) fn replace_rules(&mut self, rules: Vec<Rule>) -> Result<(), Error> {
        let (document, fresh) = self.document.with_rules(rules)?;
        let number = self.current + 1;
        self.empty(&fresh)?;
        if let Err(error) = generation::make(&self.layout, number, &document) {
            // What was pinned of it is in nobody's way, and goes with the next command if not now.
            let _ = layout::remove(&self.layout.generation(number));
            return Err(error);
        }
        self.document = document;
        self.current = number;
        self.settle()
    }

    /// Empties the counters of slots that are given to new rules.
    fn empty(&self, slots: &[Slot]) -> Result<(), Error> {
        let mut counters = Counters::open(&self.layout.counters())?;
        slots.iter().try_for_each(|&slot| counters.retire(slot))
    }
}

/// The links whose interface is there and has their program.
pub(super) fn live_links(layout: &Layout) -> Result<Vec<Link>, Error> {
    let interfaces = netlink::interfaces()?;
    let mut links = Vec::new();
    for pinned in link::pinned(layout)? {
        let interface = interfaces.iter().find(|interface| interface.index == pinned.interface);
        if let Some(interface) = interface
            && let Some(mode) = interface.mode_of(pinned.program)
        {
            links.push(Link { interface: interface.clone(), mode, pinned });
        }
    }
    Ok(links)
}

/// The names of their interfaces.
pub(super) fn names(links: &[Link]) -> Vec<String> {
    links.iter().map(|link| link.interface.name.clone()).collect()
}
