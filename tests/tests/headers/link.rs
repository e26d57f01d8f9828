//! Ethernet headers and VLAN tags.

use firewall_common::verdict::{
    Reason,
    Verdict::{Drop, Pass},
};
use firewall_tests::harness::packet::{Ether, Internet, Payload, patched, pattern};

use crate::{Case, IP, udp4, udp6, v4, v6};

/// The cases.
pub(crate) fn cases() -> Vec<Case> {
    let tagged =
        |tags: &[u16]| tags.iter().fold(Ether::to(v6().udp(9, 4500, &[])), |ether, &kind| ether.tag(kind, 7));
    let v6_in_v4 = Ether::raw(0x0800, &v6().udp(9, 4500, &[]).bytes()).frame();
    let v4_in_v6 = Ether::raw(0x86dd, &v4().udp(9, 4500, &pattern(64)).bytes()).frame();
    vec![
        ("ARP", Ether::raw(0x0806, &[0; 46]).frame(), Pass, Reason::Arp),
        ("ARP behind a tag", Ether::raw(0x0806, &[0; 46]).tag(0x8100, 7).frame(), Pass, Reason::Arp),
        ("LLDP", Ether::raw(0x88cc, &[0; 46]).frame(), Pass, Reason::NotIp),
        ("an 802.3 length", Ether::raw(38, &[0x42; 46]).frame(), Pass, Reason::NotIp),
        ("nothing behind the Ethernet header", Ether::raw(0x88cc, &[]).frame(), Pass, Reason::NotIp),
        ("one tag", tagged(&[0x8100]).frame(), Pass, Reason::Rule),
        ("two tags", tagged(&[0x88a8, 0x8100]).frame(), Pass, Reason::Rule),
        ("two tags of the old kind", tagged(&[0x9100, 0x9100]).frame(), Pass, Reason::Rule),
        ("three tags", tagged(&[0x88a8, 0x8100, 0x8100]).frame(), Drop, Reason::Default),
        ("four tags", tagged(&[0x8100; 4]).frame(), Drop, Reason::Default),
        ("a tag that is cut", Ether::raw(0x8100, &[0, 7, 0x86]).frame(), Drop, Reason::Truncated),
        ("IPv6 said to be IPv4", v6_in_v4, Drop, Reason::IpVersion),
        ("IPv4 said to be IPv6", v4_in_v6, Drop, Reason::IpVersion),
        ("version 5", patched(&udp4(), IP, &[0x55]), Drop, Reason::IpVersion),
        ("version 0", patched(&udp6(), IP, &[0x00]), Drop, Reason::IpVersion),
    ]
}
