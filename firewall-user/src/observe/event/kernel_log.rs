//! A packet as netfilter's LOG target writes it, for the tools that read such lines (`net/netfilter/nf_log_syslog.c`).

use std::fmt::{self, Write as _};

use firewall_common::packet::{
    ethernet, extension,
    ipv4::{self, MORE_FRAGMENTS, OFFSET_MASK},
    ipv6,
    transport::{DCCP, ICMP, ICMPV6, SCTP, TCP, UDP, UDP_LITE},
};

use super::Told;

/// ESP and AH, which no rule tells from other protocols but by their numbers.
const ESP: u8 = 50;
const AH: u8 = 51;

/// The flag of IPv4 that forbids to fragment.
const DONT_FRAGMENT: u16 = 0x4000;

/// The flags of TCP in the order in which the kernel names them.
const TCP_FLAGS: [(u8, &str); 8] = [
    (0x80, "CWR"),
    (0x40, "ECE"),
    (0x20, "URG"),
    (0x10, "ACK"),
    (0x08, "PSH"),
    (0x04, "RST"),
    (0x02, "SYN"),
    (0x01, "FIN"),
];

/// That form of a packet.
#[derive(Clone, Copy, Debug)]
pub struct KernelLog<'t>(pub &'t Told);

/// A packet's bytes, from some header on.
#[derive(Clone, Copy)]
struct From<'h>(&'h [u8]);

impl<'h> From<'h> {
    fn behind(self, offset: usize) -> Self {
        Self(self.0.get(offset..).unwrap_or_default())
    }

    fn bytes<const N: usize>(self, offset: usize) -> Option<[u8; N]> {
        self.0.get(offset..)?.first_chunk().copied()
    }

    fn byte(self, offset: usize) -> Option<u8> {
        self.0.get(offset).copied()
    }

    fn number(self, offset: usize) -> Option<u16> {
        self.bytes(offset).map(u16::from_be_bytes)
    }

    fn long(self, offset: usize) -> Option<u32> {
        self.bytes(offset).map(u32::from_be_bytes)
    }
}

impl fmt::Display for KernelLog<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Told { interface, reason, head, .. } = self.0;
        let mut text = format!("[fragwall {} {reason}] IN={interface} OUT= ", self.0.verdict());
        let frame = From(head);
        if let Some(link) = head.get(..ethernet::HEADER) {
            let link: Vec<String> = link.iter().map(|byte| format!("{byte:02x}")).collect();
            write!(text, "MAC={} ", link.join(":"))?;
        }
        // What is missing ends the line, as it does there.
        let _ = packet(frame, &mut text);
        f.write_str(text.trim_end())
    }
}

/// The IP header and what follows; `None` if it ends too soon.
fn packet(frame: From<'_>, text: &mut String) -> Option<()> {
    let mut at = ethernet::HEADER;
    let mut ethertype = frame.number(at - 2)?;
    for _ in 0..ethernet::MAX_TAGS {
        if ethernet::is_tag(ethertype) {
            at += ethernet::TAG;
            ethertype = frame.number(at - 2)?;
        }
    }
    match ethertype {
        ethernet::IPV4 => v4(frame.behind(at), text),
        ethernet::IPV6 => v6(frame.behind(at), text),
        other => write!(text, "MACPROTO={other:04x} ").ok(),
    }
}

fn v4(ip: From<'_>, text: &mut String) -> Option<()> {
    let [source, destination]: [std::net::Ipv4Addr; 2] =
        [ip.bytes::<4>(12)?, ip.bytes::<4>(16)?].map(Into::into);
    let (service, length, id) = (ip.byte(1)?, ip.number(2)?, ip.number(4)?);
    let (flags_offset, ttl, protocol) = (ip.number(6)?, ip.byte(8)?, ip.byte(9)?);
    write!(
        text,
        "SRC={source} DST={destination} LEN={length} TOS=0x{:02X} PREC=0x{:02X} TTL={ttl} ID={id} ",
        service & 0x1e,
        service & 0xe0
    )
    .ok()?;
    for (flag, name) in [(DONT_FRAGMENT, "DF "), (MORE_FRAGMENTS, "MF ")] {
        if flags_offset & flag != 0 {
            text.push_str(name);
        }
    }
    let offset = flags_offset & OFFSET_MASK;
    if offset != 0 {
        write!(text, "FRAG:{offset} ").ok()?;
    }
    let header = usize::from(ip.byte(0)? & 0xf) * 4;
    transport(ip.behind(header.max(ipv4::HEADER)), protocol, offset != 0, text)
}

fn v6(ip: From<'_>, text: &mut String) -> Option<()> {
    let full = |bytes: [u8; 16]| {
        let groups = bytes.chunks(2).map(|pair| format!("{:02x}{:02x}", pair[0], pair[1]));
        groups.collect::<Vec<_>>().join(":")
    };
    let (source, destination) = (full(ip.bytes(8)?), full(ip.bytes(24)?));
    let (first, length, hop_limit) = (ip.long(0)?, ip.number(4)?, ip.byte(7)?);
    write!(
        text,
        "SRC={source} DST={destination} LEN={} TC={} HOPLIMIT={hop_limit} FLOWLBL={} ",
        usize::from(length) + ipv6::HEADER,
        first >> 20 & 0xff,
        first & 0xf_ffff
    )
    .ok()?;
    let (mut next, mut header, mut is_trailing) = (ip.byte(6)?, ip.behind(ipv6::HEADER), false);
    for _ in 0..extension::MAX_HEADERS {
        let length = match next {
            extension::HOP_BY_HOP | extension::ROUTING | extension::DESTINATION_OPTIONS => {
                (usize::from(header.byte(1)?) + 1) * 8
            }
            extension::FRAGMENT => {
                let (offset_more, id) = (header.number(2)?, header.long(4)?);
                write!(text, "FRAG:{} ", offset_more & 0xfff8).ok()?;
                if offset_more & 1 != 0 {
                    text.push_str("INCOMPLETE ");
                }
                write!(text, "ID:{id:08x} ").ok()?;
                is_trailing |= offset_more & 0xfff8 != 0;
                extension::FRAGMENT_HEADER
            }
            _ => break,
        };
        next = header.byte(0)?;
        header = header.behind(length);
    }
    transport(header, next, is_trailing, text)
}

/// The transport header; of a trailing fragment, which has none, only the protocol.
fn transport(header: From<'_>, protocol: u8, is_trailing: bool, text: &mut String) -> Option<()> {
    let name = match protocol {
        TCP => "TCP",
        UDP => "UDP",
        UDP_LITE => "UDPLITE",
        ICMP => "ICMP",
        ICMPV6 => "ICMPv6",
        SCTP => "SCTP",
        DCCP => "DCCP",
        ESP => "ESP",
        AH => "AH",
        _ => return write!(text, "PROTO={protocol} ").ok(),
    };
    write!(text, "PROTO={name} ").ok()?;
    if is_trailing {
        return Some(());
    }
    match protocol {
        TCP => {
            let (window, urgent) = (header.number(14)?, header.number(18)?);
            write!(text, "SPT={} DPT={} WINDOW={window} ", header.number(0)?, header.number(2)?).ok()?;
            write!(text, "RES=0x{:02x} ", (header.byte(12)? & 0xf) << 2).ok()?;
            let flags = header.byte(13)?;
            for (_, name) in TCP_FLAGS.iter().filter(|(flag, _)| flags & flag != 0) {
                write!(text, "{name} ").ok()?;
            }
            write!(text, "URGP={urgent} ").ok()
        }
        UDP | UDP_LITE => {
            let (from, to, length) = (header.number(0)?, header.number(2)?, header.number(4)?);
            write!(text, "SPT={from} DPT={to} LEN={length} ").ok()
        }
        SCTP | DCCP => write!(text, "SPT={} DPT={} ", header.number(0)?, header.number(2)?).ok(),
        ICMP | ICMPV6 => {
            write!(text, "TYPE={} CODE={} ", header.byte(0)?, header.byte(1)?).ok()?;
            match (protocol, header.byte(0)?) {
                (ICMP, 0 | 8) | (ICMPV6, 128 | 129) => {
                    write!(text, "ID={} SEQ={} ", header.number(4)?, header.number(6)?).ok()
                }
                _ => Some(()),
            }
        }
        _ => write!(text, "SPI=0x{:x} ", header.long(if protocol == AH { 4 } else { 0 })?).ok(),
    }
}
