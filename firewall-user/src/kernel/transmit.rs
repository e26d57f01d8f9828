//! Whether an XDP program on an interface can send packets back out, as answers to rejected ones are.
//!
//! In generic mode it always can. In native mode the driver does it, and says whether it can where the kernel has a netlink
//! family for that (`netdev`, Linux 6.3): what counts as basic includes it. But a veth hands what it sends to its peer, and
//! the peer takes it only while it polls: with receive offload (GRO) on, or with an XDP program of its own. The peer may be in
//! another network namespace; the kernel counts it in what it says of the veth.

use std::io;

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_GENERIC};

use super::netlink::{Interface, Mode};

/// Whether answers leave an interface.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transmits {
    /// They do.
    Yes,
    /// They don't: its driver can't send.
    No,
    /// They don't: it's a veth whose peer doesn't take them.
    PeerDeaf,
    /// Nobody tells.
    Unknown,
}

impl Transmits {
    /// Whether they leave; `None` if that isn't known.
    pub const fn known(self) -> Option<bool> {
        match self {
            Self::Yes => Some(true),
            Self::No | Self::PeerDeaf => Some(false),
            Self::Unknown => None,
        }
    }

    /// Of an interface of this network namespace with a filter in that mode.
    pub fn of(interface: &Interface, mode: Mode) -> Self {
        match mode {
            Mode::Generic => Self::Yes,
            Mode::Hardware => Self::Unknown,
            Mode::Native => match features(interface.index) {
                Ok(Some(features)) => Self::by(features, interface.is_veth),
                _ => Self::Unknown,
            },
        }
    }

    /// As the kernel says of a native mode.
    const fn by(features: u64, is_veth: bool) -> Self {
        /// `NETDEV_XDP_ACT_BASIC`: drop, pass and send back.
        const BASIC: u64 = 1 << 0;
        /// `NETDEV_XDP_ACT_NDO_XMIT`: of a veth, that its peer takes frames.
        const XMIT: u64 = 1 << 2;
        match (is_veth, features & XMIT != 0, features & BASIC != 0) {
            (_, _, false) => Self::No,
            (true, false, _) => Self::PeerDeaf,
            _ => Self::Yes,
        }
    }
}

/// `NLM_F_REQUEST`.
const REQUEST: u16 = 1;
/// `NLMSG_ERROR`.
const ERROR: u16 = 2;
/// The family that knows the numbers of all others, `GENL_ID_CTRL`.
const CONTROL: u16 = 16;
/// The length of `struct nlmsghdr`, and with `struct genlmsghdr` behind it.
const HEADERS: [usize; 2] = [16, 20];

/// A command of a generic netlink family (linux/genetlink.h, linux/netdev.h), with one attribute.
struct Command<'a> {
    family: u16,
    command: u8,
    attribute: (u16, &'a [u8]),
}

/// The XDP features of an interface's driver (`NETDEV_CMD_DEV_GET`); `None` if the kernel doesn't tell.
fn features(index: u32) -> io::Result<Option<u64>> {
    let socket = {
        let mut socket = Socket::new(NETLINK_GENERIC)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        socket
    };
    // CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME; CTRL_ATTR_FAMILY_ID.
    let family = Command { family: CONTROL, command: 3, attribute: (2, b"netdev\0") };
    let Some(family) = ask(&socket, &family)?.and_then(|answer| attribute(&answer, 1)) else {
        return Ok(None);
    };
    let family = u16::from_ne_bytes(family.try_into().map_err(|_| malformed())?);
    // NETDEV_CMD_DEV_GET, NETDEV_A_DEV_IFINDEX; NETDEV_A_DEV_XDP_FEATURES.
    let device = Command { family, command: 1, attribute: (1, &index.to_ne_bytes()) };
    let Some(features) = ask(&socket, &device)?.and_then(|answer| attribute(&answer, 3)) else {
        return Ok(None);
    };
    Ok(Some(u64::from_ne_bytes(features.try_into().map_err(|_| malformed())?)))
}

/// What the kernel answers, behind the headers; `None` if it says that there's no such thing.
fn ask(socket: &Socket, command: &Command<'_>) -> io::Result<Option<Vec<u8>>> {
    socket.send(&command.bytes(), 0)?;
    let (datagram, _) = socket.recv_from_full()?;
    let field = |at: usize| datagram.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    let kind: [u8; 4] = field(4).ok_or_else(malformed)?;
    if u16::from_ne_bytes([kind[0], kind[1]]) != ERROR {
        return Ok(datagram.get(HEADERS[1]..).map(<[u8]>::to_vec));
    }
    let number = i32::from_ne_bytes(field(HEADERS[0]).ok_or_else(malformed)?);
    match -number {
        nix::libc::ENOENT | nix::libc::EOPNOTSUPP => Ok(None),
        number => Err(io::Error::from_raw_os_error(number)),
    }
}

/// The value of an attribute among others.
fn attribute(mut attributes: &[u8], wanted: u16) -> Option<Vec<u8>> {
    loop {
        let (&[l0, l1, k0, k1], rest) = attributes.split_first_chunk()?;
        let length = usize::from(u16::from_ne_bytes([l0, l1])).checked_sub(4)?;
        if u16::from_ne_bytes([k0, k1]) == wanted {
            return rest.get(..length).map(<[u8]>::to_vec);
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
}

fn malformed() -> io::Error {
    io::Error::other("netlink's answer isn't understood")
}

impl Command<'_> {
    fn bytes(&self) -> Vec<u8> {
        let &Self { family, command, attribute: (kind, value) } = self;
        let length = HEADERS[1] + 4 + value.len().next_multiple_of(4);
        let mut bytes = Vec::with_capacity(length);
        bytes.extend((length as u32).to_ne_bytes());
        bytes.extend(family.to_ne_bytes());
        bytes.extend(REQUEST.to_ne_bytes());
        // Sequence number and port: nobody else talks by this socket.
        bytes.extend([0; 8]);
        // The version, which all of these have in common, and two reserved bytes.
        bytes.extend([command, 1, 0, 0]);
        bytes.extend((4 + value.len() as u16).to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(length, 0);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_veth_sends_if_its_peer_takes_frames() {
        for (features, is_veth, transmits) in [
            (0b111, true, Transmits::Yes),
            (0b011, true, Transmits::PeerDeaf),
            (0b011, false, Transmits::Yes),
            (0b000, true, Transmits::No),
            (0b000, false, Transmits::No),
        ] {
            assert_eq!(Transmits::by(features, is_veth), transmits, "{features:b}");
        }
    }

    #[test]
    fn an_attribute_is_found_behind_others() {
        let attributes = [5_u16.to_ne_bytes(), 7_u16.to_ne_bytes()].concat();
        let attributes = [&attributes[..], &[9, 0, 0, 0], &[6, 0, 3, 0][..], &[1, 2]].concat();
        if cfg!(target_endian = "little") {
            assert_eq!(attribute(&attributes, 7), Some(vec![9]));
            assert_eq!(attribute(&attributes, 3), Some(vec![1, 2]));
        }
        assert_eq!(attribute(&attributes, 4), None);
        assert_eq!(attribute(&[0; 8], 1), None);
        assert_eq!(attribute(&[200, 0, 1, 0], 1), None);
    }

    #[test]
    fn the_loopback_has_no_native_mode() {
        assert!(matches!(features(1), Ok(None | Some(0))), "{:?}", features(1));
    }
}
