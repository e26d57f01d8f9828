//! `fragwall status`

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use firewall_common::{packet::Family, rules::Action};
use serde::Serialize;

use super::{Global, list::awaits_confirmation, output, program};
use crate::{
    kernel::{
        Error,
        entry::Through,
        error::Holder,
        filter::{self, Filter, LeftOver, Link, Place},
        release::Release,
        transmit::Transmits,
    },
    ruleset::{action, duration},
};

/// Show what the filter is attached to, and how.
#[derive(Args, Debug)]
pub(super) struct Status {}

/// What is told of a filter of a newer version, whose rules and settings aren't understood.
#[derive(Serialize)]
struct ReportNewer {
    interfaces: Vec<ReportLink>,
    moved: usize,
    program: program::Report,
}

#[derive(Serialize)]
struct Report {
    interfaces: Vec<ReportLink>,
    /// How many more were moved to another network namespace, where they are filtered as before.
    moved: usize,
    /// The interfaces whose packets are judged otherwise than is told here, since a command was interrupted.
    interrupted: Vec<ReportInterrupted>,
    /// Which version's program judges its packets.
    program: program::Report,
    default: &'static str,
    rules: usize,
    /// Whether verdicts are only counted, and every packet passes.
    observing: bool,
    /// How many seconds are left to confirm the last change, if it awaits that.
    confirm_within: Option<u64>,
    #[serde(skip)]
    left: Option<Duration>,
    fragments: ReportFragments,
    /// How replies are known; none if they aren't accepted.
    replies: Option<ReportReplies>,
    /// Whether ICMP errors that tell of a packet's fate pass whatever the rules say.
    icmp_errors: bool,
    /// When the rules in force were put into force, in seconds since 1970.
    changed: Option<u64>,
    #[serde(skip)]
    changed_at: Option<SystemTime>,
}

#[derive(Serialize)]
struct ReportReplies {
    /// The interfaces on which what goes out is looked at, and how.
    interfaces: Vec<ReportEgress>,
    /// The room for flows.
    table: u32,
}

#[derive(Serialize)]
struct ReportEgress {
    name: String,
    hook: &'static str,
}

#[derive(Serialize)]
struct ReportLink {
    name: String,
    index: u32,
    mode: &'static str,
    /// The program that calls the filter, if another one has the interface.
    called_by: Option<ReportProgram>,
    #[serde(skip)]
    through: Option<Through>,
    /// Whether answers to rejected packets leave by it; `null` if that isn't known, or if nothing is rejected.
    answers: Option<bool>,
    #[serde(skip)]
    transmits: Option<Transmits>,
}

#[derive(Serialize)]
pub(super) struct ReportProgram {
    id: u32,
    name: Option<String>,
}

impl From<&Through> for ReportProgram {
    fn from(through: &Through) -> Self {
        let Holder { id, name } = &through.program;
        Self { id: *id, name: name.clone() }
    }
}

#[derive(Serialize)]
struct ReportInterrupted {
    name: String,
    what: &'static str,
    #[serde(skip)]
    left_over: LeftOver,
}

#[derive(Serialize)]
struct ReportFragments {
    early: &'static str,
    early_budget: u32,
    timeout: String,
    table: u32,
    /// What the host may be made to hold for reassembly.
    reassembly: Vec<ReportReassembly>,
}

/// Of one IP version, in fragments of full Ethernet frames.
#[derive(Serialize)]
struct ReportReassembly {
    family: &'static str,
    /// What the host has room for.
    host: u64,
    /// What one source may have outstanding.
    source: u32,
    /// What all strangers may have outstanding.
    strangers: u32,
}

impl Status {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let report = match Filter::open(&global.bpffs) {
            Err(Error::Newer { release, .. }) => {
                let report = report_newer(&filter::filtered(&global.bpffs)?, release);
                if global.json {
                    return output::json(&report);
                }
                print_links(&report.interfaces, report.moved)?;
                return report.program.print();
            }
            filter => report(&filter?)?,
        };
        if global.json {
            return output::json(&report);
        }
        print_links(&report.interfaces, report.moved)?;
        for ReportInterrupted { left_over, .. } in &report.interrupted {
            output::line(&format!("{left_over}; {}", left_over.advice()))?;
        }
        if report.observing {
            output::line(
                "observing: every packet passes, and what would become of it is counted; `fragwall enforce` ends that",
            )?;
        }
        if let Some(left) = report.left {
            output::line(&awaits_confirmation(left))?;
        }
        let ReportFragments { early, early_budget: _, timeout, table, reassembly } = &report.fragments;
        report.program.print()?;
        output::line(&format!("rules: {}, default {}", report.rules, report.default))?;
        output::line(&format!("fragments: early {early}, timeout {timeout}, table of {table} entries"))?;
        output::line(&match &report.replies {
            None => "replies: the rules' business, like anything else".to_owned(),
            Some(ReportReplies { interfaces, table }) => {
                let hooks: Vec<_> =
                    interfaces.iter().map(|of| format!("{} ({})", of.name, of.hook)).collect();
                format!("replies: accepted, to what goes out by {}; table of {table} flows", hooks.join(", "))
            }
        })?;
        if !report.icmp_errors {
            let unless =
                if report.replies.is_some() { ", unless they are about what this host sent" } else { "" };
            output::line(&format!("ICMP errors: the rules' business{unless}"))?;
        }
        for ReportReassembly { family, host, source, strangers } in reassembly {
            output::line(&format!(
                "reassembly of {family}: the host holds {host} fragments; one source may have {source} of them, all \
                 strangers {strangers}"
            ))?;
        }
        if let Some(ago) = report.changed_at.and_then(|time| time.elapsed().ok()) {
            output::line(&format!(
                "in force since: {} ago",
                duration::text(Duration::from_secs(ago.as_secs()))
            ))?;
        }
        Ok(())
    }
}

fn print_links(interfaces: &[ReportLink], moved: usize) -> anyhow::Result<()> {
    for ReportLink { name, mode, through, transmits, .. } in interfaces {
        let by = through.as_ref().map_or_else(String::new, |through| format!(", {through}"));
        output::line(&format!("{name}: attached in {mode} mode{by}{}", transmits.map_or("", told)))?;
    }
    if moved > 0 {
        output::line(&format!("moved to another network namespace, and filtered there: {moved}"))?;
    }
    Ok(())
}

fn report_newer(links: &[Link], release: Release) -> ReportNewer {
    ReportNewer {
        // Whether it rejects anything isn't known.
        interfaces: links.iter().filter_map(|link| report_link(link, false)).collect(),
        moved: moved(links),
        program: program::of(release, Vec::new()),
    }
}

/// How many of the interfaces are in another network namespace now.
fn moved(links: &[Link]) -> usize {
    links.iter().filter(|link| link.name().is_none()).count()
}

/// What there is to print. The filter's lock isn't held while it's printed: who reads may take their time.
fn report(filter: &Filter) -> Result<Report, Error> {
    let config = &filter.document().config;
    let changed_at = filter.changed()?;
    let egress = filter.egress()?;
    let left = filter.time_left()?;
    let actions = config.rules.iter().map(|rule| rule.action).chain([config.default]);
    let rejects = !filter.is_observing() && actions.into_iter().any(|action| action == Action::Reject);
    Ok(Report {
        interfaces: filter.links().iter().filter_map(|link| report_link(link, rejects)).collect(),
        moved: moved(filter.links()),
        program: program::report(filter)?,
        interrupted: filter.left_over()?.into_iter().filter_map(report_interrupted).collect(),
        default: action::word(config.default),
        rules: config.rules.len(),
        observing: filter.is_observing(),
        confirm_within: left.map(|left| left.as_secs()),
        left,
        fragments: ReportFragments {
            early: config.fragments.early.word(),
            early_budget: config.fragments.early_budget,
            timeout: duration::text(config.fragments.timeout),
            table: config.fragments.table,
            reassembly: Family::ALL
                .into_iter()
                .zip(filter.document().reassembly)
                .map(|(family, host)| ReportReassembly {
                    family: family.name(),
                    host: host.fragments(),
                    source: host.per_source(config.fragments.early_budget),
                    strangers: host.of_strangers(),
                })
                .collect(),
        },
        replies: config.replies.map(|replies| ReportReplies {
            interfaces: egress
                .into_iter()
                .map(|(name, hook)| ReportEgress { name: name.to_owned(), hook: hook.name() })
                .collect(),
            table: replies.table,
        }),
        icmp_errors: config.icmp_errors,
        changed: changed_at
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
            .map(|since| since.as_secs()),
        changed_at,
    })
}

/// What is merely pinned beside the filter is the doctor's to tell.
fn report_interrupted(left_over: LeftOver) -> Option<ReportInterrupted> {
    let name = left_over.interface()?.to_owned();
    Some(ReportInterrupted { name, what: left_over.word(), left_over })
}

fn report_link(link: &Link, rejects: bool) -> Option<ReportLink> {
    match &link.place {
        Place::Here { interface, mode, through } => {
            let transmits = rejects.then(|| Transmits::of(interface, *mode));
            Some(ReportLink {
                name: interface.name.clone(),
                index: interface.index,
                mode: mode.name(),
                called_by: through.as_ref().map(ReportProgram::from),
                through: through.clone(),
                answers: transmits.and_then(Transmits::known),
                transmits,
            })
        }
        Place::Elsewhere => None,
    }
}

/// What there is to say of answers to rejected packets.
const fn told(transmits: Transmits) -> &'static str {
    match transmits {
        Transmits::Yes => "; rejected packets are answered",
        Transmits::No => {
            "; rejected packets are dropped without an answer, since its driver sends none in this mode"
        }
        Transmits::PeerDeaf => {
            "; rejected packets are dropped without an answer, since its peer takes none: turn on `gro` there with ethtool"
        }
        Transmits::Unknown => {
            "; whether answers to rejected packets leave isn't known: its driver doesn't tell"
        }
    }
}
