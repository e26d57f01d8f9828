//! A packet for every reason that a capture can show.

use firewall_common::verdict::Reason;
use firewall_tests::harness::packet::{
    Ether, Internet, Ip4, Ip6, Payload, ip4, ip6, mirror, patched, pattern,
};

/// The reasons that no capture can show. `explain` takes no account of when packets came, so there's no budget.
pub(crate) const NOT_IN_A_CAPTURE: &[Reason] = &[Reason::FragmentBudget];

/// Where the IP header lies in an untagged frame.
const IP: usize = 14;

/// What a packet is, whether the host sent it, and its frame.
pub(crate) type Case = (&'static str, bool, Vec<u8>);

fn v6() -> Ip6 {
    ip6("2001:db8::1", "2001:db8::2")
}

fn v4() -> Ip4 {
    ip4("192.0.2.1", "192.0.2.2")
}

fn frame<P: Payload>(packet: P) -> Vec<u8> {
    Ether::to(packet).frame()
}

/// The two fragments of a datagram to a port.
fn fragments(id: u32, port: u16) -> [Vec<u8>; 2] {
    let fragments = v6().udp(4500, port, &pattern(120)).fragments(id, &[64]);
    <[Ip6; 2]>::try_from(fragments).expect("one cut makes two fragments").map(frame)
}

/// All of them, judged by the configuration of the example.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = by_themselves();
    cases.extend(replies());
    cases.extend(by_rules());
    cases.extend(malformed());
    cases
}

fn by_themselves() -> Vec<Case> {
    let listener = ip6("fe80::1", "ff02::16").hop_limit(1).hop_by_hop(8).icmp6(143, 0, &[0; 4]);
    vec![
        ("LLDP, which isn't IP", false, Ether::raw(0x88cc, &[0; 46]).frame()),
        ("an ARP request", false, Ether::raw(0x0806, &[0; 46]).frame()),
        ("a neighbour solicitation", false, frame(v6().hop_limit(255).icmp6(135, 0, &[0; 20]))),
        ("a multicast listener's report", false, frame(listener)),
        ("a router's packet too big", false, frame(v6().icmp6(2, 0, &[0; 44]))),
        ("a router's time exceeded", false, frame(v4().icmp(11, 0, &[0; 32]))),
    ]
}

fn replies() -> Vec<Case> {
    let query = frame(ip6("2001:db8::2", "2001:db8::1").udp(40000, 53, &pattern(32)));
    let ping = frame(ip4("192.0.2.2", "192.0.2.1").raw(1, &[8, 0, 0, 0, 0, 7, 0, 1]));
    let error = mirror::error_about(&query).expect("a plain packet");
    let other = frame(v4().raw(1, &[0, 0, 0, 0, 0, 8, 0, 1]));
    vec![
        ("the host asks a resolver", true, query),
        ("the resolver answers", false, frame(v6().udp(53, 40000, &pattern(32)))),
        ("an ICMP error about the question", false, error),
        ("the host pings", true, ping),
        ("the answer", false, frame(v4().raw(1, &[0, 0, 0, 0, 0, 7, 0, 1]))),
        ("an answer to a ping that nobody sent", false, other),
    ]
}

fn by_rules() -> Vec<Case> {
    let [first, trailing] = fragments(0x5efa_507c, 4500);
    let overlap = frame(v6().fragment(0x5efa_507c, 56, false).raw(17, &pattern(64)));
    let [denied, denied_trailing] = fragments(2, 4501);
    let [late, early] = fragments(3, 4501);
    let ssh = |source| ip4(source, "192.0.2.2").tcp(40001, 22, 0x02, &[]);
    vec![
        ("SSH from the office, VLAN 7", false, Ether::to(ssh("192.0.2.9")).tag(0x8100, 7).frame()),
        ("SSH from elsewhere", false, frame(ssh("198.51.100.7"))),
        ("telnet", false, frame(v4().tcp(40001, 23, 0x02, &[]))),
        ("a first fragment of IKE", false, first),
        ("a fragment that begins inside it", false, overlap),
        ("its trailing fragment", false, trailing),
        ("a first fragment to another port", false, denied),
        ("its trailing fragment", false, denied_trailing),
        ("a trailing fragment ahead of its first one", false, early),
        ("its first one", false, late),
        ("an atomic fragment of IKE", false, frame(v6().fragment(4, 0, false).udp(500, 500, &[0; 8]))),
    ]
}

fn malformed() -> Vec<Case> {
    let udp4 = frame(v4().udp(9, 4500, &pattern(16)));
    let udp6 = frame(v6().udp(9, 4500, &pattern(16)));
    let options = |packet: Ip6, count| (0..count).fold(packet, |packet, _| packet.dest_opts(8));
    let tail = |offset, more, protocol, length| {
        frame(v6().fragment(9, offset, more).raw(protocol, &pattern(length)))
    };
    let tiny = v6().dest_opts(16).udp(9, 4500, &[]).fragments(10, &[8]).remove(0);
    let solicitation = v6().hop_limit(255).fragment(11, 0, false).icmp6(135, 0, &[0; 20]);
    vec![
        ("a VLAN tag that is cut", false, Ether::raw(0x8100, &[0, 7, 0x86]).frame()),
        ("an IP version that the EtherType doesn't say", false, patched(&udp4, IP, &[0x65])),
        ("an IPv4 header of 16 bytes", false, patched(&udp4, IP, &[0x44])),
        ("an IP length beyond the frame", false, patched(&udp6, IP + 4, &[0, 25])),
        ("nine extension headers", false, frame(options(v6(), 9).udp(9, 4500, &[]))),
        ("hop-by-hop options behind others", false, frame(v6().dest_opts(8).hop_by_hop(8).udp(9, 4500, &[]))),
        ("a routing header of type 0", false, frame(v6().routing(0, 24).udp(9, 4500, &[]))),
        (
            "two Fragment headers",
            false,
            frame(v6().fragment(7, 0, false).fragment(8, 0, false).udp(9, 4500, &[])),
        ),
        ("UDP of 7 bytes", false, frame(v6().raw(17, &[0; 7]))),
        ("a fragment past byte 65535", false, tail(65528, false, 17, 8)),
        ("a middle fragment of 12 bytes", false, tail(80, true, 17, 12)),
        ("a first fragment that ends inside its headers", false, frame(tiny)),
        ("a fragment over TCP's flags", false, tail(8, false, 6, 16)),
        ("neighbour discovery behind a Fragment header", false, frame(solicitation)),
    ]
}
