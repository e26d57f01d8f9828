//! What can go wrong between the user's side and the kernel.

use std::{fmt, io, path::PathBuf, time::Duration};

use aya::maps::MapError;
use thiserror::Error;

use super::{entry::EntryProblem, held_by::HeldBy, netlink::Mode, release::Release};
use crate::{guard::LockOut, ruleset::duration};

/// An error of loading, attaching, pinning or reading back.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The process lacks the privileges for it.
    #[error("{doing}: permission denied; run it as root, or with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON")]
    Privileges {
        /// What was being done.
        doing: String,
    },
    /// There's no bpffs where the state would be pinned.
    #[error("{}: no bpffs is mounted there; {}", path.display(), bpffs_advice(path, inside_netns.as_deref()))]
    NoBpffs {
        /// The directory.
        path: PathBuf,
        /// The namespace's name inside of `ip netns exec`, which hides the bpffs of the host.
        inside_netns: Option<String>,
    },
    /// The directory that the state would be in is, or may be, in somebody else's hands.
    #[error("{}: {problem}; the filter's state isn't kept there", path.display())]
    NotPrivate {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// No network namespace of that name.
    #[error("network namespace {name:?}: {cause}; `ip netns list` shows those that are there")]
    Netns {
        /// The name.
        name: String,
        /// Why it can't be entered.
        cause: io::Error,
    },
    /// No interface of that name.
    #[error("interface {name:?}: there is none of that name in this network namespace{}", suggestion(known))]
    UnknownInterface {
        /// The name.
        name: String,
        /// Those that are there.
        known: Vec<String>,
    },
    /// An interface whose packets have no Ethernet header.
    #[error(
        "interface {name:?}: its packets have no Ethernet header (link type {link_type}); Fragwall can't filter it"
    )]
    NotEthernet {
        /// The interface.
        name: String,
        /// Its link type (`ARPHRD_*`).
        link_type: u16,
    },
    /// Another XDP program holds the interface.
    #[error(
        "interface {interface:?} is held by another XDP program: {holder} ({} mode){}; it was left alone. {}",
        mode.name(), told(by), by.advice(interface, *mode)
    )]
    Held {
        /// The interface.
        interface: String,
        /// The program that holds it.
        holder: Holder,
        /// The mode that it's attached in.
        mode: Mode,
        /// By whom it's kept there.
        by: Box<HeldBy>,
    },
    /// Another program on the interface calls Fragwall's entry, and the filter can't be attached by it.
    #[error("interface {interface:?}: Fragwall's entry, which another XDP program calls there: {problem}")]
    Entry {
        /// The interface.
        interface: String,
        /// What is wrong with it.
        problem: EntryProblem,
    },
    /// This filter is on the interface already.
    #[error(
        "interface {interface:?} is filtered by Fragwall already; change its rules with `fragwall allow`, `deny` and `delete`, or detach it first"
    )]
    AlreadyAttached {
        /// The interface.
        interface: String,
    },
    /// A filter is in force, whose rules an attach must not silently replace.
    #[error(
        "a filter is in force already (on {}), and its rules go for every interface that it is attached to: attach \
         without rules, default, configuration and `--observe` to add an interface; change it by `fragwall apply FILE`; or \
         detach it first",
        interfaces.join(", ")
    )]
    InForce {
        /// The interfaces it is on.
        interfaces: Vec<String>,
    },
    /// The last change awaits confirmation.
    #[error(
        "the last change awaits confirmation, for another {}: keep it by `fragwall confirm`, or undo it by \
         `fragwall rollback`",
        duration::rounded_up(*left)
    )]
    AwaitsConfirmation {
        /// How long, until it's undone.
        left: Duration,
    },
    /// Somebody watches the filter already.
    #[error(
        "another `fragwall monitor`, `top` or `serve` watches this filter already: only one can at a time"
    )]
    Watched,
    /// There's no change that awaits confirmation.
    #[error("no change awaits confirmation; `fragwall status` tells what is in force, and since when")]
    NothingAwaits,
    /// A change that wasn't confirmed in time.
    #[error("too late: the change wasn't confirmed in time, and what was there before it is in force again")]
    TooLate,
    /// A change of the interfaces that would have to be undone unless it's confirmed.
    #[error(
        "the filter can't be attached to further interfaces, or taken off some, by a change that awaits confirmation, \
         which goes back by itself: do that without `--confirm` first, by `fragwall attach IFACE` or `detach IFACE`"
    )]
    InterfacesUnconfirmed,
    /// A configuration that names no interface, where none is filtered.
    #[error(
        "no interface is filtered, and the configuration names none (`interfaces = [\"eth0\"]`): name some there, or \
         `fragwall attach IFACE --config FILE`"
    )]
    NoInterface,
    /// A configuration with another size of the fragment table than the one in force, which knows of fragments in flight.
    #[error(
        "the fragment table in force has {in_force} entries, and can't be given the {wanted} that the configuration says \
         while the filter is attached: `fragwall detach`, then attach again"
    )]
    TableSize {
        /// Entries in force.
        in_force: u32,
        /// Entries wanted.
        wanted: u32,
    },
    /// A change of the flow table's size.
    #[error(
        "the table of flows in force has room for {in_force}, and can't be given the {wanted} that the configuration says \
         while the filter is attached: `fragwall detach`, then attach again"
    )]
    FlowTableSize {
        /// Flows in force.
        in_force: u32,
        /// Flows wanted.
        wanted: u32,
    },
    /// A change that would lock out whoever makes it.
    #[error(transparent)]
    LockOut(Box<LockOut>),
    /// No filter is attached in this network namespace.
    #[error(
        "Fragwall isn't attached to any interface in this network namespace; `fragwall attach IFACE` attaches it"
    )]
    NotAttached,
    /// The filter isn't on that interface.
    #[error("Fragwall isn't attached to interface {interface:?}; it's attached to {}", interfaces.join(", "))]
    NotAttachedTo {
        /// The interface.
        interface: String,
        /// The interfaces it is on.
        interfaces: Vec<String>,
    },
    /// The driver refuses native mode.
    #[error("interface {interface:?}: its driver refuses XDP in native mode ({cause}); try `--mode generic`")]
    NoNativeMode {
        /// The interface.
        interface: String,
        /// What the kernel said.
        cause: io::Error,
    },
    /// The kernel refuses to attach.
    #[error("interface {interface:?}: attaching in {mode} mode: {problem}")]
    Attach {
        /// The interface.
        interface: String,
        /// The mode that was tried.
        mode: &'static str,
        /// What went wrong.
        problem: String,
    },
    /// What is pinned can't be understood: it's none of Fragwall's, or of a version too old.
    #[error(
        "{}: left by another version of Fragwall ({what}). It was left in force; `fragwall detach` removes it, then attach again",
        path.display()
    )]
    Incompatible {
        /// The pin or directory.
        path: PathBuf,
        /// What differs.
        what: String,
    },
    /// What is pinned was made by a version whose layout this one doesn't know yet.
    #[error(
        "{}: the filter in force is of Fragwall {release}, which this one, {}, is too old to understand. It was left in force. Use that \
         version, or a newer one; or `fragwall detach` takes the filter off, and leaves the interfaces unfiltered until you attach again",
        path.display(), Release::own()
    )]
    Newer {
        /// The document.
        path: PathBuf,
        /// The other one.
        release: Release,
    },
    /// A newer version has the filter, and this one would put its older program in place of that one's.
    #[error(
        "the filter in force is of Fragwall {release}, and this is an older one, {}: it changes nothing, so that its older program doesn't \
         replace the newer one. Use that version, or a newer one; if you do want this one's program, `fragwall upgrade --downgrade` puts \
         it in place",
        Release::own()
    )]
    Downgrade {
        /// The other one.
        release: Release,
    },
    /// A table that another version fills, and means something else by.
    #[error(
        "{}: the filter in force is of Fragwall {release}, which this one, {}, can't read this table of ({what}); `fragwall upgrade` has \
         this one's program take the filter over, without a packet lost or unfiltered",
        path.display(), Release::own()
    )]
    OtherTable {
        /// The table.
        path: PathBuf,
        /// What differs.
        what: String,
        /// The other one.
        release: Release,
    },
    /// Another version has taken over a filter that was watched, and tells of packets elsewhere.
    #[error(
        "another version of Fragwall has taken the filter over, and tells of packets by other tables: start this again"
    )]
    TakenOver,
    /// The kernel refuses the program.
    #[error("the kernel refuses the program: {problem}{hint}")]
    Load {
        /// What it said, the end of the verifier's log included.
        problem: String,
        /// What the user can do.
        hint: String,
    },
    /// The kernel's tick isn't known.
    #[error("the coarse clock's resolution, {nanoseconds} ns, isn't that of a kernel tick")]
    Clock {
        /// The resolution.
        nanoseconds: u32,
    },
    /// A ruleset that can't be compiled.
    #[error(transparent)]
    TooManyRules(#[from] crate::ruleset::TooManyRules),
    /// The ruleset can't be compiled.
    #[error(transparent)]
    Compile(#[from] crate::ruleset::compile::CompileError),
    /// Anything else that the system refuses; why is in the source.
    #[error("{doing}")]
    System {
        /// What was being done.
        doing: String,
        /// What the system said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// By whom a program is held, behind what it is.
fn told(by: &HeldBy) -> String {
    let by = by.to_string();
    if by.is_empty() { by } else { format!(", {by}") }
}

/// A program that holds an interface, or sees its packets.
#[derive(Clone, Debug)]
pub struct Holder {
    /// Its id.
    pub id: u32,
    /// Its name, if it has one and may be asked.
    pub name: Option<String>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name:?}, id {}", self.id),
            None => write!(f, "id {}", self.id),
        }
    }
}

impl Error {
    /// What the system refused while `doing` something; a lack of privileges is told apart.
    pub(crate) fn os(doing: impl Into<String>, source: impl Into<io::Error>) -> Self {
        let source = source.into();
        if source.kind() == io::ErrorKind::PermissionDenied {
            Self::Privileges { doing: doing.into() }
        } else {
            Self::System { doing: doing.into(), source: source.into() }
        }
    }

    /// What aya failed at while `doing` something.
    pub(crate) fn aya(
        doing: impl Into<String>,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        let denied = io_error(&source).is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
        if denied {
            Self::Privileges { doing: doing.into() }
        } else {
            Self::System { doing: doing.into(), source: Box::new(source) }
        }
    }
}

/// The first I/O error in an error's chain of sources.
pub(crate) fn io_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a io::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io);
        }
        // It's what it stands for, and not that one's consequence: it doesn't name it as its source.
        if let Some(MapError::IoError(io)) = error.downcast_ref() {
            return Some(io);
        }
        next = error.source();
    }
    None
}

/// How to get a bpffs at a path, inside of the `ip netns exec` of that name or of none.
pub(crate) fn bpffs_advice(path: &std::path::Path, inside_netns: Option<&str>) -> String {
    match inside_netns {
        Some(name) => {
            format!(
                "`ip netns exec` hides the host's. Run fragwall outside of it, as `fragwall --netns {name} …`"
            )
        }
        None => {
            let path = path.display();
            format!(
                "mount one with `mount -t bpf -o mode=0700 bpf {path}`, or name another with `--bpffs DIR`"
            )
        }
    }
}

fn suggestion(known: &[String]) -> String {
    if known.is_empty() { String::new() } else { format!("; there are {}", known.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_denies_takes_privileges_whoever_says_so() {
        let denied = || io::Error::from_raw_os_error(nix::libc::EPERM);
        for error in [Error::os("trying", denied()), Error::aya("trying", MapError::from(denied()))] {
            assert!(matches!(error, Error::Privileges { .. }), "{error}");
        }
    }
}
