//! Against the real reassembler: the kernel's own stack, once without a filter and once behind it, gets the same random
//! fragments. Nothing may come to a denied port behind the filter, and all that the unfiltered stack delivers at allowed
//! ports must be delivered there too, byte for byte.
//!
//! A failure names its seed and the fewest frames that still show it. `FRAGWALL_SEED=N` runs the sessions from that seed on;
//! `FRAGWALL_REPLAY=FILE` sends such frames and says what is delivered; `fragwall explain` reads them too.

mod by_design;
mod comparison;
mod datagram;
mod exchange;
mod failure;
mod session;
mod twins;

use std::collections::BTreeMap;

use firewall_tests::harness::packet::random::Random;

use comparison::Tally;
use exchange::Kind;
use session::Session;
use twins::{MODES, Twins};

/// Pairs of hosts that are made.
const SESSIONS: u64 = 10;
/// Datagrams that the unfiltered host must deliver at allowed ports, of each kind and in all: a run of less proves little.
const LEAST: usize = 10;
const LEAST_IN_ALL: usize = 8000;

#[test]
fn random_fragments_are_delivered_as_without_a_filter() {
    if let Ok(file) = std::env::var("FRAGWALL_REPLAY") {
        return failure::replay(&file).unwrap_or_else(|error| panic!("{error:#}"));
    }
    let start = std::env::var("FRAGWALL_SEED").ok();
    let start = start.map_or(1, |text| text.parse().expect("FRAGWALL_SEED is a number"));
    let mut tallies: BTreeMap<Kind, Tally> = BTreeMap::new();
    for seed in start..start + SESSIONS {
        let mode = MODES[(seed % MODES.len() as u64) as usize];
        let session = Session::new(&mut Random::new(seed));
        let frames = session.frames.iter().map(|frame| frame.bytes.as_slice());
        let delivered = Twins::new(mode).and_then(|twins| twins.send(frames));
        let delivered = delivered.unwrap_or_else(|error| panic!("seed {seed}, mode {mode}: {error:#}"));
        if let Err(difference) = session.compare(&delivered) {
            panic!("{}", failure::report(seed, mode, &session, &difference));
        }
        session.tally(&delivered, &mut tallies);
        println!("seed {seed}, mode {mode}: {} frames", session.frames.len());
    }
    println!("{tallies:#?}");
    let mut all = 0;
    for kind in Kind::ALL {
        let tally = tallies.get(kind).copied().unwrap_or_default();
        all += tally.allowed;
        // A datagram with a part missing is never delivered.
        let enough = *kind == Kind::Incomplete || tally.allowed.min(tally.denied) >= LEAST;
        assert!(enough, "of kind {} too little was delivered: {tally:?}", kind.name());
    }
    assert!(all >= LEAST_IN_ALL, "only {all} datagrams were delivered at allowed ports");
}
