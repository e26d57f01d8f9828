//! Looking for what refers to a program or a link: pins, and processes that have it open.

use std::{
    collections::BTreeSet,
    fs,
    os::fd::{AsFd as _, AsRawFd as _},
    path::{Path, PathBuf},
    process,
};

use super::object::look_at_pin;

/// The most files and directories of BPF filesystems, and the most open files of processes, that are looked at.
const LIMIT: usize = 1 << 16;
/// How deep directories are looked into.
const DEPTH: usize = 8;

/// A process that has the program, or its link, open.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Process {
    /// Its id.
    pub id: u32,
    /// Its name.
    pub name: String,
}

/// What pins and open files are looked through for.
pub(super) struct Wanted {
    pub(super) program: u32,
    pub(super) link: Option<u32>,
    pub(super) interface: u32,
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

    /// Where it's pinned.
    pub(super) fn pins(&self) -> Vec<PathBuf> {
        let is_it = |path: &PathBuf| {
            let Ok(object) = look_at_pin(path) else { return false };
            let fdinfo = format!("/proc/thread-self/fdinfo/{}", object.as_fd().as_raw_fd());
            fs::read_to_string(fdinfo).is_ok_and(|text| self.is_in(&text))
        };
        pinned().filter(is_it).collect()
    }

    /// Who else has it open.
    pub(super) fn processes(&self) -> Vec<Process> {
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

/// All that is pinned anywhere.
pub(super) fn pinned() -> impl Iterator<Item = PathBuf> {
    files(&mounts())
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
}
