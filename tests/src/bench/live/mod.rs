//! Figures of live traffic: rows of contenders, a block for each kind of traffic, and the ratios that they are about.

mod display;

use serde::Serialize;

use super::report::Sample;

/// A section of them.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    /// The section's name.
    pub name: &'static str,
    /// The rows, those of one kind of traffic behind each other.
    pub rows: Vec<Row>,
    /// What they are about.
    pub ratios: Vec<Ratio>,
    /// The contenders that couldn't be had.
    pub left_out: Vec<LeftOut>,
}

/// One contender and one kind of traffic.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What comes in.
    pub traffic: String,
    /// How many CPUs send it.
    pub cpus: usize,
    /// Who filters it.
    pub contender: String,
    /// What was measured; nothing if nothing arrived that could be.
    pub figures: Vec<Figure>,
    /// The share of the datagrams that reached their socket, from 0 to 1.
    pub arrived: f64,
}

/// A figure, the same for all rows of a section.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Figure {
    /// What it is.
    pub name: &'static str,
    /// What it's counted in.
    pub unit: &'static str,
    /// The figure.
    #[serde(flatten)]
    pub sample: Sample,
}

/// One contender's figure beside another's, round by round.
#[derive(Clone, Debug, Serialize)]
pub struct Ratio {
    /// What comes in.
    pub traffic: String,
    /// Who is compared.
    pub contender: String,
    /// With whom.
    pub beside: String,
    /// What the ratio should be at least.
    pub goal: f64,
    /// What it is.
    #[serde(flatten)]
    pub sample: Sample,
}

/// A contender that couldn't be had.
#[derive(Clone, Debug, Serialize)]
pub struct LeftOut {
    /// Its name.
    pub contender: String,
    /// Why.
    pub reason: String,
}

impl Table {
    /// The rows of one kind of traffic after the other.
    #[must_use]
    pub fn blocks(&self) -> Vec<&[Row]> {
        self.rows.chunk_by(|one, other| (&one.traffic, one.cpus) == (&other.traffic, other.cpus)).collect()
    }

    /// A row.
    #[must_use]
    pub fn row(&self, traffic: &str, cpus: usize, contender: &str) -> Option<&Row> {
        self.rows.iter().find(|row| {
            (row.traffic.as_str(), row.cpus, row.contender.as_str()) == (traffic, cpus, contender)
        })
    }
}

impl Row {
    /// A figure of it.
    #[must_use]
    pub fn figure(&self, name: &str) -> Option<Sample> {
        self.figures.iter().find(|figure| figure.name == name).map(|figure| figure.sample)
    }
}
