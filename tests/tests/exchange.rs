//! The exchange that the project exists for: an IKE_AUTH message in two fragments, of which only the first says that it
//! goes to UDP port 4500.

use firewall_common::{
    fragment::Class,
    record::Count,
    rules::{Action, Slot},
    verdict::{Cell, Reason, Verdict},
};
use firewall_tests::harness::{
    kernel::{Judged, Kernel, Setup},
    packet::{Ether, Internet, Ip4, Ip6, Payload, ip4, ip6, pattern},
};

const ID: u32 = 0x5efa_507c;

/// The UDP payload: the non-ESP marker (RFC 3948 2.2) and 1596 bytes of IKE_AUTH (RFC 7296 3.1).
fn ike_auth() -> Vec<u8> {
    let mut message = vec![0; 4];
    message.extend([0x11; 8]);
    message.extend([0x22; 8]);
    // Next payload: encrypted; version 2.0; IKE_AUTH; from the initiator; message 1; length.
    message.extend([46, 0x20, 35, 0x08, 0, 0, 0, 1]);
    message.extend(1596_u32.to_be_bytes());
    // The encrypted payload goes to the end: next payload, flags, length.
    message.extend([35, 0]);
    message.extend((1596_u16 - 28).to_be_bytes());
    message.extend(pattern(1596 - 32));
    message
}

fn initiator() -> Ip6 {
    ip6("2001:db8::be6b:d879", "2001:db8:f:608::2").hop_limit(51)
}

fn initiator4() -> Ip4 {
    ip4("192.0.2.79", "198.51.100.2").ttl(51)
}

/// Frames around a datagram's first and trailing fragment.
fn pair<P: Payload>(fragments: Vec<P>) -> [Vec<u8>; 2] {
    let frames: Vec<Vec<u8>> = fragments.into_iter().map(|packet| Ether::to(packet).frame()).collect();
    frames.try_into().expect("two fragments")
}

fn exchange(packet: Ip6, id: u32) -> [Vec<u8>; 2] {
    pair(packet.udp(4500, 4500, &ike_auth()).fragments(id, &[1232]))
}

fn exchange4(packet: Ip4, id: u32) -> [Vec<u8>; 2] {
    pair(packet.udp(4500, 4500, &ike_auth()).fragments(id as u16, &[1232]))
}

/// The exchange as it was seen, and with all that may come before, between and behind; each with that identification.
fn forms(id: u32) -> Vec<(&'static str, [Vec<u8>; 2])> {
    let exchange = |packet| exchange(packet, id);
    let exchange4 = |packet| exchange4(packet, id);
    let other_next_header = {
        let datagram = initiator().udp(4500, 4500, &ike_auth());
        let (_, bytes) = datagram.fragmentable();
        let [first, _] = exchange(initiator());
        [first, Ether::to(datagram.fragment(id, 1232, false).raw(6, &bytes[1232..])).frame()]
    };
    let reserved = |byte| {
        let (_, bytes) = initiator().udp(4500, 4500, &ike_auth()).fragmentable();
        pair(vec![
            initiator().fragment(id, 0, true).reserved(byte).raw(17, &bytes[..1232]),
            initiator().fragment(id, 1232, false).reserved(!byte).raw(17, &bytes[1232..]),
        ])
    };
    vec![
        ("as seen", exchange(initiator())),
        ("hop-by-hop options before", exchange(initiator().hop_by_hop(8))),
        ("destination options before", exchange(initiator().dest_opts(24).unfragmentable())),
        ("destination options behind", exchange(initiator().dest_opts(16))),
        (
            "hop-by-hop and destination options before",
            exchange(initiator().hop_by_hop(16).dest_opts(8).unfragmentable()),
        ),
        ("both before, destination options behind", {
            exchange(initiator().hop_by_hop(8).dest_opts(8).unfragmentable().dest_opts(264))
        }),
        (
            "a routing header before",
            exchange(initiator().hop_by_hop(8).dest_opts(8).routing(4, 24).dest_opts(8)),
        ),
        ("a Reserved byte of 0xff", reserved(0xff)),
        ("a Reserved byte of 0x05", reserved(0x05)),
        ("another Next Header in the trailing fragment", other_next_header),
        ("IPv4", exchange4(initiator4())),
        (
            "IPv4 with options that aren't copied",
            exchange4(initiator4().options(&[1, 1, 1, 1, 7, 7, 4, 0, 0, 0, 0])),
        ),
        ("IPv4 with copied options", exchange4(initiator4().options(&[148, 4, 0, 0]))),
        ("IPv4 with options up to the brim", exchange4(initiator4().options(&[1; 40]))),
    ]
}

/// Stacks of VLAN tags.
const STACKS: [&[u8]; 4] = [
    &[],
    &[0x81, 0x00, 0x00, 0x07],
    &[0x88, 0xa8, 0xe0, 0x64, 0x81, 0x00, 0x00, 0x07],
    &[0x91, 0x00, 0x00, 0x64, 0x88, 0xa8, 0x00, 0x07],
];

/// Every form behind every stack of tags, with a name that tells which; each has an identification of its own, the
/// first one that which was seen.
fn every_form() -> Vec<(String, [Vec<u8>; 2])> {
    let mut all = Vec::new();
    for stack in STACKS {
        for n in 0..forms(ID).len() {
            let id = ID + all.len() as u32;
            let (name, frames) = forms(id).swap_remove(n);
            let behind = |frame: Vec<u8>| [&frame[..12], stack, &frame[12..]].concat();
            all.push((format!("{name}, {} bytes of tags", stack.len()), frames.map(behind)));
        }
    }
    all
}

fn rule(number: usize) -> Slot {
    Slot::rule(number).expect("a rule's number")
}

fn judge(kernel: &mut Kernel, frame: &[u8]) -> Judged {
    kernel.judge(frame).unwrap_or_else(|error| panic!("{error:#}"))
}

fn load(setup: &Setup) -> Kernel {
    setup.load().unwrap_or_else(|error| panic!("{error:#}"))
}

/// The rulesets that allow it, and the number of the rule that does, from 0.
const ALLOWING: [(&[&str], usize); 4] = [
    (&["allow udp 500", "allow udp 4500"], 1),
    (&["allow @ike"], 0),
    (&["allow tcp", "allow udp 500,4500", "deny udp"], 1),
    (&["deny udp 1-499", "deny udp 501-4499", "deny udp 4501-65535", "allow udp"], 3),
];

#[test]
fn it_is_rebuilt_as_it_was_seen() {
    let [first, trailing] = exchange(initiator(), ID);
    for (frame, payload_length, fragment_header) in [
        (&first, 8 + 1232, [17, 0, 0x00, 0x01, 0x5e, 0xfa, 0x50, 0x7c]),
        (&trailing, 8 + 376, [17, 0, 0x04, 0xd0, 0x5e, 0xfa, 0x50, 0x7c]),
    ] {
        assert_eq!(frame.len(), 14 + 40 + payload_length);
        assert_eq!(frame[12..18], [0x86, 0xdd, 0x60, 0, 0, 0]);
        assert_eq!(frame[18..20], (payload_length as u16).to_be_bytes());
        assert_eq!(frame[20..22], [44, 51]);
        assert_eq!(frame[22..38], [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0x6b, 0xd8, 0x79]);
        assert_eq!(frame[38..54], [0x20, 1, 0x0d, 0xb8, 0, 0x0f, 0x06, 0x08, 0, 0, 0, 0, 0, 0, 0, 2]);
        assert_eq!(frame[54..62], fragment_header);
    }
    // Linux' log of the trailing one said LEN=424.
    assert_eq!(trailing.len() - 14, 424);
    // UDP 4500 > 4500, length 8 + 4 + 1596.
    assert_eq!(first[62..68], [0x11, 0x94, 0x11, 0x94, 0x06, 0x48]);
    // The version and the exchange type, behind marker and SPIs.
    assert_eq!(first[70 + 4 + 17..70 + 4 + 19], [0x20, 35]);
}

#[test]
fn both_fragments_pass_and_count_for_one_rule() {
    for (rules, number) in ALLOWING {
        let mut kernel = load(&Setup::rules(rules));
        let cells = [Cell::Direct(rule(number), Verdict::Pass), Cell::Inherited(rule(number), Verdict::Pass)];
        for (name, [first, trailing]) in every_form() {
            let before = cells.map(|cell| kernel.count(cell).unwrap());
            let judged = judge(&mut kernel, &first);
            assert_eq!(judged.summary(), (Verdict::Pass, Reason::Rule, Some(number)), "{name}: {rules:?}");
            assert_eq!((judged.class, judged.offset, judged.more), (Class::First, 0, true), "{name}");
            let id = judged.id;
            let judged = judge(&mut kernel, &trailing);
            assert_eq!(
                judged.summary(),
                (Verdict::Pass, Reason::Inherited, Some(number)),
                "{name}: {rules:?}"
            );
            assert_eq!((judged.class, judged.id, judged.more), (Class::Trailing, id, false), "{name}");
            for ((cell, before), frame) in cells.iter().zip(before).zip([&first, &trailing]) {
                let one = Count { packets: 1, bytes: frame.len() as u64, last: 0 };
                assert_eq!(kernel.count(*cell).unwrap(), before + one, "{name}: {rules:?}");
            }
        }
    }
}

#[test]
fn the_identification_and_offset_are_told() {
    let mut kernel = load(&Setup::rules(&["allow @ike"]));
    let [first, trailing] = exchange(initiator(), ID).map(|frame| judge(&mut kernel, &frame));
    assert_eq!((first.id, first.offset), (ID, 0));
    assert_eq!((trailing.id, trailing.offset), (ID, 1232));
    let [first, trailing] = exchange4(initiator4(), ID).map(|frame| judge(&mut kernel, &frame));
    assert_eq!((first.id, first.offset), (ID & 0xffff, 0));
    assert_eq!((trailing.id, trailing.offset), (ID & 0xffff, 1232));
}

#[test]
fn both_fragments_pass_in_the_other_order() {
    let mut kernel = load(&Setup::rules(&["allow udp 500", "allow udp 4500"]));
    for (name, [first, trailing]) in every_form() {
        assert_eq!(judge(&mut kernel, &trailing).summary(), (Verdict::Pass, Reason::Early, None), "{name}");
        assert_eq!(judge(&mut kernel, &first).summary(), (Verdict::Pass, Reason::Rule, Some(1)), "{name}");
    }
    let early = kernel.count(Cell::Reason(Reason::Early, Verdict::Pass)).unwrap();
    assert_eq!(early.packets, every_form().len() as u64);
}

/// `Kernel::judge` makes sure that the program returns `XDP_DROP`: what it drops, the stack never answers by ICMP.
#[test]
fn both_fragments_drop_where_the_port_is_denied() {
    let denying: [(&[&str], Action, Slot, Reason); 4] = [
        (&["allow udp 500"], Action::Deny, Slot::DEFAULT_DROP, Reason::Default),
        (&["allow udp 500", "deny udp 4500", "allow udp"], Action::Allow, rule(1), Reason::Rule),
        (&["deny @ike"], Action::Allow, rule(0), Reason::Rule),
        (&["deny udp"], Action::Allow, rule(0), Reason::Rule),
    ];
    for (rules, default, slot, reason) in denying {
        let mut kernel = load(&Setup::rules(rules).default(default));
        for (name, [first, trailing]) in every_form() {
            let judged = judge(&mut kernel, &first);
            assert_eq!((judged.verdict, judged.reason, judged.slot), (Verdict::Drop, reason, slot), "{name}");
            let judged = judge(&mut kernel, &trailing);
            assert_eq!(
                (judged.verdict, judged.reason, judged.slot),
                (Verdict::Drop, Reason::Inherited, slot),
                "{name}"
            );
        }
        let inherited = kernel.count(Cell::Inherited(slot, Verdict::Drop)).unwrap();
        assert_eq!(inherited.packets, every_form().len() as u64);
    }
}

#[test]
fn a_denied_first_fragment_is_dropped_whatever_came_before() {
    let mut kernel = load(&Setup::rules(&["allow udp 500"]));
    for (name, [first, trailing]) in every_form() {
        assert_eq!(judge(&mut kernel, &trailing).reason, Reason::Early, "{name}");
        let late = (Verdict::Drop, Reason::LateDenial, None);
        assert_eq!(judge(&mut kernel, &first).summary(), late, "{name}");
        // All of it has been seen. The same again is judged as another datagram.
        assert_eq!(judge(&mut kernel, &first).reason, Reason::Default, "{name}");
        assert_eq!(
            judge(&mut kernel, &trailing).summary(),
            (Verdict::Drop, Reason::Inherited, None),
            "{name}"
        );
    }
}

#[test]
fn five_retransmissions_pass_each_by_its_own_identification() {
    let mut kernel = load(&Setup::rules(&["allow @ike"]));
    let datagram = initiator().udp(4500, 4500, &ike_auth());
    for id in ID..ID + 5 {
        for (frame, reason) in
            pair(datagram.fragments(id, &[1232])).iter().zip([Reason::Rule, Reason::Inherited])
        {
            assert_eq!(judge(&mut kernel, frame).summary(), (Verdict::Pass, reason, Some(0)));
        }
    }
}

#[test]
fn a_first_fragment_of_nothing_but_the_udp_header_is_enough() {
    let mut kernel = load(&Setup::rules(&["allow udp 4500"]));
    let cuts: Vec<usize> = (1..=200).map(|n| n * 8).collect();
    let fragments = initiator().udp(4500, 4500, &ike_auth()).fragments(ID, &cuts);
    assert_eq!(fragments.len(), 201);
    for (n, fragment) in fragments.into_iter().enumerate() {
        let reason = if n == 0 { Reason::Rule } else { Reason::Inherited };
        assert_eq!(
            judge(&mut kernel, &Ether::to(fragment).frame()).summary(),
            (Verdict::Pass, reason, Some(0))
        );
    }
}
