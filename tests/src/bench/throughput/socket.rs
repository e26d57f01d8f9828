//! The socket that accepted datagrams reach. Nobody reads it while they come, so that most are dropped at its full buffer: the last step that
//! the kernel's stack takes with each.

use std::{fs::File, net::UdpSocket, os::unix::fs::FileExt as _};

use anyhow::{Context as _, Result};

use super::super::contenders::ALLOWED;
use crate::harness::{
    host::{HOST, Host},
    udp,
};

/// Where a network namespace counts its datagrams, for the thread that opens it.
const PATH: &str = "/proc/thread-self/net/snmp6";
/// Room for all that is counted there.
const ROOM: usize = 16384;
/// The counters of datagrams that reached a socket: those that were read, and those that its buffer had no room for.
const COUNTERS: [&str; 3] = ["Udp6InDatagrams", "Udp6RcvbufErrors", "Udp6MemErrors"];

/// Such a socket.
#[derive(Debug)]
pub(super) struct Socket {
    socket: UdpSocket,
    counters: File,
}

impl Socket {
    /// On the port that traffic goes to.
    ///
    /// # Errors
    /// The port is taken, or the namespace can't be entered.
    pub(super) fn new(host: &Host) -> Result<Self> {
        Ok(Self {
            socket: udp::socket(&host.netns, HOST[0], ALLOWED[1])?,
            counters: host.netns.enter(|| File::open(PATH).context(PATH))?,
        })
    }

    /// How many datagrams have reached it so far; its buffer is empty after that.
    ///
    /// # Errors
    /// The socket fails, or the kernel counts nothing.
    pub(super) fn reached(&self) -> Result<u64> {
        udp::pending(&self.socket)?;
        let mut text = [0; ROOM];
        let length = self.counters.read_at(&mut text, 0).context(PATH)?;
        reached(&String::from_utf8_lossy(&text[..length]))
            .with_context(|| format!("{PATH} has no {}", COUNTERS[0]))
    }
}

/// The sum of the counters; the first is in every kernel.
fn reached(text: &str) -> Option<u64> {
    let count =
        |name: &&str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
    count(&COUNTERS[0])?;
    Some(COUNTERS.iter().filter_map(count).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_and_what_had_no_room_has_reached_the_socket() {
        let text = "Udp6InDatagrams                 \t5\nUdp6NoPorts \t70\nUdp6InErrors \t4\nUdp6RcvbufErrors \t3\nUdp6MemErrors \t1\n";
        assert_eq!(reached(text), Some(9));
        assert_eq!(reached("Udp6InDatagrams 5\n"), Some(5));
        assert_eq!(reached("Udp6NoPorts 5\n"), None);
    }
}
