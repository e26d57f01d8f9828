//! What came of it.

use std::fmt;
use std::time::Duration;

use super::flat::{Growth, Series};

/// What came of a soak.
#[derive(Debug)]
pub struct Report {
    /// How many cycles there were.
    pub cycles: usize,
    /// How long they took.
    pub took: Duration,
    /// How many datagrams were sent to the allowed port, all of which have arrived; as many were sent to the denied one.
    pub datagrams: u64,
    /// How many packets of floods the filter has judged.
    pub flood: u64,
    /// What was watched.
    pub series: Vec<Series>,
}

impl Report {
    /// What has grown.
    pub fn growth(&self) -> Vec<Growth> {
        self.series.iter().filter_map(Series::growth).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cycles, took, datagrams, flood, series } = self;
        writeln!(
            f,
            "{cycles} cycles in {} s: {datagrams} datagrams to the allowed ports, all arrived; as many to denied ones, none arrived; \
             {flood} packets of floods",
            took.as_secs()
        )?;
        writeln!(f, "{:<28} {:>12} {:>12} {:>12}", "since the warm-up", "least", "most", "last")?;
        for series in series {
            let [least, most, last] = [series.least(), series.most(), series.last()]
                .map(|value| value.map_or_else(|| "-".to_owned(), |value| series.unit.text(value)));
            let verdict = if series.growth().is_some() { "GREW" } else { "flat" };
            writeln!(f, "{:<28} {least:>12} {most:>12} {last:>12}  {verdict}", series.name)?;
        }
        Ok(())
    }
}
