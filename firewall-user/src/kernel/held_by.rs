//! By whom an XDP program is kept on an interface, as far as the kernel tells: where it's pinned, and which processes have it open.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fmt, fs,
    os::fd::{AsFd as _, AsRawFd as _},
    path::{Path, PathBuf},
    process,
};

use aya::programs::{ProgramInfo, loaded_programs};

use super::{
    attachments::{self, Attachment, Target},
    error::Holder,
    netlink::{Interface, Mode},
    object::look_at_pin,
};

/// The most files and directories of BPF filesystems, and the most open files of processes, that are looked at.
const LIMIT: usize = 1 << 16;
/// How deep directories are looked into.
const DEPTH: usize = 8;
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

/// A process that has the program, or its link, open.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Process {
    /// Its id.
    pub id: u32,
    /// Its name.
    pub name: String,
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
    } else if files(&mounts()).any(is_of_libxdp) {
        Manager::Libxdp
    } else {
        Manager::Unknown
    }
}

/// What pins and open files are looked through for.
struct Wanted {
    program: u32,
    link: Option<u32>,
    interface: u32,
}

impl Wanted {
    /// Whether it's that what a descriptor's fdinfo tells of.
    fn is_in(&self, fdinfo: &str) -> bool {
        let field = |name: &str| {
            let value = fdinfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            value.trim().parse::<u32>().ok()
        };
        match field("link_id") {
            Some(id) => match self.link {
                Some(link) => id == link,
                None => field("prog_id") == Some(self.program) && field("ifindex") == Some(self.interface),
            },
            None => field("prog_id") == Some(self.program),
        }
    }

    fn pins(&self) -> Vec<PathBuf> {
        let is_it = |path: &PathBuf| {
            let Ok(object) = look_at_pin(path) else { return false };
            let fdinfo = format!("/proc/thread-self/fdinfo/{}", object.as_fd().as_raw_fd());
            fs::read_to_string(fdinfo).is_ok_and(|text| self.is_in(&text))
        };
        files(&mounts()).filter(is_it).collect()
    }

    fn processes(&self) -> Vec<Process> {
        let mut found = BTreeSet::new();
        let mut looked_at = 0;
        for process in directory(Path::new("/proc")) {
            let id = process.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
            // What this process has open, it has opened to look at.
            let Some(id) = id.filter(|&id| id != process::id()) else { continue };
            for file in directory(&process.join("fd")) {
                looked_at += 1;
                if looked_at > LIMIT {
                    return found.into_iter().collect();
                }
                let is_bpf =
                    fs::read_link(&file).is_ok_and(|target| target.to_string_lossy().contains(":bpf"));
                let fdinfo = process.join("fdinfo").join(file.file_name().unwrap_or_default());
                if is_bpf && fs::read_to_string(fdinfo).is_ok_and(|text| self.is_in(&text)) {
                    let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
                    found.insert(Process { id, name: name.trim_end().to_owned() });
                    break;
                }
            }
        }
        found.into_iter().collect()
    }
}

/// The entries of a directory; none if it can't be read.
fn directory(path: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(path).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path())
}

/// Where BPF filesystems are mounted.
fn mounts() -> Vec<PathBuf> {
    mounted(&fs::read_to_string("/proc/thread-self/mountinfo").unwrap_or_default())
}

fn mounted(mountinfo: &str) -> Vec<PathBuf> {
    // `36 35 0:32 / /sys/fs/bpf rw shared:10 - bpf bpf rw,mode=700`
    let mount = |line: &str| {
        let (place, filesystem) = line.split_once(" - ")?;
        let path = place.split(' ').nth(4)?;
        (filesystem.split(' ').next()? == "bpf").then(|| PathBuf::from(path))
    };
    let mut mounts: Vec<_> = mountinfo.lines().filter_map(mount).collect();
    mounts.dedup();
    mounts
}

/// The files below some directories. Symbolic links, of which a bpffs may have some, aren't followed.
fn files(roots: &[PathBuf]) -> impl Iterator<Item = PathBuf> + use<> {
    let mut todo: Vec<(PathBuf, usize)> = roots.iter().map(|root| (root.clone(), 0)).collect();
    std::iter::from_fn(move || {
        while let Some((path, depth)) = todo.pop() {
            let Ok(kind) = fs::symlink_metadata(&path) else { continue };
            if kind.is_file() {
                return Some(path);
            }
            if kind.is_dir() && depth < DEPTH {
                todo.extend(directory(&path).map(|entry| (entry, depth + 1)));
            }
        }
        None
    })
    .take(LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_is_known_by_its_fdinfo() {
        let wanted = |link| Wanted { program: 17, link, interface: 4 };
        let link = "pos:\t0\nlink_type:\txdp\nlink_id:\t3\nprog_id:\t17\nifindex:\t4\n";
        assert!(wanted(Some(3)).is_in(link) && !wanted(Some(2)).is_in(link));
        assert!(wanted(None).is_in(link));
        assert!(!Wanted { interface: 5, ..wanted(None) }.is_in(link));
        let program = "pos:\t0\nprog_type:\t6\nprog_id:\t17\n";
        assert!(wanted(Some(3)).is_in(program) && wanted(None).is_in(program));
        assert!(!wanted(None).is_in("pos:\t0\nmap_type:\t3\nmap_id:\t17\n"));
    }

    #[test]
    fn bpf_filesystems_are_found_among_mounts() {
        let mounts = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n36 22 0:32 / /sys/fs/bpf rw shared:10 - bpf bpf rw\n\
                      37 22 0:33 / /run/bpfman/fs rw - bpf bpf rw\n";
        assert_eq!(mounted(mounts), [Path::new("/sys/fs/bpf"), Path::new("/run/bpfman/fs")]);
    }

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
