//! What the real program counts: each packet once, with all its bytes.

use std::collections::HashMap;

use firewall_common::{
    record::Count,
    rules::Slot,
    verdict::{Cell, Verdict},
};
use firewall_tests::harness::{
    kernel::Setup,
    packet::{Ether, Internet, ip6, pattern},
};

/// The first fragment, of 1000 bytes, of a datagram to a UDP port.
fn first(port: u16, id: u32) -> Vec<u8> {
    let datagram = ip6("2001:db8::1", "2001:db8::2").udp(4500, port, &pattern(2000));
    Ether::to(datagram.fragments(id, &[1000]).remove(0)).frame()
}

/// A trailing fragment of the same datagrams.
fn trailing(id: u32, offset: u16) -> Vec<u8> {
    Ether::to(ip6("2001:db8::1", "2001:db8::2").fragment(id, offset, true).raw(17, &pattern(64))).frame()
}

#[test]
fn each_packet_counts_once_with_all_its_bytes() {
    let setup = Setup::rules(&["allow udp 4500", "deny udp 53"]);
    let mut kernel = setup.load().unwrap_or_else(|error| panic!("{error:#}"));
    let (source, destination) = ("2001:db8::1", "2001:db8::2");
    let whole = ip6(source, destination).udp(9, 4500, &pattern(100));
    let jumbo = ip6(source, destination).udp(9, 4500, &pattern(8900));
    let hidden =
        ip6(source, destination).dest_opts(2048).dest_opts(2048).dest_opts(2048).udp(9, 4500, &pattern(2800));
    let mut frames = vec![first(4500, 1), trailing(1, 1000), trailing(1, 2000), trailing(1, 8), first(53, 2)];
    frames.extend([trailing(2, 1000), trailing(3, 1000), first(7, 4), trailing(4, 1000)]);
    frames.extend(
        [Ether::to(whole.clone()), Ether::to(whole.clone()).tag(0x8100, 7)].map(|ether| ether.frame()),
    );
    frames.extend(
        [Ether::to(whole.clone()).padding(500), Ether::to(whole).padding(8000)].map(|ether| ether.frame()),
    );
    frames.extend([jumbo, hidden].map(|packet| Ether::to(packet).frame()));
    frames.extend(
        [Ether::raw(0x88cc, &[0; 60]), Ether::raw(0x88cc, &[0; 8986]), Ether::raw(0x0806, &[0; 46])]
            .map(|e| e.frame()),
    );
    frames
        .extend([Ether::raw(0x86dd, &[0x60; 20]), Ether::raw(0x0800, &[0; 8986])].map(|ether| ether.frame()));
    let mut expected = Count::default();
    let mut of_cells: HashMap<u32, Count> = HashMap::new();
    for frame in &frames {
        let cell = kernel.judge(frame).unwrap_or_else(|error| panic!("{error:#}")).cell();
        let one = Count { packets: 1, bytes: frame.len() as u64, last: 0 };
        let counted = of_cells.entry(cell.index()).or_default();
        *counted = *counted + one;
        assert_eq!(kernel.count(cell).unwrap(), *counted, "{cell:?}, {} bytes", frame.len());
        expected = expected + one;
    }
    assert_eq!(kernel.total().unwrap(), expected);
    let rule = Slot::rule(0).expect("a rule's number");
    let inherited = kernel.count(Cell::Inherited(rule, Verdict::Pass)).unwrap();
    assert_eq!(inherited, Count { packets: 2, bytes: 2 * trailing(1, 1000).len() as u64, last: 0 });
}
