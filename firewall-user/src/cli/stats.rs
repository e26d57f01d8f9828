//! `fragwall stats`

use std::{
    io::{self, IsTerminal as _},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use clap::Args;

use super::{Global, args::seconds, list::ago, output};
use crate::{
    kernel::{Error, filter::Filter},
    observe::{
        last_hit::LastHit,
        rates::short,
        stats::{self, Counted, InterfaceStats, Rate, TableStats, Total},
    },
};

/// Show what the filter has counted since it was attached: packets and bytes, by interface, by rule and by reason, and what the
/// fragment table holds.
///
/// What it only observed, while it was attached or applied with `--observe`, is counted apart: what would have become of
/// packets. A rule's trailing fragments are those whose first fragment it matched.
#[derive(Args, Debug)]
pub(super) struct Stats {
    /// Show it again and again, every so many seconds, with how much came in a second. With --json each is a line.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "1", value_parser = seconds)]
    watch: Option<Duration>,
    /// With --watch: end after so many times.
    #[arg(long, value_name = "NUMBER", requires = "watch")]
    count: Option<u64>,
}

impl Stats {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        match self.watch {
            None => show(&read(&global.bpffs)?, global.json),
            Some(pause) => self.watch(pause, global),
        }
    }

    fn watch(&self, pause: Duration, global: &Global) -> anyhow::Result<()> {
        let is_live = !global.json && io::stdout().is_terminal();
        let (mut before, mut then) = (read(&global.bpffs)?, Instant::now());
        let mut shown = 0;
        while self.count.is_none_or(|count| shown < count) {
            thread::sleep(pause);
            let (now, moment) = (read(&global.bpffs)?, Instant::now());
            if is_live {
                // The cursor to the corner, and all that is there away.
                output::line("\x1b[H\x1b[J")?;
            } else if shown > 0 && !global.json {
                output::line("")?;
            }
            show(&now.clone().since(&before, moment - then), global.json)?;
            (before, then) = (now, moment);
            shown += 1;
        }
        Ok(())
    }
}

/// What there is to print. The filter's lock isn't held while it's printed: who reads may take their time.
fn read(bpffs: &Path) -> Result<stats::Stats, Error> {
    stats::Stats::read(&Filter::open(bpffs)?)
}

fn show(stats: &stats::Stats, json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(stats);
    }
    let stats::Stats { observing, enforced, observed, table } = stats;
    let is_observed = *observing || !observed.is_empty();
    if !observing || !enforced.is_empty() {
        if is_observed {
            output::line("enforced:\n")?;
        }
        print(enforced)?;
    }
    if is_observed {
        if !observing || !enforced.is_empty() {
            output::line("")?;
        }
        output::line("observed, which is what would have become of packets that all passed:\n")?;
        print(observed)?;
    }
    print_table(table)
}

fn print(Counted { interfaces, reasons, rules, default }: &Counted) -> anyhow::Result<()> {
    let rated = default.total.rate.is_some();
    output::line(&row("passed", "dropped", "rejected", heads(rated), "interface"))?;
    for stats in interfaces {
        let InterfaceStats { interface, passed, dropped, rejected } = stats;
        let [passed, dropped, rejected] = [passed, dropped, rejected].map(|total| total.packets.to_string());
        let name = interface.as_deref().unwrap_or("(others)");
        output::line(&row(&passed, &dropped, &rejected, rates(stats.seen().rate), name))?;
    }
    output::line("")?;
    output::line(&row("packets", "bytes", "trailing", heads(rated), &format!("{:>8}  rule", "last")))?;
    let line = |total: Total, trailing: Total, last: &Option<LastHit>, what: &str| {
        let [packets, bytes, trailing] =
            [total.packets, total.bytes, trailing.packets].map(|number| number.to_string());
        let rest = format!("{:>8}  {what}", ago(last));
        output::line(&row(&packets, &bytes, &trailing, rates(total.rate), &rest))
    };
    for rule in rules {
        line(rule.total, rule.trailing, &rule.last, &format!("{}: {}", rule.number, rule.rule))?;
    }
    line(default.total, default.trailing, &default.last, &format!("default: {}", default.action))?;
    output::line("")?;
    output::line(&row("packets", "bytes", "verdict", heads(rated), "reason"))?;
    for reason in reasons {
        let [packets, bytes] = [reason.total.packets, reason.total.bytes].map(|number| number.to_string());
        output::line(&row(&packets, &bytes, reason.verdict, rates(reason.total.rate), reason.reason))?;
    }
    Ok(())
}

fn print_table(table: &TableStats) -> anyhow::Result<()> {
    let TableStats { entries, accepted, denied, early, expired, hits, reused, evicted, unrecorded } = table;
    output::line(&format!(
        "\nfragment table: {} of {entries} entries in use ({accepted} accepted, {denied} denied, {early} early), {expired} run out",
        table.in_use()
    ))?;
    output::line(&format!(
        "{hits} trailing fragments found their first one; {reused} datagrams took the place of one that had run out, \
         {evicted} of one that hadn't, {unrecorded} found none"
    ))
}

/// How much comes in a second: packets and bits.
type Rates = Option<[String; 2]>;

fn heads(rated: bool) -> Rates {
    rated.then(|| ["packets/s", "bit/s"].map(str::to_owned))
}

fn rates(rate: Option<Rate>) -> Rates {
    rate.map(|Rate { packets, bytes }| [packets, bytes * 8.0].map(short))
}

fn row(first: &str, second: &str, third: &str, rates: Rates, rest: &str) -> String {
    let rates = rates.map(|[packets, bits]| format!("{packets:>10}  {bits:>10}  ")).unwrap_or_default();
    format!("{first:>14}  {second:>16}  {third:>8}  {rates}{rest}")
}
