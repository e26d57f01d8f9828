//! The real XDP program, run on frames without any interface, and what it says of them.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context, Result, ensure};
use firewall_common::{
    fragment::{Class, budget::Limits, identity::HashKey, tick::Tick},
    packet::Family,
    record::{Count, Trace},
    reply::table::{CLASSES, Lifetimes, MAX_LIFETIME},
    rules::{Action, SLOTS, Slot},
    stance::Stance,
    verdict::{Cell, Reason, Verdict},
};
use fragwall::{
    kernel::{
        counters::Counters,
        egress::Egress,
        flows::FlowSettings,
        form::Form,
        instance::{Instance, Settings, new_hash_key},
        run::RUN_ON,
    },
    ruleset::{Compiled, Names, Rule, compile::Host},
};

use super::{bpffs::Bpffs, requirements};

/// The index of the interface that test runs arrive on.
pub const INTERFACE: u32 = RUN_ON;

/// The index of the other interface that the rules' host has, `eth1`.
pub const OTHER_INTERFACE: u32 = 7;

/// A timeout that no test outlives, in ticks.
pub const FOREVER: u32 = Tick::MAX_AGE;

/// A budget that no test uses up, in fragments.
pub const PLENTY: u32 = 1 << 24;

/// What a filter is set up with. By default nothing is allowed, early fragments pass, and entries live forever.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The rules.
    pub rules: Vec<Rule>,
    /// What becomes of packets that no rule matches.
    pub default: Action,
    /// What becomes of early fragments.
    pub early: Action,
    /// The timeout of the fragment table, in ticks: jiffies in the kernel.
    pub timeout: u32,
    /// What the host may be made to hold for reassembly, whatever the IP version.
    pub limits: Limits,
    /// The entries of the fragment table.
    pub table: u32,
    /// Its secret; a random one if there's none.
    pub hash_key: Option<HashKey>,
    /// Whether replies are accepted to what is sent.
    pub replies: bool,
    /// Whether ICMP errors pass whatever the rules say.
    pub icmp_errors: bool,
}

/// The flow table: at a clock that stands still, in effect.
pub(super) const FLOWS: FlowSettings =
    FlowSettings { sets: 1 << 14, moment_shift: 30, lifetimes: Lifetimes([MAX_LIFETIME; CLASSES]) };

impl Setup {
    /// With the rules of these texts.
    ///
    /// # Panics
    /// One of them is no rule.
    pub fn rules(rules: &[&str]) -> Self {
        let names = Names::parse("", "");
        let rule = |text: &&str| {
            Rule::parse(text, &names).unwrap_or_else(|error| panic!("{text:?} is no rule: {error}"))
        };
        Self::of(rules.iter().map(rule).collect())
    }

    /// With these rules.
    pub fn of(rules: Vec<Rule>) -> Self {
        Self {
            rules,
            default: Action::Deny,
            early: Action::Allow,
            timeout: FOREVER,
            limits: Limits::new(FOREVER, PLENTY, PLENTY),
            table: 1024,
            hash_key: None,
            replies: false,
            icmp_errors: false,
        }
    }

    /// With that default.
    #[must_use]
    pub fn default(self, default: Action) -> Self {
        Self { default, ..self }
    }

    /// With that policy for early fragments.
    #[must_use]
    pub fn early(self, early: Action) -> Self {
        Self { early, ..self }
    }

    /// With that timeout, in ticks.
    #[must_use]
    pub fn timeout(self, timeout: u32) -> Self {
        Self { timeout, ..self }
    }

    /// With so many fragments that one source, and all strangers together, may have outstanding; nothing leaks away.
    #[must_use]
    pub fn budget(self, source: u32, strangers: u32) -> Self {
        Self { limits: Limits::new(FOREVER, source, strangers), ..self }
    }

    /// With a fragment table of that many entries.
    #[must_use]
    pub fn table(self, table: u32) -> Self {
        Self { table, ..self }
    }

    /// So that replies are accepted.
    #[must_use]
    pub fn accepting_replies(self) -> Self {
        Self { replies: true, ..self }
    }

    /// So that ICMP errors pass, whatever the rules say.
    #[must_use]
    pub fn accepting_icmp_errors(self) -> Self {
        Self { icmp_errors: true, ..self }
    }

    /// The host that the rules are compiled for: what is said to arrive on [`INTERFACE`] arrives on `lo`.
    pub fn host(&self) -> Host {
        let interfaces = [("lo", INTERFACE), ("eth1", OTHER_INTERFACE)];
        let interfaces = interfaces.map(|(name, index)| (name.to_owned(), index));
        Host { interfaces: HashMap::from(interfaces), ..Host::default() }
    }

    /// The rules, compiled; the first one has slot 0, and so on.
    ///
    /// # Errors
    /// There are too many.
    pub fn compile(&self) -> Result<Compiled> {
        let mut rules = Vec::with_capacity(self.rules.len());
        for (n, rule) in self.rules.iter().enumerate() {
            rules.push((rule.clone(), Slot::rule(n).context("too many rules")?));
        }
        Ok(Compiled::new(&rules, self.default, &self.host())?)
    }

    /// The settings of the program with these rules and that secret, as it's shipped.
    pub fn settings<'r>(&self, rules: &'r Compiled, hash_key: HashKey) -> Settings<'r> {
        Settings {
            rules,
            early: self.early,
            timeout: self.timeout,
            limits: [self.limits; Family::ALL.len()],
            table: self.table,
            hash_key,
            flows: self.replies.then_some(FLOWS),
            icmp_errors: self.icmp_errors,
            stance: Stance::Enforcing,
            pending: None,
            form: Form::USUAL,
            explains: false,
        }
    }

    /// Loads the program with all this.
    ///
    /// # Errors
    /// The process isn't root's, or the kernel refuses.
    pub fn load(&self) -> Result<Kernel> {
        requirements::require(&[])?;
        let rules = self.compile()?;
        let hash_key = self.hash_key.map_or_else(new_hash_key, Ok)?;
        let settings = |explains| Settings { explains, ..self.settings(&rules, hash_key) };
        if !self.replies {
            let mut shipped = Instance::load(&settings(false))?;
            let explaining = Instance::load(&settings(true))?;
            return Ok(Kernel { explaining, counters: shipped.counters()?, shipped, egress: None });
        }
        // The programs hold the table when its pin is gone.
        let bpffs = Bpffs::new()?;
        let pin = bpffs.path().join("flows");
        let mut shipped = Instance::load_beside(&settings(false), &pin)?;
        Ok(Kernel {
            explaining: Instance::load_beside(&settings(true), &pin)?,
            counters: shipped.counters()?,
            shipped,
            egress: Some(Egress::load(&FLOWS, &hash_key, &pin)?),
        })
    }
}

/// How a packet was judged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Judged {
    /// Whether it passes.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// What it was credited to.
    pub slot: Slot,
    /// Its place in a datagram …
    pub class: Class,
    /// … the identification …
    pub id: u32,
    /// … the offset in bytes …
    pub offset: u16,
    /// … and whether more follows.
    pub more: bool,
}

impl Judged {
    fn new(trace: &Trace) -> Result<Self> {
        Ok(Self {
            verdict: Verdict::from_code(trace.verdict).context("an unknown verdict")?,
            reason: Reason::from_code(trace.reason).context("an unknown reason")?,
            slot: Slot::from_index(trace.slot.into()).context("an unknown slot")?,
            class: Class::from_code(trace.class).context("an unknown class")?,
            id: trace.id,
            offset: trace.offset,
            more: trace.more != 0,
        })
    }

    /// Whether it passes.
    pub fn passes(&self) -> bool {
        self.verdict == Verdict::Pass
    }

    /// The verdict, the reason and the rule's number from 0: what most tests ask for.
    pub fn summary(&self) -> (Verdict, Reason, Option<usize>) {
        (self.verdict, self.reason, self.slot.as_rule())
    }

    /// The counter that it adds to.
    pub fn cell(&self) -> Cell {
        Cell::of(self.verdict, self.reason, self.slot)
    }
}

/// The program, loaded twice with the same settings: as it's shipped, and so that it explains itself. Each frame goes
/// through both, and they must agree.
#[derive(Debug)]
pub struct Kernel {
    shipped: Instance,
    counters: Counters,
    explaining: Instance,
    /// What remembers the flows, for both.
    egress: Option<Egress>,
}

impl Kernel {
    /// Sends a frame.
    ///
    /// # Errors
    /// The kernel refuses to run it, or replies aren't accepted.
    pub fn send(&mut self, frame: &[u8]) -> Result<()> {
        let egress = self.egress.as_mut().context("nothing looks at what goes out")?;
        Ok(egress.run(frame, 1).map(drop)?)
    }

    /// Judges a frame, of an Ethernet header at least.
    ///
    /// # Errors
    /// The kernel refuses to run it, or what the program returns isn't its verdict: it must be `XDP_PASS` or `XDP_DROP`, or
    /// `XDP_TX` where a rejected packet is answered.
    pub fn judge(&mut self, frame: &[u8]) -> Result<Judged> {
        let judged = self.explain(frame)?;
        let action = self.shipped.run(frame, 1)?.action;
        let is_expected = match judged.verdict {
            Verdict::Drop => action == 1,
            Verdict::Pass => action == 2,
            Verdict::Reject => matches!(action, 1 | 3),
        };
        ensure!(is_expected, "the program returned {action} for {judged:?}");
        Ok(judged)
    }

    /// Judges a frame by the explaining program alone, so that nothing is counted.
    ///
    /// # Errors
    /// As for [`Self::judge`].
    pub fn explain(&mut self, frame: &[u8]) -> Result<Judged> {
        let trace = self.explaining.judge(frame)?.context("the frame is shorter than an Ethernet header")?;
        Judged::new(&trace)
    }

    /// The program as it's shipped, for who runs it on frames of his own.
    pub fn shipped(&mut self) -> &mut Instance {
        &mut self.shipped
    }

    /// What the shipped program has counted in a cell, whenever that was.
    ///
    /// # Errors
    /// The kernel refuses to tell.
    pub fn count(&self, cell: Cell) -> Result<Count> {
        Ok(Count { last: 0, ..self.counters.read(Stance::Enforcing, cell)? })
    }

    /// What it has counted in all cells there are.
    ///
    /// # Errors
    /// The kernel refuses to tell.
    pub fn total(&self) -> Result<Count> {
        let mut seen = BTreeSet::new();
        let mut total = Count::default();
        let slots = (0..SLOTS).filter_map(Slot::from_index);
        for cell in slots.flat_map(Cell::of_slot).chain(Cell::of_reasons()) {
            ensure!(seen.insert(cell.index()), "two counters share a place: {cell:?}");
            total = total + self.count(cell)?;
        }
        Ok(total)
    }
}
