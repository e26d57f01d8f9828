//! Whether a change of the rules would lock out whoever makes it.
//!
//! Two things are looked at: the SSH session that the command is typed over (`session.rs`), and whether the SSH server still
//! lets anyone in (`listeners.rs`, `admission.rs`). Both are only about what the change takes away: what was denied before is
//! nobody's loss.

mod admission;
mod listeners;
mod session;
mod ways;

use std::collections::BTreeSet;

use firewall_common::{packet::Family, rules::Action, stance::Stance};

use self::{listeners::Listener, session::Session, ways::Ways};
use crate::{
    kernel::{Error, change::Change, netlink::Interface},
    ruleset::{Config, action, meaning::first_match},
};

/// The port of SSH servers.
const SSH: u16 = 22;

/// What a change would take away.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LockOut {
    /// The session that the command is typed over.
    #[error(
        "this would deny the SSH session that it's typed over, which comes in on {interface} ({session}), by {by}: allow \
         that first, or let the change undo itself unless you confirm it (`--confirm 60s`), or insist (`--force`)"
    )]
    Session {
        /// The session.
        session: Session,
        /// The interface.
        interface: String,
        /// The rule or default that denies it.
        by: String,
    },
    /// Every way to the SSH server.
    #[error(
        "this would deny every connection to TCP port {port}, where an SSH server may listen, on {} by {by}: allow some \
         first (`allow tcp {port} from …`), or let the change undo itself unless you confirm it (`--confirm 60s`), or \
         insist (`--force`)",
        interfaces.join(", ")
    )]
    Listener {
        /// The port.
        port: u16,
        /// The interfaces.
        interfaces: Vec<String>,
        /// The rule or default that denies it on the first of them.
        by: String,
    },
}

/// What a change is judged by.
#[derive(Debug, Default)]
struct Surroundings {
    session: Option<Session>,
    ways: Ways,
}

/// Refuses a change that would lock out whoever makes it. An observing filter denies nothing.
///
/// # Errors
/// [`Error::LockOut`]; or the kernel doesn't tell its addresses.
pub fn check(change: &Change<'_>) -> Result<(), Error> {
    if change.stance == Stance::Observing {
        return Ok(());
    }
    let surroundings = Surroundings { session: Session::current(), ways: Ways::current()? };
    match surroundings.judge(change, listeners::current) {
        None => Ok(()),
        Some(lock_out) => Err(Error::LockOut(Box::new(lock_out))),
    }
}

impl Surroundings {
    /// Judges a change. What listens is asked for only if that can matter: a host with much memory has a large table of connections, and
    /// reads all of it to tell.
    fn judge(&self, change: &Change<'_>, listeners: impl FnOnce() -> Vec<Listener>) -> Option<LockOut> {
        self.denied_session(change).or_else(|| {
            let can_matter =
                self.possible_listeners().any(|listeners| self.denied_listener(change, &listeners).is_some());
            if can_matter { self.denied_listener(change, &listeners()) } else { None }
        })
    }

    /// The ports that an SSH server may listen on.
    fn ports(&self) -> BTreeSet<u16> {
        let of_session = self.session.map(|session| session.server.port());
        [Some(SSH), of_session].into_iter().flatten().collect()
    }

    /// All that may listen on these ports, by IP versions. Whether a port is denied depends on no other port.
    fn possible_listeners(&self) -> impl Iterator<Item = Vec<Listener>> {
        [&Family::ALL[..], &Family::ALL[..1], &Family::ALL[1..]].into_iter().map(|families| {
            self.ports().into_iter().map(|port| Listener { port, families: families.to_vec() }).collect()
        })
    }

    fn denied_session(&self, change: &Change<'_>) -> Option<LockOut> {
        let session = self.session?;
        let ways = self.ways.to(session.server.ip());
        change.on.iter().filter(|interface| ways.contains(&interface.index)).find_map(|interface| {
            let decides = |config: &Config| {
                // A rule may call the interface by any of its names.
                let matches =
                    interface.names().filter_map(|name| first_match(&config.rules, &session.packet(name)));
                let number = matches.min().map(|index| index + 1);
                (action_of(config, number), number)
            };
            let (action, number) = decides(change.config);
            let denied_before =
                filtered_by(change, interface).is_some_and(|old| decides(old).0 != Action::Allow);
            (action != Action::Allow && !denied_before).then(|| LockOut::Session {
                session,
                interface: interface.name.clone(),
                by: name_of(change.config, number),
            })
        })
    }

    fn denied_listener(&self, change: &Change<'_>, listeners: &[Listener]) -> Option<LockOut> {
        self.ports().into_iter().find_map(|port| {
            let listeners: Vec<&Listener> =
                listeners.iter().filter(|listener| listener.port == port).collect();
            // The first of the families that nobody of can get in tells why.
            let denied = |config: &Config, interface: &Interface| -> Option<Option<usize>> {
                let families = listeners.iter().flat_map(|listener| &listener.families);
                let mut deniers = families.map(|&family| admission::denier(config, family, port, interface));
                let first = deniers.next()??;
                deniers.all(|denier| denier.is_some()).then_some(first)
            };
            let admitted_before = |interface: &Interface| {
                filtered_by(change, interface).is_none_or(|old| denied(old, interface).is_none())
            };
            let now: Option<Vec<Option<usize>>> =
                change.on.iter().map(|interface| denied(change.config, interface)).collect();
            let by = *now?.first()?;
            (!listeners.is_empty() && change.on.iter().any(admitted_before)).then(|| LockOut::Listener {
                port,
                interfaces: change.on.iter().map(|interface| interface.name.clone()).collect(),
                by: name_of(change.config, by),
            })
        })
    }
}

/// The configuration that an interface was filtered by, if it was, and not only observed.
fn filtered_by<'a>(change: &Change<'a>, interface: &Interface) -> Option<&'a Config> {
    let before = change.before.filter(|before| before.stance == Stance::Enforcing)?;
    let was_on = change.was_on.iter().any(|other| other.index == interface.index);
    was_on.then_some(&before.config)
}

/// What the rule with that number does, or the default.
fn action_of(config: &Config, number: Option<usize>) -> Action {
    number.and_then(|number| config.rules.get(number - 1)).map_or(config.default, |rule| rule.action)
}

/// The rule with that number, or the default, in words.
fn name_of(config: &Config, number: Option<usize>) -> String {
    match number.and_then(|number| Some((number, config.rules.get(number - 1)?))) {
        Some((number, rule)) => format!("rule {number} (`{rule}`)"),
        None => format!("the default (`{}`)", action::word(config.default)),
    }
}

#[cfg(test)]
mod tests;
