//! Beside the kernel's own REJECT, in a namespace with iptables' rules: the same packets get the same answers, but for what
//! docs/rules.md names. Frames with VLAN tags get what the kernel says of the same packet without any.

use std::time::Duration;

use firewall_common::answer::Answer;
use firewall_tests::harness::{
    netns::Netns,
    packet::{Ether, Internet, Ip4, Ip6, Payload, checksum::internet, ip4, ip6, patched, pattern},
    process::{run, succeeded},
    requirements,
};

use crate::pair::{HOST4, HOST6, Pair, ip, packet, rule, stranger};

/// What it is, and a frame from one who sends no other.
type Case = (String, Vec<u8>);

/// Flags of TCP.
const FIN: u8 = 1;
const SYN: u8 = 2;
const PSH: u8 = 8;
const ACK: u8 = 16;

/// How long `iptables` may take.
const LIMIT: Duration = Duration::from_secs(30);

fn transports<I: Internet + Clone>(base: &I, is_v6: bool, answer: Answer) -> Vec<(String, I)> {
    let mut all = Vec::new();
    for flags in [SYN, ACK, SYN | ACK, FIN | ACK, FIN, PSH | ACK, 0, 0xe0 | SYN] {
        for data in [0, 1, 100, 1400] {
            let segment = base.clone().tcp(40000, 23, flags, &pattern(data));
            all.push((format!("TCP {flags:#x}, {data} bytes"), segment));
        }
    }
    if answer == Answer::TcpReset {
        return all;
    }
    for data in [0, 1, 7, 500, 519, 520, 521, 1180, 1185, 1400] {
        all.push((format!("UDP, {data} bytes"), base.clone().udp(40000, 53, &pattern(data))));
    }
    all.push(("SCTP".to_owned(), base.clone().sctp(40000, 5060, &pattern(32))));
    for length in [4, 1400] {
        // The kernel answers no packet that doesn't sum up, whatever its protocol.
        let mut bytes = pattern(length);
        bytes[..2].fill(0);
        let pseudo = if is_v6 { base.pseudo_header(253, length) } else { Vec::new() };
        let sum = internet(&[&pseudo, &bytes]);
        bytes[..2].copy_from_slice(&sum.to_be_bytes());
        all.push((format!("another protocol, {length} bytes"), base.clone().raw(253, &bytes)));
    }
    all
}

fn packets4(answer: Answer, source: &str) -> Vec<(String, Ip4)> {
    let base = ip4(source, HOST4);
    let mut all = transports(&base.clone().id(0x1234), false, answer);
    let options: [(&str, &[u8]); 3] =
        [("router alert", &[148, 4, 0, 0]), ("no operation", &[1, 1, 1, 1]), ("many options", &[1; 40])];
    for (name, options) in options {
        let with = base.clone().options(options);
        all.push((format!("TCP behind {name}"), with.clone().tcp(40000, 23, SYN, &pattern(9))));
        if answer != Answer::TcpReset {
            all.push((format!("UDP behind {name}"), with.udp(40000, 53, &pattern(600))));
        }
    }
    if answer != Answer::TcpReset {
        all.push(("ICMP echo".to_owned(), base.clone().icmp(8, 0, &pattern(60))));
        all.push(("ICMP timestamp".to_owned(), base.clone().icmp(13, 0, &pattern(16))));
    }
    all.push(("no fragments".to_owned(), base.clone().dont_fragment().tcp(40000, 23, SYN, &[])));
    all.push(("its last hop".to_owned(), base.ttl(1).tcp(40000, 23, SYN, &[])));
    all
}

fn packets6(answer: Answer, source: &str) -> Vec<(String, Ip6)> {
    let base = ip6(source, HOST6);
    let mut all = transports(&base, true, answer);
    let extended = [
        ("destination options", base.clone().dest_opts(16)),
        ("hop-by-hop options", base.clone().hop_by_hop(8)),
        ("both", base.clone().hop_by_hop(8).dest_opts(264)),
        ("a fragment that is all", base.clone().fragment(7, 0, false)),
    ];
    for (name, with) in extended {
        all.push((format!("TCP behind {name}"), with.clone().tcp(40000, 23, SYN, &pattern(9))));
        if answer != Answer::TcpReset {
            all.push((format!("UDP behind {name}"), with.udp(40000, 53, &pattern(1100))));
        }
    }
    if answer != Answer::TcpReset {
        all.push(("ICMPv6 echo".to_owned(), base.clone().icmp6(128, 0, &pattern(60))));
        all.push(("unknown ICMPv6".to_owned(), base.clone().icmp6(200, 0, &pattern(60))));
    }
    all.push(("its last hop".to_owned(), base.hop_limit(1).tcp(40000, 23, SYN, &[])));
    all
}

/// The frame with another type of service or traffic class, and a flow label.
fn serviced(frame: &[u8], service: u8) -> Vec<u8> {
    if frame[IP] >> 4 == 6 {
        return patched(frame, IP, &[6 << 4 | service >> 4, service << 4 | 0x5, 0x67, 0x89]);
    }
    let mut frame = patched(frame, IP + 1, &[service]);
    frame[IP + 10..IP + 12].fill(0);
    let sum = internet(&[&frame[IP..IP + usize::from(frame[IP] & 0xf) * 4]]);
    patched(&frame, IP + 10, &sum.to_be_bytes())
}

/// Where an untagged frame's IP header begins.
const IP: usize = 14;

/// All that are sent to see one answer, from sources that are numbered from `first` on.
fn cases(answer: Answer, first: usize) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let next = |cases: &mut Vec<Case>, is_v6: bool, make: &dyn Fn(&str) -> Case| {
        cases.push(make(&stranger(first + cases.len(), is_v6)));
    };
    for n in 0..packets4(answer, "198.18.0.0").len() {
        next(&mut cases, false, &|source| framed(packets4(answer, source).swap_remove(n)));
    }
    for n in 0..packets6(answer, "2001:db8::9").len() {
        next(&mut cases, true, &|source| framed(packets6(answer, source).swap_remove(n)));
    }
    for service in [0x01, 0x02, 0x03, 0x10, 0x1e, 0x2e, 0xb8, 0xff] {
        for is_v6 in [false, true] {
            next(&mut cases, is_v6, &|source| {
                let (name, frame) = if is_v6 {
                    framed(packets6(answer, source).swap_remove(0))
                } else {
                    framed(packets4(answer, source).swap_remove(0))
                };
                (format!("{name}, service {service:#x}"), serviced(&frame, service))
            });
        }
    }
    cases
}

fn framed<P: Payload>((name, packet): (String, P)) -> Case {
    (name, Ether::to(packet).frame())
}

/// The frame with a provider's and a customer's tag, or only the latter, and some padding.
fn tagged(frame: &[u8], tags: usize) -> Vec<u8> {
    let all = [0x88, 0xa8, 0xe0, 0x64, 0x81, 0x00, 0x00, 0x07];
    let mut frame = [&frame[..12], &all[8 - 4 * tags..], &frame[12..]].concat();
    frame.resize(frame.len().max(60), 0xa5);
    frame
}

/// The bytes of an IP packet behind its header, and what a TCP checksum covers besides them.
fn segment(packet: &[u8]) -> (usize, Vec<u8>) {
    let (at, addresses) = if packet[0] >> 4 == 4 { (20, &packet[12..20]) } else { (40, &packet[8..40]) };
    let length = (packet.len() - at) as u32;
    (at, [addresses, &length.to_be_bytes(), &[0, 0, 0, TCP]].concat())
}

/// The number of TCP.
const TCP: u8 = 6;

fn is_tcp(packet: &[u8]) -> bool {
    packet[if packet[0] >> 4 == 4 { 9 } else { 6 }] == TCP
}

/// An IP packet with zeros in place of what need not be the same: the identification of IPv4 packets that may be fragmented,
/// the header's checksum, which is made sure of, and TCP's, which the kernel leaves to the veth that its packet goes by.
fn comparable(packet: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    if is_tcp(&packet) {
        let (at, _) = segment(&packet);
        packet[at + 16..at + 18].fill(0);
    }
    if packet[0] >> 4 == 4 {
        assert_eq!(internet(&[&packet[..usize::from(packet[0] & 0xf) * 4]]), 0, "the header's checksum");
        packet[10..12].fill(0);
        if packet[6] & 0x40 == 0 {
            packet[4..6].fill(0);
        }
    }
    packet
}

/// Makes the kernel reject all that comes in.
fn reject(netns: &Netns, answer: Answer) {
    let [four, six] = match answer {
        Answer::PortUnreachable => ["icmp-port-unreachable", "icmp6-port-unreachable"],
        Answer::ProtocolUnreachable => ["icmp-proto-unreachable", "icmp6-port-unreachable"],
        Answer::AdminProhibited => ["icmp-admin-prohibited", "icmp6-adm-prohibited"],
        Answer::HostProhibited => ["icmp-host-prohibited", "icmp6-adm-prohibited"],
        Answer::NetworkProhibited => ["icmp-net-prohibited", "icmp6-adm-prohibited"],
        Answer::HostUnreachable | Answer::AddressUnreachable => {
            ["icmp-host-unreachable", "icmp6-addr-unreachable"]
        }
        Answer::NetworkUnreachable | Answer::NoRoute => ["icmp-net-unreachable", "icmp6-no-route"],
        Answer::PolicyFail => ["icmp-admin-prohibited", "icmp6-policy-fail"],
        Answer::RejectRoute => ["icmp-admin-prohibited", "icmp6-reject-route"],
        Answer::TcpReset => ["tcp-reset", "tcp-reset"],
    };
    for (program, with) in [("iptables", four), ("ip6tables", six)] {
        let protocol: &[&str] = if answer == Answer::TcpReset { &["-p", "tcp"] } else { &[] };
        let rule = [protocol, &["-j", "REJECT", "--reject-with", with]].concat();
        for arguments in [&["-F", "INPUT"][..], &[&["-A", "INPUT"], &rule[..]].concat()] {
            let mut command = netns.command(program).unwrap();
            command.args(arguments);
            let output = run(&mut command, LIMIT).unwrap();
            succeeded(&command, output).unwrap_or_else(|error| panic!("{error:#}"));
        }
    }
}

/// Compares what both say.
fn agree(mode: &str, answers: &[Answer]) {
    requirements::require(&["ip", "iptables", "ip6tables"]).unwrap_or_else(|error| panic!("{error:#}"));
    let mut theirs = Pair::new("kernel").unwrap();
    for (parameter, value) in [
        ("ipv4/icmp_ratelimit", "0"),
        ("ipv6/icmp/ratelimit", "0"),
        // A hash of the flow, where Fragwall has no label at all.
        ("ipv6/auto_flowlabels", "0"),
    ] {
        theirs.host.set_parameter(parameter, value).unwrap();
    }
    let mut ours = Pair::new("fragwall").unwrap();
    let mut first = 0;
    for &answer in answers {
        reject(&theirs.host, answer);
        ours.attach(mode, &[&rule(answer)]).unwrap();
        let cases = cases(answer, first);
        first += cases.len();
        for (n, (name, frame)) in cases.iter().enumerate() {
            let said = theirs.answer(frame).unwrap();
            let said = said.unwrap_or_else(|| panic!("{answer:?}, {name}: the kernel says nothing"));
            let sent = match n % 3 {
                0 => frame.clone(),
                tags => tagged(frame, tags),
            };
            let own = ours.answer(&sent).unwrap();
            let own = own.unwrap_or_else(|| panic!("{answer:?}, {name}: Fragwall says nothing"));
            assert_eq!(comparable(packet(&own)), comparable(packet(&said)), "{answer:?}, {name}");
            if is_tcp(packet(&own)) {
                let (at, pseudo) = segment(packet(&own));
                assert_eq!(internet(&[&pseudo, &packet(&own)[at..]]), 0, "{answer:?}, {name}: the checksum");
            }
            let link = [&sent[6..12], &sent[..6], &sent[12..ip(&sent).unwrap()]].concat();
            assert_eq!(own[..ip(&own).unwrap()], link, "{answer:?}, {name}");
        }
        ours.fragwall().run_ok(&["detach", "eth0"]).unwrap();
    }
}

#[test]
fn native_answers_are_the_kernels() {
    agree("native", &Answer::ALL);
}

#[test]
fn generic_answers_are_the_kernels() {
    agree("generic", &[Answer::PortUnreachable, Answer::HostProhibited, Answer::TcpReset]);
}
