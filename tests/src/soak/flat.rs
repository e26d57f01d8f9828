//! Whether what was measured again and again stays flat.

use std::fmt;

/// Cycles after which everything is there that stays.
pub const WARM_UP: usize = 2;

/// What is measured at the same point of each cycle.
#[derive(Clone, Debug)]
pub struct Series {
    /// What it is.
    pub name: &'static str,
    /// How it's written.
    pub unit: Unit,
    /// How it must stay.
    pub demand: Demand,
    values: Vec<u64>,
}

/// What is counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unit {
    /// Things.
    Pieces,
    /// Bytes.
    Bytes,
}

impl Unit {
    /// A number of them, for people.
    pub fn text(self, value: u64) -> String {
        match self {
            Self::Pieces => value.to_string(),
            Self::Bytes => format!("{:.2} MiB", value as f64 / f64::from(1 << 20)),
        }
    }
}

/// What flat means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Demand {
    /// After the warm-up it's never more than the least that it was by then.
    Same,
    /// Of the cycles after the warm-up, which is a quarter of all here if that is longer, the last third's least is above the
    /// first third's by no more than this: what is held for a moment alone raises no least.
    Within(u64),
}

/// Something has grown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Growth {
    name: &'static str,
    unit: Unit,
    from: u64,
    to: u64,
    when: String,
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, unit, from, to, when } = self;
        write!(f, "{name} grew from {} to {} {when}", unit.text(*from), unit.text(*to))
    }
}

impl Series {
    /// One without a measurement.
    pub fn new(name: &'static str, unit: Unit, demand: Demand) -> Self {
        Self { name, unit, demand, values: Vec::new() }
    }

    /// Adds a cycle's.
    pub fn push(&mut self, value: u64) {
        self.values.push(value);
    }

    /// Whether a cycle's is as it should be, for all that is known by then: what isn't may be on its way out.
    pub fn fits(&self, value: u64) -> bool {
        self.demand != Demand::Same || self.least().is_none_or(|least| value <= least)
    }

    /// The least since the warm-up.
    pub fn least(&self) -> Option<u64> {
        self.values.iter().skip(WARM_UP).copied().min()
    }

    /// The most since the warm-up.
    pub fn most(&self) -> Option<u64> {
        self.values.iter().skip(WARM_UP).copied().max()
    }

    /// The last one.
    pub fn last(&self) -> Option<u64> {
        self.values.last().copied()
    }

    /// What has grown, if it has.
    pub fn growth(&self) -> Option<Growth> {
        let Self { name, unit, .. } = *self;
        match self.demand {
            Demand::Same => {
                let mut least = u64::MAX;
                for (place, &value) in self.values.iter().enumerate().skip(WARM_UP) {
                    if value > least {
                        let when = format!("in cycle {}", place + 1);
                        return Some(Growth { name, unit, from: least, to: value, when });
                    }
                    least = value;
                }
                None
            }
            Demand::Within(bound) => {
                let rest = &self.values[WARM_UP.max(self.values.len() / 4).min(self.values.len())..];
                let third = rest.len() / 3;
                if third == 0 {
                    return None;
                }
                let (from, to) = (least(&rest[..third]), least(&rest[rest.len() - third..]));
                let when = format!("from the first third of {} cycles to the last", rest.len());
                (to > from + bound).then_some(Growth { name, unit, from, to, when })
            }
        }
    }
}

fn least(values: &[u64]) -> u64 {
    values.iter().copied().min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(demand: Demand, values: impl IntoIterator<Item = u64>) -> Series {
        let mut series = Series::new("things", Unit::Pieces, demand);
        values.into_iter().for_each(|value| series.push(value));
        series
    }

    #[test]
    fn one_more_is_growth_where_it_must_stay_the_same() {
        assert_eq!(series(Demand::Same, [1, 9, 7, 7, 7, 7]).growth(), None, "the warm-up doesn't count");
        let growth = series(Demand::Same, [7, 7, 7, 7, 7, 8]).growth().unwrap();
        assert_eq!(growth.to_string(), "things grew from 7 to 8 in cycle 6");
        // What was counted once too often is no excuse later.
        assert!(series(Demand::Same, [7, 7, 8, 7, 8]).growth().is_some());
        let series = series(Demand::Same, [7, 7, 8, 7]);
        assert!(series.fits(7) && !series.fits(8));
    }

    #[test]
    fn a_level_may_vary_within_its_bound() {
        let varying = (0..40).map(|cycle| 1000 + cycle * 7 % 10);
        assert_eq!(series(Demand::Within(10), varying).growth(), None);
        let growing = |each: u64| series(Demand::Within(100), (0..40).map(move |cycle| 1000 + each * cycle));
        // 40 cycles, 10 of which are the warm-up: the leasts of the others' thirds are 20 apart.
        assert_eq!(growing(5).growth(), None, "20 times 5 are within it");
        assert!(growing(6).growth().is_some());
        let early = (0..40).map(|cycle| if cycle < 10 { 100 * cycle } else { 1000 });
        assert_eq!(series(Demand::Within(0), early).growth(), None, "the warm-up doesn't count");
    }

    #[test]
    fn what_was_hardly_measured_says_nothing() {
        for count in 0..=WARM_UP {
            for demand in [Demand::Same, Demand::Within(0)] {
                assert_eq!(series(demand, (0..count as u64).map(|cycle| cycle * 100)).growth(), None);
            }
        }
    }
}
