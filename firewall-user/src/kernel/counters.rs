//! Reading the program's counters.

use std::path::Path;

use aya::{
    maps::{IterableMap as _, Map, MapData, PerCpuArray, PerCpuValues},
    util::nr_cpus,
};
use firewall_common::{
    record::Count,
    rules::Slot,
    stance::{COUNTERS, Stance},
    verdict::Cell,
};

use super::{Error, batch};

/// Of so many slots the counters are asked for one by one, of more they are all read at once.
const FEW: usize = 16;

/// Whether it takes less time to read all counters than those of each of these slots.
pub(super) const fn are_many(slots: &[Slot]) -> bool {
    slots.len() > FEW
}

/// The counters of a filter: one of each [`Cell`] for each stance a CPU.
pub struct Counters(PerCpuArray<MapData, Count>);

impl std::fmt::Debug for Counters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Counters").finish_non_exhaustive()
    }
}

/// What all CPUs together had counted at a moment.
#[derive(Clone, Debug)]
pub struct Counted(Vec<Count>);

impl Counted {
    /// In a cell while the filter had that stance.
    pub fn of(&self, stance: Stance, cell: Cell) -> Count {
        self.0.get(place(stance, cell) as usize).copied().unwrap_or_default()
    }
}

impl Counters {
    pub(super) fn new(map: Map) -> Result<Self, Error> {
        PerCpuArray::try_from(map).map(Self).map_err(|error| Error::aya("opening the counters", error))
    }

    /// The counters that are pinned at `path`.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let map = MapData::from_pin(path).and_then(Map::from_map_data);
        Self::new(map.map_err(|error| Error::aya(format!("opening {}", path.display()), error))?)
    }

    fn values(&self, stance: Stance, cell: Cell) -> Result<PerCpuValues<Count>, Error> {
        self.0.get(&place(stance, cell), 0).map_err(|error| Error::aya("reading a counter", error))
    }

    /// What all CPUs together have counted in a cell while the filter had that stance.
    ///
    /// # Errors
    /// The kernel refuses to tell.
    pub fn read(&self, stance: Stance, cell: Cell) -> Result<Count, Error> {
        Ok(self.values(stance, cell)?.iter().fold(Count::default(), |sum, count| sum + *count))
    }

    /// All of them, read at once.
    ///
    /// # Errors
    /// The kernel refuses to tell.
    pub fn read_all(&self) -> Result<Counted, Error> {
        let doing = "reading the counters";
        let cpus = nr_cpus().map_err(|(_, error)| Error::os(doing, error))?;
        let mut counted = Vec::with_capacity(COUNTERS);
        let sum = |counts: &[Count]| counts.iter().fold(Count::default(), |sum, count| sum + *count);
        batch::each_value(self.0.map(), cpus, |counts| counted.push(sum(counts)))
            .map_err(|error| Error::os(doing, error))?;
        Ok(Counted(counted))
    }

    /// Empties the cells of slots that new rules are about to get. What they held goes to [`Slot::RETIRED`], so that
    /// totals don't fall when a rule is deleted. Those that were empty when all were `counted`, if they were, aren't looked at.
    ///
    /// # Errors
    /// The kernel refuses to read or write.
    pub(super) fn retire(&mut self, slots: &[Slot], counted: Option<&Counted>) -> Result<(), Error> {
        // Most slots have never been anyone's. What somebody counts in one meanwhile, though it is no rule's any more, stays.
        let is_empty = |slot| {
            let cells = || Cell::of_slot(slot).into_iter();
            let is_zero = |stance, cell| counted.is_some_and(|of| of.of(stance, cell) == Count::default());
            Stance::ALL.iter().all(|&stance| cells().all(|cell| is_zero(stance, cell)))
        };
        slots.iter().filter(|&&slot| !is_empty(slot)).try_for_each(|&slot| self.retire_one(slot))
    }

    fn retire_one(&mut self, slot: Slot) -> Result<(), Error> {
        let cells = || Cell::of_slot(slot).into_iter().zip(Cell::of_slot(Slot::RETIRED));
        for (stance, (from, to)) in
            Stance::ALL.into_iter().flat_map(|stance| cells().map(move |pair| (stance, pair)))
        {
            let counted = self.values(stance, from)?;
            if counted.iter().all(|count| *count == Count::default()) {
                continue;
            }
            let sums: Vec<Count> = self
                .values(stance, to)?
                .iter()
                .zip(counted.iter())
                .map(|(sum, count)| *sum + *count)
                .collect();
            let zeros = vec![Count::default(); sums.len()];
            self.write(place(stance, to), sums)?;
            self.write(place(stance, from), zeros)?;
        }
        Ok(())
    }

    fn write(&mut self, place: u32, counts: Vec<Count>) -> Result<(), Error> {
        let doing = "writing a counter";
        let values = PerCpuValues::try_from(counts).map_err(|error| Error::os(doing, error))?;
        self.0.set(place, values, 0).map_err(|error| Error::aya(doing, error))
    }
}

const fn place(stance: Stance, cell: Cell) -> u32 {
    stance.first_counter() + cell.index()
}
