//! What a filter has counted, by reason and by rule: what became of packets, and apart from that what would have become of
//! those that it only observed.

use firewall_common::{
    record::Count,
    rules::{Action, Decision, SLOTS, Slot},
    stance::Stance,
    verdict::{Cell, Reason, Verdict},
};
use serde::Serialize;

use super::last_hit::LastHit;
use crate::{
    kernel::{Error, clock::Clock, counters::Counters, document::Document},
    ruleset::action,
};

/// Packets and bytes, as JSON has them. Bytes are those of whole frames, without preamble and checksum.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Total {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

impl From<Count> for Total {
    fn from(Count { packets, bytes, last: _ }: Count) -> Self {
        Self { packets, bytes }
    }
}

/// The packets of one reason and verdict.
#[derive(Clone, Debug, Serialize)]
pub struct ReasonStats {
    /// [`Reason::name`].
    pub reason: &'static str,
    /// [`Verdict::name`].
    pub verdict: &'static str,
    /// How many.
    #[serde(flatten)]
    pub total: Total,
}

/// The packets credited to one rule.
#[derive(Clone, Debug, Serialize)]
pub struct RuleStats {
    /// Its number in the list, from 1.
    pub number: usize,
    /// The rule.
    pub rule: String,
    /// All of them.
    #[serde(flatten)]
    pub total: Total,
    /// The trailing fragments among them, credited to the rule that their first fragment matched.
    pub trailing: Total,
    /// When the last of all of them came.
    pub last: Option<LastHit>,
}

/// The packets that no rule matched.
#[derive(Clone, Debug, Serialize)]
pub struct DefaultStats {
    /// The default in force.
    pub action: &'static str,
    /// All of them.
    #[serde(flatten)]
    pub total: Total,
    /// The trailing fragments among them.
    pub trailing: Total,
    /// When the last of all of them came.
    pub last: Option<LastHit>,
}

/// Everything that a filter has counted since it was attached.
#[derive(Clone, Debug, Serialize)]
pub struct Stats {
    /// Whether it only observes at present.
    pub observing: bool,
    /// What became of packets while verdicts were carried out.
    #[serde(flatten)]
    pub enforced: Counted,
    /// What would have become of those that were only observed.
    pub observed: Counted,
}

/// What was counted in one stance.
#[derive(Clone, Debug, Serialize)]
pub struct Counted {
    /// By reason and verdict; each packet is in exactly one of these. Those that never occurred are left out.
    pub reasons: Vec<ReasonStats>,
    /// By rule, in order.
    pub rules: Vec<RuleStats>,
    /// By the default.
    pub default: DefaultStats,
}

impl Stats {
    /// Reads the counters of a filter.
    ///
    /// # Errors
    /// The kernel refuses to tell.
    pub fn read(counters: &Counters, document: &Document) -> Result<Self, Error> {
        let clock = Clock::now()?;
        Ok(Self {
            observing: document.stance == Stance::Observing,
            enforced: Counted::read(counters, document, Stance::Enforcing, &clock)?,
            observed: Counted::read(counters, document, Stance::Observing, &clock)?,
        })
    }
}

impl Counted {
    fn read(counters: &Counters, document: &Document, stance: Stance, clock: &Clock) -> Result<Self, Error> {
        let slots = SlotCounts::read(counters, stance)?;
        let mut reasons = Vec::new();
        for &reason in Reason::ALL {
            for &verdict in reason.verdicts() {
                let count = match reason {
                    Reason::Rule => slots.sum(Kind::Direct, verdict, |slot| !is_default(slot)),
                    Reason::Default => slots.sum(Kind::Direct, verdict, is_default),
                    Reason::Inherited => slots.sum(Kind::Inherited, verdict, |_| true),
                    Reason::LateDenial => slots.sum(Kind::Late, verdict, |_| true),
                    _ => counters.read(stance, Cell::Reason(reason, verdict))?,
                };
                if count.packets > 0 {
                    let (reason, verdict) = (reason.name(), verdict.name());
                    reasons.push(ReasonStats { reason, verdict, total: count.into() });
                }
            }
        }
        let rules = (1..)
            .zip(document.rules())
            .map(|(number, (rule, slot))| {
                let SlotCount { total, trailing } = SlotCount::of(&slots.0[slot.index()], rule.action);
                RuleStats {
                    number,
                    rule: rule.to_string(),
                    total: total.into(),
                    trailing: trailing.into(),
                    last: LastHit::of(total, clock),
                }
            })
            .collect();
        let action = document.config.default;
        let slot = Decision::default_of(action).slot();
        let SlotCount { total, trailing } = SlotCount::of(&slots.0[slot.index()], action);
        let default = DefaultStats {
            action: action::word(action),
            total: total.into(),
            trailing: trailing.into(),
            last: LastHit::of(total, clock),
        };
        Ok(Self { reasons, rules, default })
    }

    /// Whether nothing was.
    pub fn is_empty(&self) -> bool {
        self.reasons.is_empty()
    }
}

/// What a filter has counted of each rule in its present stance, in order, and of the default: all packets, and when the
/// last one came.
///
/// # Errors
/// The kernel refuses to tell.
pub fn hits(counters: &Counters, document: &Document) -> Result<Vec<(Total, Option<LastHit>)>, Error> {
    let clock = Clock::now()?;
    let default = document.config.default;
    let rules = document.rules().into_iter().map(|(rule, slot)| (rule.action, slot));
    let all = rules.chain([(default, Decision::default_of(default).slot())]);
    let hits = all.map(|(action, slot)| {
        let SlotCount { total, .. } = SlotCount::of(&read_slot(counters, document.stance, slot)?, action);
        Ok((total.into(), LastHit::of(total, &clock)))
    });
    hits.collect()
}

fn is_default(slot: Slot) -> bool {
    Action::ALL.iter().any(|&action| Decision::default_of(action).slot() == slot)
}

#[derive(Clone, Copy)]
enum Kind {
    Direct,
    Inherited,
    Late,
}

/// The counts of one slot, by kind and verdict.
type Counts = [[Count; 3]; 3];

fn read_slot(counters: &Counters, stance: Stance, slot: Slot) -> Result<Counts, Error> {
    let mut counts = Counts::default();
    for cell in Cell::of_slot(slot) {
        let (kind, verdict) = match cell {
            Cell::Direct(_, verdict) => (Kind::Direct, verdict),
            Cell::Inherited(_, verdict) => (Kind::Inherited, verdict),
            _ => (Kind::Late, Verdict::Drop),
        };
        counts[kind as usize][usize::from(verdict.code())] = counters.read(stance, cell)?;
    }
    Ok(counts)
}

/// The counts of every slot.
struct SlotCounts(Vec<Counts>);

impl SlotCounts {
    fn read(counters: &Counters, stance: Stance) -> Result<Self, Error> {
        let slots = (0..SLOTS).filter_map(Slot::from_index);
        slots.map(|slot| read_slot(counters, stance, slot)).collect::<Result<_, _>>().map(Self)
    }

    fn sum(&self, kind: Kind, verdict: Verdict, wanted: impl Fn(Slot) -> bool) -> Count {
        (0..)
            .zip(&self.0)
            .filter(|&(index, _)| Slot::from_index(index).is_some_and(&wanted))
            .fold(Count::default(), |sum, (_, counts)| {
                sum + counts[kind as usize][usize::from(verdict.code())]
            })
    }
}

/// What is credited to one slot.
struct SlotCount {
    /// All packets.
    total: Count,
    /// The trailing fragments among them.
    trailing: Count,
}

impl SlotCount {
    /// Of a slot whose action is `action`.
    fn of(counts: &Counts, action: Action) -> Self {
        let count = |kind: Kind, verdict: Verdict| counts[kind as usize][usize::from(verdict.code())];
        // Nobody is told of trailing and of late ones.
        let silent = if action == Action::Allow { Verdict::Pass } else { Verdict::Drop };
        let trailing = count(Kind::Inherited, silent);
        let own = count(Kind::Direct, Verdict::from(action)) + count(Kind::Late, silent);
        Self { total: own + trailing, trailing }
    }
}
