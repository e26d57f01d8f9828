//! What it costs to be watched: a packet that is dropped while nobody watches, and while somebody does.

use anyhow::Result;
use fragwall::observe::event::which::Which;

use super::{
    cases::{Case, DROP, frame},
    flows::{TABLE, program},
};
use crate::harness::packet::{Internet as _, ip6, pattern};

/// How many packets a second `fragwall monitor` asks for by itself, and the most that it can be told to ask for.
const RATE: u32 = 1000;
const MOST: u32 = 1_000_000;

/// The cases. So many packets come in a row that hardly any of them is told of: for want of room in the rate's bucket, or, since
/// nobody reads them, in the ring.
///
/// # Errors
/// The kernel refuses the program.
pub fn all() -> Result<Vec<Case>> {
    let cases = [
        ("IPv6 UDP, denied, nobody watches", None),
        ("the same, watched, beyond the rate", Some(RATE)),
        ("the same, watched, the ring is full", Some(MOST)),
    ];
    cases.into_iter().map(|(name, rate)| case(name, rate)).collect()
}

fn case(name: &str, rate: Option<u32>) -> Result<Case> {
    let mut instance = program(TABLE, false)?;
    if let Some(rate) = rate {
        instance.tell(&Which::default().asked(rate))?;
    }
    let denied = ip6("2001:db8::be6b:d879", "2001:db8:f:608::2").udp(9, 53, &pattern(100));
    Case::new(name, instance, frame(denied), DROP)
}
