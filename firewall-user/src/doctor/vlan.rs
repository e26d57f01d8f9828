//! VLAN tags that hardware takes out of frames, before a program in native mode sees them.

use super::finding::{Finding, Topic};
use crate::kernel::{
    ethtool::Ethtool,
    netlink::{Interface, Mode},
};

/// What becomes of tags.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    interface: String,
    /// Whether the hardware takes them out.
    is_offloaded: bool,
    /// The VLANs on the interface.
    vlans: Vec<String>,
    /// Whether the program sees frames as the network stack does, with their tags.
    is_generic: bool,
}

impl Facts {
    /// Asks the kernel. `all` are the interfaces among which there may be VLANs.
    pub(super) fn gather(
        interface: &Interface,
        all: &[Interface],
        attached: Option<Mode>,
        ethtool: Option<&Ethtool>,
    ) -> Self {
        let on = ethtool.map(Ethtool::features).unwrap_or_default();
        let vlans = all.iter().filter(|other| other.is_vlan && other.lower == Some(interface.index));
        Self {
            interface: interface.name.clone(),
            is_offloaded: on.iter().any(|name| name == "rx-vlan-hw-parse"),
            vlans: vlans.map(|vlan| vlan.name.clone()).collect(),
            is_generic: attached == Some(Mode::Generic),
        }
    }
}

/// What there is to say of them; nothing where there are no VLANs.
pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let Facts { interface, is_offloaded, vlans, is_generic } = facts;
    if vlans.is_empty() {
        return Vec::new();
    }
    let vlans = vlans.join(", ");
    let finding = if *is_offloaded && !is_generic {
        Finding::note(
            Topic::Vlan,
            format!(
                "it takes the tags of {vlans} out of frames (rxvlan): in native mode, answers to rejected packets leave without"
            ),
            format!("if rules reject: `ethtool -K {interface} rxvlan off`"),
        )
    } else {
        Finding::ok(Topic::Vlan, format!("the program sees the tags of {vlans}"))
    };
    vec![finding.on(interface)]
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn of(is_offloaded: bool, is_generic: bool, vlans: &[&str]) -> Vec<Finding> {
        let vlans = vlans.iter().map(|&name| name.to_owned()).collect();
        findings(&Facts { interface: "eth0".to_owned(), is_offloaded, vlans, is_generic })
    }

    pub(crate) fn examples() -> Vec<Finding> {
        [of(false, false, &["eth0.7"]), of(true, false, &["eth0.7", "eth0.8"])].concat()
    }

    #[test]
    fn tags_that_the_program_doesnt_see_are_a_note() {
        let [ok, note] = &examples()[..] else { panic!("two findings") };
        assert_eq!((ok.level.word(), note.level.word()), ("ok", "note"));
        assert!(note.found.contains("eth0.7, eth0.8"), "{note}");
        assert!(note.advice.as_ref().is_some_and(|advice| advice.contains("ethtool -K eth0 rxvlan off")));
        assert_eq!(of(true, true, &["eth0.7"])[0].level.word(), "ok", "the stack puts them back");
    }

    #[test]
    fn without_vlans_there_is_nothing_to_say() {
        assert_eq!(of(true, false, &[]), []);
    }
}
