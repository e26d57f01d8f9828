//! What a config file says about replies to what the host sends.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, de};
use toml::Spanned;

use super::{
    config::{MAX_TABLE, MIN_TABLE, Wrong},
    config_error::ConfigProblem,
    duration,
};

/// The longest that a flow is remembered after its last packet.
pub const MAX_LIFETIME: Duration = Duration::from_secs(5 * 24 * 3600);
/// The shortest.
pub const MIN_LIFETIME: Duration = Duration::from_secs(1);

/// How long flows that the host opened are remembered after their last packet, so that replies to them are accepted; and how
/// many. The lengths of time are in whole milliseconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Replies {
    /// A connection of TCP or SCTP.
    pub tcp: Duration,
    /// One that isn't answered yet.
    pub tcp_opening: Duration,
    /// One that has been ended.
    pub tcp_closing: Duration,
    /// Datagrams of UDP and of any other protocol, when there was a reply.
    pub udp: Duration,
    /// The same, as long as there was none.
    pub udp_unanswered: Duration,
    /// Echo requests.
    pub icmp: Duration,
    /// How many flows are remembered at once: a power of two.
    pub table: u32,
}

impl Default for Replies {
    /// As Linux's connection tracking has it, but for the number.
    fn default() -> Self {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        Self {
            tcp: MAX_LIFETIME,
            tcp_opening: minutes(2),
            tcp_closing: minutes(2),
            udp: minutes(2),
            udp_unanswered: Duration::from_secs(30),
            icmp: Duration::from_secs(30),
            table: 131_072,
        }
    }
}

/// `true`, `false`, or a table.
#[derive(Debug)]
pub(super) enum RawReplies {
    Flag(bool),
    Table(Box<RawTable>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case", expecting = "a table")]
pub(super) struct RawTable {
    tcp: Option<Spanned<String>>,
    tcp_opening: Option<Spanned<String>>,
    tcp_closing: Option<Spanned<String>>,
    udp: Option<Spanned<String>>,
    udp_unanswered: Option<Spanned<String>>,
    icmp: Option<Spanned<String>>,
    table: Option<Spanned<i64>>,
}

impl<'de> Deserialize<'de> for RawReplies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = RawReplies;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`true`, `false` or a table")
            }

            fn visit_bool<E>(self, flag: bool) -> Result<RawReplies, E> {
                Ok(RawReplies::Flag(flag))
            }

            fn visit_map<M: de::MapAccess<'de>>(self, map: M) -> Result<RawReplies, M::Error> {
                RawTable::deserialize(de::value::MapAccessDeserializer::new(map))
                    .map(|table| RawReplies::Table(Box::new(table)))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// What is said; by default replies are accepted.
pub(super) fn replies_of(raw: Option<RawReplies>) -> Result<Option<Replies>, Wrong> {
    let mut replies = Replies::default();
    let raw = match raw {
        None | Some(RawReplies::Flag(true)) => return Ok(Some(replies)),
        Some(RawReplies::Flag(false)) => return Ok(None),
        Some(RawReplies::Table(raw)) => *raw,
    };
    let RawTable { tcp, tcp_opening, tcp_closing, udp, udp_unanswered, icmp, table } = raw;
    for (lifetime, value) in [
        (&mut replies.tcp, tcp),
        (&mut replies.tcp_opening, tcp_opening),
        (&mut replies.tcp_closing, tcp_closing),
        (&mut replies.udp, udp),
        (&mut replies.udp_unanswered, udp_unanswered),
        (&mut replies.icmp, icmp),
    ] {
        if let Some(value) = value {
            *lifetime = lifetime_of(value)?;
        }
    }
    if let Some(table) = table {
        let (span, table) = (table.span(), table.into_inner());
        replies.table = u32::try_from(table)
            .ok()
            .filter(|flows| flows.is_power_of_two() && (MIN_TABLE..=MAX_TABLE).contains(flows))
            .ok_or((span, ConfigProblem::FlowTable(table)))?;
    }
    Ok(Some(replies))
}

fn lifetime_of(value: Spanned<String>) -> Result<Duration, Wrong> {
    let (span, written) = (value.span(), value.into_inner());
    let lifetime = duration::parse(&written).map_err(|error| (span.clone(), error.into()))?;
    if (MIN_LIFETIME..=MAX_LIFETIME).contains(&lifetime) {
        Ok(lifetime)
    } else {
        Err((span, ConfigProblem::Lifetime { lifetime: written }))
    }
}

/// The lines of a config file's table.
impl fmt::Display for Replies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tcp, tcp_opening, tcp_closing, udp, udp_unanswered, icmp, table } = self;
        for (name, lifetime) in [
            ("tcp", tcp),
            ("tcp-opening", tcp_opening),
            ("tcp-closing", tcp_closing),
            ("udp", udp),
            ("udp-unanswered", udp_unanswered),
            ("icmp", icmp),
        ] {
            writeln!(f, "{name} = \"{}\"", duration::text(*lifetime))?;
        }
        writeln!(f, "table = {table}")
    }
}
