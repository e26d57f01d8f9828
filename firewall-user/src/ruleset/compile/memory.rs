//! A compiled ruleset in this process's memory: the same look-ups, natively.

use firewall_common::{
    fragment::word::Word,
    packet::Family,
    rules::{
        Action, Lookup, MAX_RULES, RuleTables, SLOTS, Side,
        limit::{BucketSet, Limits, Rate},
        prefix::{Branch, Node, Tries},
        select::{Consequence, Fields, Rules, SetWords},
    },
};

use super::Compiled;

/// How many sets of sources' buckets there are: 2 to the power of this.
const BUCKET_BITS: u32 = 6;

/// A compiled ruleset, with the buckets of its limits.
#[derive(Debug)]
pub struct Memory {
    rules: Compiled,
    buckets: Vec<Word>,
    source_buckets: Vec<BucketSet>,
}

impl Memory {
    /// The ruleset, with full buckets.
    pub fn new(rules: Compiled) -> Self {
        Self {
            rules,
            buckets: std::iter::repeat_with(Word::default).take(SLOTS).collect(),
            source_buckets: std::iter::repeat_with(BucketSet::default).take(1 << BUCKET_BITS).collect(),
        }
    }
}

impl Tries for Memory {
    fn node(&self, number: u32) -> Option<&Node> {
        self.rules.nodes.get(number as usize)
    }

    fn branch(&self, number: u32) -> Option<Branch> {
        self.rules.branches.get(number as usize).copied()
    }
}

impl Limits for Memory {
    fn rate(&self, number: u32) -> Option<&Rate> {
        self.rules.rates.get(number.checked_sub(1)? as usize)
    }

    fn bucket(&self, slot: u32) -> Option<&Word> {
        self.buckets.get(slot as usize)
    }

    fn buckets(&self, owner: u64) -> Option<&BucketSet> {
        self.source_buckets.get((owner >> (u64::BITS - BUCKET_BITS)) as usize)
    }
}

impl Rules for Memory {
    fn fields(&self) -> Fields {
        self.rules.fields
    }

    fn words(&self, set: u32) -> Option<&SetWords> {
        self.rules.words.get(set as usize..)?.first_chunk()
    }

    fn consequence(&self, n: u32) -> Consequence {
        self.rules.consequences[n as usize % MAX_RULES]
    }

    fn default_action(&self) -> Action {
        self.rules.default
    }
}

impl RuleTables for Memory {
    fn protocol(&self, family: Family, protocol: u8) -> Lookup {
        self.rules.protocols[family.index()][usize::from(protocol)]
    }

    fn port(&self, table: u32, port: u16) -> Option<Lookup> {
        self.rules.ports.get(table as usize).map(|table| table[usize::from(port)])
    }

    fn root(&self, side: Side, family: Family) -> Branch {
        self.rules.roots[side as usize][family.index()]
    }

    fn source_port(&self, port: u16) -> Option<u32> {
        self.rules.source_ports.as_ref().map(|table| table[usize::from(port)])
    }

    fn no_source_port(&self) -> u32 {
        self.rules.no_source_port
    }

    fn flags(&self, flags: u8) -> u32 {
        self.rules.flags[usize::from(flags)]
    }

    fn no_flags(&self) -> u32 {
        self.rules.no_flags
    }

    fn interface_set(&self, interface: u32) -> u32 {
        self.rules.interfaces.set(interface)
    }
}
