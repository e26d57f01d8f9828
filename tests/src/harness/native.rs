//! The same judgement, natively: the code that the XDP program is made of, over tables in this process's memory.

use anyhow::{Context, Result};
use firewall_common::{
    datagram::Datagrams,
    fragment::{
        budget::Limits,
        identity::{HashKey, Identity, Source},
        progress::{self, BOUNDARIES, Boundaries},
        source::{Pool, SourceSet, Sources},
        table::{Set, Sets, WAYS},
        tick::Tick,
    },
    judge::{Environment, Outcome, judge},
    packet::Family,
    reply::{
        self, Flows,
        flow::Flow,
        table::{FlowSet, Lifetimes, Moment},
    },
    rules::Action,
};
use fragwall::ruleset::{Compiled, compile::memory::Memory};

use super::kernel::{FLOWS, INTERFACE, Judged, Setup};

/// A filter in this process, at one fixed moment.
#[derive(Debug)]
pub struct Native {
    rules: Memory,
    sets: Vec<Set>,
    sources: Vec<SourceSet>,
    pools: [Pool; Family::ALL.len()],
    setup: Setup,
    hash_key: HashKey,
    boundaries: Box<Boundaries>,
    interface: u32,
    flows: Vec<FlowSet>,
}

impl Native {
    /// A filter with an empty fragment table.
    ///
    /// # Errors
    /// There are too many rules, or the setup names no hash key: a random one would not be the kernel's.
    pub fn new(setup: &Setup) -> Result<Self> {
        Self::of(setup, setup.compile()?)
    }

    /// The same, whatever rules the setup has, with these.
    ///
    /// # Errors
    /// The setup names no hash key.
    pub fn of(setup: &Setup, rules: Compiled) -> Result<Self> {
        let sets = some(setup.table as usize / WAYS);
        // As many as there are in the kernel: a source for each four datagrams.
        let sources = some((setup.table as usize / 4).max(64) / WAYS);
        let hash_key = setup.hash_key.context("the native filter needs a hash key")?;
        let mut boundaries = Box::new([0; BOUNDARIES]);
        progress::fill(&mut boundaries, &hash_key);
        let (rules, pools, setup) = (Memory::new(rules), Default::default(), setup.clone());
        let flows = some(if setup.replies { FLOWS.sets as usize } else { 0 });
        Ok(Self { rules, sets, sources, pools, setup, hash_key, boundaries, interface: INTERFACE, flows })
    }

    /// Where frames arrive from now on, instead of on [`INTERFACE`].
    pub const fn arrive_on(&mut self, interface: u32) {
        self.interface = interface;
    }

    /// Sends a frame.
    pub fn send(&self, frame: &[u8]) {
        // That it isn't remembered is as good an outcome.
        let _ = reply::sent(frame, &self.hash_key, self, self);
    }

    /// Judges a frame.
    pub fn judge(&self, frame: &[u8]) -> Judged {
        let Outcome { judgement, fragment, .. } = judge(frame, self);
        Judged {
            verdict: judgement.verdict(),
            reason: judgement.reason(),
            slot: judgement.slot(),
            class: fragment.class,
            id: fragment.id,
            offset: fragment.offset as u16,
            more: fragment.more,
        }
    }
}

impl Sets for Native {
    fn set(&self, identity: Identity) -> Option<&Set> {
        self.sets.get(place(identity.0, self.sets.len()))
    }
}

impl Sources for Native {
    fn sources(&self, source: Source) -> Option<&SourceSet> {
        self.sources.get(place(source.0, self.sources.len()))
    }

    fn pool(&self, family: Family) -> Option<&Pool> {
        self.pools.get(family.index())
    }

    fn limits(&self, _: Family) -> Limits {
        self.setup.limits
    }
}

/// So many empty sets.
fn some<T: Default>(count: usize) -> Vec<T> {
    std::iter::repeat_with(T::default).take(count).collect()
}

/// Which of `count` sets a hash falls to: the upper bits choose, as many as it takes to number them.
fn place(hash: u64, count: usize) -> usize {
    ((u128::from(hash) * count as u128) >> u64::BITS) as usize
}

impl Datagrams for Native {
    fn hash_key(&self) -> &HashKey {
        &self.hash_key
    }

    fn now(&self) -> Tick {
        Tick(1)
    }

    fn timeout(&self) -> u32 {
        self.setup.timeout
    }

    fn held(&self) -> u32 {
        self.setup.limits.hold().max(self.setup.timeout).min(Tick::MAX_AGE)
    }

    fn boundary(&self, units: usize) -> u32 {
        self.boundaries[units]
    }

    fn early_action(&self) -> Action {
        self.setup.early
    }
}

impl Flows for Native {
    fn flow_set(&self, flow: Flow) -> Option<&FlowSet> {
        self.flows.get(place(flow.0, self.flows.len()))
    }

    fn lifetimes(&self) -> &Lifetimes {
        &FLOWS.lifetimes
    }

    fn moment(&self) -> Moment {
        Moment(1)
    }
}

impl Environment for Native {
    type Rules = Memory;

    fn rules(&self) -> &Memory {
        &self.rules
    }

    fn interface(&self) -> u32 {
        self.interface
    }

    fn accepts_replies(&self) -> bool {
        self.setup.replies
    }

    fn accepts_icmp_errors(&self) -> bool {
        self.setup.icmp_errors
    }
}
