//! The frames that a live generator is given.

use std::num::NonZeroU32;

use fragwall::kernel::generator::{Ids, MIN_FRAME};

use super::options::Order;
use super::traffic::{Addresses, Cut, Traffic};
use crate::harness::packet::{Ether, Internet, Payload, cuts_for, ip4, ip6, pattern};

/// The EtherType of a VLAN tag (IEEE 802.1Q).
const VLAN: u16 = 0x8100;

/// The frames of a thread's round, which are a datagram's for each port, and how their identifications go on from `base`, of which IPv4 takes the lower
/// 16 bits. No two datagrams have the same one within a round, nor within those of two threads that have the same base.
pub(super) fn of(traffic: &Traffic, thread: usize, base: u32) -> (Vec<Vec<u8>>, Ids) {
    let (lanes, datagrams) = (traffic.lanes(), traffic.datagrams());
    let frames = (0..datagrams).zip(traffic.ports.first..=traffic.ports.last).flat_map(|(number, port)| {
        // Lanes divide the number of identifications of either version, so they are apart wherever they begin. They are few enough for both:
        // `Traffic` sees to it.
        datagram(traffic, port, base.wrapping_add((thread + lanes * number) as u32))
    });
    let step = NonZeroU32::new((lanes * datagrams) as u32).unwrap_or(NonZeroU32::MIN);
    (frames.collect(), Ids::Stepped(step))
}

/// The frames of a datagram.
fn datagram(traffic: &Traffic, port: u16, id: u32) -> Vec<Vec<u8>> {
    let data = pattern(traffic.data());
    match traffic.addresses {
        Addresses::V4 { from, to } => {
            let id = id as u16;
            let ip = ip4(&from.to_string(), &to.to_string()).id(id);
            let whole = ip.udp(traffic.from_port, port, &data);
            framed(traffic, whole, |whole, cuts| whole.fragments(id, cuts))
        }
        Addresses::V6 { from, to } => {
            let whole = ip6(&from.to_string(), &to.to_string()).udp(traffic.from_port, port, &data);
            framed(traffic, whole, |whole, cuts| whole.fragments(id, cuts))
        }
    }
}

fn framed<P: Payload>(traffic: &Traffic, whole: P, cut: impl Fn(&P, &[usize]) -> Vec<P>) -> Vec<Vec<u8>> {
    let packets = match traffic.cut {
        None => vec![whole],
        Some(Cut { order, mtu }) => {
            // The UDP header is 8 bytes of what is cut.
            let mut parts = cut(&whole, &cuts_for(8 + traffic.data(), traffic.room(mtu)));
            if order == Order::OutOfOrder {
                parts.reverse();
            }
            parts
        }
    };
    packets.into_iter().map(|packet| frame(traffic, packet)).collect()
}

/// A packet in its frame, padded as short ones are on a wire.
fn frame<P: Payload>(traffic: &Traffic, packet: P) -> Vec<u8> {
    let mut ether = Ether::to(packet);
    if let Some(vlan) = traffic.vlan {
        ether = ether.tag(VLAN, vlan);
    }
    let mut frame = ether.frame();
    frame.resize(frame.len().max(MIN_FRAME), 0);
    frame[..6].copy_from_slice(&traffic.way.to_mac.0);
    frame[6..12].copy_from_slice(&traffic.way.from_mac.0);
    frame
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::traffic::tests::traffic;
    use super::*;

    #[test]
    fn fragments_fit_and_add_up() {
        for is_v4 in [true, false] {
            for vlan in [&[][..], &["--vlan", "7"]] {
                for (size, mtu) in [(1662, 1280), (3000, 576), (115, 100), (9000, 1500)] {
                    let (size, mtu_text) = (size.to_string(), mtu.to_string());
                    let options = ["--fragments", "in-order", "--size", &size, "--mtu", &mtu_text];
                    let Ok(traffic) = traffic(&[vlan, &options].concat(), is_v4) else { continue };
                    let (frames, _) = of(&traffic, 0, 0);
                    assert_eq!(frames.len(), traffic.frames_per_datagram(), "{size} {mtu}");
                    let (front, header) = (traffic.front(), if is_v4 { 20 } else { 48 });
                    assert!(frames.iter().all(|frame| frame.len() <= front + mtu), "{size} {mtu}");
                    let carried: usize = frames
                        .iter()
                        .map(|frame| {
                            let length = |at: usize| usize::from(frame[at]) << 8 | usize::from(frame[at + 1]);
                            if is_v4 { length(front + 2) - header } else { length(front + 4) - 8 }
                        })
                        .sum();
                    assert_eq!(carried, 8 + traffic.data(), "{size} {mtu}");
                }
            }
        }
    }

    #[test]
    fn out_of_order_is_the_other_way_round() {
        let of = |order| of(&traffic(&["--fragments", order], false).unwrap(), 0, 0).0;
        let mut frames = of("out-of-order");
        frames.reverse();
        assert_eq!(frames, of("in-order"));
        assert_eq!(frames.len(), 2);
    }

    #[test]
    fn identifications_of_threads_and_ports_never_meet() {
        let options = ["--fragments", "in-order", "--threads", "3", "--port", "10-14", "--count", "100"];
        for is_v4 in [true, false] {
            let traffic = traffic(&options, is_v4).unwrap();
            for base in [0, 0x1234_fffd, u32::MAX - 1] {
                let mut met = BTreeSet::new();
                for thread in 0..3 {
                    let (frames, ids) = of(&traffic, thread, base);
                    let Ids::Stepped(step) = ids else { panic!("{ids:?}") };
                    for frame in frames.iter().step_by(2) {
                        let id = match is_v4 {
                            true => u32::from(u16::from_be_bytes([frame[18], frame[19]])),
                            false => u32::from_be_bytes([frame[58], frame[59], frame[60], frame[61]]),
                        };
                        // As many rounds as make those of IPv4 begin anew.
                        for round in 0..(1 << 16) / step.get() {
                            let id = id.wrapping_add(round * step.get());
                            let id = if is_v4 { id & 0xffff } else { id };
                            assert!(met.insert(id), "{id} of {thread}");
                        }
                    }
                }
                assert!(is_v4 || met.contains(&base), "{base}");
            }
        }
    }

    #[test]
    fn a_frame_goes_where_it_was_asked_to() {
        let traffic = traffic(&["--live", "--vlan", "300", "--port", "53", "--size", "100"], false).unwrap();
        let (frames, _) = of(&traffic, 0, 0);
        let [frame] = frames.as_slice() else { panic!("{frames:?}") };
        assert_eq!(frame.len(), 100);
        assert_eq!(frame[..12], [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
        assert_eq!(frame[12..18], [0x81, 0, 1, 44, 0x86, 0xdd]);
        assert_eq!(frame[58..62], [0x11, 0x94, 0, 53]);
    }
}
