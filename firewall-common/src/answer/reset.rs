//! Resets of TCP connections, as a host sends them that has no such connection: RFC 9293 3.10.7.1.

use super::{
    Plan,
    checksum::Sums,
    header::{Front4, Front6, Service, TCP, Tcp},
};
use crate::packet::{Be16, Be32, Bytes, Ip, ethernet::MIN_FRAME, ipv4, ipv6, transport};

const FIN: u8 = 1 << 0;
const SYN: u8 = 1 << 1;
const RST: u8 = 1 << 2;
const ACK: u8 = 1 << 4;

/// The flag of an IPv4 packet that is never fragmented, and so needs no identification (RFC 6864 4.1).
const DONT_FRAGMENT: u16 = 0x4000;

/// The reset that an IPv4 packet gets; `None` if it gets none.
#[inline(always)]
pub(super) fn v4<B: Sums + ?Sized>(bytes: &B, ip: &Ip) -> Option<Plan<Front4, Tcp>> {
    let addresses = super::addresses4(bytes, ip)?;
    let upper = segment(bytes, ip)?.between(addresses);
    let with = Service { service: 0, identification: 0, fragmentation: DONT_FRAGMENT };
    let front = Front4::new(with, transport::TCP, TCP, addresses);
    Some(Plan { link: ip.offset, front, upper, kept: kept(bytes, ip, ipv4::HEADER), grown: 0 })
}

/// The reset that an IPv6 packet gets; `None` if it gets none.
#[inline(always)]
pub(super) fn v6<B: Sums + ?Sized>(bytes: &B, ip: &Ip) -> Option<Plan<Front6, Tcp>> {
    let upper = segment(bytes, ip)?.between(super::addresses6(bytes, ip)?);
    let front = Front6::new(transport::TCP, TCP);
    Some(Plan { link: ip.offset, front, upper, kept: kept(bytes, ip, ipv6::HEADER), grown: 0 })
}

/// How much of the packet's frame the reset takes, which is no longer than the packet; but links want frames to be of some
/// length.
#[inline(always)]
fn kept<B: Bytes + ?Sized>(bytes: &B, ip: &Ip, header: usize) -> usize {
    (ip.offset + header + TCP).max(bytes.len().min(MIN_FRAME))
}

/// The segment that resets what a packet's segment belongs to, without its checksum.
#[inline(always)]
fn segment<B: Bytes + ?Sized>(bytes: &B, ip: &Ip) -> Option<Tcp> {
    if ip.protocol != transport::TCP {
        return None;
    }
    let segment: Tcp = bytes.read(ip.payload)?;
    let header = usize::from(segment.data_offset >> 4) * 4;
    let length = ip.end - ip.payload;
    if segment.flags & RST != 0 || header < TCP || header > length {
        return None;
    }
    let (sequence, acknowledgment, flags) = if segment.flags & ACK != 0 {
        (segment.acknowledgment, Be32::new(0), RST)
    } else {
        // SYN and FIN count as a byte each.
        let controls = (segment.flags & SYN != 0) as u32 + (segment.flags & FIN != 0) as u32;
        let end = segment.sequence.value().wrapping_add(controls).wrapping_add((length - header) as u32);
        (Be32::new(0), Be32::new(end), RST | ACK)
    };
    Some(Tcp {
        source: segment.destination,
        destination: segment.source,
        sequence,
        acknowledgment,
        data_offset: (TCP as u8 / 4) << 4,
        flags,
        window: Be16::new(0),
        checksum: [0; 2],
        urgent: Be16::new(0),
    })
}
