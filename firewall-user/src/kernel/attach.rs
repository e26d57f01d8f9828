//! Attaching to interfaces.

use std::{fmt, path::Path};

use aya::programs::Xdp;
use firewall_common::stance::Stance;

use super::{
    Error,
    change::{Change, Precautions},
    document::Document,
    egress,
    entry::{self, Entry, Through},
    filter::{clear_away, expire, must_be_confirmed, must_not_be_newer, remove_state},
    form::Form,
    generation,
    instance::host,
    layout::{self, Layout},
    link::{self, WantedMode},
    lock::Lock,
    netlink::{self, Interface, Mode},
    state::{Link, State, links, names},
    takeover::Takeover,
    tallies,
};
use crate::ruleset::Config;

/// What filter is to be attached, and how.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The configuration of a new filter.
    pub config: Option<Config>,
    /// Whether a new filter only observes.
    pub observe: bool,
    /// The mode.
    pub mode: WantedMode,
    /// What a new filter is made from if there's neither a `config` nor the state of a filter whose interfaces are gone.
    pub otherwise: Config,
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
    /// Whose program calls the filter, if others have the interface.
    pub through: Option<Through>,
}

/// What attaching did.
#[derive(Clone, Debug)]
pub struct Attached {
    /// The interfaces.
    pub links: Vec<NewLink>,
    /// What was taken over of another Fragwall, if that had the filter which they are added to.
    pub takeover: Option<Takeover>,
}

impl fmt::Display for NewLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { interface, mode, refusal, through } = self;
        write!(f, "{interface}: attached in {} mode", mode.name())?;
        if let Some(through) = through {
            write!(f, ", {through}")?;
        }
        match refusal {
            Some(refusal) => write!(f, " (its driver refuses native mode: {refusal})"),
            None => Ok(()),
        }
    }
}

/// Attaches to interfaces: with a configuration, as a new filter; without, to those that the filter in force is to have as
/// well. If none is in force, the new one is that of a filter whose interfaces are gone and whose state is still there, or
/// else what is wanted otherwise. Either all of the interfaces are attached to, or none.
///
/// # Errors
/// An interface isn't there, isn't free, or isn't Ethernet; a filter is in force and would be replaced, or awaits
/// confirmation; the guard refuses, or the kernel does. Nothing has changed then.
pub fn attach(
    bpffs: &Path,
    interfaces: &[String],
    wanted: Wanted,
    precautions: &Precautions<'_>,
) -> Result<Attached, Error> {
    let layout = Layout::new(bpffs)?;
    // Before anything is made for an interface that isn't there.
    netlink::ethernet(interfaces)?;
    let _lock = Lock::make(&layout)?;
    let attached = attach_locked(&layout, interfaces, wanted, precautions);
    clear_away(&layout);
    attached
}

fn attach_locked(
    layout: &Layout,
    interfaces: &[String],
    wanted: Wanted,
    precautions: &Precautions<'_>,
) -> Result<Attached, Error> {
    expire(layout)?;
    // Only now: one of them may have had the program that has just been taken off.
    let interfaces = &netlink::ethernet(interfaces)?[..];
    let links = links(layout)?;
    if let Some(interface) =
        interfaces.iter().find(|interface| links.iter().any(|link| link.is_named(&interface.name)))
    {
        return Err(Error::AlreadyAttached { interface: interface.name.clone() });
    }
    let in_force = (!links.is_empty()).then(|| State::find(layout.clone())).transpose()?;
    let (form, _entries) = form_for(interfaces, in_force.as_ref().map(|state| state.document.form))?;
    let Wanted { config, observe, mode, otherwise } = wanted;
    if links.is_empty() {
        let stance = if observe { Stance::Observing } else { Stance::Enforcing };
        // An interface that was made anew gets the filter that it had.
        let (config, stance) = match config {
            Some(config) => (config, stance),
            None => match last(layout) {
                Some(document) if !observe => (document.config, document.stance),
                Some(document) => (document.config, stance),
                None => (otherwise, stance),
            },
        };
        let links = attach_new(layout, interfaces, config, (stance, form), mode, precautions)?;
        return Ok(Attached { links, takeover: None });
    }
    let mut state = in_force.ok_or(Error::NotAttached)?;
    if config.is_some() || (observe && state.document.stance != Stance::Observing) {
        return Err(Error::InForce { interfaces: names(&links) });
    }
    state.mend()?;
    must_be_confirmed(&state.document)?;
    must_not_be_newer(&state.document)?;
    if precautions.confirm.is_some() {
        return Err(Error::InterfacesUnconfirmed);
    }
    let was_on: Vec<Interface> = links.iter().filter_map(Link::interface).cloned().collect();
    let on = was_on.iter().chain(interfaces).cloned().collect();
    let Document { config, stance, .. } = &state.document;
    (precautions.guard)(&Change { before: Some(&state.document), was_on, config, stance: *stance, on })?;
    // Rules that name an interface which was made anew are about the one that is gone; and answers leave by a veth in a way of
    // its own.
    let is_outdated = !state.is_own()?
        || state.document.is_outdated(&host()?)
        || state.document.config.rejects() && interfaces.iter().any(|new| new.is_veth);
    let mut takeover = None;
    if is_outdated {
        takeover = state.load(state.document.clone())?;
    }
    let links = attach_more(&state, interfaces, mode, is_outdated)?;
    Ok(Attached { links, takeover })
}

/// Attaches the filter in force to further interfaces, and puts its generation into all links; if it's refused, a generation
/// that has just been loaded goes.
pub(super) fn attach_more(
    state: &State,
    interfaces: &[Interface],
    mode: WantedMode,
    is_loaded: bool,
) -> Result<Vec<NewLink>, Error> {
    let mut program = generation::program(&state.layout, state.current)?;
    // The new interfaces first: they can be refused, and then nothing is to have changed.
    let attached = attach_all(&mut program, &state.layout, state.current, &state.document, interfaces, mode)
        .inspect_err(|_| {
            if is_loaded {
                state.unload();
            }
        })?;
    state.settle()?;
    Ok(attached)
}

/// The number of a new filter's generation.
const FIRST: u32 = 1;

/// Attaches a new filter, where none is in force.
pub(super) fn attach_new(
    layout: &Layout,
    interfaces: &[Interface],
    config: Config,
    (stance, form): (Stance, Form),
    mode: WantedMode,
    precautions: &Precautions<'_>,
) -> Result<Vec<NewLink>, Error> {
    let on = interfaces.to_vec();
    (precautions.guard)(&Change { before: None, was_on: Vec::new(), config: &config, stance, on })?;
    // What is there belongs to interfaces that are gone, or to a command that was killed before it attached.
    if let Some(entry) = layout.unknown_entry()? {
        let what = format!("{entry:?} in it is nothing that this version knows");
        return Err(Error::Incompatible { path: layout.root().to_owned(), what });
    }
    remove_state(layout)?;
    layout::make(&layout.links())?;
    let document = Document::new(config)?.with_stance(stance).with_form(form);
    let document = document.with_pending(precautions.pending(None)?);
    let mut program = generation::make(layout, FIRST, &document, None)?;
    attach_all(&mut program, layout, FIRST, &document, interfaces, mode)
}

/// Attaches the program of generation `number`, with its document, to all of the interfaces, or to none.
fn attach_all(
    program: &mut Xdp,
    layout: &Layout,
    number: u32,
    document: &Document,
    interfaces: &[Interface],
    mode: WantedMode,
) -> Result<Vec<NewLink>, Error> {
    let mut done: Vec<NewLink> = Vec::new();
    // What is sent from now on is to be known when the replies come.
    let mut outcome = egress::put(layout, number, interfaces).and_then(|()| {
        let indexes = interfaces.iter().map(|interface| interface.index);
        tallies::put(layout, &layout.tables(document.tables), indexes)
    });
    for interface in interfaces {
        outcome = outcome.and_then(|()| {
            let (mode, refusal) = link::attach(program, layout, interface, mode)?;
            let through = interface.xdp.first().map(Through::of);
            done.push(NewLink { interface: interface.name.clone(), mode, refusal, through });
            Ok(())
        });
    }
    if let Err(error) = outcome {
        // The first error is the one to tell; a link that can't be removed shows up in `status`.
        for (place, interface) in interfaces.iter().enumerate() {
            let _ = if place < done.len() {
                link::remove(layout, interface.index)
            } else {
                egress::remove(layout, interface.index)
            };
        }
        return Err(error);
    }
    Ok(done)
}

/// How a program for these interfaces is loaded, beside those of the filter; and the entries that they have, to be kept until it's attached. Each must
/// be free, or have an entry.
pub(super) fn form_for(
    interfaces: &[Interface],
    in_force: Option<Form>,
) -> Result<(Form, Vec<Entry>), Error> {
    if interfaces.iter().all(|interface| interface.xdp.is_empty()) {
        return Ok((in_force.unwrap_or(Form::USUAL), Vec::new()));
    }
    entry::form_for(interfaces, in_force, &netlink::interfaces()?)
}

/// The document of the newest generation that this version can read, and that awaits no confirmation.
fn last(layout: &Layout) -> Option<Document> {
    let generations = generation::all(layout).ok()?;
    let mut documents =
        generations.iter().rev().map_while(|newest| generation::document(layout, newest.number).ok());
    documents.find(|document| document.pending.is_none())
}
