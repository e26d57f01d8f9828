//! An environment in plain memory, for judging packets natively.

use std::sync::LazyLock;

use firewall_common::{
    datagram::Datagrams,
    fragment::{
        budget::Limits,
        identity::{HashKey, Identity, KEY_WORDS, Source},
        progress::{self, BOUNDARIES, Boundaries},
        source::{Pool, SourceSet, Sources},
        table::{Set, Sets},
        tick::Tick,
        word::Word,
    },
    judge::Environment,
    packet::Family,
    reply::{
        Flows,
        flow::Flow,
        table::{CLASSES, FlowSet, Lifetimes, Moment},
    },
    rules::{
        self, Action, Decision, Lookup, PROTOCOLS_WITH_PORTS, RuleTables, Side,
        limit::{BucketSet, Rate},
        prefix::{Branch, Node, Tries},
        select::{Consequence, Fields, Rules, SetWords},
    },
};

/// The table has 2 to the power of this many sets.
const SET_BITS: u32 = 2;

/// The environment: every part can be set by itself.
pub(crate) struct Native {
    /// What the ports of every protocol with ports get; the default, if they aren't named here.
    pub(crate) ports: Vec<(u16, Decision)>,
    /// What protocols without ports get; the default, if they aren't named here.
    pub(crate) protocols: Vec<(u8, Decision)>,
    /// The fragment table.
    pub(crate) sets: Vec<Set>,
    /// The source table.
    pub(crate) sources: Vec<SourceSet>,
    /// What strangers have outstanding.
    pub(crate) pools: [Pool; Family::ALL.len()],
    /// What may be outstanding, whatever the IP version.
    pub(crate) limits: Limits,
    /// The time.
    pub(crate) now: Tick,
    /// How many ticks an entry lives.
    pub(crate) timeout: u32,
    /// What early fragments get.
    pub(crate) early: Action,
    /// What packets get that no rule matches.
    pub(crate) default: Action,
    /// Where the packets arrive.
    pub(crate) interface: u32,
    /// The flow table, if replies are accepted.
    pub(crate) flows: Option<Vec<FlowSet>>,
    /// How many units a flow is remembered, whatever its class.
    pub(crate) lifetimes: Lifetimes,
    /// Whether ICMP errors pass whatever the rules say.
    pub(crate) icmp_errors: bool,
}

/// Any odd constants: what is tested depends on no property of the key but that its words differ.
pub(crate) const KEY: HashKey = {
    let mut words = [0x9e37_79b9_7f4a_7c15_u64; KEY_WORDS];
    let mut i = 1;
    while i < words.len() {
        words[i] = words[i - 1].wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(0x2545_f491_4f6c_dd1d);
        i += 1;
    }
    HashKey(words)
};

/// The numbers of boundaries that go with the key.
pub(crate) static BOUNDARIES_OF_KEY: LazyLock<Boundaries> = LazyLock::new(|| {
    let mut boundaries = [0; BOUNDARIES];
    progress::fill(&mut boundaries, &KEY);
    boundaries
});

impl Native {
    /// No rules, empty tables, a budget that nobody uses up, and these policies.
    pub(crate) fn new(default: Action, early: Action) -> Self {
        Self {
            ports: Vec::new(),
            protocols: Vec::new(),
            sets: (0..1 << SET_BITS).map(|_| Set::default()).collect(),
            sources: (0..1 << SET_BITS).map(|_| SourceSet::default()).collect(),
            pools: Default::default(),
            limits: Limits::new(Tick::MAX_AGE, 1 << 20, 1 << 20),
            now: Tick(0),
            timeout: 30,
            early,
            default,
            interface: 1,
            flows: None,
            lifetimes: Lifetimes([100; CLASSES]),
            icmp_errors: false,
        }
    }
}

/// Protocols and ports are all that the rules ask about.
impl RuleTables for Native {
    fn protocol(&self, _: Family, protocol: u8) -> Lookup {
        if PROTOCOLS_WITH_PORTS.contains(&protocol) {
            return Lookup::ports(0);
        }
        let named = self.protocols.iter().find(|(number, _)| *number == protocol);
        Lookup::decided(named.map_or(Decision::default_of(self.default), |(_, decision)| *decision))
    }

    fn port(&self, table: u32, port: u16) -> Option<Lookup> {
        assert_eq!(table, 0, "there is one port table");
        let named = self.ports.iter().find(|(number, _)| *number == port);
        Some(Lookup::decided(named.map_or(Decision::default_of(self.default), |(_, decision)| *decision)))
    }

    fn root(&self, _: Side, _: Family) -> Branch {
        Branch::set(0)
    }

    fn source_port(&self, _: u16) -> Option<u32> {
        None
    }

    fn no_source_port(&self) -> u32 {
        0
    }

    fn flags(&self, _: u8) -> u32 {
        0
    }

    fn no_flags(&self) -> u32 {
        0
    }

    fn interface_set(&self, _: u32) -> u32 {
        0
    }
}

impl Tries for Native {
    fn node(&self, _: u32) -> Option<&Node> {
        None
    }

    fn branch(&self, _: u32) -> Option<Branch> {
        None
    }
}

impl rules::limit::Limits for Native {
    fn rate(&self, _: u32) -> Option<&Rate> {
        None
    }

    fn bucket(&self, _: u32) -> Option<&Word> {
        None
    }

    fn buckets(&self, _: u64) -> Option<&BucketSet> {
        None
    }
}

impl Rules for Native {
    fn fields(&self) -> Fields {
        Fields::default()
    }

    fn words(&self, _: u32) -> Option<&SetWords> {
        None
    }

    fn consequence(&self, _: u32) -> Consequence {
        Consequence::default()
    }

    fn default_action(&self) -> Action {
        self.default
    }
}

impl Sets for Native {
    fn set(&self, identity: Identity) -> Option<&Set> {
        self.sets.get((identity.0 >> (u64::BITS - SET_BITS)) as usize)
    }
}

impl Sources for Native {
    fn sources(&self, source: Source) -> Option<&SourceSet> {
        self.sources.get((source.0 >> (u64::BITS - SET_BITS)) as usize)
    }

    fn pool(&self, family: Family) -> Option<&Pool> {
        self.pools.get(family.index())
    }

    fn limits(&self, _: Family) -> Limits {
        self.limits
    }
}

impl Datagrams for Native {
    fn hash_key(&self) -> &HashKey {
        &KEY
    }

    fn now(&self) -> Tick {
        self.now
    }

    fn timeout(&self) -> u32 {
        self.timeout
    }

    fn held(&self) -> u32 {
        self.limits.hold().max(self.timeout).min(Tick::MAX_AGE)
    }

    fn boundary(&self, units: usize) -> u32 {
        BOUNDARIES_OF_KEY[units]
    }

    fn early_action(&self) -> Action {
        self.early
    }
}

impl Flows for Native {
    fn flow_set(&self, flow: Flow) -> Option<&FlowSet> {
        self.flows.as_ref()?.get((flow.0 >> (u64::BITS - SET_BITS)) as usize)
    }

    fn lifetimes(&self) -> &Lifetimes {
        &self.lifetimes
    }

    fn moment(&self) -> Moment {
        Moment(self.now.0)
    }
}

impl Environment for Native {
    type Rules = Self;

    fn rules(&self) -> &Self {
        self
    }

    fn interface(&self) -> u32 {
        self.interface
    }

    fn accepts_replies(&self) -> bool {
        self.flows.is_some()
    }

    fn accepts_icmp_errors(&self) -> bool {
        self.icmp_errors
    }
}
