//! By whom an XDP program is kept on an interface, as far as the kernel tells: where it's pinned, and which processes have it open.

use std::{collections::BTreeSet, ffi::OsStr, fmt, path::PathBuf};

use aya::programs::{ProgramInfo, loaded_programs};

use super::{
    attachments::{self, Attachment, Target},
    error::Holder,
    netlink::{Interface, Mode},
    openers::{self, Process, Wanted},
};

/// The name of the program by which libxdp and bpfman have several share an interface.
const DISPATCHER: &str = "xdp_dispatcher";
/// Where bpfman has its BPF filesystem.
const BPFMAN: &str = "/run/bpfman";

/// How a program is tied to its interface.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tie {
    /// By a link, which ends when nobody has it open and it's pinned nowhere.
    Link,
    /// By netlink: it stays until it's taken off.
    Netlink,
}

/// Who has several programs share an interface.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Manager {
    /// libxdp: xdp-loader, or another program that was built with it.
    Libxdp,
    /// bpfman.
    Bpfman,
    /// Somebody who does it as libxdp does.
    Unknown,
}

/// By whom a program is kept where it is.
#[derive(Clone, Debug, Default)]
pub struct HeldBy {
    /// How it's tied to its interface; `None` if the process may not see it.
    pub tie: Option<Tie>,
    /// Where it, or its link, is pinned.
    pub pins: Vec<PathBuf>,
    /// Who has it, or its link, open.
    pub processes: Vec<Process>,
    /// If it calls others for whom it shares out the interface: whose doing that is.
    pub manager: Option<Manager>,
    /// The programs that it calls.
    pub components: Vec<Holder>,
}

impl HeldBy {
    /// Looks for who holds a program on an interface.
    pub fn of(interface: &Interface, program: &Holder) -> Self {
        let links = attachments::all();
        let is_tie =
            |of: &&Attachment| of.program == program.id && of.target == Target::Interface(interface.index);
        let link = links.as_ref().ok().and_then(|links| links.iter().find(is_tie)).map(|of| of.link);
        let wanted = Wanted { program: program.id, link, interface: interface.index };
        let pins = wanted.pins();
        let tie = match (link, &links) {
            (Some(_), _) => Some(Tie::Link),
            (None, Ok(_)) => Some(Tie::Netlink),
            (None, Err(_)) => None,
        };
        let components: BTreeSet<u32> = links
            .into_iter()
            .flatten()
            .filter_map(|of| (of.target == Target::Program(program.id)).then_some(of.program))
            .collect();
        let named = |info: ProgramInfo| Holder { id: info.id(), name: info.name_as_str().map(str::to_owned) };
        let components: Vec<Holder> = loaded_programs()
            .filter_map(Result::ok)
            .filter(|info| components.contains(&info.id()))
            .map(named)
            .collect();
        let is_dispatcher = program.name.as_deref() == Some(DISPATCHER) || !components.is_empty();
        let manager = is_dispatcher.then(|| manager(&pins, interface.index, program.id));
        Self { tie, pins, processes: wanted.processes(), manager, components }
    }

    /// What is to be done about a program in the way.
    pub fn advice(&self, interface: &str, mode: Mode) -> String {
        let off = match mode {
            Mode::Generic => "xdpgeneric off",
            Mode::Hardware => "xdpoffload off",
            Mode::Native => "xdpdrv off",
        };
        let share = "docs/coexistence.md tells how";
        match (self.manager, self.tie) {
            (Some(Manager::Libxdp), _) => format!(
                "to filter beside those programs: `fragwall entry >fragwall-entry.o`, `xdp-loader load {interface} fragwall-entry.o`, and attach \
                 again; {share}"
            ),
            (Some(Manager::Bpfman), _) => {
                format!(
                    "to filter beside those programs, have bpfman load Fragwall's entry, and attach again; {share}"
                )
            }
            (Some(Manager::Unknown), _) => format!(
                "to filter beside those programs, have whoever loaded them load what `fragwall entry` prints, and attach again; {share}"
            ),
            (None, Some(Tie::Netlink)) => format!(
                "`ip link show dev {interface}` shows it; detach it with the tool that attached it, or by `ip link set dev {interface} {off}`"
            ),
            (None, Some(Tie::Link)) => {
                format!("`ip link show dev {interface}` shows it; detach it with the tool that attached it")
            }
            (None, None) => format!(
                "`ip link show dev {interface}` shows it; detach it with the tool that attached it. If it calls Fragwall's entry, that takes CAP_SYS_ADMIN to see"
            ),
        }
    }
}

impl fmt::Display for HeldBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tie, pins, processes, manager, components } = self;
        let mut parts = Vec::new();
        parts.extend(tie.map(|tie| match tie {
            Tie::Link => "attached by a link".to_owned(),
            Tie::Netlink => "attached by netlink".to_owned(),
        }));
        if !pins.is_empty() {
            let pins: Vec<_> = pins.iter().map(|pin| pin.display().to_string()).collect();
            parts.push(format!("pinned at {}", pins.join(", ")));
        }
        if !processes.is_empty() {
            let held = processes.iter().map(|Process { id, name }| format!("process {id} ({name})"));
            parts.push(format!("held open by {}", held.collect::<Vec<_>>().join(", ")));
        }
        parts.extend(manager.map(|manager| {
            let calls: Vec<_> = components.iter().map(ToString::to_string).collect();
            let calls = if calls.is_empty() { "others".to_owned() } else { calls.join("; ") };
            match manager {
                Manager::Libxdp => format!("libxdp's dispatcher, which calls {calls}"),
                Manager::Bpfman => format!("bpfman's dispatcher, which calls {calls}"),
                Manager::Unknown => format!("a dispatcher, which calls {calls}"),
            }
        }));
        f.write_str(&parts.join("; "))
    }
}

/// Whose dispatcher it is: libxdp has a directory for each, named by interface and program.
fn manager(pins: &[PathBuf], interface: u32, program: u32) -> Manager {
    let libxdp = format!("dispatch-{interface}-{program}");
    let is_of_libxdp = |path: PathBuf| path.iter().any(|part| part == OsStr::new(&libxdp));
    if pins.iter().any(|pin| pin.starts_with(BPFMAN)) {
        Manager::Bpfman
    } else if openers::pinned().any(is_of_libxdp) {
        Manager::Libxdp
    } else {
        Manager::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_told_in_one_line() {
        let held = HeldBy {
            tie: Some(Tie::Netlink),
            pins: vec!["/sys/fs/bpf/one".into(), "/sys/fs/bpf/two".into()],
            processes: vec![Process { id: 5, name: "loader".to_owned() }],
            manager: Some(Manager::Libxdp),
            components: vec![Holder { id: 9, name: Some("xdp_pass".to_owned()) }],
        };
        assert_eq!(
            held.to_string(),
            "attached by netlink; pinned at /sys/fs/bpf/one, /sys/fs/bpf/two; held open by process 5 (loader); \
             libxdp's dispatcher, which calls \"xdp_pass\", id 9"
        );
        assert_eq!(HeldBy::default().to_string(), "");
        assert!(held.advice("eth0", Mode::Native).contains("xdp-loader load eth0"));
        let alone = HeldBy { manager: None, ..held };
        assert!(alone.advice("eth0", Mode::Generic).contains("xdpgeneric off"));
        assert!(HeldBy::default().advice("eth0", Mode::Native).contains("CAP_SYS_ADMIN"));
    }
}
