//! The sockets of this network namespace, as the kernel lists them (proc_pid_net(5)).

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use firewall_common::packet::{
    ethernet, ipv4, ipv6,
    transport::{TCP, UDP},
};

/// `TCP_ESTABLISHED` of `net/tcp_states.h`. A UDP socket that is connected has it, too.
const ESTABLISHED: u8 = 1;
/// `TCP_LISTEN`.
pub(crate) const LISTEN: u8 = 10;
/// States of a connection that goes on: `TCP_ESTABLISHED`, `TCP_SYN_SENT`, `TCP_FIN_WAIT1`, `TCP_FIN_WAIT2`, `TCP_CLOSE_WAIT`.
const GOES_ON: [u8; 5] = [ESTABLISHED, 2, 4, 5, 8];

/// The length of a TCP header without options, in bytes.
const TCP_HEADER: usize = 20;
/// The length of a UDP header, in bytes.
const UDP_HEADER: usize = 8;

/// A socket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Socket {
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) state: u8,
}

/// A connection of this host's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Connected {
    local: SocketAddr,
    remote: SocketAddr,
    protocol: u8,
}

/// The sockets in a table of that name; none where the kernel doesn't tell.
fn read(name: &str) -> Vec<Socket> {
    fs::read_to_string(format!("/proc/thread-self/net/{name}")).map(|table| parse(&table)).unwrap_or_default()
}

/// The TCP sockets, of both IP versions.
pub(crate) fn tcp() -> Vec<Socket> {
    [read("tcp"), read("tcp6")].concat()
}

/// The connections that there are, of TCP and UDP.
pub(super) fn connected() -> Vec<Connected> {
    let udp = [read("udp"), read("udp6")].concat();
    let of = |sockets: Vec<Socket>, protocol| {
        sockets.into_iter().filter_map(move |socket| socket.connected(protocol))
    };
    of(tcp(), TCP).chain(of(udp, UDP)).collect()
}

/// Those of a table, whose lines begin with a number, the local and the remote end, and the state. IPv4 addresses that are
/// written as IPv6 ones (RFC 4291 section 2.5.5.2) are IPv4 addresses.
pub(crate) fn parse(table: &str) -> Vec<Socket> {
    let socket = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let (local, remote, state) = (fields.nth(1)?, fields.next()?, fields.next()?);
        Some(Socket { local: end(local)?, remote: end(remote)?, state: u8::from_str_radix(state, 16).ok()? })
    };
    // The first line has the names of the fields, which are no such numbers.
    table.lines().filter_map(socket).collect()
}

fn end(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    Some(SocketAddr::new(parse_address(address)?.to_canonical(), u16::from_str_radix(port, 16).ok()?))
}

/// An address as the tables have it: words of 32 bits, each the number that its four bytes make in this machine's order.
fn parse_address(text: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(text.get(at * 8..at * 8 + 8)?, 16).ok().map(u32::to_ne_bytes);
    match text.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

impl Socket {
    /// The connection of that protocol that it is an end of; `None` if it isn't connected, or with this host itself.
    fn connected(self, protocol: u8) -> Option<Connected> {
        let Self { local, remote, state } = self;
        let goes_on = if protocol == TCP { GOES_ON.contains(&state) } else { state == ESTABLISHED };
        (goes_on && remote.port() != 0 && !remote.ip().is_loopback()).then_some(Connected {
            local,
            remote,
            protocol,
        })
    }
}

impl Connected {
    /// A frame that looks like one that is sent on it, as far as the program on egress looks.
    pub(super) fn frame(&self) -> Vec<u8> {
        let header = if self.protocol == TCP { TCP_HEADER } else { UDP_HEADER };
        let mut frame = vec![0; ethernet::HEADER];
        let place = ethernet::HEADER - size_of::<u16>();
        match (self.local.ip(), self.remote.ip()) {
            (IpAddr::V4(local), IpAddr::V4(remote)) => {
                frame[place..].copy_from_slice(&ethernet::IPV4.to_be_bytes());
                let mut ip = [0; ipv4::HEADER];
                ip[0] = 0x45;
                ip[2..4].copy_from_slice(&((ipv4::HEADER + header) as u16).to_be_bytes());
                ip[9] = self.protocol;
                ip[12..16].copy_from_slice(&local.octets());
                ip[16..].copy_from_slice(&remote.octets());
                frame.extend_from_slice(&ip);
            }
            (local, remote) => {
                let octets = |address| match address {
                    IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                    IpAddr::V6(address) => address.octets(),
                };
                frame[place..].copy_from_slice(&ethernet::IPV6.to_be_bytes());
                let mut ip = [0; ipv6::HEADER];
                ip[0] = 0x60;
                ip[4..6].copy_from_slice(&(header as u16).to_be_bytes());
                ip[6] = self.protocol;
                ip[8..24].copy_from_slice(&octets(local));
                ip[24..].copy_from_slice(&octets(remote));
                frame.extend_from_slice(&ip);
            }
        }
        let mut transport = vec![0; header];
        transport[..2].copy_from_slice(&self.local.port().to_be_bytes());
        transport[2..4].copy_from_slice(&self.remote.port().to_be_bytes());
        if self.protocol == TCP {
            /// The flag of every segment but a connection's first.
            const ACK: u8 = 0x10;
            transport[13] = ACK;
        }
        frame.extend_from_slice(&transport);
        frame
    }
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;

    const TCP4: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 22501 1 0000000000000000 100 0 0 10 0
   2: 010200C0:0016 076433C6:C366 01 00000000:00000000 02:00043A2E 00000000     0        0 22503 4 0000000000000000 20 4 30 10 -1
   3: 0100007F:0016 0100007F:C366 01 00000000:00000000 02:00043A2E 00000000     0        0 22503 4 0000000000000000 20 4 30 10 -1
";

    #[test]
    fn connections_with_others_are_told() {
        let sockets = parse(TCP4);
        assert_eq!(sockets.len(), 3);
        let connected: Vec<Connected> = sockets.iter().filter_map(|socket| socket.connected(TCP)).collect();
        let [connected] = connected[..] else { panic!("{connected:?}") };
        assert_eq!(connected.local, "192.0.2.1:22".parse().unwrap());
        assert_eq!(connected.remote, "198.51.100.7:50022".parse().unwrap());
        let frame = connected.frame();
        assert_eq!(frame.len(), 14 + 20 + 20);
        assert_eq!(frame[26..34], [192, 0, 2, 1, 198, 51, 100, 7]);
    }

    /// Half-closed connections go on, too; what waits for nothing but its end doesn't.
    #[test]
    fn only_what_goes_on_is_a_connection() {
        let socket = |remote: &str, state| Socket {
            local: "192.0.2.1:22".parse().unwrap(),
            remote: remote.parse().unwrap(),
            state,
        };
        for state in 0..=12 {
            let there = socket("198.51.100.7:53", state);
            assert_eq!(there.connected(TCP).is_some(), matches!(state, 1 | 2 | 4 | 5 | 8), "{state}");
            assert_eq!(there.connected(UDP).is_some(), state == ESTABLISHED, "{state}");
        }
        for remote in ["198.51.100.7:0", "127.0.0.1:53", "[::1]:53"] {
            assert_eq!(socket(remote, ESTABLISHED).connected(TCP), None, "{remote}");
        }
    }

    #[test]
    fn a_frame_is_what_the_connection_sends() {
        for (local, remote) in
            [("192.0.2.1:22", "198.51.100.7:50022"), ("[2001:db8::1]:22", "[2001:db8::7]:50022")]
        {
            for protocol in [TCP, UDP] {
                let (local, remote) = (local.parse().unwrap(), remote.parse().unwrap());
                let frame = Connected { local, remote, protocol }.frame();
                let bytes = &frame[..];
                let link = ethernet::parse(bytes).unwrap();
                let (ip, addresses) = match (local.ip(), remote.ip()) {
                    (IpAddr::V4(local), IpAddr::V4(remote)) => (
                        ipv4::parse(bytes, &link).unwrap(),
                        (ipv4::ADDRESSES, [local.octets(), remote.octets()].concat()),
                    ),
                    (IpAddr::V6(local), IpAddr::V6(remote)) => (
                        ipv6::parse(bytes, &link).unwrap(),
                        (ipv6::ADDRESSES, [local.octets(), remote.octets()].concat()),
                    ),
                    _ => unreachable!("both are of one version"),
                };
                let at = |place: usize, length: usize| &bytes[place..place + length];
                assert_eq!((ip.protocol, ip.end), (protocol, bytes.len()));
                assert_eq!(at(ip.offset + addresses.0, addresses.1.len()), addresses.1);
                assert_eq!(at(ip.payload, 4), [22_u16.to_be_bytes(), 50022_u16.to_be_bytes()].concat());
                if protocol == TCP {
                    // ACK, without which it would begin a connection or end one.
                    assert_eq!(bytes[ip.payload + 13], 0x10);
                }
            }
        }
    }

    /// A socket for both IP versions has IPv4 addresses in the form of IPv6.
    #[test]
    fn what_a_socket_for_both_versions_sends_by_ipv4_is_ipv4() {
        let mapped = "0: 0000000000000000FFFF0000010200C0:0016 0000000000000000FFFF0000076433C6:C366 01";
        let [socket] = parse(mapped)[..] else { panic!("one socket") };
        assert_eq!(socket.local, "192.0.2.1:22".parse().unwrap());
        let frame = socket.connected(TCP).unwrap().frame();
        assert_eq!(frame[12..14], ethernet::IPV4.to_be_bytes());
    }

    #[test]
    fn what_isnt_understood_is_left_out() {
        for text in ["", "\n\n", "0: 00000000 00000000 0A", "0: 0000000é:0016 0:0 0A", "0: 00:16 00:0 0A x"]
        {
            assert_eq!(parse(text), [], "{text}");
        }
    }

    #[test]
    fn addresses_are_put_together_from_words() {
        assert_eq!(parse_address("010200C0"), Some("192.0.2.1".parse().unwrap()));
        assert_eq!(parse_address("B80D0120000000000000000001000000"), Some("2001:db8::1".parse().unwrap()));
    }
}
