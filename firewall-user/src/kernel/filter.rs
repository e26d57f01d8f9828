//! The filter of a network namespace: attaching it, changing it, taking it off, finding it again.

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use aya::programs::ProgramInfo;
use firewall_common::stance::Stance;

use super::{
    Error,
    apply::{Moves, moves},
    change::{Change, Precautions},
    clock::Clock,
    counters::Counters,
    document::Document,
    egress::{self, Hook},
    generation,
    layout::{self, Layout},
    leftover, link,
    lock::Lock,
    netlink::Interface,
    pending::Pending,
    shared::{COUNTED, FRAGMENTS},
    state::{State, links, names, newest},
    table::Table,
    tables::Tables,
    takeover::{Anew, Takeover, starts_anew},
    tallies::{self, InterfaceTally},
};
pub use super::{
    apply::{Applied, apply},
    attach::{Attached, NewLink, Wanted, attach},
    confirm::{confirm, rollback},
    leftover::LeftOver,
    link::WantedMode,
    state::{Link, Place},
    upgrade::upgrade,
};
use crate::ruleset::Config;

/// A filter that is in force, with the lock on its state.
#[derive(Debug)]
pub struct Filter {
    state: State,
    _lock: Lock,
}

impl Filter {
    /// The filter of the current network namespace, to be read from.
    ///
    /// # Errors
    /// There's none, or it was made by another version of Fragwall.
    pub fn open(bpffs: &Path) -> Result<Self, Error> {
        let layout = Layout::new(bpffs)?;
        let lock = Lock::shared(&layout)?;
        Ok(Self { state: State::find(layout)?, _lock: lock })
    }

    /// The filter of the current network namespace, to be changed. What an interrupted command left behind is mended.
    ///
    /// # Errors
    /// As [`Filter::open`]; its last change awaits confirmation; or a newer version has it ([`Error::Downgrade`]).
    pub fn open_to_change(bpffs: &Path) -> Result<Self, Error> {
        let layout = Layout::new(bpffs)?;
        let lock = Lock::exclusive(&layout)?;
        expire(&layout)?;
        let state = State::find(layout.clone()).inspect_err(|_| clear_away(&layout))?;
        state.mend()?;
        must_be_confirmed(&state.document)?;
        must_not_be_newer(&state.document)?;
        Ok(Self { state, _lock: lock })
    }

    /// What it filters by.
    pub fn document(&self) -> &Document {
        &self.state.document
    }

    /// Where its state is.
    pub(super) fn layout(&self) -> &Layout {
        &self.state.layout
    }

    /// Its tables.
    pub(super) fn tables(&self) -> Tables {
        self.state.tables()
    }

    /// The tables that would start anew if this Fragwall's program took it over.
    ///
    /// # Errors
    /// The kernel refuses to tell.
    pub fn starts_anew(&self) -> Result<Vec<Anew>, Error> {
        let document = &self.state.document;
        let anew = starts_anew(&self.tables(), document, &document.config)?;
        Ok(anew.into_iter().map(Anew::from).collect())
    }

    /// The configuration that makes such a filter: the rules and settings in force, and the interfaces that it's attached to.
    pub fn config(&self) -> Config {
        let interfaces = self.links().iter().filter_map(Link::name).map(str::to_owned).collect();
        Config { interfaces, ..self.document().config.clone() }
    }

    /// Whether it only counts its verdicts, and passes every packet.
    pub fn is_observing(&self) -> bool {
        self.state.document.stance == Stance::Observing
    }

    /// The interfaces that it's attached to.
    pub fn links(&self) -> &[Link] {
        &self.state.links
    }

    /// The names of the interfaces on which it looks at what goes out, and how.
    ///
    /// # Errors
    /// The kernel refuses to tell.
    pub fn egress(&self) -> Result<Vec<(&str, Hook)>, Error> {
        let mut hooks = Vec::new();
        for link in &self.state.links {
            let hook = egress::hook(&self.state.layout, link.pinned.name)?;
            hooks.extend(link.name().zip(hook));
        }
        Ok(hooks)
    }

    /// The ids of its programs on interfaces, both those on what comes in and those on what goes out.
    ///
    /// # Errors
    /// The kernel refuses to tell.
    pub fn programs(&self) -> Result<Vec<u32>, Error> {
        let mut ids = Vec::new();
        for link in &self.state.links {
            ids.push(link.pinned.info.program);
            // What calls it isn't in its way.
            if let Place::Here { through: Some(through), .. } = &link.place {
                ids.push(through.program.id);
            }
            ids.extend(egress::program_id(&self.state.layout, link.pinned.name)?);
        }
        Ok(ids)
    }

    /// What interrupted commands and interfaces that are gone left behind.
    ///
    /// # Errors
    /// The kernel refuses to tell.
    pub fn left_over(&self) -> Result<Vec<LeftOver>, Error> {
        leftover::left_over(&self.state)
    }

    /// The interfaces that a configuration would have it attached to as well, and taken off.
    pub fn moves(&self, config: &Config) -> (Vec<String>, Vec<String>) {
        let Moves { attach, detach } = moves(&self.state.links, config);
        (attach, names(&detach))
    }

    /// The names of those interfaces.
    pub fn interface_names(&self) -> Vec<String> {
        names(&self.state.links)
    }

    /// What it has counted.
    ///
    /// # Errors
    /// The kernel refuses to tell.
    pub fn counters(&self) -> Result<Counters, Error> {
        Counters::open(&self.tables().known(&COUNTED, self.document())?)
    }

    /// What became of the packets of each interface that it's attached to, in the order of [`Self::links`], and after them of those of
    /// all others: some that were detached, or are in another network namespace now.
    ///
    /// # Errors
    /// The kernel refuses to tell.
    pub fn tallies(&self) -> Result<Vec<InterfaceTally>, Error> {
        tallies::read(&self.tables(), self.document(), &self.state.links)
    }

    /// The fragment table.
    ///
    /// # Errors
    /// The kernel refuses to show it.
    pub fn table(&self) -> Result<Table, Error> {
        let fragments = &self.state.document.config.fragments;
        Table::open(&self.tables().known(&FRAGMENTS, self.document())?, fragments)
    }

    /// When its current program was loaded; `None` if the kernel doesn't tell.
    ///
    /// # Errors
    /// The kernel refuses to tell.
    pub fn changed(&self) -> Result<Option<SystemTime>, Error> {
        let path = self.state.layout.generation(self.state.current).join("program");
        ProgramInfo::from_pin(&path)
            .map(|info| info.loaded_at())
            .map_err(|error| Error::aya(format!("opening {}", path.display()), error))
    }

    /// The trace (aya-log) of its current program, which is read and handed to `log` whenever it's flushed.
    ///
    /// # Errors
    /// The program was loaded by a build without its trace.
    #[cfg(feature = "trace")]
    pub fn trace<T: log::Log>(&self, log: T) -> Result<aya_log::EbpfLogger<T>, Error> {
        let doing = "opening the program's trace";
        let path = self.state.layout.generation(self.state.current).join("program");
        let info = ProgramInfo::from_pin(&path).map_err(|error| Error::aya(doing, error))?;
        aya_log::EbpfLogger::init_from_id_with_logger(info.id(), log)
            .map_err(|error| Error::aya(doing, error))
    }

    /// How long it is until the last change is undone, if it awaits confirmation.
    ///
    /// # Errors
    /// The kernel doesn't tell its clock.
    pub fn time_left(&self) -> Result<Option<Duration>, Error> {
        time_left(&self.state.document)
    }

    /// Puts another configuration into force, for every packet from one moment on. Rules that stay keep their counters;
    /// fragments in flight keep the verdicts of their datagrams. The interfaces stay as they are, whatever it says of them. Returns
    /// what is taken over of another Fragwall, if that had the filter.
    ///
    /// # Errors
    /// The guard refuses, or the kernel refuses the new program: the old one stays in force. Or it refuses to exchange it in
    /// some link, which the next change tries again.
    pub fn change(
        &mut self,
        config: Config,
        stance: Stance,
        precautions: &Precautions<'_>,
    ) -> Result<Option<Takeover>, Error> {
        let on: Vec<Interface> = self.state.links.iter().filter_map(Link::interface).cloned().collect();
        let was_on = on.clone();
        let before = Some(&self.state.document);
        (precautions.guard)(&Change { before, was_on, config: &config, stance, on })?;
        let takeover = self.state.replace(config, stance, precautions)?;
        self.state.settle()?;
        Ok(takeover)
    }
}

/// The interfaces that are filtered in the current network namespace, by whatever version.
///
/// # Errors
/// None is, or the kernel refuses to tell.
pub fn filtered(bpffs: &Path) -> Result<Vec<Link>, Error> {
    let layout = Layout::new(bpffs)?;
    let _lock = Lock::shared(&layout)?;
    let links = links(&layout)?;
    if links.is_empty() { Err(Error::NotAttached) } else { Ok(links) }
}

/// How long it is until a change is undone, if it awaits confirmation.
pub(super) fn time_left(document: &Document) -> Result<Option<Duration>, Error> {
    let left = |Pending { deadline, .. }| Ok(Clock::now()?.until(deadline).unwrap_or_default());
    document.pending.map(left).transpose()
}

/// That the last change doesn't await confirmation: another would leave open what is to be confirmed, and what to go back to.
pub(super) fn must_be_confirmed(document: &Document) -> Result<(), Error> {
    match time_left(document)? {
        Some(left) => Err(Error::AwaitsConfirmation { left }),
        None => Ok(()),
    }
}

/// That no newer version has loaded its program, which this one's would replace.
pub(super) fn must_not_be_newer(document: &Document) -> Result<(), Error> {
    let release = &document.release;
    if release.is_newer() { Err(Error::Downgrade { release: release.clone() }) } else { Ok(()) }
}

/// Takes off a new filter that wasn't confirmed in time, and by now lets everything pass.
pub(super) fn expire(layout: &Layout) -> Result<(), Error> {
    let Some(newest) = newest(layout, &links(layout)?)? else { return Ok(()) };
    let is_over = match generation::pending(layout, newest) {
        Some(Pending { deadline, previous: None }) => Clock::now()?.until(deadline).is_none(),
        _ => false,
    };
    // What another version wrote is for others to complain of.
    if is_over && generation::document(layout, newest).is_ok() { remove_state(layout) } else { Ok(()) }
}

/// Takes the filter off interfaces, or off all if none is named; with the last goes all of its state. Returns the names
/// of the interfaces that it was taken off.
///
/// # Errors
/// It isn't attached, or not to one of them.
pub fn detach(bpffs: &Path, interfaces: &[String]) -> Result<Vec<String>, Error> {
    let layout = Layout::new(bpffs)?;
    let _lock = Lock::exclusive(&layout)?;
    let result = detach_locked(&layout, interfaces);
    clear_away(&layout);
    result
}

fn detach_locked(layout: &Layout, interfaces: &[String]) -> Result<Vec<String>, Error> {
    expire(layout)?;
    let links = links(layout)?;
    if links.is_empty() {
        remove_state(layout)?;
        return Err(Error::NotAttached);
    }
    let named = |name: &String| links.iter().any(|link| link.is_named(name));
    if let Some(interface) = interfaces.iter().find(|&name| !named(name)) {
        return Err(Error::NotAttachedTo { interface: interface.clone(), interfaces: names(&links) });
    }
    let is_meant = |link: &Link| interfaces.is_empty() || interfaces.iter().any(|name| link.is_named(name));
    let (off, stay): (Vec<Link>, Vec<Link>) = links.iter().cloned().partition(is_meant);
    for link in &off {
        link::remove(layout, link.pinned.name)?;
    }
    if stay.is_empty() {
        remove_state(layout)?;
    }
    Ok(names(&off))
}

/// Removes all of this namespace's state, whose links are of no use any more.
pub(super) fn remove_state(layout: &Layout) -> Result<(), Error> {
    for pinned in link::pinned(layout)? {
        link::remove(layout, pinned.name)?;
    }
    egress::keep_only(layout, &[])?;
    layout::remove(layout.root())
}

/// Removes this namespace's state if it holds no link, that of namespaces which are gone with all their interfaces, and
/// the top directory if nothing is left in it.
pub(super) fn clear_away(layout: &Layout) {
    // What can't be removed is in nobody's way: the next attach clears it away, or tells why it can't.
    for other in layout.all().unwrap_or_default() {
        let unused = link::pinned(&other)
            .is_ok_and(|links| links.iter().all(|pinned| pinned.info.interface.is_none()));
        if unused && other.unknown_entry().is_ok_and(|entry| entry.is_none()) {
            let _ = remove_state(&other);
        }
    }
    let _ = fs::remove_dir(layout.top());
}
