//! The ruleset, as the loader compiled it: its tables, and what is asked of them.

use aya_ebpf::{btf_maps::Array, macros::btf_map};
use firewall_common::{
    fragment::{tick::Tick, word::Word},
    opaque::opaque,
    packet::Family,
    rules::{
        Action, Decision, Lookup, MAX_RULES, PROTOCOLS, PortTable, RuleTables, Side, SourcePorts,
        interface::Interfaces,
        limit::{self, BucketSet, Limits, Rate},
        prefix::{self, Address, Branch, Node, Tries},
        select::{self, Consequence, Fields, Packed, Rules, SetWords},
    },
};

use crate::{
    direct,
    setting::{MMAPABLE, setting},
};

/// What each protocol gives, of each IP version.
#[unsafe(no_mangle)]
static PROTOCOL_LOOKUPS: [[Lookup; PROTOCOLS]; 2] =
    [[Lookup::decided(Decision::default_of(Action::Deny)); PROTOCOLS]; 2];

/// Which fields rules ask about. The verifier drops what looks at any other.
#[unsafe(no_mangle)]
static FIELDS: Fields = Fields(0);

/// What becomes of packets that no rule matches: [`Action::code`].
#[unsafe(no_mangle)]
static DEFAULT: u32 = 0;

/// The roots of the tries, by side and IP version.
#[unsafe(no_mangle)]
static ROOTS: [[Branch; 2]; 2] = [[Branch::set(0); 2]; 2];

/// The set of rules that a packet without a source port satisfies.
#[unsafe(no_mangle)]
static NO_SOURCE_PORT: u32 = 0;

/// The sets that the flags of a TCP header satisfy.
#[unsafe(no_mangle)]
static FLAG_SETS: [u32; 256] = [0; 256];

/// The set that a packet without such flags satisfies.
#[unsafe(no_mangle)]
static NO_FLAGS: u32 = 0;

/// The sets that interfaces satisfy.
#[unsafe(no_mangle)]
static INTERFACE_SETS: Interfaces = Interfaces::NONE;

/// What the rules say.
#[unsafe(no_mangle)]
static CONSEQUENCES: [Consequence; MAX_RULES] =
    [Consequence::new(Decision::default_of(Action::Deny), 0); MAX_RULES];

/// By how much the owner of a bucket is shifted to the right to give its set's number.
#[unsafe(no_mangle)]
static BUCKET_SHIFT: u32 = 63;

/// How many tables of destination ports there are.
#[unsafe(no_mangle)]
static PORT_TABLES: u32 = 0;

/// How many nodes the tries have.
#[unsafe(no_mangle)]
static NODE_COUNT: u32 = 0;

/// How many branches they have.
#[unsafe(no_mangle)]
static BRANCH_COUNT: u32 = 0;

/// How many places there are where a set can begin.
#[unsafe(no_mangle)]
static SET_PLACES: u32 = 0;

/// What each destination port gives, of each protocol that has a rule with ports. The loader sets their number, as it does of
/// all below.
#[btf_map]
static PORT_LOOKUPS: Array<PortTable, 1> = Array::new();

/// The sets that source ports satisfy.
#[btf_map]
static SOURCE_PORTS: Array<SourcePorts, 1> = Array::new();

/// The nodes of the tries.
#[btf_map]
static NODES: Array<Node, 1, MMAPABLE> = Array::new();

/// Their branches.
#[btf_map]
static BRANCHES: Array<Branch, 1> = Array::new();

/// The words of the sets.
#[btf_map]
static WORDS: Array<u64, 1> = Array::new();

/// The limits.
#[btf_map]
static RATES: Array<Rate, 1> = Array::new();

/// The buckets of limits that all sources share, by slot.
#[btf_map]
static BUCKETS: Array<Word, 1> = Array::new();

/// The buckets of single sources.
#[btf_map]
static SOURCE_BUCKETS: Array<BucketSet, 1> = Array::new();

/// The ruleset, which needs no packet.
pub struct Ruleset;

impl Tries for Ruleset {
    #[inline(always)]
    fn node(&self, number: u32) -> Option<&Node> {
        direct::within(&NODES, number, setting(&NODE_COUNT))
    }

    #[inline(always)]
    fn branch(&self, number: u32) -> Option<Branch> {
        direct::within(&BRANCHES, number, setting(&BRANCH_COUNT)).copied()
    }

    #[inline(always)]
    fn find(&self, root: Branch, address: Address) -> Option<u32> {
        let set = find(root.to_bits(), address.high, address.low);
        if set == NO_SET { None } else { Some(set) }
    }
}

impl Limits for Ruleset {
    #[inline(always)]
    fn rate(&self, number: u32) -> Option<&Rate> {
        RATES.get(number.wrapping_sub(1))
    }

    #[inline(always)]
    fn bucket(&self, slot: u32) -> Option<&Word> {
        BUCKETS.get(slot)
    }

    #[inline(always)]
    fn buckets(&self, owner: u64) -> Option<&BucketSet> {
        SOURCE_BUCKETS.get((owner >> setting(&BUCKET_SHIFT)) as u32)
    }

    #[inline(always)]
    fn admits(&self, number: u32, source: u64, now: Tick) -> bool {
        admits(number, source, now.0) != 0
    }
}

impl Rules for Ruleset {
    #[inline(always)]
    fn fields(&self) -> Fields {
        setting(&FIELDS)
    }

    #[inline(always)]
    fn words(&self, set: u32) -> Option<&SetWords> {
        let first = direct::within(&WORDS, set, setting(&SET_PLACES))?;
        // SAFETY: as many words are behind each place where a set can begin, and the verifier sees to it that there are.
        Some(unsafe { &*core::ptr::from_ref(first).cast() })
    }

    #[inline(always)]
    fn consequence(&self, n: u32) -> Consequence {
        // The compiler knows what numbers there are and would drop the mask; the verifier doesn't.
        setting(&CONSEQUENCES[opaque(u64::from(n)) as usize & (MAX_RULES - 1)])
    }

    #[inline(always)]
    fn default_action(&self) -> Action {
        Action::from_code(setting(&DEFAULT))
    }

    #[inline(always)]
    fn next(&self, satisfied: Packed, start: u32) -> u32 {
        let [first, second, third] = satisfied.0;
        next(first, second, third, start)
    }

    #[inline(always)]
    fn select(&self, satisfied: Packed, source: u64, now: Tick) -> Decision {
        let [first, second, third] = satisfied.0;
        if !self.fields().has(Fields::LIMIT) {
            return select::conclude(self, first_rule(first, second, third));
        }
        Decision::from_bits(select(first, second, third, source, now.0) as u16)
    }
}

/// What [`find`] returns of an address that has no set, which is an error of the loader's.
const NO_SET: u32 = u32::MAX;

/// [`Tries::find`], as a function that the verifier walks once: see `maps`.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn find(root: u32, high: u64, low: u64) -> u32 {
    prefix::find(&Ruleset, Branch::from_bits(root), Address { high, low }).unwrap_or(NO_SET)
}

/// [`Limits::admits`], as above.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn admits(number: u32, source: u64, now: u32) -> u32 {
    u32::from(limit::admits(&Ruleset, number, source, Tick(now)))
}

/// [`Rules::next`], as above; each of the first three arguments holds two sets.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn next(first: u64, second: u64, third: u64, start: u32) -> u32 {
    select::next(&Ruleset, Packed([first, second, third]), start)
}

/// [`Rules::next`] from the first rule on, as above: where no rule has a limit it's all that is asked for, and takes fewer instructions.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn first_rule(first: u64, second: u64, third: u64) -> u32 {
    select::next(&Ruleset, Packed([first, second, third]), 0)
}

/// [`Rules::select`], as above.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn select(first: u64, second: u64, third: u64, source: u64, now: u32) -> u32 {
    u32::from(select::select(&Ruleset, Packed([first, second, third]), source, Tick(now)).to_bits())
}

/// A port as a place in a table. The compiler knows that a port has 16 bits and would drop the mask; Linux 6.12's verifier
/// doesn't, once the port was kept on the stack.
#[inline(always)]
fn at(port: u16) -> usize {
    opaque(u64::from(port)) as usize & usize::from(u16::MAX)
}

impl RuleTables for Ruleset {
    #[inline(always)]
    fn protocol(&self, family: Family, protocol: u8) -> Lookup {
        setting(&PROTOCOL_LOOKUPS[family.index()][usize::from(protocol)])
    }

    #[inline(always)]
    fn port(&self, table: u32, port: u16) -> Option<Lookup> {
        direct::within(&PORT_LOOKUPS, table, setting(&PORT_TABLES)).map(|table| table[at(port)])
    }

    #[inline(always)]
    fn root(&self, side: Side, family: Family) -> Branch {
        setting(&ROOTS[side as usize][family.index()])
    }

    #[inline(always)]
    fn source_port(&self, port: u16) -> Option<u32> {
        Some(direct::element(&SOURCE_PORTS, 0)[at(port)])
    }

    #[inline(always)]
    fn no_source_port(&self) -> u32 {
        setting(&NO_SOURCE_PORT)
    }

    #[inline(always)]
    fn flags(&self, flags: u8) -> u32 {
        setting(&FLAG_SETS[usize::from(flags)])
    }

    #[inline(always)]
    fn no_flags(&self) -> u32 {
        setting(&NO_FLAGS)
    }

    #[inline(always)]
    fn interface_set(&self, interface: u32) -> u32 {
        INTERFACE_SETS.set(interface)
    }
}
