//! An instance of the XDP program: its settings and its maps.

use std::{io, path::Path};

use aya::maps::{MapError, PerCpuArray};
use firewall_common::{
    fragment::{
        budget::Limits,
        identity::{HashKey, KEY_WORDS},
        progress::{self, BOUNDARIES},
        tick::Tick,
    },
    packet::Family,
    rules::{Action, SLOTS},
    stance::{Mode, Stance},
};

use super::{
    Error, clock,
    counters::Counters,
    document::Document,
    flows::FlowSettings,
    form::Form,
    loaded::Loaded,
    loader::Loader,
    netlink::{self, Interface},
    pending::Pending,
    rules,
    run::RUN_ON,
    shared::{self, FLOWS, SHARED},
    size::Size,
    tables::Tables,
    tallies,
};
use crate::ruleset::{Compiled, Early, Fragments, compile::Host, config::MAX_BUDGET};

/// The kernel object, built for the BPF target by the build script.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/fragwall"));

/// The names that the kernel object gives to its program and maps.
pub(super) mod names {
    pub(in super::super) const FRAGMENTS: &str = "FRAGMENTS";
    pub(in super::super) const SOURCES: &str = "SOURCES";
    pub(in super::super) const POOLS: &str = "POOLS";
    pub(in super::super) const COUNTERS: &str = "COUNTERS";
    pub(in super::super) const INTERFACES: &str = "INTERFACES";
    pub(in super::super) const BUCKETS: &str = "BUCKETS";
    pub(in super::super) const SOURCE_BUCKETS: &str = "SOURCE_BUCKETS";
    pub(in super::super) const PREVIOUS: &str = "PREVIOUS";
    pub(in super::super) const SOURCE: &str = "SOURCE";
    pub(in super::super) const TRACE: &str = "TRACE";
    pub(in super::super) const FLOWS: &str = "FLOWS";
    pub(in super::super) const WATCH: &str = "WATCH";
    pub(in super::super) const EVENT_BUCKETS: &str = "EVENT_BUCKETS";
    pub(in super::super) const LEFT_OUT: &str = "LEFT_OUT";
    pub(in super::super) const EVENTS: &str = "EVENTS";
}

/// What an instance is made with.
#[derive(Debug)]
pub struct Settings<'a> {
    /// The compiled ruleset.
    pub rules: &'a Compiled,
    /// What becomes of trailing fragments whose first one hasn't been seen.
    pub early: Action,
    /// How long an entry of the fragment table lives, in jiffies.
    pub timeout: u32,
    /// What the host may be made to hold for reassembly, of IPv4 and of IPv6.
    pub limits: [Limits; Family::ALL.len()],
    /// The size of the fragment table in entries: a power of two, at least 8.
    pub table: u32,
    /// The secret of the fragment table.
    pub hash_key: HashKey,
    /// The flow table; `None` if replies aren't accepted.
    pub flows: Option<FlowSettings>,
    /// Whether ICMP errors that tell of a packet's fate pass, whatever the rules say.
    pub icmp_errors: bool,
    /// Whether verdicts are carried out.
    pub stance: Stance,
    /// When the program before this one is to have the packets again.
    pub pending: Option<Pending>,
    /// How it's loaded.
    pub form: Form,
    /// Whether each judgement is written down for [`Instance::judge`].
    pub explains: bool,
}

impl<'a> Settings<'a> {
    /// The settings that a document says; `rules` is its compiled ruleset.
    ///
    /// # Errors
    /// The kernel's tick isn't known.
    pub fn of_document(document: &Document, rules: &'a Compiled, explains: bool) -> Result<Self, Error> {
        let Fragments { early, early_budget, timeout, table } = document.config.fragments;
        let per_second = clock::jiffies_per_second()?;
        Ok(Self {
            rules,
            early: match early {
                Early::Pass => Action::Allow,
                Early::Drop => Action::Deny,
            },
            timeout: clock::jiffies(timeout, per_second),
            // Packets of a capture come faster than they did, and on no host that would hold them.
            limits: if explains {
                [Limits::new(Tick::MAX_AGE, MAX_BUDGET, MAX_BUDGET); 2]
            } else {
                document.reassembly.map(|host| host.limits(early_budget, per_second))
            },
            table,
            hash_key: document.hash_key,
            flows: document.config.replies.as_ref().map(FlowSettings::new).transpose()?,
            icmp_errors: document.config.icmp_errors,
            stance: document.stance,
            pending: document.pending,
            form: document.form,
            explains,
        })
    }
}

/// The host that rulesets are compiled for: the current network namespace.
///
/// # Errors
/// The kernel doesn't tell its interfaces or its tick.
pub fn host() -> Result<Host, Error> {
    let interfaces = netlink::interfaces()?;
    let named = |of: &Interface| of.names().map(|name| (name.to_owned(), of.index)).collect::<Vec<_>>();
    Ok(Host {
        interfaces: interfaces.iter().flat_map(named).collect(),
        veths: interfaces.iter().filter(|interface| interface.is_veth).map(|veth| veth.index).collect(),
        ticks_per_second: clock::jiffies_per_second()?,
    })
}

/// A new secret for a fragment table.
///
/// # Errors
/// The system has no random numbers.
pub fn new_hash_key() -> Result<HashKey, Error> {
    let mut bytes = [0; KEY_WORDS * 8];
    io::Read::read_exact(
        &mut std::fs::File::open("/dev/urandom").map_err(|error| Error::os("opening /dev/urandom", error))?,
        &mut bytes,
    )
    .map_err(|error| Error::os("reading /dev/urandom", error))?;
    let mut key = [0; KEY_WORDS];
    for (word, bytes) in key.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = u64::from_ne_bytes(bytes.try_into().expect("chunks of eight bytes"));
    }
    Ok(HashKey(key))
}

/// A loaded program with its maps. It's gone when this is dropped, unless it's pinned or attached.
#[derive(Debug)]
pub struct Instance {
    pub(super) loaded: Loaded,
    pub(super) serial: u32,
}

/// Where maps are pinned that an instance has in common with others; they are made if they aren't there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pins<'a> {
    /// The fragment table, the counters and the like.
    pub(super) shared: Option<&'a Tables>,
    /// The flow table.
    pub(super) flows: Option<&'a Path>,
}

impl Instance {
    /// Loads the program with tables of its own.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn load(settings: &Settings<'_>) -> Result<Self, Error> {
        Self::load_with(settings, Pins::default(), 1)
    }

    /// The same, but for the flow table, which is the one that is pinned at `flows`; it's made if it isn't there.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn load_beside(settings: &Settings<'_>, flows: &Path) -> Result<Self, Error> {
        Self::load_with(settings, Pins { flows: Some(flows), ..Pins::default() }, 1)
    }

    /// Loads the program that a document says, for a host, with tables of its own.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn of_document(document: &Document, host: &Host) -> Result<Self, Error> {
        let rules = Compiled::new(&document.rules(), document.config.default, host)?;
        Self::load(&Settings::of_document(document, &rules, false)?)
    }

    /// Loads the program with maps that are pinned. `source_chunks` is the room for the ruleset's source.
    pub(super) fn load_with(
        settings: &Settings<'_>,
        pins: Pins<'_>,
        source_chunks: u32,
    ) -> Result<Self, Error> {
        let Settings { rules: compiled, early, timeout, limits, table, hash_key, .. } = settings;
        let Settings { flows, icmp_errors, stance, pending, explains, .. } = settings;
        let (accepts_replies, accepts_errors) = (u32::from(flows.is_some()), u32::from(*icmp_errors));
        let flows = flows.unwrap_or(FlowSettings::NONE);
        let (sets, source_sets) = (shared::fragment_sets(*table), shared::source_sets(*table));
        let bucket_sets = shared::bucket_sets(*table);
        let [shift, source_shift, bucket_shift] =
            [sets, source_sets, bucket_sets].map(|sets| u64::BITS - sets.ilog2());
        let early = u32::from(*early == Action::Allow);
        let mode = Mode::new(*stance, *explains);
        // Who only asks what would become of a packet wants nobody to be told.
        let answers = u32::from(compiled.answers.are_sent && mode == Mode::USUAL);
        let deadline = pending.map_or(0, |pending| pending.deadline);
        let was_unfiltered = u32::from(pending.is_some_and(|pending| pending.previous.is_none()));

        let held = limits.iter().map(Limits::hold).fold(*timeout, u32::max).min(Tick::MAX_AGE);
        let mut boundaries = [0; BOUNDARIES];
        progress::fill(&mut boundaries, hash_key);

        let mut loader = Loader::new(OBJECT);
        loader
            .form(settings.form)
            .set_all("HASH_KEY", &hash_key.0)
            .set_all("BOUNDARY_NUMBERS", &boundaries)
            .set("SET_SHIFT", shift)
            .set("SOURCE_SHIFT", source_shift)
            .set_all("LIMITS", limits)
            .set("TIMEOUT", *timeout)
            .set("HELD", held)
            .set("EARLY_PASSES", early)
            .set("BUCKET_SHIFT", bucket_shift)
            .set("MODE", mode)
            .set("ANSWERS", answers)
            .set("DEADLINE", deadline)
            .set("WAS_UNFILTERED", was_unfiltered)
            .set("ACCEPTS_REPLIES", accepts_replies)
            .set("ACCEPTS_ICMP_ERRORS", accepts_errors)
            .direct(names::FRAGMENTS, sets)
            .direct(names::SOURCES, source_sets)
            .direct(names::POOLS, Family::ALL.len() as u32)
            .direct(names::WATCH, 1)
            .entries(names::BUCKETS, SLOTS as u32)
            .entries(names::SOURCE_BUCKETS, bucket_sets)
            .entries(names::SOURCE, source_chunks);
        flows.prepare(&mut loader);
        rules::prepare(&mut loader, compiled);
        if let Some(tables) = pins.shared {
            for shared in SHARED.iter().filter(|shared| shared.name != FLOWS.name) {
                loader.pin(shared.name, tables.pin(shared));
            }
        }
        if let Some(flows) = pins.flows.filter(|_| accepts_replies != 0) {
            loader.pin(names::FLOWS, flows.to_owned());
        }
        let mut instance = Self { loaded: loader.load()?, serial: 0 };
        rules::write(&mut instance.loaded, compiled)
            .map_err(|error| Error::aya("writing the ruleset", error))?;
        if pins.shared.is_none() {
            instance.count_runs().map_err(|error| Error::aya("counting runs", error))?;
        }
        Ok(instance)
    }

    /// Gives the interface that test runs arrive on its tallies, as any that the program is attached to has.
    fn count_runs(&mut self) -> Result<(), MapError> {
        let map = self.loaded.map_mut(names::INTERFACES)?;
        tallies::give(&mut PerCpuArray::try_from(map)?, RUN_ON, &[])
    }

    /// Pins the program.
    pub(super) fn pin(&self, path: &Path) -> Result<(), Error> {
        let pinned = self.loaded.program.pin(path);
        pinned.map_err(|error| Error::os(format!("pinning {}", path.display()), error))
    }

    /// How large its program is.
    ///
    /// # Errors
    /// The kernel doesn't tell.
    pub fn size(&self) -> Result<Size, Error> {
        self.loaded.program.size().map_err(|error| Error::os("asking the kernel about the program", error))
    }

    /// Its counters.
    ///
    /// # Errors
    /// The object has none.
    pub fn counters(&mut self) -> Result<Counters, Error> {
        let map = self.loaded.take_map(names::COUNTERS);
        let map = map.map_err(|error| Error::aya("opening the counters", error))?;
        Counters::new(map)
    }

    /// The program's own trace (aya-log), which is read and handed to `log` whenever it's flushed.
    ///
    /// # Errors
    /// The object was built without its trace.
    #[cfg(feature = "trace")]
    pub fn trace<T: log::Log>(&mut self, log: T) -> Result<aya_log::EbpfLogger<T>, Error> {
        let doing = "opening the program's trace";
        let program = self.loaded.program.id().map_err(|error| Error::os(doing, error))?;
        aya_log::EbpfLogger::init_from_id_with_logger(program, log).map_err(|error| Error::aya(doing, error))
    }
}
