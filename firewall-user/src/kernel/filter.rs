//! The filter of a network namespace: attaching it, changing it, taking it off, finding it again.

use std::{fs, path::Path, time::SystemTime};

use aya::programs::ProgramInfo;
use firewall_common::rules::Slot;

pub use super::link::WantedMode;
use super::{
    Error,
    counters::Counters,
    document::Document,
    generation::{self, Generation},
    layout::{self, Layout},
    link::{self, Pinned},
    lock::Lock,
    netlink::{self, Interface, Mode},
};
use crate::ruleset::{Config, Rule};

/// A filter that is in force, with the lock on its state.
#[derive(Debug)]
pub struct Filter {
    layout: Layout,
    /// What it filters by.
    pub document: Document,
    current: u32,
    links: Vec<Link>,
    _lock: Lock,
}

/// An interface that a filter is attached to.
#[derive(Clone, Debug)]
pub struct Link {
    /// The interface.
    pub interface: Interface,
    /// How it's attached.
    pub mode: Mode,
    pinned: Pinned,
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
        Self::find(layout, lock)
    }

    /// The filter of the current network namespace, to be changed. What an interrupted command left behind is mended.
    ///
    /// # Errors
    /// As [`Filter::open`].
    pub fn open_to_change(bpffs: &Path) -> Result<Self, Error> {
        let layout = Layout::new(bpffs)?;
        if !layout.root().exists() {
            // Waiting for the lock would make its directory.
            Lock::shared(&layout)?;
            return Err(Error::NotAttached);
        }
        let lock = Lock::exclusive(&layout)?;
        let filter = Self::find(layout, lock)?;
        filter.mend()?;
        Ok(filter)
    }

    fn find(layout: Layout, lock: Lock) -> Result<Self, Error> {
        let links = live_links(&layout)?;
        let generations = generation::all(&layout)?;
        let holds =
            |generation: &&Generation| links.iter().any(|link| link.pinned.program == generation.program);
        // A command that was killed amid an exchange left the newer generation in some of the links.
        let current = generations
            .iter()
            .rev()
            .find(holds)
            .ok_or(Error::NotAttached)?
            .number;
        let document = generation::document(&layout, current)?;
        generation::check_shared(&layout, &document)?;
        Ok(Self {
            layout,
            document,
            current,
            links,
            _lock: lock,
        })
    }

    /// Finishes or clears away what an interrupted command left behind: links with an older generation, generations
    /// that no link holds, links of interfaces that are gone.
    fn mend(&self) -> Result<(), Error> {
        for pinned in link::pinned(&self.layout)? {
            if !self
                .links
                .iter()
                .any(|link| link.pinned.interface == pinned.interface)
            {
                link::remove(&self.layout, pinned.interface, pinned.program)?;
            }
        }
        self.settle()
    }

    /// Puts the current generation into every link, and then removes all others.
    fn settle(&self) -> Result<(), Error> {
        let mut program = generation::program(&self.layout, self.current)?;
        let id = program
            .info()
            .map_err(|error| Error::aya("asking the kernel about the program", error))?
            .id();
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

    /// The interfaces that it's attached to.
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// The names of those interfaces.
    pub fn interface_names(&self) -> Vec<String> {
        names(&self.links)
    }

    /// What it has counted.
    ///
    /// # Errors
    /// The kernel refuses to tell.
    pub fn counters(&self) -> Result<Counters, Error> {
        Counters::open(&self.layout.counters())
    }

    /// When its current program was loaded; `None` if the kernel doesn't tell.
    ///
    /// # Errors
    /// The kernel refuses to tell.
    pub fn changed(&self) -> Result<Option<SystemTime>, Error> {
        let path = self.layout.generation(self.current).join("program");
        ProgramInfo::from_pin(&path)
            .map(|info| info.loaded_at())
            .map_err(|error| Error::aya(format!("opening {}", path.display()), error))
    }

    /// Puts other rules into force, for every packet from one moment on. Rules that stay keep their counters; fragments
    /// in flight keep the verdicts of their datagrams.
    ///
    /// # Errors
    /// The kernel refuses the new program: the old one stays in force.
    pub fn replace_rules(&mut self, rules: Vec<Rule>) -> Result<(), Error> {
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
        let mut counters = self.counters()?;
        slots.iter().try_for_each(|&slot| counters.retire(slot))
    }
}

/// The links whose interface is there and has their program.
fn live_links(layout: &Layout) -> Result<Vec<Link>, Error> {
    let interfaces = netlink::interfaces()?;
    let mut links = Vec::new();
    for pinned in link::pinned(layout)? {
        let interface = interfaces
            .iter()
            .find(|interface| interface.index == pinned.interface);
        if let Some(interface) = interface
            && let Some(mode) = interface.mode_of(pinned.program)
        {
            links.push(Link {
                interface: interface.clone(),
                mode,
                pinned,
            });
        }
    }
    Ok(links)
}

fn names(links: &[Link]) -> Vec<String> {
    links.iter().map(|link| link.interface.name.clone()).collect()
}

/// Attaches to interfaces: with `config`, as a new filter; without, to those that the filter in force is to have as well
/// (or as a new one that has no rules, if none is in force). Either all of the interfaces are attached to, or none.
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
    let interfaces: Vec<Interface> = interfaces
        .iter()
        .map(|name| netlink::interface(name))
        .collect::<Result<_, _>>()?;
    if let Some(interface) = interfaces.iter().find(|interface| !interface.is_ethernet()) {
        let Interface { name, link_type, .. } = interface.clone();
        return Err(Error::NotEthernet { name, link_type });
    }
    let lock = Lock::exclusive(&layout)?;
    let attached = attach_locked(&layout, &interfaces, config, mode, lock);
    if attached.is_err() {
        remove_if_unused(&layout);
    }
    attached
}

fn attach_locked(
    layout: &Layout,
    interfaces: &[Interface],
    config: Option<Config>,
    mode: WantedMode,
    lock: Lock,
) -> Result<Vec<NewLink>, Error> {
    let links = live_links(layout)?;
    for interface in interfaces {
        if links.iter().any(|link| link.interface.index == interface.index) {
            return Err(Error::AlreadyAttached {
                interface: interface.name.clone(),
            });
        }
        if !interface.xdp.is_empty() {
            return Err(link::held(&interface.name));
        }
    }
    let _lock;
    let mut program = if links.is_empty() {
        // What is there belongs to interfaces that are gone, or to a command that was killed before it attached.
        layout::remove(layout.root())?;
        _lock = lock;
        layout::make(&layout.links())?;
        generation::make(layout, 1, &Document::new(config.unwrap_or_default())?)?
    } else if config.is_some() {
        return Err(Error::InForce {
            interfaces: names(&links),
        });
    } else {
        let filter = Filter::find(layout.clone(), lock)?;
        filter.mend()?;
        let program = generation::program(layout, filter.current)?;
        _lock = filter._lock;
        program
    };

    let mut done: Vec<NewLink> = Vec::new();
    for (position, interface) in interfaces.iter().enumerate() {
        match link::attach(&mut program, layout, interface, mode) {
            Ok((mode, refusal)) => done.push(NewLink {
                interface: interface.name.clone(),
                mode,
                refusal,
            }),
            Err(error) => {
                for interface in &interfaces[..position] {
                    // The first error is the one to tell; a link that can't be removed shows up in `status`.
                    let _ = fs::remove_file(layout.link(interface.index));
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
    // So that nothing is made where nothing is.
    drop(Lock::shared(&layout)?);
    let _lock = Lock::exclusive(&layout)?;
    let result = detach_locked(&layout, interfaces);
    remove_if_unused(&layout);
    result
}

fn detach_locked(layout: &Layout, interfaces: &[String]) -> Result<Vec<String>, Error> {
    let links = live_links(layout)?;
    if links.is_empty() {
        layout::remove(layout.root())?;
        return Err(Error::NotAttached);
    }
    if let Some(interface) = interfaces.iter().find(|name| !names(&links).contains(name)) {
        return Err(Error::NotAttachedTo {
            interface: interface.clone(),
            interfaces: names(&links),
        });
    }
    let (off, stay): (Vec<Link>, Vec<Link>) = links
        .into_iter()
        .partition(|link| interfaces.is_empty() || interfaces.contains(&link.interface.name));
    for link in &off {
        link::remove(layout, link.pinned.interface, link.pinned.program)?;
    }
    if stay.is_empty() {
        layout::remove(layout.root())?;
    }
    Ok(names(&off))
}

/// Removes the top directory if nothing is in it, and this namespace's if it holds no link.
fn remove_if_unused(layout: &Layout) {
    if layout::numbered(&layout.links()).is_ok_and(|links| links.is_empty()) {
        // What can't be removed is in nobody's way: the next attach clears it away, or tells why it can't.
        let _ = layout::remove(layout.root());
    }
    let _ = fs::remove_dir(layout.top());
}
