//! What listens for TCP connections in this network namespace.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use firewall_common::packet::Family;

/// Where the kernel tells the TCP sockets of the current network namespace (proc_pid_net(5)).
const TABLES: [&str; 2] = ["/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"];

/// `TCP_LISTEN` of `net/tcp_states.h`, as the tables have it.
const LISTEN: &str = "0A";

/// A port on which connections from elsewhere are listened for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Listener {
    pub(super) port: u16,
    /// The IP versions in which they may come.
    pub(super) families: Vec<Family>,
}

/// All of them; none where the kernel doesn't tell.
pub(super) fn current() -> Vec<Listener> {
    TABLES.iter().filter_map(|path| fs::read_to_string(path).ok()).flat_map(|table| parse(&table)).collect()
}

/// Those of a table, whose lines begin with a number, the local and the remote end, and the state. What only this host can
/// connect to is left out.
fn parse(table: &str) -> Vec<Listener> {
    let listener = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let (local, state) = (fields.nth(1)?, fields.nth(1)?);
        let (address, port) = local.split_once(':')?;
        let address = parse_address(address)?;
        let families = match address.to_canonical() {
            // Whether such a socket takes IPv4 as well isn't told.
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Family::ALL.to_vec(),
            IpAddr::V6(_) => vec![Family::V6],
            IpAddr::V4(_) => vec![Family::V4],
        };
        let reachable = state == LISTEN && !address.to_canonical().is_loopback();
        let port = u16::from_str_radix(port, 16).ok()?;
        reachable.then_some(Listener { port, families })
    };
    // The first line has the names of the fields, which are no such numbers.
    table.lines().filter_map(listener).collect()
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

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;

    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 22501 1 0000000000000000 100 0 0 10 0
   1: 0100007F:0019 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 22502 1 0000000000000000 100 0 0 10 0
   2: 010200C0:0016 076433C6:C366 01 00000000:00000000 02:00043A2E 00000000     0        0 22503 4 0000000000000000 20 4 30 10 -1
   3: 010200C0:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 22504 1 0000000000000000 100 0 0 10 0
";

    const TCP6: &str = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 22505 1 0000000000000000 100 0 0 10 0
   1: 00000000000000000000000001000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 22506 1 0000000000000000 100 0 0 10 0
   2: B80D0120000000000000000001000000:01BB 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 22507 1 0000000000000000 100 0 0 10 0
   3: 0000000000000000FFFF0000010200C0:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 22508 1 0000000000000000 100 0 0 10 0
";

    fn listener(port: u16, families: &[Family]) -> Listener {
        Listener { port, families: families.to_vec() }
    }

    #[test]
    fn what_others_can_connect_to_listens() {
        assert_eq!(parse(TCP), [listener(22, &[Family::V4]), listener(8080, &[Family::V4])]);
        assert_eq!(
            parse(TCP6),
            [
                listener(22, &[Family::V4, Family::V6]),
                listener(443, &[Family::V6]),
                listener(80, &[Family::V4])
            ]
        );
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
