//! On which interfaces packets to an address of this host come in.

use std::{collections::BTreeSet, net::IpAddr};

use crate::kernel::{
    Error,
    netlink::{self, Interface},
};

/// The host's addresses and interfaces.
#[derive(Debug, Default)]
pub(super) struct Ways {
    pub(super) interfaces: Vec<Interface>,
    /// Each with the index of the interface that holds it.
    pub(super) addresses: Vec<(IpAddr, u32)>,
}

impl Ways {
    /// Those of the current network namespace.
    pub(super) fn current() -> Result<Self, Error> {
        Ok(Self { interfaces: netlink::interfaces()?, addresses: netlink::addresses()? })
    }

    /// The indexes of the interfaces on which packets to an address may come in: the one that holds it, and those that it
    /// stands on, which see them first: a VLAN's own interface, the ports of a bridge or bond.
    pub(super) fn to(&self, address: IpAddr) -> BTreeSet<u32> {
        let holders = self.addresses.iter().filter(|(held, _)| *held == address);
        let mut ways: BTreeSet<u32> = BTreeSet::new();
        let mut next: Vec<u32> = holders.map(|&(_, index)| index).collect();
        while let Some(index) = next.pop() {
            if !ways.insert(index) {
                continue;
            }
            let below = |interface: &&Interface| interface.index == index;
            next.extend(self.interfaces.iter().find(below).and_then(|interface| interface.lower));
            let ports = self.interfaces.iter().filter(|interface| interface.master == Some(index));
            next.extend(ports.map(|port| port.index));
        }
        ways
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(index: u32, lower: Option<u32>, master: Option<u32>) -> Interface {
        Interface { lower, master, ..Interface::of(index, &format!("eth{index}")) }
    }

    #[test]
    fn packets_come_in_on_what_an_interface_stands_on() {
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        // A VLAN (4) on a bridge (3) with two ports (1, 2), one of which claims to stand on the VLAN.
        let ways = Ways {
            interfaces: vec![
                interface(1, None, Some(3)),
                interface(2, Some(4), Some(3)),
                interface(3, None, None),
                interface(4, Some(3), None),
                interface(5, None, None),
            ],
            addresses: vec![(address, 4), ("192.0.2.2".parse().unwrap(), 5)],
        };
        assert_eq!(ways.to(address), BTreeSet::from([1, 2, 3, 4]));
        assert_eq!(ways.to("192.0.2.2".parse().unwrap()), BTreeSet::from([5]));
        assert_eq!(ways.to("192.0.2.3".parse().unwrap()), BTreeSet::new());
    }
}
