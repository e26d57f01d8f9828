//! What an exchange looked like on the link, read from the packets that the two hosts sent.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

const UDP: u8 = 17;
const FRAGMENT_HEADER: u8 = 44;
/// IKE_AUTH among the exchange types of RFC 7296, section 3.1.
const IKE_AUTH: u8 = 35;
/// The flag that marks a response, RFC 7296, section 3.1.
const RESPONSE: u8 = 0x20;
/// The length of the IKE header, RFC 7296, section 3.1.
const IKE_HEADER: usize = 28;

/// The counts of one exchange, both hosts' packets together.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Wire {
    /// First fragments of IKE_AUTH messages.
    pub ike_auth_first_fragments: u64,
    /// Trailing fragments of IKE_AUTH messages.
    pub ike_auth_trailing_fragments: u64,
    /// Requests sent again, of any exchange type.
    pub retransmissions: u64,
}

impl Wire {
    /// Counts what was sent; each packet begins with its IP header.
    pub fn of<'a>(packets: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut wire = Self::default();
        let mut ike_auth_datagrams = HashSet::new();
        let mut requests: HashMap<Request, u64> = HashMap::new();
        for datagram in packets.into_iter().filter_map(Datagram::parse) {
            if datagram.offset != 0 {
                wire.ike_auth_trailing_fragments +=
                    u64::from(ike_auth_datagrams.contains(&datagram.identity));
                continue;
            }
            let Some(message) = Message::parse(datagram.payload) else {
                continue;
            };
            if datagram.more && message.exchange == IKE_AUTH {
                wire.ike_auth_first_fragments += 1;
                ike_auth_datagrams.insert(datagram.identity);
            }
            if message.flags & RESPONSE == 0 {
                *requests.entry(message.request).or_default() += 1;
            }
        }
        wire.retransmissions = requests.values().map(|sent| sent - 1).sum();
        wire
    }

    /// All fragments of IKE_AUTH messages.
    pub fn ike_auth_fragments(&self) -> u64 {
        self.ike_auth_first_fragments + self.ike_auth_trailing_fragments
    }
}

/// A UDP datagram or a fragment of one.
#[derive(Debug)]
struct Datagram<'a> {
    /// Source, destination and identification.
    identity: (Vec<u8>, u32),
    /// In bytes.
    offset: usize,
    more: bool,
    /// What follows the IP header and the Fragment header.
    payload: &'a [u8],
}

impl<'a> Datagram<'a> {
    fn parse(packet: &'a [u8]) -> Option<Self> {
        match packet.first()? >> 4 {
            4 => Self::parse_ipv4(packet),
            6 => Self::parse_ipv6(packet),
            _ => None,
        }
    }

    fn parse_ipv4(packet: &'a [u8]) -> Option<Self> {
        let header = usize::from(packet.first()? & 0x0f) * 4;
        let fragment = u16_at(packet, 6)?;
        (*packet.get(9)? == UDP).then_some(Self {
            identity: (packet.get(12..20)?.to_vec(), u16_at(packet, 4)?.into()),
            offset: usize::from(fragment & 0x1fff) * 8,
            more: fragment & 0x2000 != 0,
            payload: packet.get(header..)?,
        })
    }

    fn parse_ipv6(packet: &'a [u8]) -> Option<Self> {
        let addresses = packet.get(8..40)?.to_vec();
        match *packet.get(6)? {
            UDP => {
                Some(Self { identity: (addresses, 0), offset: 0, more: false, payload: packet.get(40..)? })
            }
            FRAGMENT_HEADER if *packet.get(40)? == UDP => {
                let field = u16_at(packet, 42)?;
                Some(Self {
                    identity: (addresses, u32_at(packet, 44)?),
                    offset: usize::from(field & 0xfff8),
                    more: field & 1 != 0,
                    payload: packet.get(48..)?,
                })
            }
            _ => None,
        }
    }
}

/// What tells a request from any other: the initiator's SPI, the exchange type and the message ID.
type Request = (u64, u8, u32);

#[derive(Debug)]
struct Message {
    exchange: u8,
    flags: u8,
    request: Request,
}

impl Message {
    /// Reads the IKE header of a UDP datagram to port 500, or to 4500 behind the marker of RFC 3948, section 2.2.
    fn parse(datagram: &[u8]) -> Option<Self> {
        let message = match u16_at(datagram, 2)? {
            500 => datagram.get(8..)?,
            4500 if u32_at(datagram, 8)? == 0 => datagram.get(12..)?,
            _ => return None,
        };
        let header: &[u8; IKE_HEADER] = message.first_chunk()?;
        let spi = u64::from_be_bytes(*header.first_chunk()?);
        let (exchange, flags) = (header[18], header[19]);
        Some(Self { exchange, flags, request: (spi, exchange, u32_at(header, 20)?) })
    }
}

fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(offset..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(offset..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ike(port: u16, exchange: u8, flags: u8, id: u32) -> Vec<u8> {
        let mut datagram = vec![0x11, 0x94];
        datagram.extend(port.to_be_bytes());
        datagram.extend([0; 4]);
        if port == 4500 {
            datagram.extend([0; 4]);
        }
        datagram.extend([7; 8]);
        datagram.extend([0; 8]);
        datagram.extend([0, 0x20, exchange, flags]);
        datagram.extend(id.to_be_bytes());
        datagram.extend([0; 4]);
        datagram
    }

    fn ipv6(id: u32, field: Option<u16>, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x60, 0, 0, 0, 0, 0, if field.is_some() { FRAGMENT_HEADER } else { UDP }, 64];
        packet.extend([1; 32]);
        if let Some(field) = field {
            packet.extend([UDP, 0]);
            packet.extend(field.to_be_bytes());
            packet.extend(id.to_be_bytes());
        }
        packet.extend(payload);
        packet
    }

    fn ipv4(id: u16, field: u16, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 0];
        packet.extend(id.to_be_bytes());
        packet.extend(field.to_be_bytes());
        packet.extend([64, UDP, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
        packet.extend(payload);
        packet
    }

    fn count(packets: &[Vec<u8>]) -> Wire {
        Wire::of(packets.iter().map(Vec::as_slice))
    }

    #[test]
    fn fragments_of_ike_auth_are_counted_and_others_are_not() {
        let wire = count(&[
            ipv6(0, None, &ike(500, 34, 0x08, 0)),
            ipv6(1, Some(1), &ike(4500, IKE_AUTH, 0x08, 1)),
            ipv6(1, Some(1232), &[0; 300]),
            ipv6(2, Some(1232), &[0; 300]),
            ipv4(3, 0x2000, &ike(4500, IKE_AUTH, RESPONSE, 1)),
            ipv4(3, 0x2000 | 154, &[0; 300]),
            ipv4(3, 308, &[0; 300]),
        ]);
        assert_eq!(
            wire,
            Wire { ike_auth_first_fragments: 2, ike_auth_trailing_fragments: 3, retransmissions: 0 }
        );
        assert_eq!(wire.ike_auth_fragments(), 5);
    }

    #[test]
    fn a_request_sent_again_is_a_retransmission_and_its_response_is_not() {
        let wire = count(&[
            ipv6(0, None, &ike(500, 34, 0x08, 0)),
            ipv6(0, None, &ike(500, 34, 0x08, 0)),
            ipv6(0, None, &ike(500, 34, RESPONSE, 0)),
            ipv6(0, None, &ike(500, 34, RESPONSE, 0)),
            ipv6(1, Some(1), &ike(4500, IKE_AUTH, 0x08, 1)),
            ipv6(2, Some(1), &ike(4500, IKE_AUTH, 0x08, 1)),
            ipv6(3, Some(1), &ike(4500, IKE_AUTH, 0x08, 1)),
        ]);
        assert_eq!(wire.retransmissions, 3);
    }

    #[test]
    fn what_is_no_ike_is_passed_over() {
        let wire = count(&[
            Vec::new(),
            vec![0x60],
            vec![0x45; 12],
            ipv6(0, None, &[0x11, 0x94, 0x11, 0x94, 0, 9, 0, 0, 0xff]),
            ipv6(0, None, &ike(53, IKE_AUTH, 0, 0)),
        ]);
        assert_eq!(wire, Wire::default());
    }
}
