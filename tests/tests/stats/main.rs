//! What `fragwall stats` tells of a filter: that its figures add up, are those of what came, and mean what they say.

mod interfaces;
mod random;
mod table;
mod watch;

use anyhow::{Context as _, Result, ensure};
use firewall_tests::harness::host::Host;
use firewall_tests::harness::wait::wait_until;
use fragwall::kernel::filter::Filter;
use fragwall::observe::stats::{Stats, Total};

/// What the host's filter has counted.
fn stats(host: &Host) -> Result<Stats> {
    host.netns.enter(|| Ok(Stats::read(&Filter::open(host.bpffs.path())?)?))
}

/// The same, once it has counted so many packets.
fn stats_at(host: &Host, packets: u64) -> Result<Stats> {
    let mut last = stats(host)?;
    wait_until(|| {
        last = stats(host)?;
        Ok(all(&last).packets >= packets)
    })?;
    ensure!(all(&last).packets == packets, "{} packets were counted, {packets} sent", all(&last).packets);
    Ok(last)
}

/// All packets, by reason.
fn all(stats: &Stats) -> Total {
    stats.present().reasons.iter().map(|reason| reason.total).sum()
}

/// All packets of an interface; of all interfaces that have none of their own if it's `None`.
fn seen(stats: &Stats, interface: Option<&str>) -> Result<Total> {
    let mut interfaces = stats.present().interfaces.iter();
    let found = interfaces.find(|stats| stats.interface.as_deref() == interface);
    found.map(|stats| stats.seen()).with_context(|| format!("no interface {interface:?}"))
}
