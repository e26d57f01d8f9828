//! What is told of a difference: as little as still shows it.

use std::fmt::Write as _;

use firewall_tests::harness::{hex, kernel::Setup, minimise::minimise, ruleset::Probe};
use fragwall::ruleset::Rule;

use crate::session::{Engines, Expected, Session};

/// How many rulesets are tried to find the fewest rules, natively …
const ATTEMPTS: usize = 2000;
/// … and by loading each into the kernel.
const LOADS: usize = 60;

/// Something else was found than the rules say.
#[derive(Debug)]
pub struct Difference {
    /// Whether the kernel found it, and not this process.
    pub by_kernel: bool,
    /// By which of the packet's frames.
    pub place: usize,
    /// What the rules say.
    pub expected: Expected,
    /// What was found.
    pub found: Expected,
}

/// The fewest rules, and the packet.
pub fn report(session: &Session, probe: &Probe, difference: &Difference) -> String {
    let Session { seed, setup, .. } = session;
    let of = |rules: &[Rule]| Setup { rules: rules.to_vec(), ..setup.clone() };
    let differ = |rules: &[Rule]| {
        let setup = of(rules);
        Engines::new(&setup, difference.by_kernel).difference(&setup, probe)
    };
    let mut text = format!("seed {seed}, {} rules, default {:?}\n", setup.rules.len(), setup.default);
    let attempts = if difference.by_kernel { LOADS } else { ATTEMPTS };
    let few = minimise(setup.rules.clone(), attempts, |rules| {
        differ(rules).and_then(|_| rules.len().checked_sub(1))
    });
    match differ(&few) {
        Some(Difference { by_kernel, place, expected, found }) => {
            let who = if by_kernel { "the kernel" } else { "the native code" };
            let _ = writeln!(text, "frame {place}: expected {expected:?}, {who} found {found:?}\nthe rules:");
            few.iter().for_each(|rule| {
                let _ = writeln!(text, "    {rule}");
            });
        }
        None => {
            let _ = writeln!(text, "{difference:?}, but not without the packets before it");
        }
    }
    let frames = probe.frames();
    let _ = write!(text, "{probe:?}\n{}", hex::lines(frames.iter().map(Vec::as_slice)));
    text
}
