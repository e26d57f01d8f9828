//! What an interface's driver says that it can do with XDP programs in native mode, where the kernel has a netlink family for that
//! (`netdev`, Linux 6.3).

use std::io;

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_GENERIC};

/// What a driver can do (`enum netdev_xdp_act` of linux/netdev.h).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct XdpFeatures(pub(crate) u64);

impl XdpFeatures {
    /// Drop packets, pass them and send them back: it has a native mode.
    pub const fn is_native(self) -> bool {
        /// `NETDEV_XDP_ACT_BASIC`.
        const BASIC: u64 = 1 << 0;
        self.0 & BASIC != 0
    }

    /// Take frames that are redirected to it; of a veth, that its peer takes frames.
    pub const fn takes_frames(self) -> bool {
        /// `NETDEV_XDP_ACT_NDO_XMIT`.
        const XMIT: u64 = 1 << 2;
        self.0 & XMIT != 0
    }

    /// Hand frames that fill several buffers to programs that are made for it.
    pub const fn has_frags(self) -> bool {
        /// `NETDEV_XDP_ACT_RX_SG`.
        const RX_SG: u64 = 1 << 5;
        self.0 & RX_SG != 0
    }

    /// Of the interface of that index; `None` if the kernel doesn't tell.
    pub fn of(interface: u32) -> Option<Self> {
        features(interface).ok().flatten().map(Self)
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
