//! Processors that write and read one set at once.

use std::{sync::Barrier, thread};

use firewall_common::{
    fragment::{entry::Record, identity::Identity, progress::Progress, table::Set, tick::Tick},
    rules::Decision,
};

const ROUNDS: u32 = 2_000_000;

/// All in one tick: entries are equally old, so both threads make room in the same place, and meet there.
const NOW: Tick = Tick(7);
const TIMEOUT: u32 = 30;

/// More than a set has room for, so that entries are replaced all the time.
const IDENTITIES: u64 = 6;

fn mix(value: u64) -> u64 {
    let value = (value ^ value >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (value ^ value >> 29).wrapping_mul(0xd134_2543_de82_ef95)
}

fn identity(n: u64) -> Identity {
    Identity(mix(n + 1))
}

/// The only record ever written for the `n`th identity with that `first_end`.
fn record(n: u64, first_end: usize) -> Record {
    // Allowed, so that it always finds room; the slot is as good as random.
    let bits = 1 << 13 | mix(n << 16 | first_end as u64) as u16 >> 3;
    Record { decision: Decision::from_bits(bits), first_end, progress: Progress::default() }
}

/// Writes and reads in turn; says how many reads found something.
fn hammer(set: &Set, start: &Barrier, seed: u64) -> u32 {
    let mut found = 0;
    start.wait();
    for round in 0..ROUNDS {
        let random = mix(seed << 32 | u64::from(round));
        let first_end = usize::from((random >> 40) as u16 & !7 | 8);
        let writes = random % IDENTITIES;
        set.insert(identity(writes), record(writes, first_end), NOW.stored(), NOW, TIMEOUT, TIMEOUT);
        let reads = (random >> 20) % IDENTITIES;
        let known = set.find(identity(reads), NOW, TIMEOUT).record();
        if known != Record::UNKNOWN {
            assert_eq!(known, record(reads, known.first_end), "a record that nobody wrote for this identity");
            found += 1;
        }
    }
    found
}

#[test]
fn a_read_gives_what_was_written_for_that_identity_or_nothing() {
    let set = Set::default();
    let start = Barrier::new(2);
    let found: Vec<u32> = thread::scope(|scope| {
        let hands = [1, 2].map(|seed| {
            scope.spawn({
                let (set, start) = (&set, &start);
                move || hammer(set, start, seed)
            })
        });
        hands.into_iter().map(|hand| hand.join().expect("no read was a mixture")).collect()
    });
    assert!(
        found.iter().all(|found| *found > ROUNDS / 10),
        "reads that find nothing prove nothing: {found:?}"
    );
}
