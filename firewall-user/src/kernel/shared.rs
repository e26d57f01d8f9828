//! The maps that all generations of a filter share: what is known of datagrams and sources, and the counters, outlive a
//! change of the rules.

use std::path::{Path, PathBuf};

use aya::maps::{Array, Map, MapData, MapInfo, MapType};
use firewall_common::{
    event::watch::{Buckets, LeftOut, Watch},
    fragment::{
        source::{Pool, SourceSet},
        table::{Set, WAYS},
        word::Word,
    },
    packet::Family,
    record::Count,
    rules::{SLOTS, Slot, limit::BucketSet},
    stance::COUNTERS,
    tally::{TALLIES, Tally},
};

use super::{Error, instance::names, layout::Layout};

/// A map that all generations share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shared {
    /// The name that the kernel object gives it.
    pub(super) name: &'static str,
    /// The name of its pin.
    pub(super) pin: &'static str,
    kind: MapType,
    value: usize,
    /// How many values it has, for a fragment table of so many entries.
    entries: fn(u32) -> u32,
}

/// All of them.
pub(super) const SHARED: [Shared; 11] = [
    Shared {
        name: names::FRAGMENTS,
        pin: "fragments",
        kind: MapType::Array,
        value: size_of::<Set>(),
        entries: fragment_sets,
    },
    Shared {
        name: names::SOURCES,
        pin: "sources",
        kind: MapType::Array,
        value: size_of::<SourceSet>(),
        entries: source_sets,
    },
    Shared {
        name: names::POOLS,
        pin: "pools",
        kind: MapType::Array,
        value: size_of::<Pool>(),
        entries: |_| Family::ALL.len() as u32,
    },
    Shared {
        name: names::BUCKETS,
        pin: "buckets",
        kind: MapType::Array,
        value: size_of::<Word>(),
        entries: |_| SLOTS as u32,
    },
    Shared {
        name: names::SOURCE_BUCKETS,
        pin: "source-buckets",
        kind: MapType::Array,
        value: size_of::<BucketSet>(),
        entries: bucket_sets,
    },
    Shared {
        name: names::COUNTERS,
        pin: "counters",
        kind: MapType::PerCpuArray,
        value: size_of::<Count>(),
        entries: |_| COUNTERS as u32,
    },
    Shared {
        name: names::INTERFACES,
        pin: "interfaces",
        kind: MapType::PerCpuArray,
        value: size_of::<Tally>(),
        entries: |_| TALLIES as u32,
    },
    Shared {
        name: names::WATCH,
        pin: "watch",
        kind: MapType::Array,
        value: size_of::<Watch>(),
        entries: |_| 1,
    },
    Shared {
        name: names::EVENT_BUCKETS,
        pin: "event-buckets",
        kind: MapType::Array,
        value: size_of::<Buckets>(),
        entries: |_| 1,
    },
    Shared {
        name: names::LEFT_OUT,
        pin: "left-out",
        kind: MapType::PerCpuArray,
        value: size_of::<LeftOut>(),
        entries: |_| 1,
    },
    // Its records have no size of their own, and its entries are bytes.
    Shared { name: names::EVENTS, pin: "events", kind: MapType::RingBuf, value: 0, entries: |_| 1 << 19 },
];

/// Fills up the buckets of limits that all sources share, of slots that are given to new rules. Those of single sources can't be
/// told apart by slot: what is left in them is at most what another rule with that slot let be used up, thousands of rules ago.
pub(super) fn fill_buckets(layout: &Layout, slots: &[Slot]) -> Result<(), Error> {
    let path = layout.root().join("buckets");
    let buckets =
        MapData::from_pin(&path).and_then(|map| Array::<_, u64>::try_from(Map::from_map_data(map)?));
    let filled = buckets
        .and_then(|mut buckets| slots.iter().try_for_each(|slot| buckets.set(slot.index() as u32, 0, 0)));
    filled.map_err(|error| Error::aya(format!("filling {}", path.display()), error))
}

/// The pin of the counters.
pub(super) fn counters(layout: &Layout) -> PathBuf {
    layout.root().join("counters")
}

/// The pin of the interfaces' tallies.
pub(super) fn interfaces(layout: &Layout) -> PathBuf {
    layout.root().join("interfaces")
}

/// The pin of the fragment table.
pub(super) fn fragments(layout: &Layout) -> PathBuf {
    layout.root().join("fragments")
}

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

/// aya takes a pinned map of another shape without a word: makes sure that what is there is what the program expects, for
/// a fragment table of `table` entries.
pub(super) fn check(layout: &Layout, table: u32) -> Result<(), Error> {
    SHARED.iter().try_for_each(|shared| {
        check_map(&layout.root().join(shared.pin), shared.kind, shared.value, (shared.entries)(table))
    })
}

/// That a pinned map, if it's there, is of that kind, with so many entries of so many bytes.
pub(super) fn check_map(path: &Path, kind: MapType, value: usize, entries: u32) -> Result<(), Error> {
    if !path.exists() {
        return Ok(());
    }
    let doing = || format!("opening {}", path.display());
    let info = MapInfo::from_pin(path).map_err(|error| Error::aya(doing(), error))?;
    let found = (info.map_type().ok(), info.key_size(), info.value_size(), info.max_entries());
    let key = if kind == MapType::RingBuf { 0 } else { size_of::<u32>() as u32 };
    let expected = (Some(kind), key, value as u32, entries);
    if found == expected {
        return Ok(());
    }
    Err(Error::Incompatible {
        path: path.to_owned(),
        what: format!(
            "a map with {} entries of {} bytes where {} of {} are expected",
            found.3, found.2, expected.3, expected.2
        ),
    })
}
