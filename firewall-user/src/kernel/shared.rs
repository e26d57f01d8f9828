//! The maps that all generations of a filter share: what is known of datagrams, sources and flows, and the counters, outlive a
//! change of the rules.

use std::path::Path;

use aya::maps::{MapInfo, MapType};
use firewall_common::{
    event::watch::{Buckets, LeftOut, Watch},
    fragment::{
        source::{Pool, SourceSet},
        table::{Set, WAYS},
        word::Word,
    },
    packet::Family,
    record::Count,
    reply::table::FlowSet,
    rules::{SLOTS, limit::BucketSet},
    stance::COUNTERS,
    tally::{TALLIES, Tally},
};

use super::{Error, flows, instance::names};
use crate::ruleset::Config;

/// A map that all generations share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shared {
    /// The name that the kernel object gives it.
    pub(super) name: &'static str,
    /// The name of its pin.
    pub(super) pin: &'static str,
    /// The version of what its values mean to the program and to this crate. It rises with every change of that which the
    /// map's own shape doesn't show; a filter that was attached by another version starts with an empty one then.
    pub(super) meaning: u32,
    /// What starting with an empty one comes to.
    pub(super) loss: &'static str,
    shape: Shape,
    /// The size of its values, or elements, in bytes.
    value: usize,
    /// How many it has for a configuration; `None` if that has no such map.
    entries: fn(&Config) -> Option<u32>,
}

/// What a map is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Shape {
    /// An array.
    Array,
    /// An array that is one value to the kernel, whose elements the program addresses itself.
    Direct,
    /// An array that each CPU has values of.
    PerCpu,
    /// A ring of records, which have no size of their own: its entries are bytes.
    Ring,
}

/// All of them.
pub(super) const SHARED: [Shared; 12] = [
    FRAGMENTS,
    Shared {
        name: names::SOURCES,
        pin: "sources",
        meaning: 1,
        loss: "no source is known to have completed a datagram yet",
        shape: Shape::Direct,
        value: size_of::<SourceSet>(),
        entries: |config| Some(source_sets(config.fragments.table)),
    },
    Shared {
        name: names::POOLS,
        pin: "pools",
        meaning: 1,
        loss: "the fragments that strangers have outstanding aren't held against them",
        shape: Shape::Direct,
        value: size_of::<Pool>(),
        entries: |_| Some(Family::ALL.len() as u32),
    },
    BUCKETS,
    Shared {
        name: names::SOURCE_BUCKETS,
        pin: "source-buckets",
        meaning: 1,
        loss: "limits of single sources start unused",
        shape: Shape::Array,
        value: size_of::<BucketSet>(),
        entries: |config| Some(bucket_sets(config.fragments.table)),
    },
    COUNTED,
    INTERFACES,
    FLOWS,
    WATCH,
    Shared {
        name: names::EVENT_BUCKETS,
        pin: "event-buckets",
        meaning: 1,
        loss: "the rates of what is told of packets start unused",
        shape: Shape::Array,
        value: size_of::<Buckets>(),
        entries: |_| Some(1),
    },
    LEFT_OUT,
    EVENTS,
];

/// The fragment table.
pub(super) const FRAGMENTS: Shared = Shared {
    name: names::FRAGMENTS,
    pin: "fragments",
    meaning: 1,
    loss: "what is still to come of datagrams in flight is taken for early fragments, whatever became of the first ones",
    shape: Shape::Direct,
    value: size_of::<Set>(),
    entries: |config| Some(fragment_sets(config.fragments.table)),
};

/// The buckets of limits that all sources share.
pub(super) const BUCKETS: Shared = Shared {
    name: names::BUCKETS,
    pin: "buckets",
    meaning: 1,
    loss: "limits start unused",
    shape: Shape::Array,
    value: size_of::<Word>(),
    entries: |_| Some(SLOTS as u32),
};

/// The counters.
pub(super) const COUNTED: Shared = Shared {
    name: names::COUNTERS,
    pin: "counters",
    meaning: 1,
    loss: "all counters start from zero",
    shape: Shape::PerCpu,
    value: size_of::<Count>(),
    entries: |_| Some(COUNTERS as u32),
};

/// The interfaces' tallies.
pub(super) const INTERFACES: Shared = Shared {
    name: names::INTERFACES,
    pin: "interfaces",
    meaning: 1,
    loss: "what is counted of each interface starts from zero",
    shape: Shape::PerCpu,
    value: size_of::<Tally>(),
    entries: |_| Some(TALLIES as u32),
};

/// The flow table, which a filter has that accepts replies.
pub(super) const FLOWS: Shared = Shared {
    name: names::FLOWS,
    pin: "flows",
    meaning: 1,
    loss: "of the flows that this host opened, only those of connected sockets are known; replies to others are accepted once it \
           sends again",
    shape: Shape::Direct,
    value: size_of::<FlowSet>(),
    entries: |config| config.replies.as_ref().map(flows::sets),
};

/// What is asked for by whoever watches.
pub(super) const WATCH: Shared = Shared {
    name: names::WATCH,
    pin: "watch",
    meaning: 1,
    loss: "whoever watched must ask anew",
    shape: Shape::Direct,
    value: size_of::<Watch>(),
    entries: |_| Some(1),
};

/// How many packets weren't told of.
pub(super) const LEFT_OUT: Shared = Shared {
    name: names::LEFT_OUT,
    pin: "left-out",
    meaning: 1,
    loss: "the number of packets that weren't told of starts from zero",
    shape: Shape::PerCpu,
    value: size_of::<LeftOut>(),
    entries: |_| Some(1),
};

/// What is told of packets.
pub(super) const EVENTS: Shared = Shared {
    name: names::EVENTS,
    pin: "events",
    meaning: 1,
    loss: "packets that were told of and not read yet are forgotten",
    shape: Shape::Ring,
    value: 0,
    entries: |_| Some(1 << 19),
};

/// How many sets a fragment table of so many entries has.
pub(super) const fn fragment_sets(table: u32) -> u32 {
    table / WAYS as u32
}

/// How many sets the source table beside it has: a source for each four datagrams, and never less than 64.
pub(super) const fn source_sets(table: u32) -> u32 {
    let sources = table / 4;
    (if sources > 64 { sources } else { 64 }) / WAYS as u32
}

/// How many sets of sources' buckets there are beside it: a bucket for each four datagrams, and never less than 64.
pub(super) const fn bucket_sets(table: u32) -> u32 {
    source_sets(table)
}

impl Shared {
    /// Whether a configuration has such a map.
    pub(super) fn is_of(&self, config: &Config) -> bool {
        (self.entries)(config).is_some()
    }

    /// How the map that is pinned at `path` differs in shape from what this version's program has for a configuration; `None` if it
    /// doesn't, or if there's none. The loader takes a pinned map of another shape without a word.
    ///
    /// # Errors
    /// The kernel refuses to tell.
    pub(super) fn difference(&self, path: &Path, config: &Config) -> Result<Option<String>, Error> {
        let Some(entries) = (self.entries)(config).filter(|_| path.exists()) else { return Ok(None) };
        let info = MapInfo::from_pin(path)
            .map_err(|error| Error::aya(format!("opening {}", path.display()), error))?;
        let found = (info.map_type().ok(), info.key_size(), info.value_size(), info.max_entries());
        let (key, value) = (size_of::<u32>() as u32, self.value as u32);
        let expected = match self.shape {
            Shape::Array => (Some(MapType::Array), key, value, entries),
            Shape::Direct => (Some(MapType::Array), key, value * entries, 1),
            Shape::PerCpu => (Some(MapType::PerCpuArray), key, value, entries),
            Shape::Ring => (Some(MapType::RingBuf), 0, 0, entries),
        };
        Ok((found != expected).then(|| {
            format!(
                "a map with {} entries of {} bytes where {} of {} are expected",
                found.3, found.2, expected.3, expected.2
            )
        }))
    }
}

#[cfg(test)]
mod tests {
    use firewall_common::verdict::Reason;

    use super::*;

    /// A reason's place among the counters, and in events, is told by its place among all.
    #[test]
    fn reasons_stay_in_their_places() {
        assert_eq!((COUNTED.meaning, EVENTS.meaning), (1, 1), "write down here what the next meaning is");
        let names: Vec<&str> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        let known = REASONS.split_whitespace().collect::<Vec<_>>();
        assert!(
            names.starts_with(&known),
            "a new reason comes behind all others, so that counters go on when this version takes a filter over; or raise \
             the meaning of the counters and of the events: {names:?}"
        );
    }

    /// Those of the first meaning.
    const REASONS: &str = "not-ip arp neighbour-discovery multicast-listener packet-too-big icmp-error reply related rule \
        default inherited early late-denial fragment-budget truncated ip-version ip-header-length \
        ip-length extension-chain extension-order routing-header-0 nested-fragment transport-header \
        fragment-end fragment-length fragment-headers fragment-overlap fragment-tcp-flags \
        fragment-neighbour-discovery";
}
