//! The figures in the documentation: tables between markers in two pages, and pictures. All of them come from one run.

mod pictures;
mod readme;
mod region;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::{live_names, report::Report, times_names};

/// The pages, and where the pictures lie, in the repository.
const PAGE: &str = "docs/performance.md";
const README: &str = "README.md";
const PICTURES: &str = "docs/performance";

/// The names of regions that aren't sections.
const PROVENANCE: &str = "provenance";
const VERIFIER: &str = "verifier";
const SUMMARY: &str = "summary";

/// Below which share of datagrams that arrive the rate of accepted ones isn't told: it would be of what was dropped.
const WHOLE: f64 = 0.99;

/// The repository that this was built from.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Makes sure that there's a place for every table, before anything is measured.
///
/// # Errors
/// A page isn't there, or lacks a marker, which is named.
pub fn check() -> Result<()> {
    let page = read(PAGE)?;
    for name in regions() {
        region::replaced(&page, name, "").with_context(|| PAGE)?;
    }
    region::replaced(&read(README)?, SUMMARY, "").with_context(|| README).map(drop)
}

/// Writes a report of all sections into the pages, and its pictures beside them; the paths of what was written.
///
/// # Errors
/// As [`check`], or a file can't be written.
pub fn write(report: &Report) -> Result<Vec<PathBuf>> {
    let mut page = read(PAGE)?;
    for name in regions() {
        page = region::replaced(&page, name, &text(report, name)?).with_context(|| PAGE)?;
    }
    let readme =
        region::replaced(&read(README)?, SUMMARY, &readme::summary(report)?).with_context(|| README)?;
    let mut files = vec![(root().join(PAGE), page), (root().join(README), readme)];
    let folder = root().join(PICTURES);
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    for (name, plot) in pictures::all(report)? {
        files.push((folder.join(name).with_extension("svg"), plot.svg()));
    }
    for (path, text) in &files {
        fs::write(path, text).with_context(|| path.display().to_string())?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

/// The names of the page's regions.
fn regions() -> impl Iterator<Item = &'static str> {
    [PROVENANCE, VERIFIER].into_iter().chain(times_names()).chain(live_names())
}

/// What a region of the page says.
fn text(report: &Report, name: &str) -> Result<String> {
    if name == PROVENANCE {
        let effort = &report.effort;
        return Ok(format!(
            "Taken on a {}. Times are medians of {} interleaved rounds, live traffic's figures of {}.\n",
            report.provenance, effort.rounds, effort.live_rounds
        ));
    }
    if name == VERIFIER {
        return Ok(region::block(&report.summary()));
    }
    let live = || report.live.iter().find(|table| table.name == name).map(ToString::to_string);
    let table =
        report.times(name).or_else(live).with_context(|| format!("the report has no section {name}"))?;
    Ok(region::block(&table))
}

fn read(name: &str) -> Result<String> {
    let path = root().join(name);
    fs::read_to_string(&path).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_pages_have_a_place_for_every_table() {
        super::check().unwrap_or_else(|error| panic!("{error:#}"));
    }
}
