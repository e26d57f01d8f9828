//! Values that fields are compared with.

use std::net::IpAddr;

use firewall_common::packet::Family;
use serde_json::Value;

use super::super::{netfilter, ranges::Ranges};
use crate::ruleset::{Names, Protocol, icmp::IcmpType, tcp_flags};

/// Codes of ICMP messages.
const CODES: [(&str, u8); 8] = [
    ("net-unreachable", 0),
    ("host-unreachable", 1),
    ("prot-unreachable", 2),
    ("port-unreachable", 3),
    ("frag-needed", 4),
    ("net-prohibited", 9),
    ("host-prohibited", 10),
    ("admin-prohibited", 13),
];
/// Codes of ICMPv6 messages.
const CODES_6: [(&str, u8); 6] = [
    ("no-route", 0),
    ("admin-prohibited", 1),
    ("addr-unreachable", 3),
    ("port-unreachable", 4),
    ("policy-fail", 5),
    ("reject-route", 6),
];

/// The values that are meant by one: those of a set, or itself. What else stands beside an element, such as a timeout, is
/// left out.
pub(super) fn elements(value: &Value) -> Vec<&Value> {
    match value {
        Value::Object(of) if of.contains_key("set") => match &of["set"] {
            Value::Array(list) => list.iter().map(element).collect(),
            one => vec![element(one)],
        },
        other => vec![element(other)],
    }
}

/// An element without what is said of it.
pub(super) fn element(value: &Value) -> &Value {
    match value.get("elem") {
        Some(elem) => elem.get("val").unwrap_or(elem),
        None => value,
    }
}

/// Numbers: one, a range, or one by name.
pub(super) fn numbers(value: &Value, named: impl Fn(&str) -> Option<u128>) -> Option<(u128, u128)> {
    let number = |value: &Value| match value {
        Value::Number(number) => number.as_u64().map(u128::from),
        Value::String(text) => named(text).or_else(|| text.parse().ok()),
        _ => None,
    };
    match value.get("range").and_then(Value::as_array).map(Vec::as_slice) {
        Some([first, last]) => Some((number(first)?, number(last)?)),
        Some(_) => None,
        None => number(value).map(|number| (number, number)),
    }
}

/// Addresses of an IP version: one, a prefix or a range.
pub(super) fn addresses(value: &Value, family: Family) -> Option<(u128, u128)> {
    let text = match (value, value.get("prefix"), value.get("range").and_then(Value::as_array)) {
        (Value::String(text), ..) => text.clone(),
        (_, Some(prefix), _) => format!("{}/{}", prefix["addr"].as_str()?, prefix["len"].as_u64()?),
        (_, _, Some(ends)) => {
            let [first, last] = &ends[..] else { return None };
            format!("{}-{}", first.as_str()?, last.as_str()?)
        }
        _ => return None,
    };
    let (of, range) = netfilter::addresses(&text)?;
    (of == family).then_some(range)
}

/// A port's number, of a protocol if one is named.
pub(super) fn port(name: &str, protocol: Option<Protocol>, names: &Names) -> Option<u128> {
    let known = [protocol, Some(Protocol::TCP), Some(Protocol::UDP)];
    known.into_iter().flatten().find_map(|protocol| names.port(protocol, name)).map(u128::from)
}

/// The number of a code of a message.
pub(super) fn code(name: &str, protocol: Protocol) -> Option<u128> {
    let codes: &[(&str, u8)] = if protocol == Protocol::ICMP { &CODES } else { &CODES_6 };
    codes.iter().find(|(known, _)| *known == name).map(|&(_, code)| code.into())
}

/// The number of a type of messages.
pub(super) fn kind(name: &str, protocol: Protocol) -> Option<u128> {
    IcmpType::named(protocol, name).filter(|of| of.code.is_none()).map(|of| of.kind.into())
}

/// Flags of TCP: by number, by name, or several of them.
pub(super) fn flags(value: &Value) -> Option<u8> {
    match value {
        Value::Number(number) => number.as_u64()?.try_into().ok(),
        Value::String(name) if name.starts_with("0x") => u8::from_str_radix(&name[2..], 16).ok(),
        Value::String(name) => tcp_flags::named(if name == "ecn" { "ece" } else { name }),
        Value::Array(list) => list.iter().try_fold(0, |all, one| Some(all | flags(one)?)),
        Value::Object(of) => flags(of.get("|")?),
        _ => None,
    }
}

/// All codes of types, or one code of every type, as messages.
pub(super) fn messages(ranges: Vec<(u128, u128)>, is_type: bool) -> Ranges {
    let of = |(first, last): (u128, u128)| -> Vec<(u128, u128)> {
        let last = last.min(255);
        if is_type {
            return vec![(first << 8, last << 8 | 0xff)];
        }
        (0..=255).map(|kind: u128| (kind << 8 | first, kind << 8 | last)).collect()
    };
    Ranges::new(ranges.into_iter().filter(|&(first, _)| first <= 255).flat_map(of).collect(), u16::MAX.into())
}

/// Whether a text is an address.
pub(super) fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}
