//! Single packets, as the filter tells of them.

mod kernel_log;
mod packet;
pub mod which;

use std::{
    collections::{HashMap, HashSet},
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use firewall_common::{
    event::Event,
    fragment::Class,
    rules::Slot,
    verdict::{Reason, Verdict},
};
use serde::Serialize;

pub use self::{kernel_log::KernelLog, packet::Packet};
use super::last_hit::rfc3339;
use crate::{
    kernel::{document::Document, netlink, watch::time_of},
    ruleset::action,
};

/// A packet that was told of, as people read it. Its [`Display`](fmt::Display) form is one line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Told {
    /// When it was judged: UTC, as RFC 3339 has it, to the microsecond.
    pub time: String,
    /// The same.
    #[serde(skip)]
    pub moment: SystemTime,
    /// The name of the interface that it came in on; `#` and its index if it has gone meanwhile.
    pub interface: String,
    /// [`Verdict::name`].
    pub verdict: &'static str,
    /// Whether that was only counted, since the filter observes, and the packet passed.
    pub observed: bool,
    /// [`Reason::name`].
    pub reason: &'static str,
    /// The number, from 1, of the rule that decided, as the rules are now; a trailing fragment bears its first's.
    pub rule: Option<usize>,
    /// The rule, or the default.
    pub by: Option<String>,
    /// [`Class::name`].
    pub class: &'static str,
    /// The length of its frame in bytes.
    pub length: u32,
    /// What its head says; nothing if that is no IP packet's.
    #[serde(flatten)]
    pub packet: Option<Packet>,
    /// The first bytes of its frame.
    #[serde(skip)]
    pub head: Vec<u8>,
}

/// Who knows what the numbers in an [`Event`] mean.
#[derive(Debug)]
pub struct Reader {
    document: Document,
    /// Slots of rules that aren't in force any more.
    gone: HashSet<Slot>,
    interfaces: HashMap<u32, String>,
}

impl Reader {
    /// Of a filter's events.
    pub fn new(document: Document) -> Self {
        Self { document, gone: HashSet::new(), interfaces: HashMap::new() }
    }

    /// From now on the rules are these.
    pub fn change(&mut self, document: Document) {
        self.document = document;
        self.gone.clear();
    }

    /// Whether an event is of a rule that isn't known: the rules have changed since. It's asked once for each such rule, until
    /// the next change.
    pub fn is_unknown(&mut self, event: &Event) -> bool {
        let slot = Slot::from_index(event.kind.slot.into());
        let unknown =
            slot.filter(|slot| slot.as_rule().is_some() && self.document.number_of(*slot).is_none());
        unknown.is_some_and(|slot| self.gone.insert(slot))
    }

    /// The packet of an event; `None` if its numbers mean nothing.
    pub fn read(&mut self, event: &Event) -> Option<Told> {
        let judgement = event.kind.judgement()?;
        let (verdict, reason, slot) = (judgement.verdict(), judgement.reason(), judgement.slot());
        let class = Class::from_code(event.kind.class)?;
        let moment = time_of(event.time);
        let rule = self.document.number_of(slot);
        let config = &self.document.config;
        let of_rules =
            matches!(reason, Reason::Rule | Reason::Default | Reason::Inherited | Reason::LateDenial);
        let by = match rule {
            Some(number) => config.rules.get(number - 1).map(ToString::to_string),
            None if slot.as_rule().is_some() => Some("a rule that has been deleted".to_owned()),
            None => of_rules.then(|| format!("default: {}", action::word(config.default))),
        };
        Some(Told {
            time: micros(moment),
            moment,
            interface: self.interface(event.interface),
            verdict: verdict.name(),
            observed: event.kind.observed != 0,
            reason: reason.name(),
            rule,
            by,
            class: class.name(),
            length: event.length,
            packet: Packet::read(event.head(), event.length as usize),
            head: event.head().to_vec(),
        })
    }

    fn interface(&mut self, index: u32) -> String {
        if !self.interfaces.contains_key(&index) {
            let all = netlink::interfaces().unwrap_or_default();
            self.interfaces.extend(all.into_iter().map(|interface| (interface.index, interface.name)));
        }
        self.interfaces.get(&index).cloned().unwrap_or_else(|| format!("#{index}"))
    }
}

/// A time of day in UTC, to the microsecond.
fn micros(time: SystemTime) -> String {
    let micros = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).subsec_micros();
    let seconds = rfc3339(time);
    format!("{}.{micros:06}Z", seconds.trim_end_matches('Z'))
}

impl Told {
    /// The verdict, and that it was only counted if it was.
    pub fn verdict(&self) -> String {
        if self.observed && self.verdict != Verdict::Pass.name() {
            format!("would {}", self.verdict)
        } else {
            self.verdict.to_owned()
        }
    }

    /// The rule that decided, or the default, with the rule's number.
    pub fn credited(&self) -> Option<String> {
        let by = self.by.as_ref()?;
        Some(self.rule.map_or_else(|| by.clone(), |number| format!("rule {number}: {by}")))
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { time, interface, reason, class, length, packet, .. } = self;
        // The time of day alone: who reads along knows the date.
        let time = time.split_once('T').map_or(time.as_str(), |(_, time)| time);
        write!(f, "{time}  {interface}  {}  {reason}", self.verdict())?;
        if let Some(packet) = packet {
            write!(f, "  {packet}")?;
        }
        write!(f, "  {class}, {length} bytes")?;
        match self.credited() {
            Some(by) => write!(f, "  {by}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
