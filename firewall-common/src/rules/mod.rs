//! The compiled form of a ruleset, and how a packet is matched against it.
//!
//! "The first match wins" is settled as far as it can be when a ruleset is compiled, not when a packet is judged. Every protocol
//! and every destination port has a [`lookup`]: the decision, where that is all the first rule asks about, whatever rules come
//! behind; else the set of rules that the packet satisfies so far. Then each further field that some rule asks about gives
//! a set of its own (addresses by a [`prefix`] trie, the others by a table), and the first rule that is in all of them is
//! [`select`]ed.

mod decision;
pub mod interface;
pub mod limit;
pub mod lookup;
pub mod prefix;
pub mod select;

pub use decision::{Action, Decision, MAX_RULES, SLOTS, Slot};
pub use lookup::Lookup;

use prefix::{Address, Branch, Tries};
use select::{Fields, Packed, Rules, Satisfied};

use crate::{
    fragment::{identity::Source, tick::Tick},
    judge::Environment,
    packet::{
        Be32, Be64, Bytes, Family, Ip, ipv4, ipv6,
        transport::{self, Kind},
    },
};

/// How many protocol numbers there are.
pub const PROTOCOLS: usize = 256;

/// How many ports there are.
pub const PORTS: usize = 65536;

/// What each destination port of a protocol gives, in host byte order; or each type and code of ICMP, as [`transport::icmp_port`] puts
/// them.
pub type PortTable = [Lookup; PORTS];

/// The sets of rules that each source port satisfies, in host byte order.
pub type SourcePorts = [u32; PORTS];

/// Every protocol whose header begins with a 16-bit source and a 16-bit destination port: TCP, UDP, DCCP (RFC 4340),
/// SCTP (RFC 9260) and UDP-Lite (RFC 3828).
pub const PROTOCOLS_WITH_PORTS: [u8; 5] = [6, 17, 33, 132, 136];

/// Which of a packet's addresses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// Its source.
    Source,
    /// Its destination.
    Destination,
}

impl Side {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Source, Self::Destination];
}

/// A compiled ruleset, as the kernel's maps or the host's memory hold it.
pub trait RuleTables: Tries + Rules {
    /// What an IP protocol number gives.
    fn protocol(&self, family: Family, protocol: u8) -> Lookup;

    /// What a destination port (host byte order) gives in port table `table`; `None` if there is no such table.
    fn port(&self, table: u32, port: u16) -> Option<Lookup>;

    /// The root of the trie for an address.
    fn root(&self, side: Side, family: Family) -> Branch;

    /// The number of the set that a source port (host byte order) satisfies; `None` if there is no such table.
    fn source_port(&self, port: u16) -> Option<u32>;

    /// The number of the set that a packet without a source port satisfies.
    fn no_source_port(&self) -> u32;

    /// The number of the set that the flags of a TCP header satisfy.
    fn flags(&self, flags: u8) -> u32;

    /// The number of the set that a packet without such flags satisfies.
    fn no_flags(&self) -> u32;

    /// The number of the set that the interface of an index satisfies.
    fn interface_set(&self, interface: u32) -> u32;
}

/// The first rule's decision for a packet that has its headers, or the default's; `None` if the packet can't be read.
#[inline(always)]
pub fn decide<B: Bytes + ?Sized>(bytes: &B, ip: &Ip, env: &impl Environment) -> Option<Decision> {
    let rules = env.rules();
    let mut lookup = rules.protocol(ip.family, ip.protocol);
    if let Some(table) = lookup.port_table() {
        // A table that is missing is an error of the loader's: deny.
        lookup = rules
            .port(table, ip.transport.number)
            .unwrap_or(Lookup::decided(Decision::default_of(Action::Deny)));
    }
    if lookup.is_decided() { Some(lookup.decision()) } else { refine(bytes, ip, env, lookup.number()) }
}

/// The same, where it depends on more than protocol and port: `transport` is the set that those satisfy.
#[inline(always)]
fn refine<B: Bytes + ?Sized>(bytes: &B, ip: &Ip, env: &impl Environment, transport: u32) -> Option<Decision> {
    let rules = env.rules();
    let fields = rules.fields();
    let mut satisfied = Satisfied { transport, ..Satisfied::default() };
    if fields.has(Fields::SOURCE) {
        let address = address(bytes, ip, Side::Source)?;
        satisfied.source = rules.find(rules.root(Side::Source, ip.family), address)?;
    }
    if fields.has(Fields::DESTINATION) {
        let address = address(bytes, ip, Side::Destination)?;
        satisfied.destination = rules.find(rules.root(Side::Destination, ip.family), address)?;
    }
    if fields.has(Fields::SOURCE_PORT) {
        satisfied.source_port = match ip.transport.kind {
            Kind::Ports => rules.source_port(transport::source_port(bytes, ip.payload)?)?,
            _ => rules.no_source_port(),
        };
    }
    if fields.has(Fields::FLAGS) {
        satisfied.flags = if ip.protocol == transport::TCP {
            rules.flags(transport::tcp_flags(bytes, ip.payload)?)
        } else {
            rules.no_flags()
        };
    }
    if fields.has(Fields::INTERFACE) {
        satisfied.interface = rules.interface_set(env.interface());
    }
    let mut source = 0;
    let mut now = Tick(0);
    if fields.has(Fields::LIMIT) {
        source = Source::of(bytes, ip, env.hash_key())?.0;
        now = env.now();
    }
    Some(rules.select(Packed::of(&satisfied), source, now))
}

/// One of a packet's addresses; `None` if it can't be read.
#[inline(always)]
fn address<B: Bytes + ?Sized>(bytes: &B, ip: &Ip, side: Side) -> Option<Address> {
    match ip.family {
        Family::V6 => {
            let offset = ip.offset + ipv6::ADDRESSES + side as usize * 16;
            let [high, low]: [Be64; 2] = bytes.read(offset)?;
            Some(Address { high: high.value(), low: low.value() })
        }
        Family::V4 => {
            let address: Be32 = bytes.read(ip.offset + ipv4::ADDRESSES + side as usize * 4)?;
            Some(Address { high: u64::from(address.value()) << 32, low: 0 })
        }
    }
}
