//! Why something can't be imported at all.

use super::source::Place;

/// Why there's no config.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Something in the input isn't what the tool prints.
    #[error("{place}: {problem}")]
    Malformed {
        /// Where.
        place: Place,
        /// What is wrong, and what was expected.
        problem: String,
    },
    /// A file is neither iptables' nor nftables'.
    #[error(
        "{0}: neither iptables' nor nftables' rules: expected what `iptables-save`, `iptables -S`, `nft list ruleset` or \
         `nft -j list ruleset` prints"
    )]
    Unknown(Place),
    /// A file holds nothing.
    #[error("{0}: it's empty: expected rules of iptables or nftables")]
    Empty(Place),
    /// Two files hold rules for the same packets, of which one would have to come first.
    #[error("{second} and {first} are both the INPUT chain of {family}: name one of them")]
    Twice {
        /// The first one.
        first: Box<Place>,
        /// The other one.
        second: Box<Place>,
        /// The IP version's name.
        family: &'static str,
    },
    /// Nothing filters what comes in.
    #[error("{0}: there's no INPUT chain, and no base chain at the hooks ingress, prerouting or input")]
    NothingHere(String),
    /// More rules than a ruleset may have would come of it.
    #[error(
        "more than {} rules would come of it, since chains return in the middle or are called from many places",
        firewall_common::rules::MAX_RULES
    )]
    TooMany,
}
