//! Fragments that differ from packet to packet, made in the kernel: what a datagram's fragments cost, in turn.
//!
//! A flow has stages, each a generator of its own that gives the same program some fragments of each of some datagrams:
//! all first fragments, then all that come next, and so on. One stage is timed. What the generator itself costs is timed
//! with the program that does nothing.

use std::num::NonZeroU32;

use anyhow::{Context as _, Result, ensure};
use firewall_common::{
    fragment::{budget::Limits, tick::Tick},
    packet::Family,
    rules::Action,
};
use fragwall::{
    kernel::{
        document::Document,
        generator::{Generator, Ids, Plan, Target},
        instance::{Instance, Settings, host},
    },
    ruleset::{Compiled, Config, Fragments, Names, Rule},
};

use super::{Timed, report::Row};
use crate::harness::packet::{Ether, Internet as _, Payload, cuts_for, ip4, ip6, pattern};

/// How many datagrams a stage has in a row: a quarter of what the default table has room for.
const DATAGRAMS: u32 = 16384;
/// How many frames a run has of a datagram that is sent again and again.
const REPEAT: u32 = 20_000;
/// The default number of entries.
pub(super) const TABLE: u32 = 65536;
/// How many trailing fragments of a datagram come in a row.
const TRAILING: usize = 63;
/// The size of a datagram, and of its three fragments, in bytes.
const DATAGRAM: usize = 192;
const PIECE: usize = DATAGRAM / 3;
/// Which bits of a source address's second 32 differ where each datagram comes from a network of its own.
const ANY_NETWORK: u32 = u32::MAX;
/// A budget that isn't used up, in fragments.
const PLENTY: u32 = 1 << 30;

/// A port that the rules allow, and one that they don't.
const ALLOWED: u16 = 4500;
const DENIED: u16 = 53;

/// The stages of a flow, and which one is timed.
#[derive(Debug)]
pub struct Flow {
    name: String,
    instance: Instance,
    stages: Vec<Generator>,
    timed: usize,
    yardstick: Generator,
    /// For a row about what comes behind the first frame of a round: how many frames that is, and the first one's own flow.
    behind: Option<(f64, Box<Flow>)>,
    repeat: u32,
    expected: u32,
}

/// `XDP_DROP` and `XDP_PASS`.
const DROP: u32 = 1;
const PASS: u32 = 2;

/// What a flow consists of.
#[derive(Clone, Copy, Debug)]
struct Stages<'a> {
    family: Family,
    port: u16,
    /// The size of each fragment but the last, in bytes.
    piece: usize,
    /// Which of the datagram's pieces each stage sends.
    pieces: &'a [&'a [usize]],
    /// Which stage is timed.
    timed: usize,
    ids: Ids,
    /// Which bits differ at random in the networks that datagrams come from.
    networks: u32,
    /// How many datagrams a first fragment is ahead of the others that come in the same round, if they are [`Ids::Stepped`].
    ahead: u32,
}

const IN_ORDER: Stages<'_> = Stages {
    family: Family::V6,
    port: ALLOWED,
    piece: PIECE,
    pieces: &[&[0], &[1], &[2]],
    timed: 0,
    ids: Ids::Counted,
    networks: 0,
    ahead: 0,
};

/// The fragments of a datagram with an identification, all of the same length.
fn pieces(stages: &Stages<'_>, id: u32) -> Vec<Vec<u8>> {
    let data = pattern(DATAGRAM - 8);
    let cuts = cuts_for(DATAGRAM, stages.piece);
    match stages.family {
        Family::V6 => {
            frames(ip6("2001:db8::1", "2001:db8::2").udp(4500, stages.port, &data).fragments(id, &cuts))
        }
        Family::V4 => {
            frames(ip4("198.18.0.1", "192.0.2.2").udp(4500, stages.port, &data).fragments(id as u16, &cuts))
        }
    }
}

fn frames<P: Payload>(fragments: Vec<P>) -> Vec<Vec<u8>> {
    fragments.into_iter().map(|fragment| Ether::to(fragment).frame()).collect()
}

/// A program with a table of so many entries; with the budget of this host, or one that isn't used up.
pub(super) fn program(table: u32, budget: bool) -> Result<Instance> {
    program_with(table, budget, Action::Allow)
}

/// One that drops trailing fragments whose first one it hasn't seen, so that those that pass have been found.
fn strict() -> Result<Instance> {
    program_with(TABLE, false, Action::Deny)
}

fn program_with(table: u32, budget: bool, early: Action) -> Result<Instance> {
    let rules = ["allow tcp 22", "allow @ike"].map(|rule| Rule::parse(rule, Names::system()));
    let rules = rules.into_iter().collect::<Result<_, _>>()?;
    let fragments = Fragments { table, ..Fragments::default() };
    let document = Document::new(Config { rules, fragments, replies: None, ..Config::default() })?;
    let compiled = Compiled::new(&document.rules(), document.config.default, &host()?)?;
    let mut settings = Settings::of_document(&document, &compiled, false)?;
    // The measurements take longer than an entry lives by default.
    settings.timeout = Tick::MAX_AGE;
    settings.early = early;
    if !budget {
        settings.limits = [Limits::new(Tick::MAX_AGE, PLENTY, PLENTY); 2];
    }
    Ok(Instance::load(&settings)?)
}

impl Flow {
    fn new(
        name: impl Into<String>,
        mut instance: Instance,
        stages: Stages<'_>,
        repeat: u32,
        expected: u32,
    ) -> Result<Self> {
        let mut noop = Instance::noop().context("loading the program that does nothing")?;
        let mut pieces = pieces(&stages, 0);
        // A datagram that is complete makes the source known that all come from, where it's one.
        for piece in &pieces {
            instance.run(piece, 1)?;
        }
        pieces[0] = self::pieces(&stages, stages.ahead).swap_remove(0);
        let generator = |which: &[usize], target: Target<'_>| {
            let frames: Vec<_> = which.iter().map(|&piece| pieces[piece].clone()).collect();
            let Stages { ids, networks: sources, .. } = stages;
            let plan = Plan { frames: &frames, ids, sources, seed: 1, rounds: None };
            Generator::load(&plan, target, None)
        };
        let yardstick = generator(stages.pieces[stages.timed], Target::Program(&mut noop))?;
        let mut generators = Vec::new();
        for which in stages.pieces {
            generators.push(generator(which, Target::Program(&mut instance))?);
        }
        let (name, timed) = (name.into(), stages.timed);
        Ok(Self { name, instance, stages: generators, timed, yardstick, behind: None, repeat, expected })
    }

    /// A row about what comes behind a first frame: what a round takes, less what the first one takes alone.
    fn behind(name: impl Into<String>, stages: Stages<'_>, first: usize, rest: &[usize]) -> Result<Self> {
        let flow = |name, pieces: &[usize]| {
            let stages = Stages { pieces: &[pieces], ..stages };
            Self::new(name, program(TABLE, false)?, stages, REPEAT, PASS)
        };
        let alone = Box::new(flow(String::new(), &[first])?);
        let round = [&[first], rest].concat();
        Ok(Self { behind: Some((rest.len() as f64, alone)), ..flow(name.into(), &round)? })
    }

    /// Runs some packets of the timed stage that nobody times.
    fn ahead(mut self, packets: u32) -> Result<Self> {
        self.stages[self.timed].run(packets)?;
        Ok(self)
    }
}

impl Timed for Flow {
    fn check(&mut self) -> Result<()> {
        let Self { name, expected, timed, repeat, .. } = self;
        for (n, stage) in self.stages.iter_mut().enumerate() {
            let action = stage.run(*repeat)?.action;
            ensure!(n != *timed || action == *expected, "{name}: XDP action {action} instead of {expected}");
        }
        Ok(())
    }

    fn sample(&mut self, most: u32) -> Result<(f64, f64)> {
        let repeat = self.repeat.min(most);
        let yardstick = self.yardstick.run(repeat)?.duration.as_nanos() as f64;
        let mut timed = 0.0;
        for (n, stage) in self.stages.iter_mut().enumerate() {
            let run = stage.run(repeat)?;
            if n == self.timed {
                timed = run.duration.as_nanos() as f64;
            }
        }
        match &mut self.behind {
            None => Ok((timed, yardstick)),
            Some((count, first)) => {
                let first = first.sample(most)?;
                let rest = |round: f64, first: f64| ((*count + 1.0) * round - first) / *count;
                Ok((rest(timed, first.0), rest(yardstick, first.1)))
            }
        }
    }

    fn row(&mut self, samples: &[(f64, f64)]) -> Result<Row> {
        Row::new(self.name.clone(), samples, Some(self.instance.size()?))
    }
}

/// What each kind of fragment costs while what is known of its datagram is in the CPU's cache.
///
/// # Errors
/// The kernel refuses a program.
pub fn kinds() -> Result<Vec<Flow>> {
    let mut flows = Vec::new();
    for family in [Family::V6, Family::V4] {
        let stages = Stages { family, ids: Ids::Same, piece: DATAGRAM / 2, ..IN_ORDER };
        let name = |what: &str| format!("{} {what}", family.name());
        let alone = |what, piece: usize| {
            Flow::new(
                name(what),
                program(TABLE, false)?,
                Stages { pieces: &[&[piece]], ..stages },
                REPEAT,
                PASS,
            )
        };
        flows.push(alone("first fragment, the same again", 0)?);
        let three = Stages { piece: PIECE, ..stages };
        let what = name("trailing fragment, more follow");
        flows.push(Flow::behind(what, three, 0, &[1; TRAILING])?);
        let both = Stages { pieces: &[&[0, 1]], ..stages };
        let what = name("first and last of a new datagram, each");
        flows.push(Flow::new(what, program(TABLE, false)?, both, REPEAT, PASS)?);
        let reversed = Stages { pieces: &[&[1, 0]], ..stages };
        let what = name("early one and its first in turn, each");
        flows.push(Flow::new(what, program(TABLE, false)?, reversed, REPEAT, PASS)?);
    }
    Ok(flows)
}

/// What a flood costs, of random sources and identifications.
///
/// # Errors
/// The kernel refuses a program.
pub fn floods() -> Result<Vec<Flow>> {
    let flood = Stages { pieces: &[&[0]], ids: Ids::Random, networks: ANY_NETWORK, ..IN_ORDER };
    let flow = |what, stages| Flow::new(what, program(TABLE, true)?, stages, DATAGRAMS, DROP);
    [
        flow("flood of accepted first fragments", flood)?.ahead(DATAGRAMS),
        flow("flood of denied first fragments", Stages { port: DENIED, ..flood })?.ahead(4 * TABLE),
        flow("flood of early fragments", Stages { pieces: &[&[2]], ..flood })?.ahead(DATAGRAMS),
    ]
    .into_iter()
    .collect()
}

/// What the size of the table costs: first fragments into one that is empty at the beginning, and into one that is full of
/// accepted datagrams, the oldest of which must give way.
///
/// # Errors
/// The kernel refuses a program.
pub fn sizes() -> Result<Vec<Flow>> {
    let mut flows = Vec::new();
    for (table, size) in [(1 << 10, "1 Ki"), (1 << 16, "64 Ki"), (1 << 20, "1 Mi")] {
        // So few that hardly any set overflows.
        let repeat = DATAGRAMS.min(table / 8);
        let empty = Stages { ids: Ids::Random, ..IN_ORDER };
        let name = |what: &str| format!("first into {what} table of {size}");
        flows.push(Flow::new(name("an empty"), program(table, false)?, empty, repeat, PASS)?);
        let full = Stages { pieces: &[&[0]], ..empty };
        flows.push(Flow::new(name("a full"), program(table, false)?, full, repeat, PASS)?.ahead(6 * table)?);
    }
    Ok(flows)
}

/// What it costs that more datagrams are in flight: the first fragment of one and the last of another that began so many before, in turn.
///
/// # Errors
/// The kernel refuses a program.
pub fn in_flight() -> Result<Vec<Flow>> {
    let flow = |ahead: u32| {
        let ids = Ids::Stepped(NonZeroU32::MIN);
        let stages = Stages { piece: DATAGRAM / 2, pieces: &[&[0, 1]], ids, ahead, ..IN_ORDER };
        let name = format!("first of one and last of another, {ahead} in flight");
        // The last fragments of so many have no first ones.
        Flow::new(name, strict()?, stages, REPEAT, PASS)?.ahead(4 * ahead)
    };
    [1, 64, 1024, 4096, DATAGRAMS].into_iter().map(flow).collect()
}

/// What it costs that datagrams come from more sources: more than the table of sources has room for, in the end.
///
/// # Errors
/// The kernel refuses a program.
pub fn sources() -> Result<Vec<Flow>> {
    let flow = |bits: u32| {
        let networks = (1 << bits) - 1;
        let stages =
            Stages { piece: DATAGRAM / 2, pieces: &[&[0, 1]], ids: Ids::Counted, networks, ..IN_ORDER };
        let name = match bits {
            0 => "first and last of a new datagram, one source".to_owned(),
            _ => format!("first and last of a new datagram, {} sources", 1 << bits),
        };
        // Nearly all of them have been there before.
        Flow::new(name, strict()?, stages, REPEAT, PASS)?.ahead(16 << bits)
    };
    [0, 8, 10, 12, 14, 16].into_iter().map(flow).collect()
}

/// The same packets through Fragwall's table alone and through an LRU hash map: both full, each of `TABLE` entries.
///
/// # Errors
/// The kernel refuses a program.
pub fn tables() -> Result<Vec<Flow>> {
    let insert = Stages { pieces: &[&[0]], ids: Ids::Random, ..IN_ORDER };
    let look_up = Stages { pieces: &[&[0], &[2]], timed: 1, ..insert };
    let mut flows = Vec::new();
    for (what, stages) in [("insert", insert), ("look up", look_up)] {
        for (table, lru) in [("Fragwall's table", false), ("LRU hash map", true)] {
            let name = format!("{what}, {table} alone");
            flows.push(Flow::new(name, Instance::tables(lru)?, stages, DATAGRAMS, PASS)?.ahead_of_first()?);
        }
    }
    Ok(flows)
}

impl Flow {
    /// Fills the table by the first stage, whichever is timed.
    fn ahead_of_first(mut self) -> Result<Self> {
        for stage in &mut self.stages {
            stage.run(4 * TABLE)?;
        }
        Ok(self)
    }
}
