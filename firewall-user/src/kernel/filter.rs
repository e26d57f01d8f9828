//! The filter of a network namespace: attaching it, changing it, taking it off, finding it again.

use std::{fs, path::Path, time::SystemTime};

use aya::programs::ProgramInfo;

use super::{
    Error,
    counters::Counters,
    document::Document,
    generation,
    layout::{self, Layout},
    link,
    lock::Lock,
    netlink::{self, Interface, Mode},
    shared,
    state::{State, links, names},
};
pub use super::{
    link::WantedMode,
    state::{Link, Place},
};
use crate::ruleset::{Config, Rule};

/// A filter that is in force, with the lock on its state.
#[derive(Debug)]
pub struct Filter {
    state: State,
    _lock: Lock,
}

/// An interface that was attached to just now.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// The interface's name.
    pub interface: String,
    /// How the filter was attached.
    pub mode: Mode,
    /// Why it isn't native, if native mode was tried.
    pub refusal: Option<String>,
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
    /// As [`Filter::open`].
    pub fn open_to_change(bpffs: &Path) -> Result<Self, Error> {
        let layout = Layout::new(bpffs)?;
        let lock = Lock::exclusive(&layout)?;
        let state = State::find(layout)?;
        state.mend()?;
        Ok(Self { state, _lock: lock })
    }

    /// What it filters by.
    pub fn document(&self) -> &Document {
        &self.state.document
    }

    /// The interfaces that it's attached to.
    pub fn links(&self) -> &[Link] {
        &self.state.links
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
        Counters::open(&shared::counters(&self.state.layout))
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

    /// Puts other rules into force, for every packet from one moment on. Rules that stay keep their counters; fragments
    /// in flight keep the verdicts of their datagrams.
    ///
    /// # Errors
    /// The kernel refuses the new program: the old one stays in force. Or it refuses to exchange it in some link, which the
    /// next change tries again.
    pub fn replace_rules(&mut self, rules: Vec<Rule>) -> Result<(), Error> {
        self.state.replace_rules(rules)
    }
}

/// Attaches to interfaces: with `config`, as a new filter; without, to those that the filter in force is to have as well.
/// If none is in force, the new one has the rules of a filter whose interfaces are gone and whose state is still there, or
/// else none. Either all of the interfaces are attached to, or none.
///
/// # Errors
/// An interface isn't there, isn't free, or isn't Ethernet; a filter is in force and `config` would replace it; the kernel
/// refuses. Nothing has changed then.
pub fn attach(
    bpffs: &Path,
    interfaces: &[String],
    config: Option<Config>,
    mode: WantedMode,
) -> Result<Vec<NewLink>, Error> {
    let layout = Layout::new(bpffs)?;
    let interfaces: Vec<Interface> =
        interfaces.iter().map(|name| netlink::interface(name)).collect::<Result<_, _>>()?;
    if let Some(interface) = interfaces.iter().find(|interface| !interface.is_ethernet()) {
        let Interface { name, link_type, .. } = interface.clone();
        return Err(Error::NotEthernet { name, link_type });
    }
    let _lock = Lock::make(&layout)?;
    let attached = attach_locked(&layout, &interfaces, config, mode);
    clear_away(&layout);
    attached
}

fn attach_locked(
    layout: &Layout,
    interfaces: &[Interface],
    config: Option<Config>,
    mode: WantedMode,
) -> Result<Vec<NewLink>, Error> {
    let links = links(layout)?;
    for interface in interfaces {
        if links.iter().any(|link| link.is_named(&interface.name)) {
            return Err(Error::AlreadyAttached { interface: interface.name.clone() });
        }
        if !interface.xdp.is_empty() {
            return Err(link::held(&interface.name));
        }
    }
    let mut program = if links.is_empty() {
        // What is there belongs to interfaces that are gone, or to a command that was killed before it attached. An
        // interface that was made anew gets the rules that it had.
        let config = match config {
            Some(config) => config,
            None => last_config(layout).unwrap_or_default(),
        };
        if let Some(entry) = layout.unknown_entry()? {
            let what = format!("{entry:?} in it is nothing that this version knows");
            return Err(Error::Incompatible { path: layout.root().to_owned(), what });
        }
        remove_state(layout)?;
        layout::make(&layout.links())?;
        generation::make(layout, 1, &Document::new(config)?)?
    } else if config.is_some() {
        return Err(Error::InForce { interfaces: names(&links) });
    } else {
        let state = State::find(layout.clone())?;
        state.mend()?;
        generation::program(layout, state.current)?
    };

    let mut done: Vec<NewLink> = Vec::new();
    for (position, interface) in interfaces.iter().enumerate() {
        match link::attach(&mut program, layout, interface, mode) {
            Ok((mode, refusal)) => done.push(NewLink { interface: interface.name.clone(), mode, refusal }),
            Err(error) => {
                for interface in &interfaces[..position] {
                    // The first error is the one to tell; a link that can't be removed shows up in `status`.
                    let _ = link::remove(layout, interface.index);
                }
                return Err(error);
            }
        }
    }
    Ok(done)
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

/// The configuration of the newest generation that this version can read.
fn last_config(layout: &Layout) -> Option<Config> {
    let newest = generation::all(layout).ok()?.pop()?;
    Some(generation::document(layout, newest.number).ok()?.config)
}

/// Removes all of this namespace's state, whose links are of no use any more.
fn remove_state(layout: &Layout) -> Result<(), Error> {
    for pinned in link::pinned(layout)? {
        link::remove(layout, pinned.name)?;
    }
    layout::remove(layout.root())
}

/// Removes this namespace's state if it holds no link, that of namespaces which are gone with all their interfaces, and
/// the top directory if nothing is left in it.
fn clear_away(layout: &Layout) {
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
