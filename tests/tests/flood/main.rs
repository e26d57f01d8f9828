//! Fragments flood in, as fast as the machine makes them, and those who have to do with the host notice nothing of it.
//!
//! The flood and all else arrive by the same interface, which Fragwall filters. It has two receive queues, as a NIC has
//! several. The flood is made by one CPU, which fills one of them: an XDP frame's queue is that of the CPU that sends it.
//! All that the neighbour's network stack sends arrives in the other, since its end of the link has one send queue only.
//! A frame that shares a queue with more than the host can take is lost before any filter sees it, and whatever the filter
//! is; here the link loses nothing but of the flood, so each datagram that is missing was lost to the filter or behind it.
//! The host's reassembly has the memory that the kernel gives it by default.
//!
//! A flood from random sources of fragments that the filter can't deny leaves no room for strangers: then those that are
//! promised service are the sources that the host has had a fragmented datagram of before.

mod legitimate;

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result};
use firewall_tests::harness::{
    bpffs::Bpffs,
    cpu,
    flood::{
        attack::{Attack, Effort},
        kind::{Kind, Sources},
    },
    fragwall::{Fragwall, Statistics},
    interrupt,
};
use firewall_tests::ike::{
    certificates::{Certificates, Role},
    charon::Outcome,
    hosts::{Family, Hosts, INTERFACE},
    require_tools,
};

use legitimate::{Delivery, Legitimate};

/// The link's MTU in bytes: the least that IPv6 allows.
const MTU: u32 = 1280;
/// The port of the legitimate datagrams that aren't IKE.
const PORT: u16 = 7000;
/// How many datagrams are sent with their fragments in order.
const IN_ORDER: u32 = 1000;
/// How many are sent last fragment first.
const REVERSED: u32 = 200;
/// How many packets of the flood must have been judged before legitimate traffic begins, and then during it.
const FLOOD_BEFORE: u64 = 10_000;
const FLOOD_DURING: u64 = 100_000;

/// Each test wants both CPUs for itself. It tells whether the table has its head already.
static ALONE: Mutex<bool> = Mutex::new(false);

/// What came of legitimate traffic during a flood.
#[derive(Debug)]
struct Report {
    /// Packets of all kinds that Fragwall judged, and those of them that it passed.
    judged: u64,
    passed: u64,
    seconds: f64,
    in_order: Delivery,
    reversed: Delivery,
    ike: Outcome,
    retransmissions: usize,
}

/// Fragwall's totals.
fn totals(statistics: &Statistics) -> (u64, u64) {
    (statistics.passed() + statistics.dropped(), statistics.passed())
}

fn survive(family: Family, kind: Kind, sources: Sources) -> Result<Report> {
    let [own_cpu, flood_cpu] = cpu::two()?;
    // The daemons and the legitimate traffic run where the flood doesn't, as on a machine with CPUs to spare.
    cpu::pin(own_cpu)?;
    // The sender's CPU number, modulo the number of queues, is the queue.
    let hosts = Hosts::new(family, MTU, flood_cpu + 1)?;
    let bpffs = Bpffs::new()?;
    let fragwall = Fragwall { netns: &hosts.responder, bpffs: &bpffs };
    fragwall.run_ok(&["attach", INTERFACE, "--allow", "@ike", "--allow", &format!("udp {PORT}")])?;
    let daemons = hosts.start_daemons(&Certificates::shared()?)?;
    let mut legitimate = Legitimate::new(&hosts, PORT)?;

    if kind.crowds_out_strangers(sources) {
        legitimate.become_known().context("before the flood")?;
        anyhow::ensure!(daemons.exchange()? == Outcome::Established, "no IKE SA before the flood");
        daemons.end_exchange()?;
    }

    let ethernet = hosts.responder.interface(INTERFACE)?.address;
    let ammunition = kind.plan(family.address(Role::Responder), &ethernet, sources);
    let attack = Attack::begin(&hosts.initiator, INTERFACE, &ammunition, Effort::Full, flood_cpu)?;
    attack.wait_until(|| Ok(totals(&fragwall.statistics()?).0 >= FLOOD_BEFORE))?;
    let before = totals(&fragwall.statistics()?);
    let start = Instant::now();

    let mut in_order = legitimate.send_in_order(IN_ORDER)?;
    let reversed = legitimate.send_reversed(REVERSED)?;
    let ike = daemons.exchange()?;
    // On a slow machine all that is over before the flood has had its time.
    while totals(&fragwall.statistics()?).0 - before.0 < FLOOD_DURING {
        attack.check()?;
        in_order += legitimate.send_in_order(IN_ORDER)?;
    }

    let seconds = start.elapsed().as_secs_f64();
    let after = totals(&fragwall.statistics()?);
    attack.end()?;
    Ok(Report {
        judged: after.0 - before.0,
        passed: after.1 - before.1,
        seconds,
        in_order,
        reversed,
        ike,
        retransmissions: daemons.retransmissions(),
    })
}

fn nothing_is_lost(family: Family, kind: Kind, sources: Sources) {
    let mut has_head = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    interrupt::install().unwrap();
    require_tools().unwrap_or_else(|error| panic!("{error}"));
    let report = survive(family, kind, sources).unwrap_or_else(|error| panic!("{error:?}"));

    let Report { judged, passed, seconds, in_order, reversed, ike, retransmissions } = &report;
    if !std::mem::replace(&mut *has_head, true) {
        println!(
            "{:<45} {:>10} {:>9} {:>13} {:>13}  IKE (sent again)",
            "flood", "packets/s", "passed", "in order", "reversed"
        );
    }
    println!(
        "{:<45} {:>10.0} {passed:>9} {:>13} {:>13}  {ike} ({retransmissions})",
        format!("{family}, {kind}, {sources}"),
        *judged as f64 / seconds,
        in_order.to_string(),
        reversed.to_string(),
    );
    assert_eq!(in_order.lost(), 0, "{report:#?}");
    assert_eq!(reversed.lost(), 0, "{report:#?}");
    assert_eq!(*ike, Outcome::Established, "{report:#?}");
}

macro_rules! floods {
    ($($name:ident: $kind:expr;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn ipv6_from_one_source() {
                nothing_is_lost(Family::V6, $kind, Sources::One);
            }

            #[test]
            fn ipv6_from_random_sources() {
                nothing_is_lost(Family::V6, $kind, Sources::Random);
            }

            #[test]
            fn ipv4_from_one_source() {
                nothing_is_lost(Family::V4, $kind, Sources::One);
            }

            #[test]
            fn ipv4_from_random_sources() {
                nothing_is_lost(Family::V4, $kind, Sources::Random);
            }
        }
    )*};
}

floods! {
    accepted_first_fragments: Kind::AcceptedFirsts;
    denied_first_fragments: Kind::DeniedFirsts;
    orphans: Kind::Orphans;
    overlapping_fragments: Kind::Overlapping;
}

/// From random sources they aren't held back: whoever completes a datagram is known, and nobody can tell that an address is
/// made up.
mod stragglers {
    use super::*;

    #[test]
    fn ipv6_from_one_source() {
        nothing_is_lost(Family::V6, Kind::Stragglers, Sources::One);
    }

    #[test]
    fn ipv4_from_one_source() {
        nothing_is_lost(Family::V4, Kind::Stragglers, Sources::One);
    }
}
