//! What a filter has counted, by reason and by rule: what became of packets, and apart from that what would have become of
//! those that it only observed.

use firewall_common::{
    fragment::room::Room,
    record::Count,
    rules::{Action, Decision, SLOTS, Slot},
    stance::Stance,
    tally::Tally,
    verdict::{Cell, Reason, Verdict},
};
use serde::Serialize;

use super::last_hit::LastHit;
use crate::{
    kernel::{Error, clock::Clock, counters, document::Document, filter::Filter, table::Census},
    ruleset::action,
};

/// Packets and bytes, as JSON has them. Bytes are those of whole frames, without preamble and checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Total {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
    /// How many of them a second, of late, if that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
}

/// Packets and bytes a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Rate {
    /// Packets a second.
    pub packets: f64,
    /// Bytes a second.
    pub bytes: f64,
}

impl From<Count> for Total {
    fn from(Count { packets, bytes, last: _ }: Count) -> Self {
        Self { packets, bytes, rate: None }
    }
}

impl From<Tally> for Total {
    fn from(Tally { packets, bytes, interface: _ }: Tally) -> Self {
        Self { packets, bytes, rate: None }
    }
}

impl std::ops::Add for Total {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let rate = self.rate.zip(other.rate).map(|(one, other)| Rate {
            packets: one.packets + other.packets,
            bytes: one.bytes + other.bytes,
        });
        Self { packets: self.packets + other.packets, bytes: self.bytes + other.bytes, rate }
    }
}

impl std::iter::Sum for Total {
    fn sum<I: Iterator<Item = Self>>(totals: I) -> Self {
        totals.reduce(|sum, total| sum + total).unwrap_or_default()
    }
}

/// What became of the packets of one interface.
#[derive(Clone, Debug, Serialize)]
pub struct InterfaceStats {
    /// Its name; `None` of all interfaces that have none of their own here: they were detached, or are in another network namespace.
    pub interface: Option<String>,
    /// Packets that were handed to the network stack.
    pub passed: Total,
    /// Packets that were dropped.
    pub dropped: Total,
    /// Packets that were rejected.
    pub rejected: Total,
}

impl InterfaceStats {
    /// All of its packets.
    pub fn seen(&self) -> Total {
        self.passed + self.dropped + self.rejected
    }
}

/// What the fragment table holds, and how it went.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct TableStats {
    /// How many entries it has.
    pub entries: u64,
    /// Of these, those of datagrams whose first fragment was accepted.
    pub accepted: u64,
    /// Those of datagrams whose first fragment was denied.
    pub denied: u64,
    /// Those of datagrams whose first fragment hasn't come yet.
    pub early: u64,
    /// Those that have run out, and give way to any other.
    pub expired: u64,
    /// How many trailing fragments have found their first one's verdict.
    pub hits: u64,
    /// How many datagrams have taken the place of one that had run out.
    pub reused: u64,
    /// How many have pushed out one that hadn't.
    pub evicted: u64,
    /// How many went unrecorded, since all that was there was worth more.
    pub unrecorded: u64,
}

impl TableStats {
    /// How many entries hold what hasn't run out.
    pub const fn in_use(&self) -> u64 {
        self.accepted + self.denied + self.early
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
    /// What its packets are credited to: it stays the same while rules before it come and go.
    #[serde(skip)]
    pub slot: Slot,
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
    /// The fragment table.
    pub table: TableStats,
}

/// What was counted in one stance.
#[derive(Clone, Debug, Serialize)]
pub struct Counted {
    /// By interface.
    pub interfaces: Vec<InterfaceStats>,
    /// By reason and verdict; each packet is in exactly one of these. Those that never occurred are left out.
    pub reasons: Vec<ReasonStats>,
    /// By rule, in order.
    pub rules: Vec<RuleStats>,
    /// By the default.
    pub default: DefaultStats,
}

impl Stats {
    /// Reads what a filter has counted.
    ///
    /// # Errors
    /// The kernel refuses to tell.
    pub fn read(filter: &Filter) -> Result<Self, Error> {
        let (clock, counters, document) =
            (Clock::recent()?, filter.counters()?.read_all()?, filter.document());
        let counted = |stance| {
            Ok::<_, Error>(Counted::new(&counters, document, stance, &clock, interfaces(filter, stance)?))
        };
        let (enforced, observed) = (counted(Stance::Enforcing)?, counted(Stance::Observing)?);
        let Census { entries, accepted, denied, early, expired } = filter.table()?.census(&clock);
        let room =
            |room| Stance::ALL.map(|stance| counters.of(stance, Cell::Room(room)).packets).iter().sum();
        let table = TableStats {
            entries,
            accepted,
            denied,
            early,
            expired,
            hits: enforced.of_reason(Reason::Inherited).packets
                + observed.of_reason(Reason::Inherited).packets,
            reused: room(Room::Expired),
            evicted: room(Room::Taken),
            unrecorded: room(Room::Nowhere),
        };
        Ok(Self { observing: document.stance == Stance::Observing, enforced, observed, table })
    }

    /// What was counted in the stance that the filter has.
    pub const fn present(&self) -> &Counted {
        if self.observing { &self.observed } else { &self.enforced }
    }
}

/// What was counted by interface in one stance: of each that the filter is attached to, and of all others if they had any.
fn interfaces(filter: &Filter, stance: Stance) -> Result<Vec<InterfaceStats>, Error> {
    let names = filter.interface_names().into_iter().map(Some).chain([None]);
    let stats = names.zip(filter.tallies()?).map(|(interface, tally)| {
        let of = |verdict| Total::from(tally.of(stance, verdict));
        let [passed, dropped, rejected] = [of(Verdict::Pass), of(Verdict::Drop), of(Verdict::Reject)];
        InterfaceStats { interface, passed, dropped, rejected }
    });
    Ok(stats.filter(|stats| stats.interface.is_some() || stats.seen().packets > 0).collect())
}

impl Counted {
    fn new(
        counters: &counters::Counted,
        document: &Document,
        stance: Stance,
        clock: &Clock,
        interfaces: Vec<InterfaceStats>,
    ) -> Self {
        let slots = SlotCounts::of(counters, stance);
        let mut reasons = Vec::new();
        for &reason in Reason::ALL {
            for &verdict in reason.verdicts() {
                let count = match reason {
                    Reason::Rule => slots.sum(Kind::Direct, verdict, |slot| !is_default(slot)),
                    Reason::Default => slots.sum(Kind::Direct, verdict, is_default),
                    Reason::Inherited => slots.sum(Kind::Inherited, verdict, |_| true),
                    Reason::LateDenial => slots.sum(Kind::Late, verdict, |_| true),
                    _ => counters.of(stance, Cell::Reason(reason, verdict)),
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
                    slot,
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
        Self { interfaces, reasons, rules, default }
    }

    /// All packets that got that verdict.
    pub fn of_verdict(&self, verdict: Verdict) -> Total {
        self.reasons.iter().filter(|reason| reason.verdict == verdict.name()).map(|reason| reason.total).sum()
    }

    /// All packets of that reason.
    pub fn of_reason(&self, reason: Reason) -> Total {
        self.reasons.iter().filter(|stats| stats.reason == reason.name()).map(|stats| stats.total).sum()
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
pub fn hits(filter: &Filter) -> Result<Vec<(Total, Option<LastHit>)>, Error> {
    let (clock, counters, document) = (Clock::now()?, filter.counters()?.read_all()?, filter.document());
    let default = document.config.default;
    let rules = document.rules().into_iter().map(|(rule, slot)| (rule.action, slot));
    let all = rules.chain([(default, Decision::default_of(default).slot())]);
    let hits = all.map(|(action, slot)| {
        let SlotCount { total, .. } = SlotCount::of(&slot_counts(&counters, document.stance, slot), action);
        (total.into(), LastHit::of(total, &clock))
    });
    Ok(hits.collect())
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

fn slot_counts(counters: &counters::Counted, stance: Stance, slot: Slot) -> Counts {
    let mut counts = Counts::default();
    for cell in Cell::of_slot(slot) {
        let (kind, verdict) = match cell {
            Cell::Direct(_, verdict) => (Kind::Direct, verdict),
            Cell::Inherited(_, verdict) => (Kind::Inherited, verdict),
            _ => (Kind::Late, Verdict::Drop),
        };
        counts[kind as usize][usize::from(verdict.code())] = counters.of(stance, cell);
    }
    counts
}

/// The counts of every slot.
struct SlotCounts(Vec<Counts>);

impl SlotCounts {
    fn of(counters: &counters::Counted, stance: Stance) -> Self {
        let slots = (0..SLOTS).filter_map(Slot::from_index);
        Self(slots.map(|slot| slot_counts(counters, stance, slot)).collect())
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
