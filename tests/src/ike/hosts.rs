//! Two hosts with a link between them, and an IKE daemon on each.

use std::net::IpAddr;

use anyhow::{Result, bail};
use serde::Serialize;

use super::certificates::{Certificates, Role};
use super::charon::{Charon, Outcome};
use crate::harness::netns::{End, Netns, veth};

/// The interface that joins a host to the other.
pub const INTERFACE: &str = "ike0";

/// The IP version that the hosts speak.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// A host's address: from the prefixes that are kept for documentation and benchmarks.
    pub fn address(self, role: Role) -> IpAddr {
        let address = match (self, role) {
            (Self::V4, Role::Initiator) => "198.18.0.1",
            (Self::V4, Role::Responder) => "198.18.0.2",
            (Self::V6, Role::Initiator) => "2001:db8::1",
            (Self::V6, Role::Responder) => "2001:db8::2",
        };
        address.parse().expect("the addresses above are well-formed")
    }

    fn prefix_length(self) -> u8 {
        match self {
            Self::V4 => 24,
            Self::V6 => 64,
        }
    }

    /// The iptables of this family.
    pub(super) fn iptables(self) -> &'static str {
        match self {
            Self::V4 => "iptables",
            Self::V6 => "ip6tables",
        }
    }
}

impl std::fmt::Display for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// Two hosts in network namespaces of their own, joined by a link; all of it removed on drop.
#[derive(Debug)]
pub struct Hosts {
    /// The IP version that they have addresses of.
    pub family: Family,
    /// The host that asks.
    pub initiator: Netns,
    /// The host that answers.
    pub responder: Netns,
}

impl Hosts {
    /// Makes them. The link's MTU is in bytes; the responder's end has as many receive queues, the initiator's one.
    ///
    /// # Errors
    /// `ip` fails, as it does for anyone but root.
    pub fn new(family: Family, mtu: u32, receive_queues: usize) -> Result<Self> {
        let hosts = Self { family, initiator: Netns::new("initiator")?, responder: Netns::new("responder")? };
        let addresses = Role::BOTH.map(|role| [(family.address(role), family.prefix_length())]);
        let [initiator, responder] = [(0, 1), (1, receive_queues)].map(|(host, receive_queues)| End {
            netns: hosts.of(Role::BOTH[host]),
            interface: INTERFACE,
            receive_queues,
            addresses: &addresses[host],
        });
        veth(&initiator, &responder, mtu)?;
        Ok(hosts)
    }

    /// The host of a role.
    pub fn of(&self, role: Role) -> &Netns {
        match role {
            Role::Initiator => &self.initiator,
            Role::Responder => &self.responder,
        }
    }

    /// Starts the IKE daemons of both.
    ///
    /// # Errors
    /// strongSwan is missing, or refuses to start or to load its configuration; what it said is quoted.
    pub fn start_daemons(&self, certificates: &Certificates) -> Result<Daemons> {
        let start = |role: Role| {
            let addresses = [role, role.peer()].map(|role| self.family.address(role));
            Charon::start(self.of(role), role, addresses, certificates)
        };
        Ok(Daemons { responder: start(Role::Responder)?, initiator: start(Role::Initiator)? })
    }
}

/// The IKE daemons of two hosts. They are killed on drop, which must come before that of the hosts.
#[derive(Debug)]
pub struct Daemons {
    initiator: Charon,
    responder: Charon,
}

impl Daemons {
    /// Lets the initiator set up an IKE SA.
    ///
    /// # Errors
    /// It ends other than by success on both sides, or by silence; a daemon's log is quoted.
    pub fn exchange(&self) -> Result<Outcome> {
        let Self { initiator, responder } = self;
        let outcome = initiator.initiate()?;
        if outcome == Outcome::Established && !(initiator.is_established()? && responder.is_established()?) {
            bail!("one side alone holds an IKE SA; the responder's log:\n{}", responder.log());
        }
        Ok(outcome)
    }

    /// Ends the IKE SA that there is.
    ///
    /// # Errors
    /// There's none, or its peer doesn't answer.
    pub fn end_exchange(&self) -> Result<()> {
        self.initiator.terminate()
    }

    /// How many messages the initiator has sent again.
    pub fn retransmissions(&self) -> usize {
        self.initiator.log().lines().filter(|line| line.contains("retransmit ")).count()
    }
}
