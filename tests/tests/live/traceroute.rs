//! `traceroute`, from the host and to it.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use firewall_tests::harness::host::HOST;
use firewall_tests::harness::netns::Netns;
use firewall_tests::harness::process::{run, succeeded};
use firewall_tests::harness::requirements;

use super::path::{FAR, HOPS, MODES, Path};

/// How it asks: by UDP, by echo requests, by TCP.
const WAYS: [&[&str]; 3] = [&[], &["-I"], &["-T"]];
/// More than three hops that nobody answers for take.
const LIMIT: Duration = Duration::from_secs(120);

/// Who answers of those on the way, one after the other, and within how many seconds each.
fn trace(netns: &Netns, options: &[&str], seconds: &str, to: IpAddr) -> Result<Vec<Option<IpAddr>>> {
    let mut command = netns.command("traceroute")?;
    command.args(["-n", "-q", "1", "-N", "1", "-m", "3", "-w", seconds]).args(options).arg(to.to_string());
    let output = run(&mut command, LIMIT)?;
    let text = String::from_utf8(succeeded(&command, output)?.stdout)?;
    // Behind a line about all of it is one for each hop: its number, and an address or an asterisk.
    let hop = |line: &str| Ok(line.split_whitespace().nth(1).with_context(|| text.clone())?.parse().ok());
    text.lines().skip(1).map(hop).collect()
}

#[test]
fn all_hops_from_the_host_are_seen() {
    requirements::require(&["traceroute"]).unwrap_or_else(|error| panic!("{error}"));
    let path = Path::new("hops").unwrap();
    for mode in MODES {
        path.filter(mode).unwrap();
        for (to, hops) in FAR.into_iter().zip(HOPS) {
            for options in WAYS {
                let seen = trace(&path.host.netns, options, "20", to).unwrap();
                assert_eq!(seen, hops.map(Some), "{mode} {options:?}");
            }
        }
        path.host.ok(&["detach"]).unwrap();
    }
}

#[test]
fn the_host_answers_no_traceroute() {
    requirements::require(&["traceroute"]).unwrap_or_else(|error| panic!("{error}"));
    let path = Path::new("probed").unwrap();
    // A probe that goes as far as the host, and no other.
    let probe =
        |way: &[&str], seconds, to| trace(&path.far, &[way, &["-f", "3"]].concat(), seconds, to).unwrap();
    for to in HOST {
        for way in WAYS {
            assert_eq!(probe(way, "20", to), [Some(to)], "{way:?}, without a filter");
        }
    }
    for mode in MODES {
        path.filter(mode).unwrap();
        for to in HOST {
            for way in WAYS {
                let dropped = || path.host.fragwall().statistics().unwrap().dropped();
                let before = dropped();
                assert_eq!(probe(way, "0.3", to), [None], "{mode} {way:?}");
                assert!(dropped() > before, "{mode} {way:?} {to}");
            }
        }
        path.host.ok(&["detach"]).unwrap();
    }
}
