//! Rules change while fragmented datagrams flow: no datagram of another port is lost, and a change holds for the next.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use firewall_tests::harness::host::{HOST, Host};
use firewall_tests::harness::udp::{pending, receive, socket};

/// Allowed throughout.
const STEADY: u16 = 7000;
/// Allowed and deleted in turn.
const CHANGING: u16 = 7001;
/// Denied throughout.
const CLOSED: u16 = 7002;
/// Makes three fragments on the link.
const DATAGRAM: usize = 3000;
const FRAGMENTS: u64 = 3;
/// How many datagrams may be under way, so that no queue overflows where a CPU is late.
const WINDOW: u64 = 16;
/// The pause between two numbers.
const PACE: Duration = Duration::from_micros(200);
/// How many datagrams are sent at least between two changes.
const SENT_BETWEEN: u64 = 12;
const CHANGES: usize = 20;
/// Far longer than any datagram takes; only a lost one is waited for as long.
const LOST: Duration = Duration::from_secs(20);

/// How far the exchange has got; datagrams are numbered from 1, and of each number the one to the steady port is sent
/// last.
#[derive(Default)]
struct Progress {
    /// The last number of which sending has begun.
    begun: AtomicU64,
    /// The last number received at the steady port: all before it have been judged.
    judged: AtomicU64,
    /// Asks the sender to end.
    stop: AtomicBool,
    /// The sender has ended.
    ended: AtomicBool,
}

impl Progress {
    /// Waits until the datagrams up to a number have been judged.
    fn wait_for(&self, number: u64) {
        let start = Instant::now();
        while self.judged.load(Ordering::SeqCst) < number {
            assert!(start.elapsed() < LOST, "datagram {number} to the steady port is lost");
            thread::sleep(Duration::from_micros(200));
        }
    }
}

/// Stops the sender also where an assertion fails, since the scope waits for its threads.
struct StopOnDrop<'a>(&'a Progress);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::SeqCst);
    }
}

/// Sends until it's told to stop; the number of datagrams sent to each port.
fn send(progress: &Progress, sender: &UdpSocket, to: IpAddr) -> u64 {
    let mut datagram = vec![0x5a; DATAGRAM];
    let mut number = 0;
    while !progress.stop.load(Ordering::SeqCst) {
        if number - progress.judged.load(Ordering::SeqCst) >= WINDOW {
            thread::sleep(Duration::from_micros(100));
            continue;
        }
        // A pace at which the fragment table has room for all of the run's datagrams.
        thread::sleep(PACE);
        number += 1;
        datagram[..8].copy_from_slice(&number.to_be_bytes());
        progress.begun.store(number, Ordering::SeqCst);
        for port in [CLOSED, CHANGING, STEADY] {
            sender.send_to(&datagram, SocketAddr::new(to, port)).unwrap();
        }
    }
    progress.ended.store(true, Ordering::SeqCst);
    number
}

fn number_of(datagram: &[u8]) -> u64 {
    assert_eq!(datagram.len(), DATAGRAM);
    u64::from_be_bytes(datagram[..8].try_into().unwrap())
}

/// Receives at the steady port, where every number must come, in order; the numbers that came to the changing port.
fn receive_both(progress: &Progress, steady: &UdpSocket, changing: &UdpSocket) -> BTreeSet<u64> {
    let mut arrived = BTreeSet::new();
    let mut expected = 1;
    while !progress.ended.load(Ordering::SeqCst) || expected <= progress.begun.load(Ordering::SeqCst) {
        let ended = progress.ended.load(Ordering::SeqCst);
        let Some(datagram) = receive(steady, Duration::from_millis(500)).unwrap() else {
            // Nothing is under way any more: what is missing is lost, as the progress tells.
            if ended {
                break;
            }
            continue;
        };
        assert_eq!(number_of(&datagram), expected, "lost or out of order");
        // The one to the changing port was sent before, so it's there now if it was let through.
        arrived.extend(pending(changing).unwrap().iter().map(|datagram| number_of(datagram)));
        progress.judged.store(expected, Ordering::SeqCst);
        expected += 1;
    }
    arrived
}

/// Numbers that must have one fate: those begun after one command returned, and judged before the next one started.
struct Phase {
    allowed: bool,
    numbers: std::ops::RangeInclusive<u64>,
}

fn rules_change_under_traffic(to: IpAddr) {
    let host = Host::new("reload").unwrap();
    let receivers = [STEADY, CHANGING, CLOSED].map(|port| socket(&host.netns, to, port).unwrap());
    let [steady, changing, closed] = &receivers;
    let sender = socket(&host.neighbour, to, 0).unwrap();
    let (allow_steady, changing_match) = (format!("udp {STEADY}"), format!("udp {CHANGING}"));
    host.ok(&["attach", "eth0", "--allow", &allow_steady]).unwrap();

    let progress = Progress::default();
    let mut phases = Vec::new();
    let (sent, arrived) = thread::scope(|scope| {
        let stop = StopOnDrop(&progress);
        let sending = scope.spawn(|| send(&progress, &sender, to));
        let receiving = scope.spawn(|| receive_both(&progress, steady, changing));
        progress.wait_for(SENT_BETWEEN);
        for change in 0..CHANGES {
            let allowed = change % 2 == 0;
            let command = if allowed { "allow" } else { "delete" };
            host.ok(&[command, &changing_match]).unwrap();
            let first = progress.begun.load(Ordering::SeqCst) + 1;
            progress.wait_for(first + SENT_BETWEEN);
            let last = progress.judged.load(Ordering::SeqCst);
            phases.push(Phase { allowed, numbers: first..=last });
        }
        drop(stop);
        let sent = sending.join().unwrap();
        (sent, receiving.join().unwrap())
    });

    let received = progress.judged.load(Ordering::SeqCst);
    assert_eq!(received, sent, "datagrams to the steady port");
    let let_in = pending(closed).unwrap().len();
    assert_eq!(let_in, 0, "datagrams to the closed port");
    for (change, phase) in phases.iter().enumerate() {
        for number in phase.numbers.clone() {
            assert_eq!(
                arrived.contains(&number),
                phase.allowed,
                "datagram {number} of {:?}, after change {change}",
                phase.numbers
            );
        }
    }

    // The rule has counted through all of the reloads.
    let statistics = host.fragwall().json(&["stats"]).unwrap();
    let rule = &statistics["rules"][0];
    assert_eq!(rule["rule"], format!("allow {allow_steady}"));
    assert_eq!(rule["packets"], FRAGMENTS * sent, "{statistics}");
    assert_eq!(rule["trailing"]["packets"], (FRAGMENTS - 1) * sent, "{statistics}");
}

#[test]
fn rules_change_under_fragmented_ipv6_datagrams() {
    rules_change_under_traffic(HOST[0]);
}

#[test]
fn rules_change_under_fragmented_ipv4_datagrams() {
    rules_change_under_traffic(HOST[1]);
}
