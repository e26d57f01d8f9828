//! What rules mean, three times over: tried one by one as they are written, compiled and looked up in this process, and
//! compiled and looked up by the kernel program. For random rulesets and random packets all of them must find the same rule.
//!
//! A failure names its seed, the fewest rules and the one packet that still show it. `FRAGWALL_SEED=N` runs from that seed on.

mod difference;
mod session;

use firewall_common::rules::Action;
use session::Session;

/// How many rules there are. At 64 a set of them has two words, and 4,096 are the most.
const SIZES: [usize; 11] = [0, 1, 2, 3, 16, 63, 64, 65, 256, 1000, 4096];

/// The rulesets of all sizes, `rounds` of each, with all defaults.
fn sessions(rounds: impl Fn(usize) -> usize, packets: usize) -> impl Iterator<Item = Session> {
    let start = std::env::var("FRAGWALL_SEED").ok();
    let start: u64 = start.map_or(1, |text| text.parse().expect("FRAGWALL_SEED is a number"));
    let sizes: Vec<usize> =
        SIZES.into_iter().flat_map(|size| std::iter::repeat_n(size, rounds(size))).collect();
    (start..).zip(sizes).map(move |(seed, size)| {
        let default = Action::ALL[seed as usize % Action::ALL.len()];
        Session::new(seed, size, default, packets)
    })
}

#[test]
fn the_native_code_finds_what_the_rules_say() {
    // A small ruleset asks for few fields, and is soon judged.
    let rounds = |size| match size {
        0 => 3,
        1..=99 => 30,
        100..=999 => 10,
        _ => 3,
    };
    sessions(rounds, 3000).for_each(|session| session.run(false));
}

#[test]
fn the_kernel_finds_what_the_rules_say() {
    // What takes time is to load the program.
    sessions(|_| 1, 20_000).for_each(|session| session.run(true));
}
