//! `ADDRESSES`.

use std::net::{IpAddr, Ipv4Addr};

use firewall_common::packet::Family;
use ipnet::{IpNet, Ipv4Net};

use super::{Parser, Token};
use crate::ruleset::{
    Addresses, ParseError, Problem, addresses::written, contradiction::of, family, spelling::Suggestion,
};

/// What is wrong with an address or a prefix.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AddressProblem {
    /// No address.
    #[error(
        "`{word}` is no address: expected an IPv4 or IPv6 address or prefix, as in `192.0.2.1` or `2001:db8::/32`{}",
        Suggestion(nearest.as_deref())
    )]
    Unknown {
        /// The word.
        word: String,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// A host's name.
    #[error("`{0}` is no address, and names of hosts aren't looked up: expected an address or a prefix")]
    Name(String),
    /// A word for any address.
    #[error(
        "`{0}` needs no saying: a rule without `from` is about any source, one without `to` about any destination"
    )]
    Any(String),
    /// A prefix of length 0.
    #[error(
        "{prefix} is every {} address: leave it out, and begin with `{word}` if {} alone is meant, as in \
         `{word} tcp 22`",
        of(*.prefix).name(), of(*.prefix).name(), word = family::word(of(*.prefix))
    )]
    Every {
        /// The prefix.
        prefix: IpNet,
    },
    /// Bits behind the prefix's length.
    #[error("{address} has bits set behind its first {}: expected the prefix {right}, or the address {}", right.prefix_len(), address.addr())]
    HostBits {
        /// What was written.
        address: IpNet,
        /// The prefix of that length.
        right: IpNet,
    },
    /// A length that isn't one.
    #[error("`{length}` is no length of an {} prefix: expected a number from 1 to {}", family.name(), if *family == Family::V4 { 32 } else { 128 })]
    Length {
        /// What was written.
        length: String,
        /// The address's IP version.
        family: Family,
    },
    /// A first and a last address.
    #[error("`{0}` is a range: expected prefixes, as in `192.0.2.0/28`, separated by commas")]
    Range(String),
    /// An address with its interface.
    #[error("`{0}` names an interface: expected the address alone, and the interface as in `on eth0`")]
    Zone(String),
}

/// A prefix, and the token that it was read from.
pub(super) type Located<'a> = (IpNet, Token<'a>);

impl<'a> Parser<'a> {
    /// The addresses of which `first` is the first, or `not`.
    pub(super) fn addresses(
        &mut self,
        first: Token<'a>,
    ) -> Result<(Addresses, Vec<Located<'a>>), ParseError> {
        let not = first.is("not");
        let first = if not { self.tokens.next() } else { Some(first) };
        let first = first.ok_or_else(|| self.tokens.at_end(Problem::Missing("an address")))?;
        let prefixes = self.list(first, "address", |_, item| Ok((prefix(item)?, item)))?;
        let addresses = Addresses::new(not, prefixes.iter().map(|&(prefix, _)| prefix).collect());
        Ok((addresses.expect("the list has an item, and none of length 0"), prefixes))
    }
}

/// Whether the word is an address or a prefix, even if one that no rule can have.
pub(super) fn is_address(word: &str) -> bool {
    word.parse::<IpAddr>().is_ok() || word.parse::<IpNet>().is_ok()
}

fn prefix(item: Token<'_>) -> Result<IpNet, ParseError> {
    let word = item.text;
    if let Ok(address) = word.parse::<IpAddr>() {
        return Ok(address.into());
    }
    let slash = word.find('/').map(|at| item.split(at));
    let Some((address, length)) =
        slash.and_then(|(address, length)| Some((address.text.parse().ok()?, length)))
    else {
        return Err(item.wrong(no_address(word)));
    };
    let bits = length.text.parse().ok().filter(|_| length.is_number());
    let Some(prefix) = bits.and_then(|bits| IpNet::new(address, bits).ok()) else {
        return Err(match (address, length.text.parse::<Ipv4Addr>()) {
            // `192.0.2.0/255.255.255.0` is how other tools write it.
            (IpAddr::V4(address), Ok(mask)) => {
                let nearest =
                    Ipv4Net::with_netmask(address, mask).ok().map(|prefix| written(prefix.trunc().into()));
                item.wrong(AddressProblem::Unknown { word: word.to_owned(), nearest })
            }
            (address, _) => {
                let at = if length.text.is_empty() { item } else { length };
                at.wrong(AddressProblem::Length {
                    length: length.text.to_owned(),
                    family: of(address.into()),
                })
            }
        });
    };
    if prefix.prefix_len() == 0 {
        return Err(item.wrong(AddressProblem::Every { prefix: prefix.trunc() }));
    }
    if prefix != prefix.trunc() {
        return Err(item.wrong(AddressProblem::HostBits { address: prefix, right: prefix.trunc() }));
    }
    Ok(prefix)
}

/// What is wrong with a word that doesn't begin with an address.
fn no_address(word: &str) -> AddressProblem {
    let lower = word.to_ascii_lowercase();
    if ["any", "all", "anywhere", "everywhere", "*", "0/0"].contains(&lower.as_str()) {
        return AddressProblem::Any(word.to_owned());
    }
    let address = word.split('/').next().unwrap_or_default();
    if address.split_once('%').is_some_and(|(address, _)| address.parse::<IpAddr>().is_ok()) {
        return AddressProblem::Zone(word.to_owned());
    }
    if word.split_once('-').is_some_and(|(first, last)| is_address(first) && !last.is_empty()) {
        return AddressProblem::Range(word.to_owned());
    }
    // `!192.0.2.1` and `[2001:db8::1]` are how other tools write it.
    let bare = word.trim_start_matches('!').replace(['[', ']'], "");
    let nearest = is_address(&bare)
        .then(|| format!("{}{bare}", if word.starts_with('!') { "not " } else { "" }))
        .or_else(|| (word == "!").then(|| "not".to_owned()));
    let is_name = |label: &str| label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let has_letter = address.bytes().any(|byte| byte.is_ascii_alphabetic());
    if nearest.is_none() && has_letter && address.split('.').all(is_name) {
        return AddressProblem::Name(word.to_owned());
    }
    AddressProblem::Unknown { word: word.to_owned(), nearest }
}
