//! One exchange: two hosts, a link between them, and a filter in its way.

use anyhow::{Context, Result};

use super::certificates::{Certificates, Role};
use super::charon::Outcome;
use super::hosts::{Family, Hosts, INTERFACE};
use super::ruleset::{self, Verdicts};
use super::wire::Wire;
use crate::harness::bpffs::Bpffs;
use crate::harness::capture::Capture;
use crate::harness::conntrack;
use crate::harness::fragwall::{Fragwall, Statistics};
use crate::harness::netns::Netns;

/// The hosts that Fragwall is attached at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Placement {
    /// The host that answers.
    Responder,
    /// The host that asks.
    Initiator,
    /// Both hosts.
    Both,
}

impl Placement {
    fn roles(self) -> &'static [Role] {
        match self {
            Self::Responder => &[Role::Responder],
            Self::Initiator => &[Role::Initiator],
            Self::Both => &Role::BOTH,
        }
    }
}

/// What stands in the way of the exchange.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Filter {
    /// Nothing.
    None,
    /// Stateless iptables rules at the responder.
    Stateless,
    /// iptables rules with connection tracking at the responder.
    Conntrack,
    /// Fragwall, allowing IKE and denying all else.
    Fragwall(Placement),
    /// Fragwall at the responder, denying IKE's ports and allowing all else.
    FragwallDenying,
}

impl std::fmt::Display for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::None => "no filter",
            Self::Stateless => "stateless iptables rules",
            Self::Conntrack => "iptables rules with conntrack",
            Self::Fragwall(Placement::Responder) => "Fragwall at the responder",
            Self::Fragwall(Placement::Initiator) => "Fragwall at the initiator",
            Self::Fragwall(Placement::Both) => "Fragwall at both",
            Self::FragwallDenying => "Fragwall denying UDP 500,4500",
        })
    }
}

/// An exchange to be tried.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// The IP version.
    pub family: Family,
    /// The link's MTU in bytes.
    pub mtu: u32,
    /// What stands in its way.
    pub filter: Filter,
}

impl std::fmt::Display for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {}, MTU {}", self.filter, self.family, self.mtu)
    }
}

impl Scenario {
    /// How it must end. Linux reassembles what is for the host itself before IPv4's INPUT rules see it, so that
    /// stateless rules harm the exchange over IPv6 alone.
    pub fn expected(&self) -> Outcome {
        match (self.filter, self.family) {
            (Filter::Stateless, Family::V6) | (Filter::FragwallDenying, _) => Outcome::Failed,
            _ => Outcome::Established,
        }
    }

    /// Tries it, in network namespaces of its own that are gone afterwards.
    ///
    /// # Errors
    /// Whatever keeps the exchange from being tried, or ends it other than by success or silence.
    pub fn run(&self, certificates: &Certificates) -> Result<Report> {
        self.try_out(certificates).with_context(|| format!("in the scenario: {self}"))
    }

    fn try_out(&self, certificates: &Certificates) -> Result<Report> {
        let hosts = Hosts::new(self.family, self.mtu, 1)?;
        let bpffs = Bpffs::new()?;
        self.install_filter(&hosts, &bpffs)?;
        let captures =
            [Capture::start(&hosts.initiator, INTERFACE)?, Capture::start(&hosts.responder, INTERFACE)?];
        let daemons = hosts.start_daemons(certificates)?;
        let outcome = daemons.exchange()?;

        let mut packets = Vec::new();
        for capture in captures {
            packets.extend(capture.stop()?);
        }
        Ok(Report {
            outcome,
            wire: Wire::of(packets.iter().map(Vec::as_slice)),
            initiator: self.observe(&hosts, Role::Initiator, &bpffs)?,
            responder: self.observe(&hosts, Role::Responder, &bpffs)?,
        })
    }

    fn install_filter(&self, hosts: &Hosts, bpffs: &Bpffs) -> Result<()> {
        match self.filter {
            Filter::None => {}
            Filter::Stateless => ruleset::install(&hosts.responder, self.family, false)?,
            Filter::Conntrack => ruleset::install(&hosts.responder, self.family, true)?,
            Filter::Fragwall(placement) => {
                for role in placement.roles() {
                    let fragwall = Fragwall { netns: hosts.of(*role), bpffs };
                    fragwall.run_ok(&["attach", INTERFACE, "--allow", "@ike"])?;
                }
            }
            Filter::FragwallDenying => {
                let fragwall = Fragwall { netns: &hosts.responder, bpffs };
                fragwall.run_ok(&["attach", INTERFACE, "--default", "allow"])?;
                fragwall.run_ok(&["deny", "udp 500,4500"])?;
            }
        }
        Ok(())
    }

    fn observe(&self, hosts: &Hosts, role: Role, bpffs: &Bpffs) -> Result<Host> {
        let netns = hosts.of(role);
        let conntrack_entries = conntrack::entries(netns)?;
        let (verdicts, statistics) = match self.filter {
            Filter::Stateless | Filter::Conntrack if role == Role::Responder => {
                (Some(ruleset::verdicts(netns, self.family)?), None)
            }
            Filter::Fragwall(placement) if placement.roles().contains(&role) => {
                fragwall_statistics(netns, bpffs)?
            }
            Filter::FragwallDenying if role == Role::Responder => fragwall_statistics(netns, bpffs)?,
            _ => (None, None),
        };
        Ok(Host { conntrack_entries, verdicts, statistics })
    }
}

fn fragwall_statistics(netns: &Netns, bpffs: &Bpffs) -> Result<(Option<Verdicts>, Option<Statistics>)> {
    let statistics = Fragwall { netns, bpffs }.statistics()?;
    let verdicts = Verdicts { accepted: statistics.passed(), dropped: statistics.dropped() };
    Ok((Some(verdicts), Some(statistics)))
}

/// What was seen of an exchange.
#[derive(Clone, Debug)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// What was on the link.
    pub wire: Wire,
    /// What was seen at the host that asks.
    pub initiator: Host,
    /// What was seen at the host that answers.
    pub responder: Host,
}

impl Report {
    /// What was seen at both hosts, the initiator first.
    pub fn hosts(&self) -> [&Host; 2] {
        [&self.initiator, &self.responder]
    }

    /// Whether connection tracking was at work at either host.
    pub fn conntrack_in_use(&self) -> bool {
        self.hosts().iter().any(|host| host.conntrack_entries > 0)
    }

    /// What the filters did at both hosts together; nothing where there is no filter.
    pub fn verdicts(&self) -> Option<Verdicts> {
        self.hosts().into_iter().filter_map(|host| host.verdicts).reduce(|one, other| Verdicts {
            accepted: one.accepted + other.accepted,
            dropped: one.dropped + other.dropped,
        })
    }
}

/// What was seen at one host.
#[derive(Clone, Debug)]
pub struct Host {
    /// The entries of connection tracking right after the exchange.
    pub conntrack_entries: u64,
    /// What the filter did, where there is one.
    pub verdicts: Option<Verdicts>,
    /// Fragwall's counters, where it is attached.
    pub statistics: Option<Statistics>,
}
