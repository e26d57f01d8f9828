//! What the users of a host feel: how long a round trip takes, and how much gets through, by sockets at both ends of a veth.

mod datagrams;
mod download;
mod echo;
mod goodput;

use std::time::Duration;

use anyhow::{Context as _, Result};

use self::{
    datagrams::{KINDS, Kind, MTU},
    goodput::Goodput,
};
use super::{
    Effort,
    contenders::{
        Contender,
        stand::{self, Link},
    },
    live::{Figure, LeftOut, Row, Table},
    report::Sample,
};
use crate::harness::host::Host;

/// The contenders, in the order of their rows.
const CONTENDERS: [Contender; 5] = [
    Contender::Unfiltered,
    Contender::BarePass,
    Contender::FragwallReplies,
    Contender::NftInput,
    Contender::Conntrack,
];

/// The percentiles of round trips, by their names, in thousandths.
const PERCENTILES: [(&str, usize); 3] = [("p50", 500), ("p99", 990), ("p99.9", 999)];

/// A run's figures, if anything arrived, and the share that did.
type Run = (Vec<f64>, f64);

/// Round trips.
///
/// # Errors
/// A socket fails, or a contender that was there can't be put into force any more.
pub fn echo(effort: Effort) -> Result<Table> {
    let traffic = KINDS.map(Traffic::of);
    let (rows, left_out) =
        measure(effort, &traffic, &PERCENTILES.map(|(name, _)| (name, "us")), |host, datagrams, time| {
            let echoes = echo::run(host, datagrams, time)?;
            let mut times = echoes.times;
            times.sort_by(f64::total_cmp);
            let figures =
                PERCENTILES.iter().filter_map(|(_, thousandths)| percentile(&times, *thousandths)).collect();
            Ok((figures, echoes.arrived))
        })?;
    Ok(Table { name: "echo", rows, ratios: Vec::new(), left_out })
}

/// What gets through.
///
/// # Errors
/// As [`echo`].
pub fn goodput(effort: Effort) -> Result<Table> {
    let download = Traffic { name: "TCP, fetched by the host", datagrams: Vec::new() };
    let traffic: Vec<_> = KINDS.map(Traffic::of).into_iter().chain([download]).collect();
    let (rows, left_out) = measure(effort, &traffic, &[("goodput", "Gbit/s")], |host, datagrams, time| {
        let goodput: Goodput = match datagrams {
            [] => download::run(host, time)?,
            _ => goodput::run(host, datagrams, time)?,
        };
        let figures = if goodput.arrived > 0.0 { vec![goodput.rate] } else { Vec::new() };
        Ok((figures, goodput.arrived))
    })?;
    Ok(Table { name: "goodput", rows, ratios: Vec::new(), left_out })
}

/// What is sent.
struct Traffic {
    name: &'static str,
    /// The data of datagrams, over and over; none for a connection.
    datagrams: Vec<Vec<u8>>,
}

impl Traffic {
    fn of(kind: Kind) -> Self {
        Self { name: kind.name, datagrams: kind.datagrams() }
    }
}

fn measure(
    effort: Effort,
    traffic: &[Traffic],
    figures: &[(&'static str, &'static str)],
    mut run: impl FnMut(&Host, &[Vec<u8>], Duration) -> Result<Run>,
) -> Result<(Vec<Row>, Vec<LeftOut>)> {
    let link = Link { mtu: MTU, receive_queues: 1, takes_frames: false };
    let (stands, left_out) = stand::all("felt", link, &CONTENDERS)?;
    let mut runs: Vec<Vec<Vec<Run>>> = vec![vec![Vec::new(); stands.len()]; traffic.len()];
    for _ in 0..effort.live_rounds {
        for (Traffic { name, datagrams }, runs) in traffic.iter().zip(&mut runs) {
            for (stand, runs) in stands.iter().zip(runs) {
                let run = run(&stand.host, datagrams, effort.live);
                runs.push(run.with_context(|| format!("{}: {name}", stand.contender))?);
            }
        }
    }
    let mut rows = Vec::new();
    for (Traffic { name, .. }, runs) in traffic.iter().zip(&runs) {
        for (stand, runs) in stands.iter().zip(runs) {
            // What one round has no figure of, it's not said of the others either.
            let figure = |(n, &(name, unit)): (usize, &(&'static str, &'static str))| {
                let values: Option<Vec<f64>> =
                    runs.iter().map(|(values, _)| values.get(n).copied()).collect();
                values.map(|values| Figure { name, unit, sample: Sample::of(&values) })
            };
            let arrived: Vec<f64> = runs.iter().map(|(_, arrived)| *arrived).collect();
            rows.push(Row {
                traffic: (*name).to_owned(),
                cpus: 1,
                contender: stand.contender.to_string(),
                figures: figures.iter().enumerate().filter_map(figure).collect(),
                arrived: Sample::of(&arrived).median,
            });
        }
    }
    Ok((rows, left_out))
}

/// The least of these, which are sorted, that so many thousandths of them are no greater than.
fn percentile(sorted: &[f64], thousandths: usize) -> Option<f64> {
    let rank = (sorted.len() * thousandths).div_ceil(1000);
    sorted.get(rank.max(1) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_of_the_sample() {
        let sorted: Vec<f64> = (1..=1000).map(f64::from).collect();
        let of = |thousandths| percentile(&sorted, thousandths);
        assert_eq!(
            [of(500), of(990), of(999), of(1000)],
            [Some(500.0), Some(990.0), Some(999.0), Some(1000.0)]
        );
        assert_eq!(percentile(&[7.0], 1), Some(7.0));
        assert_eq!(percentile(&[], 500), None);
    }
}
