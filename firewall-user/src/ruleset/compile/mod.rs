//! From a ruleset to the tables that the kernel looks packets up in.
//!
//! A rule becomes one or more entries; the tables' sets are sets of those.

mod answers;
mod entries;
pub mod memory;
mod ports;
mod sets;
#[cfg(test)]
mod tests;
mod tries;

use std::collections::HashMap;

use firewall_common::{
    event::{LOGGED_WORDS, Logged},
    packet::Family,
    rules::{
        Action, Decision, Lookup, MAX_RULES, PROTOCOLS, PortTable, Side, Slot, SourcePorts,
        interface::{Interfaces, MAX_INTERFACES},
        limit::Rate,
        prefix::{Branch, Node},
        select::{Consequence, Fields},
    },
};

pub use answers::Answers;

use super::{Addresses, Rule, limit::Limit};
use entries::Entry;
use ports::{Protocols, Settle};
use sets::{Bits, Interner};
use tries::{Change, Prefix, Tries};

/// What a ruleset means on a particular host.
#[derive(Clone, Debug)]
pub struct Host {
    /// The indexes of its interfaces, by name. A rule on any other interface matches nothing.
    pub interfaces: HashMap<String, u32>,
    /// The indexes of those that are one end of a virtual link.
    pub veths: Vec<u32>,
    /// How often the kernel's clock ticks in a second.
    pub ticks_per_second: u32,
}

impl Default for Host {
    /// One without interfaces, whose clock ticks a thousand times in a second.
    fn default() -> Self {
        Self { interfaces: HashMap::new(), veths: Vec::new(), ticks_per_second: 1000 }
    }
}

/// A ruleset can't be compiled.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CompileError {
    /// There are more rules than a ruleset may have, or they ask for too many different things.
    #[error(
        "{entries} rules are too many: a ruleset has at most {MAX_RULES}, where a rule with a service counts once for each \
         source port and TCP flags that the service has; one rule can have many ports and addresses"
    )]
    TooManyEntries {
        /// How many there would be.
        entries: usize,
    },
    /// There are more interfaces than the rules of a ruleset may name.
    #[error("the rules name {interfaces} interfaces: at most {MAX_INTERFACES} are possible")]
    TooManyInterfaces {
        /// How many are named.
        interfaces: usize,
    },
}

/// A compiled ruleset: the tables as the kernel's maps hold them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Compiled {
    /// What each protocol number gives, of each IP version.
    pub protocols: Box<[[Lookup; PROTOCOLS]; 2]>,
    /// The port tables.
    pub ports: Vec<Box<PortTable>>,
    /// The roots of the tries, by side and IP version.
    pub roots: [[Branch; 2]; 2],
    /// The nodes of all tries.
    pub nodes: Vec<Node>,
    /// Their branches.
    pub branches: Vec<Branch>,
    /// The sets that source ports satisfy, if a rule asks for one.
    pub source_ports: Option<Box<SourcePorts>>,
    /// The set that a packet without a source port satisfies.
    pub no_source_port: u32,
    /// The sets that the flags of TCP headers satisfy.
    pub flags: Box<[u32; 256]>,
    /// The set that a packet without such flags satisfies.
    pub no_flags: u32,
    /// The sets that interfaces satisfy.
    pub interfaces: Interfaces,
    /// The words of all sets: of each its summary, then its words; and as many behind the last one as any has.
    pub words: Vec<u64>,
    /// What the rules say.
    pub consequences: Box<[Consequence; MAX_RULES]>,
    /// The limits that they have.
    pub rates: Vec<Rate>,
    /// Which fields they ask for.
    pub fields: Fields,
    /// What becomes of a packet that none of them matches.
    pub default: Action,
    /// What is told of the packets that are rejected.
    pub answers: Answers,
    /// Which slots' rules have `log`.
    pub logged: Box<Logged>,
}

impl Compiled {
    /// Compiles `rules`, each credited to its slot, and the default, for a host.
    ///
    /// # Errors
    /// If there are more rules, or more interfaces in them, than a ruleset may have.
    pub fn new(rules: &[(Rule, Slot)], default: Action, host: &Host) -> Result<Self, CompileError> {
        let entries: Vec<Entry<'_>> =
            (0..).zip(rules).flat_map(|(n, (rule, _))| entries::of(n, &rule.matching, rule.limit)).collect();
        if entries.len() > MAX_RULES {
            return Err(CompileError::TooManyEntries { entries: entries.len() });
        }
        let mut sets = Interner::new(entries.len());
        // Set 0 is what memory that nobody wrote says: no rule.
        sets.number(&Bits::none(entries.len()));

        let decisions: Vec<Decision> = entries
            .iter()
            .map(|entry| {
                let (rule, slot) = &rules[entry.rule];
                Decision::new(rule.action, *slot)
            })
            .collect();
        let mut plain = Bits::none(entries.len());
        (0..).zip(&entries).filter(|(_, entry)| entry.is_plain()).for_each(|(n, _)| plain.insert(n));
        let settle = Settle { plain, decisions: &decisions, default: Decision::default_of(default) };
        let Protocols { protocols, tables } = Protocols::new(&entries, &settle, &mut sets);

        let mut tries = Tries::default();
        let roots = Side::ALL
            .map(|side| Family::ALL.map(|family| root(&entries, side, family, &mut tries, &mut sets)));
        let (source_ports, no_source_port) = ports::source_ports(&entries, &mut sets);
        let (flags, no_flags) = flags(&entries, &mut sets);
        let interfaces = interfaces(&entries, host, &mut sets)?;
        let (consequences, rates) = consequences(rules, &entries, &decisions, host);
        let words = sets.finish();
        Ok(Self {
            protocols,
            ports: tables,
            roots,
            nodes: tries.nodes,
            branches: tries.branches,
            source_ports,
            no_source_port,
            flags,
            no_flags,
            interfaces,
            words,
            consequences,
            rates,
            fields: fields(&entries),
            default,
            answers: Answers::of(rules, default, host),
            logged: logged(rules),
        })
    }
}

/// Which fields some entry asks for, besides its transport.
fn fields(entries: &[Entry<'_>]) -> Fields {
    entries.iter().fold(Fields::default(), |fields, entry| {
        let Entry { rule: _, transports: _, source_ports, flags, matching, limit } = entry;
        let asked = [
            (Fields::SOURCE, matching.from().is_some()),
            (Fields::DESTINATION, matching.to().is_some()),
            (Fields::SOURCE_PORT, source_ports.is_some()),
            (Fields::FLAGS, flags.is_some()),
            (Fields::INTERFACE, matching.interface().is_some()),
            (Fields::LIMIT, limit.is_some()),
        ];
        asked
            .into_iter()
            .filter(|&(_, is_asked)| is_asked)
            .fold(fields, |fields, (field, _)| fields.with(field))
    })
}

/// The trie for one of the addresses of an IP version.
fn root(entries: &[Entry<'_>], side: Side, family: Family, tries: &mut Tries, sets: &mut Interner) -> Branch {
    let mut base = Bits::none(entries.len());
    let mut changes: HashMap<Prefix, Change> = HashMap::new();
    for (n, entry) in entries.iter().enumerate() {
        let addresses: Option<&Addresses> = match side {
            Side::Source => entry.matching.from(),
            Side::Destination => entry.matching.to(),
        };
        let Some(addresses) = addresses else {
            base.insert(n);
            continue;
        };
        for prefix in entries::prefixes(addresses, family) {
            let change = changes.entry(prefix).or_default();
            if addresses.is_not() {
                base.insert(n);
                change.removed.push(n);
            } else {
                change.added.push(n);
            }
        }
    }
    tries.build(base, changes, sets)
}

/// The sets that the flags of a TCP header satisfy, and the one that a packet without any does.
fn flags(entries: &[Entry<'_>], sets: &mut Interner) -> (Box<[u32; 256]>, u32) {
    let mut set = |flags: Option<u8>| {
        let mut bits = Bits::none(entries.len());
        for (n, entry) in entries.iter().enumerate() {
            if entry.flags.is_none_or(|wanted| flags.is_some_and(|flags| wanted.fit(flags))) {
                bits.insert(n);
            }
        }
        sets.number(&bits)
    };
    let mut table = Box::new([0; 256]);
    if entries.iter().all(|entry| entry.flags.is_none()) {
        return (table, 0);
    }
    let without = set(None);
    (0..=u8::MAX).zip(table.iter_mut()).for_each(|(flags, place)| *place = set(Some(flags)));
    (table, without)
}

/// The sets that interfaces satisfy.
fn interfaces(entries: &[Entry<'_>], host: &Host, sets: &mut Interner) -> Result<Interfaces, CompileError> {
    let mut names: Vec<&str> = entries.iter().filter_map(|entry| entry.matching.interface()).collect();
    names.sort_unstable();
    names.dedup();
    let mut indexes: Vec<u32> = names.iter().filter_map(|&name| host.interfaces.get(name).copied()).collect();
    // An interface may be named by an alternative name too.
    indexes.sort_unstable();
    indexes.dedup();
    let mut set = |index: Option<u32>| {
        let mut bits = Bits::none(entries.len());
        for (n, entry) in entries.iter().enumerate() {
            let is_satisfied = |name: &str| index.is_some() && host.interfaces.get(name).copied() == index;
            if entry.matching.interface().is_none_or(is_satisfied) {
                bits.insert(n);
            }
        }
        sets.number(&bits)
    };
    if names.is_empty() {
        return Ok(Interfaces::NONE);
    }
    let own: Vec<(u32, u32)> = indexes.into_iter().map(|index| (index, set(Some(index)))).collect();
    let others = set(None);
    Interfaces::new(&own, others).ok_or(CompileError::TooManyInterfaces { interfaces: own.len() })
}

/// What each entry's rule says, and the limits.
fn consequences(
    rules: &[(Rule, Slot)],
    entries: &[Entry<'_>],
    decisions: &[Decision],
    host: &Host,
) -> (Box<[Consequence; MAX_RULES]>, Vec<Rate>) {
    let mut consequences = Box::new([Consequence::default(); MAX_RULES]);
    let mut rates: Vec<Rate> = Vec::new();
    for (place, (entry, decision)) in consequences.iter_mut().zip(entries.iter().zip(decisions)) {
        let limit = entry.limit.map_or(0, |limit| {
            // The entries of a rule share its bucket.
            rates.push(rate(&limit, rules[entry.rule].1, host));
            rates.len() as u16
        });
        *place = Consequence::new(*decision, limit);
    }
    (consequences, rates)
}

fn rate(limit: &Limit, slot: Slot, host: &Host) -> Rate {
    let Limit { packets, per, burst, per_source } = *limit;
    let ticks = u64::from(per.seconds()) * u64::from(host.ticks_per_second);
    Rate::new(packets, burst, ticks, slot, per_source)
}

/// Which slots' rules have `log`.
fn logged(rules: &[(Rule, Slot)]) -> Box<Logged> {
    let mut logged = Box::new([0; LOGGED_WORDS]);
    for (_, slot) in rules.iter().filter(|(rule, _)| rule.log) {
        logged[slot.index() / 64] |= 1 << (slot.index() % 64);
    }
    logged
}
