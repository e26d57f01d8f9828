//! `fragwall status`

use std::time::{Duration, UNIX_EPOCH};

use clap::Args;
use serde::Serialize;

use super::{Global, output};
use crate::{
    kernel::filter::{Filter, Link, Place},
    ruleset::{action, duration},
};

/// Show what the filter is attached to, and how.
#[derive(Args, Debug)]
pub(super) struct Status {}

#[derive(Serialize)]
struct Report<'a> {
    interfaces: Vec<ReportLink<'a>>,
    /// How many more were moved to another network namespace, where they are filtered as before.
    moved: usize,
    default: &'static str,
    rules: usize,
    fragments: ReportFragments,
    /// When the rules in force were put into force, in seconds since 1970.
    changed: Option<u64>,
}

#[derive(Serialize)]
struct ReportLink<'a> {
    name: &'a str,
    index: u32,
    mode: &'static str,
}

#[derive(Serialize)]
struct ReportFragments {
    early: &'static str,
    timeout: String,
    table: u32,
}

impl Status {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let filter = Filter::open(&global.bpffs)?;
        let config = &filter.document().config;
        let changed = filter.changed()?;
        let report = Report {
            interfaces: filter.links().iter().filter_map(report_link).collect(),
            moved: filter.links().iter().filter(|link| link.name().is_none()).count(),
            default: action::word(config.default),
            rules: config.rules.len(),
            fragments: ReportFragments {
                early: config.fragments.early.word(),
                timeout: duration::text(config.fragments.timeout),
                table: config.fragments.table,
            },
            changed: changed
                .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
                .map(|since| since.as_secs()),
        };
        if global.json {
            return output::json(&report);
        }
        for ReportLink { name, mode, .. } in &report.interfaces {
            output::line(&format!("{name}: attached in {mode} mode"))?;
        }
        if report.moved > 0 {
            output::line(&format!(
                "moved to another network namespace, and filtered there: {}",
                report.moved
            ))?;
        }
        let ReportFragments { early, timeout, table } = &report.fragments;
        output::line(&format!("rules: {}, default {}", report.rules, report.default))?;
        output::line(&format!("fragments: early {early}, timeout {timeout}, table of {table} entries"))?;
        if let Some(ago) = changed.and_then(|time| time.elapsed().ok()) {
            output::line(&format!(
                "in force since: {} ago",
                duration::text(Duration::from_secs(ago.as_secs()))
            ))?;
        }
        Ok(())
    }
}

fn report_link(link: &Link) -> Option<ReportLink<'_>> {
    match &link.place {
        Place::Here { interface, mode } => {
            Some(ReportLink { name: &interface.name, index: interface.index, mode: mode.name() })
        }
        Place::Elsewhere => None,
    }
}
