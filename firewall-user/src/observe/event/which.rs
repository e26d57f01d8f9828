//! Which packets someone wants to be told of.

use std::net::IpAddr;

use firewall_common::{
    fragment::Class,
    rules::Slot,
    verdict::{Reason, Verdict},
};
use ipnet::IpNet;

use super::Told;
use crate::kernel::watch::Asked;

/// Which packets, of those that are told of at all. What is empty or `None` asks for any.
#[derive(Clone, Debug, Default)]
pub struct Which {
    /// Those with one of these verdicts.
    pub verdicts: Vec<Verdict>,
    /// Those that have it for one of these reasons.
    pub reasons: Vec<Reason>,
    /// Fragments alone: first and trailing ones, and atomic ones.
    pub fragments: bool,
    /// Those that the rule with this slot decided.
    pub slot: Option<Slot>,
    /// Those with an address, of either side, in one of these networks.
    pub networks: Vec<IpNet>,
    /// Those with one of these ports, of either side.
    pub ports: Vec<u16>,
}

impl Which {
    /// What the program is asked for: no less than this, and no more than `rate` a second.
    pub fn asked(&self, rate: u32) -> Asked {
        let Self { verdicts, reasons, fragments, slot, networks: _, ports: _ } = self;
        let of_verdicts = verdicts.iter().fold(0, |bits, verdict| bits | 1_u32 << verdict.code());
        let of_reasons = reasons.iter().fold(0, |bits, reason| bits | 1_u64 << reason.code());
        let of_classes = [Class::First, Class::Trailing, Class::Atomic];
        let of_classes = of_classes.iter().fold(0, |bits, class| bits | 1_u32 << class.code());
        Asked {
            reasons: if reasons.is_empty() { u64::MAX } else { of_reasons },
            verdicts: if verdicts.is_empty() { u32::MAX } else { of_verdicts },
            classes: if *fragments { of_classes } else { u32::MAX },
            slot: slot.map(|slot| slot.index() as u32),
            rate,
        }
    }

    /// Whether a packet that the program told of is one of them: it looks at no address and no port.
    pub fn wants(&self, told: &Told) -> bool {
        let of_addresses = |address: IpAddr| self.networks.iter().any(|network| network.contains(&address));
        let packet = told.packet.as_ref();
        let has_address = self.networks.is_empty()
            || packet.is_some_and(|packet| of_addresses(packet.source) || of_addresses(packet.destination));
        let has_port = self.ports.is_empty()
            || packet.is_some_and(|packet| {
                [packet.source_port, packet.destination_port]
                    .into_iter()
                    .flatten()
                    .any(|port| self.ports.contains(&port))
            });
        has_address && has_port
    }
}
