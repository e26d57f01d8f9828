//! What ethtool(8) tells of an interface: its driver, its queues and what it spreads packets over them by, its offloads.

use std::{
    io,
    os::fd::{AsRawFd as _, OwnedFd},
};

use nix::{
    libc,
    sys::socket::{AddressFamily, SockFlag, SockType, socket},
};

use firewall_common::packet::Family;

/// Commands of linux/ethtool.h.
mod command {
    pub(super) const DRIVER: u32 = 0x03;
    pub(super) const STRINGS: u32 = 0x1b;
    pub(super) const FLOW_HASH: u32 = 0x29;
    pub(super) const RINGS: u32 = 0x2d;
    pub(super) const SETS: u32 = 0x37;
    pub(super) const FEATURES: u32 = 0x3a;
    pub(super) const CHANNELS: u32 = 0x3c;
}

/// The strings that name features, `ETH_SS_FEATURES`.
const FEATURE_NAMES: u32 = 4;
/// The length of a string, in words of 32 bits.
const STRING: usize = 8;
/// The length of `struct ethtool_drvinfo`, in such words.
const DRIVER_INFO: usize = 49;
/// More than `struct ethtool_rxnfc` has on any machine.
const FLOW: usize = 64;

/// Asks about an interface.
#[derive(Debug)]
pub struct Ethtool {
    socket: OwnedFd,
    name: [libc::c_char; libc::IFNAMSIZ],
}

impl Ethtool {
    /// About the interface of that name in the current network namespace.
    ///
    /// # Errors
    /// There are no sockets, or no interface has such a name.
    pub fn new(interface: &str) -> io::Result<Self> {
        let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
        let mut name = [0; libc::IFNAMSIZ];
        // One byte is for the zero behind it.
        if interface.len() >= name.len() {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        for (place, byte) in name.iter_mut().zip(interface.bytes()) {
            *place = byte as libc::c_char;
        }
        Ok(Self { socket, name })
    }

    /// Its driver.
    pub fn driver(&self) -> Option<String> {
        let mut info = [0; DRIVER_INFO];
        info[0] = command::DRIVER;
        // SAFETY: the kernel writes a `struct ethtool_drvinfo`, for which there is room.
        unsafe { self.ask(&mut info) }.ok()?;
        Some(text(&info[1..=STRING])).filter(|driver| !driver.is_empty())
    }

    /// How many queues its packets come in on.
    pub fn receive_queues(&self) -> Option<u32> {
        let mut channels = [0; 9];
        channels[0] = command::CHANNELS;
        // SAFETY: the kernel writes a `struct ethtool_channels`, which is as long.
        if unsafe { self.ask(&mut channels) }.is_ok() {
            let [.., receive, _, _, combined] = channels;
            return Some(receive + combined);
        }
        u32::try_from(self.flow(command::RINGS, 0).ok()?).ok()
    }

    /// Whether UDP packets of an IP version are spread over the queues by their ports, too; `None` if the driver doesn't tell.
    pub fn hashes_udp_ports(&self, family: Family) -> Option<bool> {
        /// `RXH_L4_B_0_1` and `RXH_L4_B_2_3`: the source port and the destination port.
        const PORTS: u64 = 1 << 6 | 1 << 7;
        // UDP_V4_FLOW and UDP_V6_FLOW.
        let kind = match family {
            Family::V4 => 0x02,
            Family::V6 => 0x06,
        };
        Some(self.flow(command::FLOW_HASH, kind).ok()? & PORTS != 0)
    }

    /// The number that `struct ethtool_rxnfc` bears for a command.
    fn flow(&self, command: u32, kind: u32) -> io::Result<u64> {
        let mut flow = [0; FLOW];
        (flow[0], flow[1]) = (command, kind);
        // SAFETY: the kernel writes a `struct ethtool_rxnfc` at most, for which there is room; no rules are asked for, which
        // would follow it.
        unsafe { self.ask(&mut flow) }?;
        let [low, high] = [flow[2], flow[3]].map(u32::to_ne_bytes);
        let mut number = [0; 8];
        number[..4].copy_from_slice(&low);
        number[4..].copy_from_slice(&high);
        Ok(u64::from_ne_bytes(number))
    }

    /// The kernel's names of its features that are on, such as `rx-lro`; none if it doesn't tell.
    pub fn features(&self) -> Vec<String> {
        self.active_features().unwrap_or_default()
    }

    fn active_features(&self) -> io::Result<Vec<String>> {
        // A reserved word, and a mask of 64 bits whose lower half comes first where the machine is little-endian.
        let mask = (1_u64 << FEATURE_NAMES).to_ne_bytes();
        let half = |at: usize| u32::from_ne_bytes([mask[at], mask[at + 1], mask[at + 2], mask[at + 3]]);
        let mut sets = [command::SETS, 0, half(0), half(4), 0];
        // SAFETY: one number is asked for, for which there's a word behind the header.
        unsafe { self.ask(&mut sets) }?;
        let count = sets[4] as usize;

        let mut strings = vec![0; 3 + count * STRING];
        strings[..3].copy_from_slice(&[command::STRINGS, FEATURE_NAMES, sets[4]]);
        // SAFETY: there's room for the strings that there are, whose number is a running kernel's own.
        unsafe { self.ask(&mut strings) }?;

        // Of each 32 features four words: available, requested, active, never changed.
        let blocks = count.div_ceil(32);
        let mut features = vec![0; 2 + blocks * 4];
        (features[0], features[1]) = (command::FEATURES, blocks as u32);
        // SAFETY: the kernel writes no more blocks than it's told that there's room for.
        unsafe { self.ask(&mut features) }?;

        let names = strings[3..].chunks_exact(STRING).map(text);
        let is_on = |n: usize| features[2 + n / 32 * 4 + 2] & (1 << (n % 32)) != 0;
        Ok(names.enumerate().filter(|(n, _)| is_on(*n)).map(|(_, name)| name).collect())
    }

    /// Has the kernel answer a command, which is the first word, in place.
    ///
    /// # Safety
    /// There must be room for all that the kernel writes in answer.
    unsafe fn ask(&self, words: &mut [u32]) -> io::Result<()> {
        // SAFETY: integers, arrays of them and a pointer: all zeros is a value.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        request.ifr_name = self.name;
        request.ifr_ifru.ifru_data = words.as_mut_ptr().cast();
        // SAFETY: the request names an interface, ended by a zero, and points to words that outlive the call; the caller vouches
        // for their number.
        let result = unsafe { libc::ioctl(self.socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// A string of bytes in words, which a zero ends.
fn text(words: &[u32]) -> String {
    let bytes: Vec<u8> =
        words.iter().flat_map(|word| word.to_ne_bytes()).take_while(|&byte| byte != 0).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_ends_with_a_zero() {
        let words = [*b"virt", *b"io_n", *b"et\0x", *b"yyyy"].map(u32::from_ne_bytes);
        assert_eq!(text(&words), "virtio_net");
    }

    #[test]
    fn the_loopback_has_features_and_no_queues() {
        let loopback = Ethtool::new("lo").unwrap();
        let features = loopback.features();
        assert!(features.iter().any(|name| name == "loopback"), "{features:?}");
        assert!(!features.iter().any(|name| name == "rx-lro"), "{features:?}");
        assert_eq!(loopback.hashes_udp_ports(Family::V4), None);
        assert!(Ethtool::new("a-name-that-is-too-long").is_err());
        assert_eq!(Ethtool::new("no-such-one").unwrap().driver(), None);
    }
}
