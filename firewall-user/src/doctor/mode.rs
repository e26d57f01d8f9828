//! How an interface runs the program: in its driver or in the network stack, and why.

use super::finding::{Finding, Topic};
use crate::kernel::{
    ethtool::Ethtool,
    netdev::XdpFeatures,
    netlink::{Interface, Mode},
};

/// What an interface and its driver are.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    interface: String,
    driver: Option<String>,
    /// What the driver has; `None` if the kernel doesn't tell.
    features: Option<XdpFeatures>,
    /// How the filter is attached, if it is.
    attached: Option<Mode>,
    mtu: u32,
    /// The size of a page of memory, in bytes.
    page: u32,
    /// The offloads that are on and may be in the way, as ethtool calls them.
    offloads: Vec<&'static str>,
}

/// Offloads that join packets before a program sees them, as the kernel and as ethtool calls them.
const JOINING: [(&str, &str); 2] = [("rx-lro", "lro"), ("rx-gro-hw", "rx-gro-hw")];

impl Facts {
    /// Asks the kernel.
    pub(super) fn gather(interface: &Interface, attached: Option<Mode>, ethtool: Option<&Ethtool>) -> Self {
        let on = ethtool.map(Ethtool::features).unwrap_or_default();
        let is_on =
            |(kernel, word): (&str, &'static str)| on.iter().any(|name| name == kernel).then_some(word);
        Self {
            interface: interface.name.clone(),
            driver: ethtool.and_then(Ethtool::driver),
            features: XdpFeatures::of(interface.index),
            attached,
            mtu: interface.mtu,
            page: page_size(),
            offloads: JOINING.into_iter().filter_map(is_on).collect(),
        }
    }

    /// The largest MTU with which a frame fits into one buffer: a page, without the room that XDP keeps before it (256 bytes), the
    /// kernel's own record behind it (320), and an Ethernet header with two VLAN tags.
    const fn single_buffer(&self) -> u32 {
        self.page.saturating_sub(256 + 320 + 14 + 8)
    }
}

fn page_size() -> u32 {
    use nix::unistd::{SysconfVar, sysconf};
    let size = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    size.and_then(|size| u32::try_from(size).ok()).unwrap_or(4096)
}

/// What there is to say of them.
pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let Facts { interface, driver, features, attached, .. } = facts;
    let driver =
        driver.as_deref().map_or_else(|| "its driver".to_owned(), |name| format!("its driver, {name},"));
    let ok = |found: String| Finding::ok(Topic::Mode, found);
    let note = |found: String, advice: String| Finding::note(Topic::Mode, found, advice);
    let has_native = features.map(XdpFeatures::is_native);
    let finding = match (attached, has_native, obstacle(facts)) {
        (Some(Mode::Native | Mode::Hardware), ..) => ok(format!("filtered in native mode: {driver} runs the program")),
        (Some(Mode::Generic), Some(true), Some((what, advice))) => note(
            format!("filtered in generic mode, though {driver} has native XDP: {what}"),
            format!("{advice}; then `fragwall save`, detach and attach again"),
        ),
        (Some(Mode::Generic), Some(true), None) => note(
            format!("filtered in generic mode, though {driver} has native XDP"),
            "`fragwall save`, detach, and attach with `--mode native`: it tells what the driver has against it"
                .to_owned(),
        ),
        (Some(Mode::Generic), Some(false), _) => note(
            format!("filtered in generic mode, which takes longer: {driver} has no native XDP"),
            "it works; for native mode take an interface whose driver has it".to_owned(),
        ),
        (Some(Mode::Generic), None, _) => note(
            "filtered in generic mode; the kernel doesn't tell whether its driver has native XDP (Linux 6.3)".to_owned(),
            "`fragwall save`, detach, and attach with `--mode native`: it tells what the driver has against it"
                .to_owned(),
        ),
        (None, Some(true), Some((what, advice))) => {
            note(format!("{driver} has native XDP, and may refuse it: {what}"), advice)
        }
        (None, Some(true), None) => ok(format!("{driver} has native XDP")),
        (None, Some(false), _) => note(
            format!("{driver} has no native XDP: it would be filtered in generic mode, which takes longer"),
            "it works; for native mode take an interface whose driver has it".to_owned(),
        ),
        (None, None, _) => ok(
            "the kernel doesn't tell whether its driver has native XDP (Linux 6.3); attaching tries it, and generic mode then"
                .to_owned(),
        ),
    };
    vec![finding.on(interface)]
}

/// What drivers refuse native mode for, and what helps.
fn obstacle(facts: &Facts) -> Option<(String, String)> {
    let Facts { interface, features, mtu, offloads, .. } = facts;
    if let Some(offload) = offloads.first() {
        return Some((
            format!("{offload} is on, which joins packets before a program sees them"),
            format!("`ethtool -K {interface} {offload} off`"),
        ));
    }
    let most = facts.single_buffer();
    (*mtu > most && features.is_some_and(|features| !features.has_frags())).then(|| {
        (
            format!("its MTU is {mtu}, and it hands programs no frame of more than one buffer"),
            format!("`ip link set dev {interface} mtu {most}`, or a smaller one if the driver says so"),
        )
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Of a driver with native mode, for frames in several buffers too.
    fn facts() -> Facts {
        Facts {
            interface: "eth0".to_owned(),
            driver: Some("virtio_net".to_owned()),
            features: Some(XdpFeatures(0b10_0001)),
            attached: None,
            mtu: 1500,
            page: 4096,
            offloads: Vec::new(),
        }
    }

    fn one(facts: &Facts) -> Finding {
        findings(facts).remove(0)
    }

    /// Those that are as they should be, and those that aren't.
    fn cases() -> [Vec<Finding>; 2] {
        let plain = Some(XdpFeatures(0b00_0001));
        let none = Some(XdpFeatures(0));
        let generic = Some(Mode::Generic);
        let ok = [
            facts(),
            Facts { attached: Some(Mode::Native), mtu: 9000, ..facts() },
            Facts { features: None, ..facts() },
        ];
        let note = [
            Facts { offloads: vec!["lro"], ..facts() },
            Facts { features: plain, mtu: 9000, ..facts() },
            Facts { features: none, driver: None, ..facts() },
            Facts { attached: generic, offloads: vec!["rx-gro-hw"], ..facts() },
            Facts { attached: generic, ..facts() },
            Facts { attached: generic, features: none, ..facts() },
            Facts { attached: generic, features: None, ..facts() },
        ];
        [ok.iter().map(one).collect(), note.iter().map(one).collect()]
    }

    pub(crate) fn examples() -> Vec<Finding> {
        cases().concat()
    }

    #[test]
    fn what_isnt_native_is_a_note() {
        let [ok, notes] = cases();
        assert!(ok.iter().all(|finding| finding.level.word() == "ok"), "{ok:?}");
        assert!(notes.iter().all(|finding| finding.level.word() == "note"), "{notes:?}");
        assert!(examples().iter().all(|finding| finding.interface.as_deref() == Some("eth0")));
    }

    #[test]
    fn what_is_in_the_way_is_named_with_what_helps() {
        let advice = |facts: Facts| one(&facts).advice.unwrap_or_default();
        assert_eq!(advice(Facts { offloads: vec!["lro"], ..facts() }), "`ethtool -K eth0 lro off`");
        let small = Facts { features: Some(XdpFeatures(1)), ..facts() };
        assert!(advice(Facts { mtu: 3499, ..small.clone() }).contains("ip link set dev eth0 mtu 3498"));
        assert_eq!(advice(Facts { mtu: 3498, ..small.clone() }), "", "it fits into a page");
        assert_eq!(advice(Facts { mtu: 9000, page: 65_536, ..small }), "", "of a larger page");
        assert_eq!(advice(Facts { mtu: 9000, ..facts() }), "", "in several buffers");
    }
}
