//! What listens for TCP connections in this network namespace.

use std::net::{IpAddr, Ipv6Addr};

use firewall_common::packet::Family;

use crate::kernel::sockets::{self, LISTEN, Socket};

/// A port on which connections from elsewhere are listened for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Listener {
    pub(super) port: u16,
    /// The IP versions in which they may come.
    pub(super) families: Vec<Family>,
}

/// All of them; none where the kernel doesn't tell.
pub(super) fn current() -> Vec<Listener> {
    of(sockets::tcp())
}

/// Those among some sockets. What only this host can connect to is left out.
fn of(sockets: Vec<Socket>) -> Vec<Listener> {
    let listener = |Socket { local, state, .. }| {
        let families = match local.ip() {
            // Whether such a socket takes IPv4 as well isn't told.
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Family::ALL.to_vec(),
            IpAddr::V6(_) => vec![Family::V6],
            IpAddr::V4(_) => vec![Family::V4],
        };
        let reachable = state == LISTEN && !local.ip().is_loopback();
        reachable.then_some(Listener { port: local.port(), families })
    };
    sockets.into_iter().filter_map(listener).collect()
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
        assert_eq!(of(sockets::parse(TCP)), [listener(22, &[Family::V4]), listener(8080, &[Family::V4])]);
        assert_eq!(
            of(sockets::parse(TCP6)),
            [
                listener(22, &[Family::V4, Family::V6]),
                listener(443, &[Family::V6]),
                listener(80, &[Family::V4])
            ]
        );
    }
}
