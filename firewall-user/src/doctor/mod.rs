//! What is in Fragwall's way on a host, and what to do about it.
//!
//! Each topic has a file, in which facts are gathered from the system, and a function makes findings of them that asks the system
//! nothing. [`examine`] puts them together. Nothing is changed.

mod bpffs;
mod filter;
mod finding;
mod kernel;
mod mode;
mod privileges;
mod programs;
mod queues;
mod reassembly;
mod rules;
mod tool;
mod tracking;
mod vlan;

#[cfg(test)]
mod docs_tests;

use std::path::Path;

use self::filter::InForce;
pub use self::finding::{Finding, Level, Topic};
use crate::{
    kernel::{
        Error, capabilities,
        entry::Through,
        ethtool::Ethtool,
        filter::{Filter, Place},
        netlink::{self, Interface, Mode},
        reassembly::Reassembly,
    },
    ruleset::{Early, Fragments},
};

/// What the topics have to know of the filter in force.
struct Known {
    in_force: InForce,
    /// Its interfaces in this network namespace, and how it's attached to them.
    interfaces: Vec<(Interface, Mode)>,
    /// What calls it on some of them, by their indexes.
    through: Vec<(u32, Through)>,
    programs: Vec<u32>,
    fragments: Fragments,
    reassembly: [Reassembly; 2],
}

impl Known {
    /// Asks. The filter's lock isn't held any longer than that.
    fn gather(bpffs: &Path) -> Result<Self, Error> {
        let filter = Filter::open(bpffs)?;
        let here = filter.links().iter().filter_map(|link| match &link.place {
            Place::Here { interface, mode, .. } => Some((interface.clone(), *mode)),
            Place::Elsewhere => None,
        });
        let through = filter.links().iter().filter_map(|link| match &link.place {
            Place::Here { interface, through: Some(through), .. } => Some((interface.index, through.clone())),
            _ => None,
        });
        Ok(Self {
            in_force: InForce::gather(&filter)?,
            interfaces: here.collect(),
            through: through.collect(),
            programs: filter.programs()?,
            fragments: filter.document().config.fragments,
            reassembly: filter.document().reassembly,
        })
    }

    fn through(&self, interface: &Interface) -> Option<&Through> {
        self.through.iter().find(|(index, _)| *index == interface.index).map(|(_, through)| through)
    }

    fn mode_of(&self, interface: &Interface) -> Option<Mode> {
        self.interfaces.iter().find(|(own, _)| own.index == interface.index).map(|(_, mode)| *mode)
    }
}

/// Looks at the host, and at the interfaces of those names: if none is named, at those of the filter in force, and if none is, at all
/// Ethernet ones that are up.
///
/// # Errors
/// An interface isn't there or isn't Ethernet, or the kernel doesn't tell which there are.
pub fn examine(bpffs: &Path, names: &[String]) -> Result<Vec<Finding>, Error> {
    let all = netlink::interfaces()?;
    let named = netlink::ethernet(names)?;
    let missing = capabilities::missing();
    let is_privileged = missing.is_empty();
    let known = Known::gather(bpffs);
    let filter = known.as_ref().ok();

    let mut findings = privileges::findings(&missing);
    if is_privileged {
        findings.extend(kernel::findings(&kernel::Facts::gather()));
    }
    findings.extend(bpffs::findings(&bpffs::Facts::gather(bpffs)));
    findings.extend(filter::findings(known.as_ref().map(|known| &known.in_force)));
    for interface in chosen(named, filter, &all) {
        findings.extend(of_interface(&interface, &all, known.as_ref(), is_privileged));
    }
    let fragments = filter.map_or_else(Fragments::default, |known| known.fragments);
    let in_force = filter.map(|known| known.reassembly);
    for facts in reassembly::Facts::gather(in_force, fragments.early_budget) {
        findings.extend(reassembly::findings(&facts));
    }
    let rules = if is_privileged { rules::Facts::gather() } else { rules::Facts::default() };
    if is_privileged {
        findings.extend(tracking::findings(&tracking::Facts::gather(rules.tracks())));
        findings.extend(rules::findings(&rules));
    }
    Ok(findings)
}

/// The interfaces to look at.
fn chosen(named: Vec<Interface>, filter: Option<&Known>, all: &[Interface]) -> Vec<Interface> {
    if !named.is_empty() {
        return named;
    }
    let filtered = filter.map(|known| &known.interfaces[..]).unwrap_or_default();
    if !filtered.is_empty() {
        return filtered.iter().map(|(interface, _)| interface.clone()).collect();
    }
    let is_meant =
        |interface: &&Interface| interface.is_up && interface.is_ethernet() && !interface.is_loopback();
    all.iter().filter(is_meant).cloned().collect()
}

/// What there is to say of an interface.
fn of_interface(
    interface: &Interface,
    all: &[Interface],
    known: Result<&Known, &Error>,
    is_privileged: bool,
) -> Vec<Finding> {
    // What ethtool doesn't tell is left out.
    let ethtool = Ethtool::new(&interface.name).ok();
    let ethtool = ethtool.as_ref();
    let mode = known.ok().and_then(|known| known.mode_of(interface));
    let through = known.ok().and_then(|known| known.through(interface));
    let early: Option<Early> = known.ok().map(|known| known.fragments.early);
    let own = match known {
        Ok(known) => Some(&known.programs[..]),
        // There are none.
        Err(Error::NotAttached | Error::NoBpffs { .. }) if is_privileged => Some(&[][..]),
        Err(_) => None,
    };
    [
        mode::findings(&mode::Facts::gather(interface, mode, ethtool)),
        vlan::findings(&vlan::Facts::gather(interface, all, mode, ethtool)),
        queues::findings(&queues::Facts::gather(interface, early, ethtool)),
        programs::findings(&programs::Facts::gather(interface, own, through)),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(name: &str, is_up: bool) -> Interface {
        Interface { is_up, ..Interface::of(u32::from(name.as_bytes()[3]), name) }
    }

    #[test]
    fn the_interfaces_are_those_named_or_those_that_are_up() {
        let loopback = Interface { link_type: 772, ..interface("lo--", true) };
        let tunnel = Interface { link_type: 65_534, ..interface("tun0", true) };
        let all = [loopback, tunnel, interface("eth0", true), interface("eth1", false)];
        let names = |chosen: Vec<Interface>| chosen.into_iter().map(|of| of.name).collect::<Vec<_>>();
        assert_eq!(names(chosen(Vec::new(), None, &all)), ["eth0"]);
        assert_eq!(names(chosen(vec![interface("eth1", false)], None, &all)), ["eth1"]);
    }
}
