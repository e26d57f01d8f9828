//! What a filter has counted, by reason and by rule.

use firewall_common::{
    record::Count,
    rules::{Action, Decision, SLOTS, Slot},
    verdict::{Cell, Reason, Verdict},
};
use serde::Serialize;

use crate::{
    kernel::{Error, counters::Counters, document::Document},
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
    fn from(Count { packets, bytes }: Count) -> Self {
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
}

/// Everything that a filter has counted since it was attached.
#[derive(Clone, Debug, Serialize)]
pub struct Stats {
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
        let slots = SlotCounts::read(counters)?;
        let mut reasons = Vec::new();
        for &reason in Reason::ALL {
            for &verdict in reason.verdicts() {
                let count = match reason {
                    Reason::Rule => slots.sum(Kind::Direct, verdict, |slot| !is_default(slot)),
                    Reason::Default => slots.sum(Kind::Direct, verdict, is_default),
                    Reason::Inherited => slots.sum(Kind::Inherited, verdict, |_| true),
                    Reason::LateDenial => slots.sum(Kind::Late, verdict, |_| true),
                    _ => counters.read(Cell::Reason(reason, verdict))?,
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
                let (total, trailing) = slots.of(slot, rule.action);
                RuleStats { number, rule: rule.to_string(), total, trailing }
            })
            .collect();
        let default = document.config.default;
        let slot = Decision::default_of(default).slot();
        let (total, trailing) = slots.of(slot, default);
        Ok(Self { reasons, rules, default: DefaultStats { action: action::word(default), total, trailing } })
    }
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

/// The counts of every slot, by kind and verdict.
struct SlotCounts(Vec<[[Count; 3]; 3]>);

impl SlotCounts {
    fn read(counters: &Counters) -> Result<Self, Error> {
        let mut all = Vec::with_capacity(SLOTS);
        for slot in (0..SLOTS).filter_map(Slot::from_index) {
            let mut counts = [[Count::default(); 3]; 3];
            for cell in Cell::of_slot(slot) {
                let (kind, verdict) = match cell {
                    Cell::Direct(_, verdict) => (Kind::Direct, verdict),
                    Cell::Inherited(_, verdict) => (Kind::Inherited, verdict),
                    _ => (Kind::Late, Verdict::Drop),
                };
                counts[kind as usize][usize::from(verdict.code())] = counters.read(cell)?;
            }
            all.push(counts);
        }
        Ok(Self(all))
    }

    fn count(&self, slot: Slot, kind: Kind, verdict: Verdict) -> Count {
        self.0[slot.index()][kind as usize][usize::from(verdict.code())]
    }

    fn sum(&self, kind: Kind, verdict: Verdict, wanted: impl Fn(Slot) -> bool) -> Count {
        (0..SLOTS)
            .filter_map(Slot::from_index)
            .filter(|&slot| wanted(slot))
            .fold(Count::default(), |sum, slot| sum + self.count(slot, kind, verdict))
    }

    /// All packets of a slot whose action is `action`, and the trailing fragments among them.
    fn of(&self, slot: Slot, action: Action) -> (Total, Total) {
        let verdict = Verdict::from(action);
        // Nobody is told of trailing and of late ones.
        let silent = if action == Action::Allow { Verdict::Pass } else { Verdict::Drop };
        let trailing = self.count(slot, Kind::Inherited, silent);
        let own = self.count(slot, Kind::Direct, verdict) + self.count(slot, Kind::Late, silent);
        ((own + trailing).into(), trailing.into())
    }
}
