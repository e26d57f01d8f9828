//! Making a configuration the one in force.

use std::path::Path;

use firewall_common::{packet::Family, stance::Stance};

use super::{
    Error,
    attach::{NewLink, attach_more, attach_new, form_for},
    change::{Change, Precautions},
    document::Document,
    egress,
    filter::{clear_away, expire, must_be_confirmed, must_not_be_newer},
    instance::host,
    layout::Layout,
    link::{self, WantedMode},
    lock::Lock,
    netlink::{self, Interface},
    reassembly::Reassembly,
    state::{Link, State, links, names},
    takeover::Takeover,
};
use crate::ruleset::Config;

/// What applying a configuration did.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// Whether other rules or settings are in force than before.
    pub changed: bool,
    /// The interfaces that were attached to.
    pub attached: Vec<NewLink>,
    /// The interfaces that the filter was taken off.
    pub detached: Vec<String>,
    /// What was taken over of another Fragwall, if that had the filter. Its program is replaced also where nothing else changes.
    pub takeover: Option<Takeover>,
}

/// Makes a configuration the one in force, on the interfaces that it names: a new filter if none is attached. If it names
/// none, the interfaces stay as they are. With `observe`, verdicts are only counted from now on; without, they are carried
/// out or not as before.
///
/// # Errors
/// As for [`super::filter::attach`] and [`super::filter::Filter::change`]; the fragment table would have another size. The
/// filter stays as it was then, but for a link that the kernel refuses to exchange its program in.
pub fn apply(
    bpffs: &Path,
    config: Config,
    observe: bool,
    mode: WantedMode,
    precautions: &Precautions<'_>,
) -> Result<Applied, Error> {
    let layout = Layout::new(bpffs)?;
    let _lock = Lock::make(&layout)?;
    let applied = apply_locked(&layout, config, observe, mode, precautions);
    clear_away(&layout);
    applied
}

fn apply_locked(
    layout: &Layout,
    config: Config,
    observe: bool,
    mode: WantedMode,
    precautions: &Precautions<'_>,
) -> Result<Applied, Error> {
    expire(layout)?;
    if links(layout)?.is_empty() {
        if config.interfaces.is_empty() {
            return Err(Error::NoInterface);
        }
        let interfaces = netlink::ethernet(&config.interfaces)?;
        let (form, _entries) = form_for(&interfaces, None)?;
        let stance = if observe { Stance::Observing } else { Stance::Enforcing };
        let attached = attach_new(layout, &interfaces, config, (stance, form), mode, precautions)?;
        return Ok(Applied { changed: true, attached, ..Applied::default() });
    }
    let mut state = State::find(layout.clone())?;
    state.mend()?;
    must_be_confirmed(&state.document)?;
    must_not_be_newer(&state.document)?;
    let (in_force, wanted) = (state.document.config.fragments.table, config.fragments.table);
    if in_force != wanted {
        return Err(Error::TableSize { in_force, wanted });
    }
    egress::check_size(&state.document, &config)?;
    let Moves { attach, detach } = moves(&state.links, &config);
    let new = netlink::ethernet(&attach)?;
    let (_, _entries) = form_for(&new, Some(state.document.form))?;
    let stance = if observe { Stance::Observing } else { state.document.stance };
    let changed = differs(&state.document, &config, stance) || state.document.is_outdated(&host()?);
    let is_own = state.is_own()?;
    if !changed && is_own && new.is_empty() && detach.is_empty() {
        return Ok(Applied::default());
    }
    if precautions.confirm.is_some() && !(new.is_empty() && detach.is_empty()) {
        return Err(Error::InterfacesUnconfirmed);
    }
    let was_on: Vec<Interface> = state.links.iter().filter_map(Link::interface).cloned().collect();
    let stays = |interface: &&Interface| detach.iter().all(|link| !link.is_named(&interface.name));
    let on = was_on.iter().filter(stays).chain(&new).cloned().collect();
    (precautions.guard)(&Change { before: Some(&state.document), was_on, config: &config, stance, on })?;

    // Answers leave by a veth in a way of its own, which the program must know.
    let is_loaded = changed || !is_own || config.rejects() && new.iter().any(|interface| interface.is_veth);
    let mut takeover = None;
    if is_loaded {
        takeover = state.replace(config, stance, precautions)?;
    }
    let attached = attach_more(&state, &new, mode, is_loaded)?;
    for link in &detach {
        link::remove(layout, link.pinned.name)?;
    }
    Ok(Applied { changed, attached, detached: names(&detach), takeover })
}

/// Whether a filter does anything else than a configuration says, on whatever interfaces. The host's memory for reassembly
/// is part of it, since a filter goes by what was read when it was loaded.
fn differs(document: &Document, config: &Config, stance: Stance) -> bool {
    let same_interfaces = Config { interfaces: config.interfaces.clone(), ..document.config.clone() };
    same_interfaces != *config
        || document.stance != stance
        || document.reassembly != Family::ALL.map(Reassembly::of)
}

/// Which interfaces a configuration has attached to, and which taken off.
#[derive(Clone, Debug, Default)]
pub(super) struct Moves {
    pub(super) attach: Vec<String>,
    pub(super) detach: Vec<Link>,
}

/// What becomes of the interfaces of those links. One in another network namespace can't be named, and stays.
pub(super) fn moves(links: &[Link], config: &Config) -> Moves {
    let wanted = &config.interfaces;
    if wanted.is_empty() {
        return Moves::default();
    }
    let is_attached = |name: &String| links.iter().any(|link| link.is_named(name));
    let is_unwanted = |link: &&Link| link.name().is_some() && !wanted.iter().any(|name| link.is_named(name));
    Moves {
        attach: wanted.iter().filter(|&name| !is_attached(name)).cloned().collect(),
        detach: links.iter().filter(is_unwanted).cloned().collect(),
    }
}
