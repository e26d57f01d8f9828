//! How many instructions the program takes for the packets that most are: as many as `instructions.txt` says, and no more.
//!
//! Times tell nothing on a machine that others use as well; this tells of each change what it costs on the way that it's on. What the kernel
//! makes of an instruction is another matter: one that looks into an array becomes half a dozen. After a change that is worth what it costs,
//! `FRAGWALL_WRITE_DOCS=1 cargo test -p firewall-user --test cost` writes what is so now.

mod frames;
mod image;
mod machine;
mod memory;

use std::{env, fmt::Write as _, fs, path::Path, slice};

use firewall_common::{
    fragment::{
        budget::Limits,
        identity::{HashKey, KEY_WORDS},
        progress::{self, BOUNDARIES},
        source::{Pool, SourceSet},
        table::Set,
    },
    record::Count,
    rules::{Action, Decision, Lookup, Slot},
    stance::{COUNTERS, Stance},
    tally::{self, TALLIES, Tally},
};
use frames::{PIECE, Piece, frame};
use image::Image;
use machine::{Machine, Run};

/// The kernel's clock, in jiffies; how long entries live, and how long the kernel holds a fragment.
const NOW: u64 = 5_000_000_000;
const TIMEOUT: u32 = 30_000;
const HELD: u32 = 60_000;
/// The number of sets of fragments and of sources, as powers of two: the default's.
const SETS: u32 = 14;
const SOURCE_SETS: u32 = 12;
/// By how many of a hundred a count may be above what is written down, since not every compiler makes the same of it.
const LEEWAY: u64 = 2;

const DROP: u64 = 1;
const PASS: u64 = 2;

/// The program, which accepts or denies every UDP packet.
fn machine(action: Action) -> Machine {
    let mut image = Image::of("fragwall");
    let key = HashKey(std::array::from_fn::<_, KEY_WORDS, _>(|n| {
        (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }));
    let mut boundaries = [0; BOUNDARIES];
    progress::fill(&mut boundaries, &key);
    let decision = Decision::new(action, Slot::rule(0).expect("it's the first"));
    image.set("HASH_KEY", bytes(&key.0));
    image.set("BOUNDARY_NUMBERS", bytes(&boundaries));
    image.set("SET_SHIFT", &(u64::BITS - SETS).to_le_bytes());
    image.set("SOURCE_SHIFT", &(u64::BITS - SOURCE_SETS).to_le_bytes());
    image.set("TIMEOUT", &TIMEOUT.to_le_bytes());
    image.set("HELD", &HELD.to_le_bytes());
    image.set("EARLY_PASSES", &1_u32.to_le_bytes());
    image.set("LIMITS", bytes(&[Limits::new(HELD, 1000, 2000); 2]));
    image.set("PROTOCOL_LOOKUPS", bytes(&[Lookup::decided(decision); 512]));
    let mut machine = Machine::new(image, NOW);
    let size = |size: usize| size as u64;
    machine.add_direct("FRAGMENTS", size(size_of::<Set>()), 1 << SETS);
    machine.add_direct("SOURCES", size(size_of::<SourceSet>()), 1 << SOURCE_SETS);
    machine.add_direct("POOLS", size(size_of::<Pool>()), 2);
    machine.add_array("COUNTERS", size(size_of::<Count>()), size(COUNTERS));
    machine.add_array("INTERFACES", size(size_of::<Tally>()), size(TALLIES));
    machine.add_direct("WATCH", 64, 1);
    for verdict in 0..3 {
        let place = tally::place(tally::rows(1).next().expect("there's a row"), Stance::Enforcing, verdict);
        machine.value("INTERFACES", place.into())[..8].copy_from_slice(&1_u64.to_le_bytes());
    }
    machine
}

/// The bytes of what the program knows as well.
fn bytes<T: aya::Pod, const N: usize>(values: &[T; N]) -> &[u8] {
    // SAFETY: they are plain data without padding, which is what `Pod` says of a type, and the slice covers just them.
    unsafe { slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

/// What is counted, in order: packets that leave in the tables what those behind them find there.
struct Counted<'a> {
    machine: Machine,
    family: &'a str,
    counts: &'a mut Vec<(String, u64)>,
}

impl Counted<'_> {
    fn see(&mut self, piece: Option<Piece>, action: u64) -> Run {
        let run = self.machine.run(&frame(self.family == "IPv6", piece));
        assert_eq!(run.action, action, "{}: the action for {piece:?}", self.family);
        run
    }

    fn count(&mut self, what: &str, piece: Option<Piece>, action: u64) {
        let run = self.see(piece, action);
        self.counts.push((format!("{} {what}", self.family), run.executed));
    }
}

const fn piece(id: u16, n: usize, more: bool) -> Option<Piece> {
    Some(Piece { id, offset: n * PIECE, more })
}

/// All counts, by name.
fn counts() -> Vec<(String, u64)> {
    let mut counts = Vec::new();
    for family in ["IPv6", "IPv4"] {
        let mut of = Counted { machine: machine(Action::Allow), family, counts: &mut counts };
        of.count("UDP, whole", None, PASS);
        of.count("first fragment, of a stranger", piece(1, 0, true), PASS);
        of.see(piece(1, 1, false), PASS);
        of.count("first fragment", piece(2, 0, true), PASS);
        of.count("trailing fragment, charged", piece(2, 1, true), PASS);
        of.count("trailing fragment", piece(2, 2, true), PASS);
        of.count("trailing fragment, the last", piece(2, 3, false), PASS);
        of.count("early fragment", piece(3, 1, true), PASS);
        of.count("first fragment behind an early one", piece(3, 0, true), PASS);
        let mut of = Counted { machine: machine(Action::Deny), family, counts: of.counts };
        of.count("UDP, denied", None, DROP);
        of.count("first fragment, denied", piece(1, 0, true), DROP);
        of.count("trailing fragment, denied", piece(1, 1, true), DROP);
    }
    counts
}

#[test]
fn no_way_takes_more_instructions_than_are_written_down() {
    let counts = counts();
    let mut text = String::new();
    for (what, count) in &counts {
        writeln!(text, "{count:5}  {what}").expect("a string takes it");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cost/instructions.txt");
    if env::var_os("FRAGWALL_WRITE_DOCS").is_some() {
        fs::write(&path, &text).expect("the file can be written");
    }
    let written = fs::read_to_string(&path).expect("the file is there");
    let written: Vec<(&str, u64)> = written
        .lines()
        .map(|line| {
            let (count, what) = line.trim_start().split_once("  ").expect("a count, then what it's of");
            (what, count.parse().expect("it's a number"))
        })
        .collect();
    let names: Vec<_> = counts.iter().map(|(what, _)| &**what).collect();
    assert_eq!(names, written.iter().map(|(what, _)| *what).collect::<Vec<_>>(), "{}", path.display());
    let grown: Vec<String> = counts
        .iter()
        .zip(&written)
        .filter(|((_, now), (_, most))| now * 100 > most * (100 + LEEWAY))
        .map(|((what, now), (_, most))| format!("{what}: {now} instructions, for {most}"))
        .collect();
    assert!(grown.is_empty(), "{}\n(all of them:\n{text})", grown.join("\n"));
}

/// What the tables tell comes in: a machine that forgot them would count other ways.
#[test]
fn each_way_is_one_of_its_own() {
    let counts = counts();
    let of = |what: &str| counts.iter().find(|(name, _)| name == what).expect("it's counted").1;
    for family in ["IPv6", "IPv4"] {
        let of = |what: &str| of(&format!("{family} {what}"));
        assert!(of("UDP, whole") < of("trailing fragment"));
        assert!(of("trailing fragment") < of("trailing fragment, charged"));
        assert!(of("first fragment") < of("first fragment, of a stranger"));
        assert!(of("first fragment") < of("first fragment behind an early one"));
    }
}
