//! Comparisons of a packet's fields.

use std::collections::BTreeMap;

use firewall_common::packet::Family;
use serde_json::Value;

use super::{
    super::{
        netfilter::{Condition, Fragments, States, Test, is_interface},
        ranges::Ranges,
    },
    Key, value,
};
use crate::ruleset::{Names, Protocol};

/// Conditions, all of which must hold.
pub(super) type All = Vec<Condition>;

/// What a comparison needs to know.
pub(super) struct Fields<'f> {
    pub(super) table: [&'f str; 2],
    pub(super) sets: &'f BTreeMap<Key, &'f Value>,
    pub(super) names: &'f Names,
}

/// One field, and what is implied by it.
enum Field {
    /// Numbers up to a largest one.
    Numbers {
        implied: All,
        kind: Kind,
    },
    Flags,
    State,
    Interface,
    FamilyWord,
    Unknown,
}

/// What numbers are.
#[derive(Clone, Copy)]
enum Kind {
    Protocol,
    Port { protocol: Option<Protocol>, is_source: bool },
    Messages { protocol: Protocol, is_type: bool },
    Address { family: Family, is_source: bool },
    HopLimit,
}

impl Fields<'_> {
    /// What `left op right` asks: any of several lists of conditions. `before` was asked before.
    pub(super) fn compare(&self, left: &Value, op: &str, right: &Value, before: &[Condition]) -> Vec<All> {
        self.understood(left, op, right, before).unwrap_or_else(|| {
            let text = format!("{} {op} {}", described(left), described(right));
            vec![vec![Condition::is(Test::Unknown(text))]]
        })
    }

    /// The same, if it's understood.
    fn understood(&self, left: &Value, op: &str, right: &Value, before: &[Condition]) -> Option<Vec<All>> {
        if let Some(masked) = left.get("&").and_then(Value::as_array) {
            let [of, mask] = &masked[..] else { return None };
            return masked_field(of, mask, op, right);
        }
        if left.get("exthdr").is_some() {
            let is_frag = left["exthdr"]["name"] == "frag" && left["exthdr"].get("field").is_none();
            let (true, "==", Some(there)) = (is_frag, op, right.as_bool()) else { return None };
            return Some(vec![vec![Condition { test: Test::Fragment(Fragments::All), not: !there }]]);
        }
        if let Some(fib) = left.get("fib") {
            return fib_type(fib, op, right);
        }
        let right = self.resolved(right)?;
        if let Some(parts) = left.get("concat").and_then(Value::as_array) {
            return self.concatenated(parts, op, &right, before);
        }
        match field(left, before) {
            Field::Unknown => None,
            Field::Flags => flags(op, &right),
            Field::State => states(op, &right).map(|condition| vec![vec![condition]]),
            Field::Interface => {
                let names: Option<Vec<String>> =
                    right.iter().map(|name| name.as_str().map(str::to_owned)).collect();
                let names = names?;
                let is_name = |name: &String| !name.ends_with('*') && is_interface(name);
                let not = is_not(op)?;
                if !names.iter().all(is_name) {
                    return None;
                }
                Some(vec![vec![Condition { test: Test::Interface(names), not }]])
            }
            Field::FamilyWord => {
                let not = is_not(op)?;
                let families: Option<Vec<Family>> = right.iter().map(|word| family_word(word)).collect();
                match (&families?[..], not) {
                    ([family], not) => Some(vec![vec![Condition { test: Test::Family(*family), not }]]),
                    (_, false) => Some(vec![vec![]]),
                    _ => None,
                }
            }
            Field::Numbers { implied, kind } => {
                let condition = self.numbers(kind, op, &right)?;
                let mut all = implied;
                all.push(condition);
                Some(vec![all])
            }
        }
    }

    /// The values that are meant, those of a named set, too; `None` if it's unknown.
    pub(super) fn resolved<'v>(&'v self, right: &'v Value) -> Option<Vec<&'v Value>> {
        match right.as_str().and_then(|text| text.strip_prefix('@')) {
            None => Some(value::elements(right)),
            Some(name) => {
                let [family, table] = self.table.map(str::to_owned);
                let set = self.sets.get(&[family, table, name.to_owned()])?;
                match &set["elem"] {
                    Value::Array(list) => Some(list.iter().map(value::element).collect()),
                    _ => Some(Vec::new()),
                }
            }
        }
    }

    /// Several fields at once: each element is a way to match.
    fn concatenated(
        &self,
        parts: &[Value],
        op: &str,
        right: &[&Value],
        before: &[Condition],
    ) -> Option<Vec<All>> {
        if is_not(op)? {
            return None;
        }
        let mut ways = Vec::with_capacity(right.len());
        for element in right {
            let values = element.get("concat").and_then(Value::as_array)?;
            if values.len() != parts.len() {
                return None;
            }
            let mut all = Vec::new();
            for (part, value) in parts.iter().zip(values) {
                let mut way = self.understood(part, op, value, before)?;
                let (Some(conditions), true) = (way.pop(), way.is_empty()) else { return None };
                all.extend(conditions);
            }
            ways.push(all);
        }
        Some(ways)
    }

    fn numbers(&self, kind: Kind, op: &str, right: &[&Value]) -> Option<Condition> {
        let range = |value: &&Value| match kind {
            Kind::Address { family, .. } => value::addresses(value, family),
            Kind::Protocol => value::numbers(value, |name| self.names.protocol(name).map(|p| p.0.into())),
            Kind::Port { protocol, .. } => {
                value::numbers(value, |name| value::port(name, protocol, self.names))
            }
            Kind::Messages { protocol, is_type: true } => {
                value::numbers(value, |name| value::kind(name, protocol))
            }
            Kind::Messages { protocol, .. } => value::numbers(value, |name| value::code(name, protocol)),
            Kind::HopLimit => value::numbers(value, |_| None),
        };
        let mut ranges: Vec<(u128, u128)> = right.iter().map(range).collect::<Option<_>>()?;
        let largest = match kind {
            Kind::Port { .. } => u16::MAX.into(),
            Kind::Address { family, .. } => super::super::ranges::largest_address(family),
            _ => u8::MAX.into(),
        };
        let not = match (op, &ranges[..]) {
            ("==" | "in" | "!=", _) => op == "!=",
            (_, &[(one, _)]) => {
                ranges = vec![match op {
                    "<" => (0, one.checked_sub(1)?),
                    "<=" => (0, one),
                    ">" => (one + 1, largest),
                    ">=" => (one, largest),
                    _ => return None,
                }];
                false
            }
            _ => return None,
        };
        let test = match kind {
            Kind::Address { family, is_source } => {
                let ranges = Ranges::of_addresses(family, ranges);
                if is_source { Test::From(family, ranges) } else { Test::To(family, ranges) }
            }
            Kind::Protocol => {
                let ranges = Ranges::new(ranges, largest);
                if ranges.iter().any(|number| Protocol(number as u8).is_followed()) {
                    return None;
                }
                Test::Protocol(ranges)
            }
            Kind::Port { is_source: true, .. } => Test::SourcePorts(Ranges::new(ranges, largest)),
            Kind::Port { .. } => Test::Ports(Ranges::new(ranges, largest)),
            Kind::Messages { protocol, is_type } => {
                Test::Messages(protocol, value::messages(ranges, is_type))
            }
            Kind::HopLimit => match ranges[..] {
                [(first, last)] if first == last => Test::HopLimit(first.try_into().ok()?),
                _ => return None,
            },
        };
        Some(Condition { test, not })
    }
}

fn field(left: &Value, before: &[Condition]) -> Field {
    let payload = &left["payload"];
    let (protocol, name) = (payload["protocol"].as_str(), payload["field"].as_str());
    match (left["meta"]["key"].as_str(), left["ct"]["key"].as_str(), protocol.zip(name)) {
        (Some("l4proto"), ..) => Field::Numbers { implied: Vec::new(), kind: Kind::Protocol },
        (Some("iifname" | "iif"), ..) => Field::Interface,
        (Some("nfproto" | "protocol"), ..) => Field::FamilyWord,
        (None, Some("state"), _) => Field::State,
        (None, None, Some((protocol, name))) => payload_field(protocol, name, before),
        _ => Field::Unknown,
    }
}

fn payload_field(of: &str, name: &str, before: &[Condition]) -> Field {
    let family = |family| vec![Condition::is(Test::Family(family))];
    let protocol = |protocol: Protocol| vec![Condition::is(Test::Protocol(Ranges::of_u8([protocol.0])))];
    let (implied, kind) = match (of, name) {
        ("ip", "saddr") => (family(Family::V4), Kind::Address { family: Family::V4, is_source: true }),
        ("ip", "daddr") => (family(Family::V4), Kind::Address { family: Family::V4, is_source: false }),
        ("ip6", "saddr") => (family(Family::V6), Kind::Address { family: Family::V6, is_source: true }),
        ("ip6", "daddr") => (family(Family::V6), Kind::Address { family: Family::V6, is_source: false }),
        ("ip", "protocol") => (family(Family::V4), Kind::Protocol),
        ("ip6", "nexthdr") => (family(Family::V6), Kind::Protocol),
        ("ip", "ttl") => (family(Family::V4), Kind::HopLimit),
        ("ip6", "hoplimit") => (family(Family::V6), Kind::HopLimit),
        ("icmp", "type" | "code") => {
            (Vec::new(), Kind::Messages { protocol: Protocol::ICMP, is_type: name == "type" })
        }
        ("icmpv6", "type" | "code") => {
            (Vec::new(), Kind::Messages { protocol: Protocol::ICMPV6, is_type: name == "type" })
        }
        ("tcp", "flags") => return Field::Flags,
        ("th", "sport" | "dport") => {
            // Without a protocol, it would be whatever stands there.
            let asks = |condition: &Condition| matches!(condition.test, Test::Protocol(_)) && !condition.not;
            if !before.iter().any(asks) {
                return Field::Unknown;
            }
            (Vec::new(), Kind::Port { protocol: None, is_source: name == "sport" })
        }
        (of, "sport" | "dport") => {
            let known = match of {
                "tcp" => Protocol::TCP,
                "udp" => Protocol::UDP,
                "udplite" => Protocol::UDPLITE,
                "sctp" => Protocol(132),
                "dccp" => Protocol(33),
                _ => return Field::Unknown,
            };
            (protocol(known), Kind::Port { protocol: Some(known), is_source: name == "sport" })
        }
        _ => return Field::Unknown,
    };
    Field::Numbers { implied, kind }
}

fn is_not(op: &str) -> Option<bool> {
    match op {
        "==" | "in" => Some(false),
        "!=" => Some(true),
        _ => None,
    }
}

fn family_word(word: &Value) -> Option<Family> {
    match word.as_str()? {
        "ipv4" | "ip" => Some(Family::V4),
        "ipv6" | "ip6" => Some(Family::V6),
        _ => None,
    }
}

/// Flags as a whole, or any of them.
fn flags(op: &str, right: &[&Value]) -> Option<Vec<All>> {
    let all: Vec<u8> = right.iter().map(|value| value::flags(value)).collect::<Option<_>>()?;
    match (op, &all[..]) {
        // Any of them: not none of them.
        ("in", &[mask]) if mask != 0 => {
            Some(vec![vec![Condition { test: Test::Flags { mask, set: 0 }, not: true }]])
        }
        ("==", all) => {
            let one = |&set: &u8| vec![Condition::is(Test::Flags { mask: u8::MAX, set })];
            Some(all.iter().map(one).collect())
        }
        ("!=", all) => {
            let one = |&set: &u8| Condition { test: Test::Flags { mask: u8::MAX, set }, not: true };
            Some(vec![all.iter().map(one).collect()])
        }
        _ => None,
    }
}

fn states(op: &str, right: &[&Value]) -> Option<Condition> {
    let mut states = States::default();
    for value in right {
        let words = match value {
            Value::Array(list) => list.iter().collect(),
            other => vec![*other],
        };
        for word in words {
            states = states.and(States::named(word.as_str()?)?);
        }
    }
    Some(Condition { test: Test::State(states), not: is_not(op)? })
}

/// Bits of a field.
fn masked_field(of: &Value, mask: &Value, op: &str, right: &Value) -> Option<Vec<All>> {
    let (payload, not) = (&of["payload"], is_not(op)?);
    match (payload["protocol"].as_str()?, payload["field"].as_str()?) {
        ("tcp", "flags") => {
            let (mask, set) = (value::flags(mask)?, value::flags(right)?);
            (mask != 0 && set & !mask == 0)
                .then(|| vec![vec![Condition { test: Test::Flags { mask, set }, not }]])
        }
        ("ip", "frag-off") if right.as_u64() == Some(0) => {
            let kind = match mask.as_u64()? {
                0x1fff => Fragments::Trailing,
                0x3fff => Fragments::All,
                _ => return None,
            };
            // A fragment is what isn't zero.
            let fragment = Condition { test: Test::Fragment(kind), not: !not };
            Some(vec![vec![Condition::is(Test::Family(Family::V4)), fragment]])
        }
        _ => None,
    }
}

/// Kinds of destinations.
fn fib_type(fib: &Value, op: &str, right: &Value) -> Option<Vec<All>> {
    let is_destination = match &fib["flags"] {
        Value::Array(flags) => flags.len() == 1 && flags[0] == "daddr",
        flags => flags == "daddr",
    };
    (is_destination && fib["result"] == "type" && right == "local")
        .then(|| is_not(op))
        .flatten()
        .map(|not| vec![vec![Condition { test: Test::Local, not }]])
}

/// A field or value in few words.
fn described(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(of) => {
            let words = |value: &Value| match value {
                Value::Object(of) => of.values().map(described).collect::<Vec<_>>().join(" "),
                other => described(other),
            };
            of.iter()
                .map(
                    |(key, value)| {
                        if key == "payload" { words(value) } else { format!("{key} {}", words(value)) }
                    },
                )
                .collect::<Vec<_>>()
                .join(" ")
        }
        Value::Array(list) if list.len() > 4 => "{…}".to_owned(),
        Value::Array(list) => list.iter().map(described).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
