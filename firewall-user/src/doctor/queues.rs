//! How packets are spread over an interface's queues: by ports, the fragments of a datagram come out of order.

use firewall_common::packet::Family;

use super::finding::{Finding, Topic};
use crate::{
    kernel::{ethtool::Ethtool, netlink::Interface},
    ruleset::Early,
};

/// What an interface's queues are.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    interface: String,
    /// How many there are; `None` if the driver doesn't tell.
    queues: Option<u32>,
    /// Whether UDP is spread by its ports, too, of IPv4 and of IPv6; `None` if the driver doesn't tell.
    by_ports: [Option<bool>; Family::ALL.len()],
    /// What the filter in force does with early fragments, if one is.
    early: Option<Early>,
}

impl Facts {
    /// Asks the driver.
    pub(super) fn gather(interface: &Interface, early: Option<Early>, ethtool: Option<&Ethtool>) -> Self {
        Self {
            interface: interface.name.clone(),
            queues: ethtool.and_then(Ethtool::receive_queues),
            by_ports: Family::ALL.map(|family| ethtool?.hashes_udp_ports(family)),
            early,
        }
    }
}

/// What there is to say of them.
pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let Facts { interface, queues, by_ports, early } = facts;
    let finding = match queues {
        None => return Vec::new(),
        Some(0 | 1) => Finding::ok(Topic::Queues, "one receive queue: fragments keep their order"),
        Some(queues) => several(interface, *queues, *by_ports, *early),
    };
    vec![finding.on(interface)]
}

fn several(interface: &str, queues: u32, by_ports: [Option<bool>; 2], early: Option<Early>) -> Finding {
    let words = ["udp4", "udp6"];
    let by_ports_words: Vec<_> = words.iter().zip(by_ports).filter(|(_, by)| *by == Some(true)).collect();
    if by_ports_words.is_empty() {
        return Finding::ok(
            Topic::Queues,
            if by_ports.contains(&Some(false)) {
                format!(
                    "{queues} receive queues, over which UDP is spread by addresses alone: fragments keep their order"
                )
            } else {
                format!("{queues} receive queues; its driver doesn't tell by what UDP is spread over them")
            },
        );
    }
    let commands: Vec<_> = by_ports_words
        .iter()
        .map(|(word, _)| format!("`ethtool -N {interface} rx-flow-hash {word} sd`"))
        .collect();
    let found = format!(
        "{queues} receive queues, over which UDP is spread by ports: trailing fragments, which have none, may come by others \
         than their first ones, and before them"
    );
    let commands = format!("{}: then they come in order", commands.join(" and "));
    match early {
        Some(Early::Drop) => {
            Finding::problem(Topic::Queues, format!("{found}; `early = \"drop\"` loses these"), commands)
        }
        _ => Finding::note(Topic::Queues, found, format!("Fragwall copes; or {commands}")),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn of(queues: Option<u32>, by_ports: [Option<bool>; 2], early: Option<Early>) -> Vec<Finding> {
        findings(&Facts { interface: "eth0".to_owned(), queues, by_ports, early })
    }

    pub(crate) fn examples() -> Vec<Finding> {
        let all = [
            of(Some(1), [None; 2], None),
            of(Some(8), [Some(false); 2], None),
            of(Some(8), [None; 2], None),
            of(Some(8), [Some(true); 2], Some(Early::Pass)),
            of(Some(8), [Some(true), Some(false)], Some(Early::Drop)),
        ];
        all.concat()
    }

    #[test]
    fn ports_are_a_note_and_a_problem_where_early_fragments_drop() {
        let levels: Vec<_> = examples().iter().map(|finding| finding.level.word()).collect();
        assert_eq!(levels, ["ok", "ok", "ok", "note", "problem"]);
        let advice = |by_ports| of(Some(2), by_ports, None)[0].advice.clone().unwrap_or_default();
        let both = advice([Some(true); 2]);
        assert!(both.contains("rx-flow-hash udp4 sd") && both.contains("rx-flow-hash udp6 sd"), "{both}");
        let six = advice([Some(false), Some(true)]);
        assert!(!six.contains("udp4") && six.contains("ethtool -N eth0 rx-flow-hash udp6 sd"), "{six}");
    }

    #[test]
    fn one_queue_keeps_the_order_whatever_it_hashes() {
        assert_eq!(of(Some(1), [Some(true); 2], Some(Early::Drop))[0].level.word(), "ok");
        assert_eq!(of(None, [Some(true); 2], None), []);
    }
}
