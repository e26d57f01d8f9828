//! Packets that belong together by their flow: what would be sent for a packet to be its reply, and an ICMP error about it.

/// The length of an Ethernet header, in bytes.
const ETHERNET: usize = 14;
/// How much of a packet an error quotes, in bytes.
const QUOTE: usize = 96;

/// Where the addresses, the payload and the protocol of a plain IP packet are: without tags, and extension headers if it's IPv6.
struct Places {
    source: usize,
    /// The length of an address, in bytes.
    address: usize,
    payload: usize,
    protocol: u8,
}

fn places(frame: &[u8]) -> Option<Places> {
    let ip = frame.get(ETHERNET..)?;
    match ([frame[12], frame[13]], ip.first()?) {
        ([0x86, 0xdd], 0x60..=0x6f) if ip.len() >= 40 => {
            Some(Places { source: ETHERNET + 8, address: 16, payload: ETHERNET + 40, protocol: ip[6] })
        }
        ([0x08, 0x00], 0x45..=0x4f) if ip.len() >= 20 => Some(Places {
            source: ETHERNET + 12,
            address: 4,
            payload: ETHERNET + usize::from(ip[0] & 15) * 4,
            protocol: ip[9],
        }),
        _ => None,
    }
}

/// The packet that a frame's would be a reply to: its addresses and ports exchanged, an echo reply's request. `None` if there is
/// none that is so simple.
pub fn asking(frame: &[u8]) -> Option<Vec<u8>> {
    let Places { source, address, payload, protocol } = places(frame)?;
    let mut asking = frame.to_vec();
    for n in 0..address {
        asking.swap(source + n, source + address + n);
    }
    match protocol {
        6 | 17 | 33 | 132 | 136 if frame.len() >= payload + 4 => {
            asking.swap(payload, payload + 2);
            asking.swap(payload + 1, payload + 3);
        }
        1 | 58 => {
            let kind = asking.get_mut(payload)?;
            *kind = match *kind {
                129 => 128,
                0 if protocol == 1 => 8,
                _ => return None,
            };
        }
        _ => {}
    }
    Some(asking)
}

/// A frame with an ICMP error about the packet in another one, which its sender gets from a router. `None` if that packet isn't
/// plain.
pub fn error_about(sent: &[u8]) -> Option<Vec<u8>> {
    let Places { source, address, .. } = places(sent)?;
    let quote = &sent[ETHERNET..sent.len().min(ETHERNET + QUOTE)];
    let sender = &sent[source..source + address];
    let (kind, protocol) = if address == 16 { (1, 58) } else { (12, 1) };
    let message = [&[kind, 0, 0, 0, 0, 0, 0, 0], quote].concat();
    let mut frame = [&sent[..ETHERNET], &[0; 40][..if address == 16 { 40 } else { 20 }], &message].concat();
    let length = (message.len() as u16 + if address == 16 { 0 } else { 20 }).to_be_bytes();
    if address == 16 {
        frame[ETHERNET] = 0x60;
        frame[ETHERNET + 4..ETHERNET + 6].copy_from_slice(&length);
        frame[ETHERNET + 6..ETHERNET + 8].copy_from_slice(&[protocol, 64]);
    } else {
        frame[ETHERNET] = 0x45;
        frame[ETHERNET + 2..ETHERNET + 4].copy_from_slice(&length);
        frame[ETHERNET + 8..ETHERNET + 10].copy_from_slice(&[64, protocol]);
    }
    frame[source..source + address].fill(0x20);
    frame[source + address..source + 2 * address].copy_from_slice(sender);
    Some(frame)
}

#[cfg(test)]
mod tests {
    use super::super::{Ether, Internet as _, ip4, ip6};
    use super::*;

    #[test]
    fn who_asks_is_answered() {
        let [out, back] = [("2001:db8::1", "2001:db8::2", 1, 2), ("2001:db8::2", "2001:db8::1", 2, 1)]
            .map(|(from, to, local, remote)| Ether::to(ip6(from, to).tcp(local, remote, 16, b"x")).frame());
        let asked = asking(&back).unwrap();
        // All but the checksum, which the exchange leaves as it is.
        assert_eq!(asked, out);
        assert_eq!(asking(&asked).unwrap(), back);
    }

    #[test]
    fn an_error_goes_to_the_sender() {
        let sent = Ether::to(ip4("192.0.2.1", "192.0.2.2").udp(1, 2, b"x")).frame();
        let error = error_about(&sent).unwrap();
        assert_eq!(error[ETHERNET + 16..ETHERNET + 20], [192, 0, 2, 1]);
        assert_eq!(error[ETHERNET + 28..], sent[ETHERNET..]);
    }
}
