//! What became of the packets of each interface: giving interfaces their tallies, and reading them.

use std::{borrow::BorrowMut, path::Path};

use aya::maps::{Map, MapData, MapError, PerCpuArray, PerCpuValues};
use firewall_common::{
    stance::Stance,
    tally::{self, OTHERS, Tally},
    verdict::Verdict,
};

use super::{
    Error, document::Document, layout::Layout, link, shared::INTERFACES, state::Link, tables::Tables,
};

/// What became of the packets of one interface.
#[derive(Clone, Copy, Debug, Default)]
pub struct InterfaceTally {
    counted: [[Tally; Verdict::ALL.len()]; Stance::ALL.len()],
}

impl InterfaceTally {
    /// Those that got that verdict while the filter had that stance.
    pub const fn of(&self, stance: Stance, verdict: Verdict) -> Tally {
        self.counted[stance.index()][verdict.code() as usize]
    }
}

type Tallies<T> = PerCpuArray<T, Tally>;

/// Gives tallies to interfaces, by their indexes, that are about to be attached to.
pub(super) fn put(
    layout: &Layout,
    tables: &Tables,
    interfaces: impl IntoIterator<Item = u32>,
) -> Result<(), Error> {
    let mut taken: Vec<u32> = link::pinned(layout)?.iter().map(|pinned| pinned.name).collect();
    let mut tallies = open(&tables.pin(&INTERFACES))?;
    for interface in interfaces {
        give(&mut tallies, interface, &taken).map_err(|error| {
            Error::aya(format!("counting what comes in by the interface of index {interface}"), error)
        })?;
        taken.push(interface);
    }
    Ok(())
}

/// Gives tallies to the interfaces that are filtered, where none has any.
pub(super) fn put_all(layout: &Layout, tables: &Tables) -> Result<(), Error> {
    put(layout, tables, link::pinned(layout)?.iter().map(|pinned| pinned.name))
}

/// Gives an interface empty tallies, in a row that isn't any of `taken`'s: its own, a free one, or one whose interface is gone. If all
/// are taken it has none of its own.
pub(super) fn give<T: BorrowMut<MapData>>(
    tallies: &mut Tallies<T>,
    interface: u32,
    taken: &[u32],
) -> Result<(), MapError> {
    let owners = tally::rows(interface).map(|row| Ok((row, owner(tallies, row)?)));
    let owners: Vec<(u32, u32)> = owners.collect::<Result<_, MapError>>()?;
    let own = owners.iter().find(|(_, owner)| *owner == interface);
    let free = || owners.iter().find(|(_, owner)| !taken.contains(owner));
    let Some(&(row, _)) = own.or_else(free) else { return Ok(()) };
    tally::places(row).try_for_each(|place| {
        let cpus = tallies.get(&place, 0)?.len();
        let empty = PerCpuValues::try_from(vec![Tally::new(interface); cpus])?;
        tallies.set(place, empty, 0)
    })
}

/// Whose row it is; 0 if it's nobody's.
fn owner<T: BorrowMut<MapData>>(tallies: &Tallies<T>, row: u32) -> Result<u32, MapError> {
    let place = tally::place(row, Stance::Enforcing, Verdict::Drop.code().into());
    Ok(tallies.get(&place, 0)?.first().map_or(0, |tally| tally.interface as u32))
}

/// What is counted of the interfaces of links, in order, and in the end of all others.
pub(super) fn read(
    tables: &Tables,
    document: &Document,
    links: &[Link],
) -> Result<Vec<InterfaceTally>, Error> {
    let tallies = open(&tables.known(&INTERFACES, document)?)?;
    let refused = |error| Error::aya("reading what was counted by interface", error);
    let own = links.iter().map(|link| {
        let interface = link.pinned.name;
        for row in tally::rows(interface) {
            if owner(&tallies, row)? == interface {
                return sum(&tallies, row);
            }
        }
        Ok(InterfaceTally::default())
    });
    own.chain([sum(&tallies, OTHERS)]).collect::<Result<_, _>>().map_err(refused)
}

/// What all CPUs together have counted in a row.
fn sum(tallies: &Tallies<MapData>, row: u32) -> Result<InterfaceTally, MapError> {
    let mut counted = InterfaceTally::default();
    for stance in Stance::ALL {
        for verdict in Verdict::ALL {
            let total = &mut counted.counted[stance.index()][usize::from(verdict.code())];
            for tally in tallies.get(&tally::place(row, stance, verdict.code().into()), 0)?.iter() {
                total.packets += tally.packets;
                total.bytes += tally.bytes;
            }
        }
    }
    Ok(counted)
}

fn open(path: &Path) -> Result<Tallies<MapData>, Error> {
    let map = MapData::from_pin(path).and_then(Map::from_map_data).and_then(PerCpuArray::try_from);
    map.map_err(|error| Error::aya(format!("opening {}", path.display()), error))
}
