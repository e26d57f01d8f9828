//! What the host can hold for reassembly, and which part of it anyone may take.

use std::{fs, path::Path, time::Duration};

use firewall_common::{fragment::budget::Limits, packet::Family};

use super::clock;

/// What a fragment of a full Ethernet frame takes of the kernel's reassembly memory, in bytes: a page and the kernel's own
/// record of the packet (`skb->truesize`), as most drivers hand it over. Measured on veth: 4,352 and a datagram's record.
const FRAGMENT: u64 = 4608;

/// Of what the host can hold, one source may have a sixteenth outstanding, and all strangers an eighth, so that no stranger can
/// use up what is there for all. Either can come to four times as much at the very worst, since a datagram of many fragments
/// is charged for half of them at least, and since a debt leaks away while the kernel still holds what it stands for: so
/// two sources and all strangers together, each doing its worst, just fill the memory.
const SOURCE_SHARE: u64 = 16;
const STRANGERS_SHARE: u64 = 8;

/// How much the host's reassembly holds, and for how long, of one IP version.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reassembly {
    /// The memory at which the kernel refuses fragments, in bytes (`ipfrag_high_thresh`, `ip6frag_high_thresh`).
    pub memory: u64,
    /// How long the kernel waits for a datagram's other fragments (`ipfrag_time`, `ip6frag_time`).
    pub time: Duration,
}

/// Where the current network namespace's settings are.
const SETTINGS: &str = "/proc/sys/net";

impl Reassembly {
    /// What the current network namespace's settings say; the kernel's own defaults (`net/ipv4/ip_fragment.c`,
    /// `net/ipv6/reassembly.c`) where they can't be read, as for an IP version that the kernel doesn't have.
    pub fn of(family: Family) -> Self {
        Self::read(Path::new(SETTINGS), family)
    }

    fn read(settings: &Path, family: Family) -> Self {
        let (prefix, seconds) = match family {
            Family::V4 => ("ipv4/ipfrag", 30),
            Family::V6 => ("ipv6/ip6frag", 60),
        };
        let number = |name: &str| -> Option<u64> {
            fs::read_to_string(settings.join(format!("{prefix}_{name}"))).ok()?.trim().parse().ok()
        };
        Self {
            memory: number("high_thresh").unwrap_or(4 << 20),
            time: Duration::from_secs(number("time").unwrap_or(seconds)),
        }
    }

    /// How many fragments of full Ethernet frames it holds.
    pub const fn fragments(&self) -> u64 {
        self.memory / FRAGMENT
    }

    /// How many of them one source may have outstanding, if it may have `most` at most.
    pub fn per_source(&self, most: u32) -> u32 {
        u32::try_from(self.fragments() / SOURCE_SHARE).unwrap_or(u32::MAX).clamp(1, most)
    }

    /// How many of them all strangers may have outstanding.
    pub fn of_strangers(&self) -> u32 {
        u32::try_from(self.fragments() / STRANGERS_SHARE).unwrap_or(u32::MAX).max(1)
    }

    /// The same for the program, whose clock ticks `per_second` times a second.
    pub fn limits(&self, most: u32, per_second: u32) -> Limits {
        Limits::new(clock::jiffies(self.time, per_second), self.per_source(most), self.of_strangers())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_own_defaults_leave_room_for_fifty_fragments_of_a_source() {
        let missing = Path::new("/nonexistent");
        let [four, six] = Family::ALL.map(|family| Reassembly::read(missing, family));
        assert_eq!((four.memory, four.time), (4 << 20, Duration::from_secs(30)));
        assert_eq!((six.memory, six.time), (4 << 20, Duration::from_secs(60)));
        assert_eq!((six.fragments(), six.per_source(8192), six.of_strangers()), (910, 56, 113));
        assert_eq!(six.per_source(16), 16);
    }

    #[test]
    fn the_namespaces_settings_are_read() {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("ipv4/ipfrag_high_thresh", "1000000000\n"),
            ("ipv4/ipfrag_time", "2\n"),
            ("ipv6/ip6frag_high_thresh", "0\n"),
        ] {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let [four, six] = Family::ALL.map(|family| Reassembly::read(directory.path(), family));
        assert_eq!((four.memory, four.time), (1_000_000_000, Duration::from_secs(2)));
        assert_eq!((six.memory, six.time), (0, Duration::from_secs(60)));
        // A host that reassembles nothing is made to hold next to nothing.
        assert_eq!((six.per_source(8192), six.of_strangers()), (1, 1));
    }
}
