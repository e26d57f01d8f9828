//! The values of options.

use firewall_common::packet::Family;

use super::super::{netfilter, ranges::Ranges, rate::limit};
use crate::ruleset::{Names, Protocol, icmp::IcmpType, limit::Limit, tcp_flags};

/// Names that iptables has for ICMP messages, beside those that rules of Fragwall have.
const MESSAGES: [(&str, u8, u8); 7] = [
    ("TOS-network-unreachable", 3, 11),
    ("TOS-host-unreachable", 3, 12),
    ("host-precedence-violation", 3, 14),
    ("precedence-cutoff", 3, 15),
    ("TOS-network-redirect", 5, 2),
    ("TOS-host-redirect", 5, 3),
    ("port-unreachable", 3, 3),
];

/// A list of ports and ranges of ports, by number or by name.
pub(super) fn ports(list: &str, protocol: Option<Protocol>, names: &Names) -> Result<Ranges, String> {
    let port = |text: &str| {
        let named = || protocol.and_then(|protocol| names.port(protocol, text));
        let port = text.parse().ok().or_else(named);
        port.ok_or_else(|| {
            format!("{text:?} is no port: expected a number from 0 to 65535, or a name of a service")
        })
    };
    let range = |part: &str| match part.split_once(':') {
        None => port(part).map(|port| (port, port)),
        Some((first, last)) => Ok((
            if first.is_empty() { 0 } else { port(first)? },
            if last.is_empty() { u16::MAX } else { port(last)? },
        )),
    };
    Ok(Ranges::of_u16(list.split(',').map(range).collect::<Result<Vec<_>, _>>()?))
}

/// A protocol by number or name; `None` is any.
pub(super) fn protocol(word: &str, names: &Names) -> Result<Option<Protocol>, String> {
    if word.eq_ignore_ascii_case("all") {
        return Ok(None);
    }
    let number = word.parse().ok().map(Protocol).or_else(|| names.protocol(word));
    let protocol = number.ok_or_else(|| format!("{word:?} is no protocol: expected a name or a number"))?;
    Ok((protocol != Protocol(0)).then_some(protocol))
}

/// A list of addresses and prefixes of an IP version.
pub(super) fn addresses(list: &str, family: Family) -> Result<Ranges, String> {
    let one = |text: &str| match netfilter::addresses(text) {
        Some((of, range)) if of == family => Ok(range),
        Some((of, _)) => Err(format!("{text} is an {} address among rules of {}", of.name(), family.name())),
        None => Err(format!(
            "{text:?} is no address: expected an address or a prefix; names of hosts aren't looked up"
        )),
    };
    Ok(Ranges::of_addresses(family, list.split(',').map(one).collect::<Result<_, _>>()?))
}

/// Messages of ICMP or ICMPv6: a name, a type, or a type and a code.
pub(super) fn messages(text: &str, protocol: Protocol) -> Result<Ranges, String> {
    let is_v4 = protocol == Protocol::ICMP;
    if is_v4 && (text.eq_ignore_ascii_case("any") || text == "255") {
        return Ok(Ranges::all(u16::MAX.into()));
    }
    let special = || MESSAGES.iter().find(|(name, ..)| is_v4 && name.eq_ignore_ascii_case(text));
    let message = match IcmpType::named(protocol, text) {
        Some(message) => Some(message),
        None => match special() {
            Some(&(_, kind, code)) => Some(IcmpType { kind, code: Some(code) }),
            None => numbered(text),
        },
    };
    let IcmpType { kind, code } = message
        .ok_or_else(|| format!("{text:?} is no type of {protocol}: expected a name, or TYPE or TYPE/CODE"))?;
    let of = |code| u16::from_be_bytes([kind, code]);
    Ok(Ranges::of_u16([(of(code.unwrap_or(0)), of(code.unwrap_or(u8::MAX)))]))
}

fn numbered(text: &str) -> Option<IcmpType> {
    let (kind, code) = match text.split_once('/') {
        Some((kind, code)) => (kind, Some(code)),
        None => (text, None),
    };
    Some(IcmpType { kind: kind.parse().ok()?, code: code.map(str::parse).transpose().ok()? })
}

/// Flags: names with commas between them.
pub(super) fn flags(list: &str) -> Result<u8, String> {
    let one = |word: &str| match tcp_flags::named(word) {
        // iptables knows six of them.
        Some(0xff) => Ok(0x3f),
        Some(flags) => Ok(flags),
        None => Err(format!("{word:?} is no flag of TCP")),
    };
    list.split(',').try_fold(0, |flags, word| Ok(flags | one(word)?))
}

/// A rate such as `10/minute`; `None` if no rule can have it.
pub(super) fn rate(text: &str, burst: u32, per_source: bool) -> Result<Option<Limit>, String> {
    let wrong = || format!("{text:?} is no rate: expected one such as 10/minute");
    let (packets, unit) = text.split_once('/').unwrap_or((text, "second"));
    if packets.is_empty() || !packets.bytes().all(|byte| byte.is_ascii_digit()) {
        // Rates in bytes, such as 512kb/s.
        return if packets.ends_with('b') { Ok(None) } else { Err(wrong()) };
    }
    let packets: u32 = packets.parse().map_err(|_| wrong())?;
    let is = |name: &str| !unit.is_empty() && name.starts_with(&unit.to_ascii_lowercase());
    let named = ["second", "minute", "hour", "day"].into_iter().find(|name| is(name)).ok_or_else(wrong)?;
    Ok(limit(packets, named, burst, per_source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_iptables_reads_them() {
        let names = Names::parse("", "");
        let tcp = Some(Protocol::TCP);
        assert_eq!(ports("ssh,80:90,:3", tcp, &names), Ok(Ranges::of_u16([(22, 22), (80, 90), (0, 3)])));
        assert_eq!(ports("65000:", tcp, &names), Ok(Ranges::of_u16([(65000, 65535)])));
        assert_eq!(protocol("all", &names), Ok(None));
        assert_eq!(protocol("0", &names), Ok(None));
        assert_eq!(protocol("ipv6-icmp", &names), Ok(Some(Protocol::ICMPV6)));
        assert_eq!(messages("3/4", Protocol::ICMP), messages("fragmentation-needed", Protocol::ICMP));
        assert_eq!(messages("TOS-host-redirect", Protocol::ICMP), Ok(Ranges::of_u16([(0x0503, 0x0503)])));
        assert_eq!(flags("FIN,SYN"), Ok(3));
        assert_eq!(flags("ALL"), Ok(0x3f));
        assert_eq!(flags("NONE"), Ok(0));
        assert_eq!(rate("3/min", 5, false).unwrap().unwrap().to_string(), "3/m");
        assert_eq!(rate("48/day", 1, true).unwrap().unwrap().to_string(), "2/h burst 1 per source");
        assert_eq!(rate("1/day", 5, false), Ok(None));
        assert_eq!(rate("512kb/s", 5, false), Ok(None));
    }

    #[test]
    fn what_is_none_is_refused() {
        let names = Names::parse("", "");
        assert!(
            ports("nonsense", Some(Protocol::TCP), &names).is_err() && ports("65536", None, &names).is_err()
        );
        assert!(protocol("nonsense", &names).is_err() && protocol("256", &names).is_err());
        assert!(
            addresses("192.0.2.1", Family::V6).is_err() && addresses("host.example", Family::V4).is_err()
        );
        assert!(messages("256", Protocol::ICMP).is_err() && messages("3/x", Protocol::ICMPV6).is_err());
        assert!(
            flags("SIN").is_err() && rate("x/s", 5, false).is_err() && rate("3/fortnight", 5, false).is_err()
        );
    }
}
