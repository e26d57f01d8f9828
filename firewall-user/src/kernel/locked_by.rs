//! Who holds a lock that is waited for.

use std::{fmt, fs, os::unix::fs::MetadataExt as _};

/// A process that holds the lock. It may have let go of it by now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LockedBy {
    /// Its id.
    pub process: u32,
    /// Its command line; empty if it isn't told.
    pub command: String,
    /// Whether a signal has stopped it, so that it won't end by itself.
    pub is_stopped: bool,
}

impl LockedBy {
    /// Whoever has locked a file, as `/proc/locks` tells; `None` if it doesn't, as of a process in another PID namespace.
    pub(super) fn of(file: &fs::Metadata) -> Option<Self> {
        let locks = fs::read_to_string("/proc/locks").ok()?;
        let process = holder(&locks, file.dev(), file.ino())?;
        let command = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        let words: Vec<_> = command.split(|&byte| byte == 0).map(String::from_utf8_lossy).collect();
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        Some(Self { process, command: words.join(" ").trim_end().to_owned(), is_stopped: is_stopped(&stat) })
    }
}

impl fmt::Display for LockedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { process, command, is_stopped } = self;
        write!(f, "process {process}")?;
        if !command.is_empty() {
            write!(f, " (`{command}`)")?;
        }
        if *is_stopped {
            write!(f, ", which is stopped: `kill -CONT {process}` has it go on")?;
        }
        Ok(())
    }
}

/// The process that `/proc/locks` names for a file of that device and number: `1: FLOCK  ADVISORY  WRITE 1234 00:1c:56 0 EOF`. Who waits
/// for a lock has an arrow before the kind.
fn holder(locks: &str, device: u64, inode: u64) -> Option<u32> {
    let (major, minor) = (nix::libc::major(device), nix::libc::minor(device));
    let file = format!("{major:02x}:{minor:02x}:{inode}");
    locks.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (kind, process) = (fields.next()?, fields.nth(2)?);
        (kind == "FLOCK" && fields.next()? == file).then(|| process.parse().ok().filter(|&id| id != 0))?
    })
}

/// The state stands behind the command's name, which may hold anything. `T` is stopped by a signal; whom a debugger stops, that is `t`, no
/// signal has go on.
fn is_stopped(stat: &str) -> bool {
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state == Some('T')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_is_the_one_that_has_the_lock() {
        let locks = "1: POSIX  ADVISORY  READ  11 00:1c:56 128 128\n\
                     2: FLOCK  ADVISORY  WRITE 12 00:1c:57 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 1234 00:1c:56 0 EOF\n\
                     3: -> FLOCK  ADVISORY  WRITE 99 00:1c:56 0 EOF\n";
        let device = nix::libc::makedev(0, 0x1c);
        assert_eq!(holder(locks, device, 56), Some(1234));
        assert_eq!(holder(locks, device, 57), Some(12));
        assert_eq!(holder(locks, device, 58), None);
        // In another PID namespace.
        assert_eq!(holder("1: FLOCK  ADVISORY  WRITE 0 00:1c:56 0 EOF\n", device, 56), None);
        assert_eq!(holder("nonsense\n\n1:\n", device, 56), None);
    }

    #[test]
    fn a_process_that_is_stopped_is_told() {
        assert!(is_stopped("12 (a) b) T 1 12"));
        assert!(!is_stopped("12 (T) S 1 12") && !is_stopped("12 (a) t 1 12") && !is_stopped(""));
    }
}
