//! An interface's own counters, as /proc/net/dev has them.

use std::fs;

use anyhow::{Context as _, Result};

/// The counters of the interfaces of the current thread's network namespace.
const FILE: &str = "/proc/thread-self/net/dev";

/// What an interface has counted since it was made.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Counters {
    pub(super) received: Count,
    pub(super) receive_dropped: u64,
    pub(super) sent: Count,
    pub(super) send_dropped: u64,
}

/// Packets and bytes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Count {
    pub(super) packets: u64,
    pub(super) bytes: u64,
}

impl Counters {
    /// Those of an interface.
    pub(super) fn read(interface: &str) -> Result<Self> {
        let text = fs::read_to_string(FILE).with_context(|| format!("can't read {FILE}"))?;
        parse(&text, interface).with_context(|| format!("{FILE} tells nothing of {interface}"))
    }

    /// What was counted since an earlier moment.
    pub(super) fn since(&self, before: &Self) -> Self {
        Self {
            received: self.received.since(before.received),
            receive_dropped: self.receive_dropped.saturating_sub(before.receive_dropped),
            sent: self.sent.since(before.sent),
            send_dropped: self.send_dropped.saturating_sub(before.send_dropped),
        }
    }
}

impl Count {
    /// An interface that was made anew meanwhile has counted less than before.
    fn since(self, before: Self) -> Self {
        Self {
            packets: self.packets.saturating_sub(before.packets),
            bytes: self.bytes.saturating_sub(before.bytes),
        }
    }
}

/// Eight columns of what was received (bytes, packets, errors, dropped, and others), and eight of what was sent.
fn parse(text: &str, interface: &str) -> Option<Counters> {
    let columns = text.lines().find_map(|line| {
        let (name, columns) = line.split_once(':')?;
        (name.trim() == interface).then_some(columns)
    })?;
    let columns: Vec<u64> =
        columns.split_whitespace().map(|column| column.parse().ok()).collect::<Option<_>>()?;
    let count = |at: usize| Some(Count { packets: *columns.get(at + 1)?, bytes: *columns.get(at)? });
    Some(Counters {
        received: count(0)?,
        receive_dropped: *columns.get(3)?,
        sent: count(8)?,
        send_dropped: *columns.get(11)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:  100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
  eth0: 2000      20    1    2    3     4          5         6     3000      30    7    8    9    10      11         12
eth0.5:    5       4    3    2    1     0          0         0        9       8    7    6    5     4       3          2
";

    #[test]
    fn columns_are_told_apart() {
        let counters = parse(TEXT, "eth0").unwrap();
        assert_eq!(
            counters,
            Counters {
                received: Count { packets: 20, bytes: 2000 },
                receive_dropped: 2,
                sent: Count { packets: 30, bytes: 3000 },
                send_dropped: 8
            }
        );
        assert_eq!(parse(TEXT, "eth0.5").unwrap().send_dropped, 6);
        assert_eq!(parse(TEXT, "eth"), None);
        assert_eq!(parse("eth0: 1 2 3", "eth0"), None);
    }

    #[test]
    fn what_was_made_anew_has_counted_nothing_before() {
        let before = parse(TEXT, "eth0").unwrap();
        assert_eq!(Counters::default().since(&before), Counters::default());
        assert_eq!(before.since(&Counters::default()), before);
    }
}
