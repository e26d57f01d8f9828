//! What is pinned for a network namespace, read as one: which generation is in force, on which interfaces.

use std::thread;

use firewall_common::{rules::Slot, stance::Stance};

use super::{
    Error,
    beside::Beside,
    change::Precautions,
    clock::Clock,
    counters::{Counters, are_many},
    document::Document,
    egress,
    entry::Through,
    generation::{self, Generation},
    layout::{self, Layout},
    link::{self, Pinned},
    netlink::{self, Interface, Mode},
    pending::Pending,
    shared::{BUCKETS, COUNTED},
    tables::Tables,
    takeover::{Prepared, Takeover, starts_anew},
    tallies,
};
use crate::ruleset::Config;

/// A filter's state. Whoever reads or changes it holds the lock.
#[derive(Debug)]
pub(super) struct State {
    pub(super) layout: Layout,
    /// What it filters by.
    pub(super) document: Document,
    /// The number of the generation in force.
    pub(super) current: u32,
    pub(super) links: Vec<Link>,
    /// What the tables of the current generation were made from, if that has just been loaded.
    prepared: Option<Prepared>,
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
        /// Whose program calls the filter, if others have the interface.
        through: Option<Through>,
    },
    /// It was moved to another network namespace, and is filtered there.
    Elsewhere,
}

impl Link {
    /// Whether this is a name of the interface.
    pub fn is_named(&self, name: &str) -> bool {
        matches!(&self.place, Place::Here { interface, .. } if interface.is_named(name))
    }

    /// The interface; `None` if it's in another network namespace.
    pub fn interface(&self) -> Option<&Interface> {
        match &self.place {
            Place::Here { interface, .. } => Some(interface),
            Place::Elsewhere => None,
        }
    }

    /// The interface's name; `None` if it's in another network namespace.
    pub fn name(&self) -> Option<&str> {
        self.interface().map(|interface| interface.name.as_str())
    }
}

impl State {
    /// The state of a filter that is in force. Past its deadline, a change that wasn't confirmed no longer is.
    ///
    /// # Errors
    /// None is, or it was made by another version of Fragwall.
    pub(super) fn find(layout: Layout) -> Result<Self, Error> {
        let links = links(&layout)?;
        let mut current = newest(&layout, &links)?.ok_or(Error::NotAttached)?;
        let mut document = generation::document(&layout, current)?;
        if let Some(Pending { deadline, previous }) = document.pending
            && Clock::now()?.until(deadline).is_none()
        {
            current = previous.ok_or(Error::NotAttached)?;
            document = generation::document(&layout, current)?;
        }
        Ok(Self { layout, document, current, links, prepared: None })
    }

    /// The tables that the current generation has.
    pub(super) fn tables(&self) -> Tables {
        self.layout.tables(self.document.tables)
    }

    /// Whether its program is this very Fragwall's, and all of its tables go on in the next.
    ///
    /// # Errors
    /// The kernel refuses to tell.
    pub(super) fn is_own(&self) -> Result<bool, Error> {
        let Self { document, .. } = self;
        Ok(document.release.is_own() && starts_anew(&self.tables(), document, &document.config)?.is_empty())
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

    /// Puts the current generation into every link, and then removes all others but the one that it may go back to. One
    /// link that fails keeps no other from it.
    pub(super) fn settle(&self) -> Result<(), Error> {
        // As they are by now: what was interrupted may just have been mended.
        let links = links(&self.layout)?;
        // First of all: what is sent from now on is to be known when the replies come.
        egress::put(&self.layout, self.current, links.iter().filter_map(Link::interface))?;
        let mut program = generation::program(&self.layout, self.current)?;
        let info =
            program.info().map_err(|error| Error::aya("asking the kernel about the program", error))?;
        let mut failed = None;
        for link in &links {
            if link.pinned.info.program != info.id()
                && let Err(error) = link::exchange(&mut program, &self.layout, link.pinned.name)
            {
                failed = failed.or(Some(error));
            }
        }
        // An interface that has gone just now takes no part in it. Any other needs the generation that it has.
        if let Some(error) = failed
            && self::links(&self.layout)?.iter().any(|link| link.pinned.info.program != info.id())
        {
            return Err(error);
        }
        if self.forgets_flows() {
            // Those that were opened since, until the program on egress was exchanged.
            egress::remember(&self.layout, self.current)?;
        }
        let previous = self.document.pending.and_then(|pending| pending.previous);
        for number in layout::numbered(&self.layout.generations())? {
            if number != self.current && Some(number) != previous {
                layout::remove(&self.layout.generation(number))?;
            }
        }
        self.settle_egress(previous)?;
        self.settle_tables(previous)
    }

    /// Whether the current generation was given a flow table that is new.
    fn forgets_flows(&self) -> bool {
        self.prepared.as_ref().is_some_and(Prepared::forgets_flows)
    }

    /// Removes all tables but those of this generation and of the one that it may go back to.
    fn settle_tables(&self, previous: Option<u32>) -> Result<(), Error> {
        let kept = self.kept_tables(previous)?;
        for number in layout::numbered(&self.layout.all_tables())? {
            if !kept.contains(&Some(number)) {
                layout::remove(self.layout.tables(Some(number)).directory())?;
            }
        }
        if kept.contains(&None) { Ok(()) } else { self.layout.tables(None).clear() }
    }

    /// What the documents of this generation, and of the one that it may go back to, call their tables.
    fn kept_tables(&self, previous: Option<u32>) -> Result<Vec<Option<u32>>, Error> {
        let previous = previous.map(|number| generation::document(&self.layout, number)).transpose()?;
        Ok([Some(self.document.tables), previous.map(|document| document.tables)]
            .into_iter()
            .flatten()
            .collect())
    }

    /// No longer looks at what goes out where nothing that comes in is filtered, or where neither this generation nor the one
    /// that it may go back to accepts replies.
    fn settle_egress(&self, previous: Option<u32>) -> Result<(), Error> {
        let is_wanted = |number| egress::is_wanted(&self.layout, number);
        let keep = if is_wanted(self.current) || previous.is_some_and(is_wanted) {
            link::pinned(&self.layout)?.iter().map(|pinned| pinned.name).collect()
        } else {
            Vec::new()
        };
        egress::keep_only(&self.layout, &keep)?;
        if keep.is_empty() {
            for tables in self.kept_tables(previous)? {
                self.layout.tables(tables).forget_flows()?;
            }
        }
        Ok(())
    }

    /// Loads a generation with another configuration beside the current one. It's not in force yet, but takes the current one's place in
    /// this state. Returns what is taken over of another Fragwall.
    ///
    /// # Errors
    /// There are too many rules, or the kernel refuses the new program: the old one stays in force.
    pub(super) fn replace(
        &mut self,
        config: Config,
        stance: Stance,
        precautions: &Precautions<'_>,
    ) -> Result<Option<Takeover>, Error> {
        let (document, fresh) = self.document.with(config, stance)?;
        let pending = precautions.pending(Some(self.current))?;
        self.load_fresh(document.with_pending(pending), &fresh)
    }

    /// The same for a document with the rules of the current one.
    ///
    /// # Errors
    /// The kernel refuses the new program: the old one stays in force.
    pub(super) fn load(&mut self, document: Document) -> Result<Option<Takeover>, Error> {
        self.load_fresh(document, &[])
    }

    /// The same; `fresh` are the slots of new rules.
    fn load_fresh(&mut self, document: Document, fresh: &[Slot]) -> Result<Option<Takeover>, Error> {
        let number = self.current + 1;
        let prepared = Prepared::new(&self.layout, &self.document, &document.config)?;
        let document = document.with_tables(prepared.number);
        if let Err(error) = self.make(number, &document, &prepared, fresh) {
            // What was pinned of it is in nobody's way, and goes with the next command if not now.
            let _ = layout::remove(&self.layout.generation(number));
            prepared.undo();
            return Err(error);
        }
        let takeover = prepared.takeover(&self.document.release);
        self.document = document;
        self.current = number;
        self.prepared = Some(prepared);
        Ok(takeover)
    }

    fn make(
        &self,
        number: u32,
        document: &Document,
        prepared: &Prepared,
        fresh: &[Slot],
    ) -> Result<(), Error> {
        // Tables that start anew have nothing in them that was another rule's.
        let has = |shared| prepared.tables.pin(shared).exists();
        let (has_buckets, has_counters) = (has(&BUCKETS), has(&COUNTED));
        let mut counters =
            has_counters.then(|| Counters::open(&prepared.tables.pin(&COUNTED))).transpose()?;
        let counted = thread::scope(|scope| {
            // Meanwhile the program is loaded, and the kernel's verifier takes its time.
            let read = counters.as_ref().filter(|_| are_many(fresh));
            let counted = read.map(|counters| Beside::begin(scope, || counters.read_all()));
            let before = Some((self.current, &self.document));
            generation::make(&self.layout, number, document, before)?;
            counted.map(Beside::end).transpose()
        })?;
        // The slots that are given to new rules become as if nobody had had them: their counters are empty, their limits not used up.
        if has_buckets {
            prepared.tables.fill_buckets(fresh)?;
        }
        if let Some(counters) = &mut counters {
            counters.retire(fresh, counted.as_ref())?;
        }
        if prepared.forgets_interfaces() {
            tallies::put_all(&self.layout, &prepared.tables)?;
        }
        if prepared.forgets_flows() {
            egress::remember(&self.layout, number)?;
        }
        Ok(())
    }

    /// Removes what was loaded last, since it couldn't be put into force. If that can't be done now, it's in nobody's way, and goes with
    /// the next command.
    pub(super) fn unload(&self) {
        let _ = layout::remove(&self.layout.generation(self.current));
        if let Some(prepared) = &self.prepared {
            prepared.undo();
        }
    }
}

/// The newest generation that any of the links holds. A command that was killed amid an exchange left the newer one in
/// some of them.
pub(super) fn newest(layout: &Layout, links: &[Link]) -> Result<Option<u32>, Error> {
    let holds =
        |generation: &&Generation| links.iter().any(|link| link.pinned.info.program == generation.program);
    Ok(generation::all(layout)?.iter().rev().find(holds).map(|generation| generation.number))
}

/// The links of interfaces that aren't gone. That is for the link itself to tell, not for a list of interfaces: one that isn't
/// among this namespace's may have been moved to another, where it's filtered as before.
pub(super) fn links(layout: &Layout) -> Result<Vec<Link>, Error> {
    let interfaces = netlink::interfaces()?;
    let mut links = Vec::new();
    for pinned in link::pinned(layout)? {
        let Some(index) = pinned.info.interface else { continue };
        let here = interfaces.iter().find_map(|interface| {
            let attached = match pinned.entry {
                None => interface.xdp.iter().find(|attached| attached.program == pinned.info.program),
                Some(_) => interface.xdp.first(),
            };
            let attached = attached.filter(|_| interface.index == index)?;
            let through = pinned.entry.map(|_| Through::of(attached));
            Some(Place::Here { interface: interface.clone(), mode: attached.mode, through })
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
