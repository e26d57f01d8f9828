//! What a user would pick instead of Fragwall, with the same rules, on the same interface: UDP ports 500 and 4500 are let in, and so is what
//! IPv6 itself needs (ICMPv6); all else is dropped.

mod netfilter;
pub mod stand;

use std::fmt;

use anyhow::{Context as _, Result, ensure};
use aya::programs::{Xdp, xdp::XdpMode};
use fragwall::ruleset::{Config, Fragments, Names, Rule};

use self::netfilter::Hook;
use super::filter;
use crate::harness::{
    foreign::{Action, Foreign},
    host::Host,
    xdp_filter::{Feature, XdpFilter},
};

/// The interface that all of them filter.
pub const INTERFACE: &str = "eth0";
/// The ports that are let in.
pub const ALLOWED: [u16; 2] = [500, 4500];
/// A port that isn't.
pub const DENIED: u16 = 53;

/// One of them.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Contender {
    /// Nothing: all that arrives goes to the stack.
    Unfiltered,
    /// An XDP program of two instructions, which drops everything: as fast as dropping can be.
    BareDrop,
    /// The same, but it passes everything.
    BarePass,
    /// Fragwall without replies, stateless as the others.
    Fragwall,
    /// Fragwall as it is by default: replies to what the host sends are let in, too.
    FragwallReplies,
    /// Fragwall without replies, with a fragment table of so many times 1,024 entries.
    FragwallOf(u32),
    /// xdp-filter, with no more features than the ports need, and without libxdp's dispatcher.
    XdpFilter,
    /// nftables at the ingress hook of the interface.
    NftIngress,
    /// nftables at the prerouting hook, before all else there.
    NftPrerouting,
    /// nftables at the input hook.
    NftInput,
    /// nftables at the input hook, with connection tracking.
    Conntrack,
    /// ip6tables, of the kind that nftables carries out, at its INPUT chain.
    Iptables,
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unfiltered => "no filter",
            Self::BareDrop => "bare XDP_DROP",
            Self::BarePass => "bare XDP_PASS",
            Self::Fragwall => "Fragwall",
            Self::FragwallReplies => "Fragwall with replies",
            Self::FragwallOf(size) => return write!(f, "Fragwall, a table of {size} Ki"),
            Self::XdpFilter => "xdp-filter",
            Self::NftIngress => "nft, ingress",
            Self::NftPrerouting => "nft, prerouting",
            Self::NftInput => "nft, input",
            Self::Conntrack => "nft with conntrack",
            Self::Iptables => "ip6tables-nft",
        })
    }
}

/// A contender in force on a host: it goes with the host, or with this.
#[derive(Debug)]
pub struct Installed {
    _what: What,
}

/// What keeps it in force.
#[derive(Debug)]
#[expect(dead_code, reason = "what is held is for dropping")]
enum What {
    /// The host.
    Host,
    /// A link.
    Bare(Foreign),
    /// A program's link, and the state of the command that loaded it.
    XdpFilter(Box<Xdp>, XdpFilter),
}

impl Contender {
    /// Puts it into force.
    ///
    /// # Errors
    /// It isn't installed, or it or the kernel refuses: what was said is named.
    pub fn install(self, host: &Host) -> Result<Installed> {
        let bare = |action| Foreign::attach_native(&host.netns, INTERFACE, action).map(What::Bare);
        let netfilter = |hook| netfilter::load(&host.netns, hook).map(|()| What::Host);
        let what = match self {
            Self::Unfiltered => Ok(What::Host),
            Self::BareDrop => bare(Action::Drop),
            Self::BarePass => bare(Action::Pass),
            Self::Fragwall => fragwall(host, Config { replies: None, ..config()? }),
            Self::FragwallReplies => fragwall(host, config()?),
            Self::FragwallOf(size) => {
                let config = config()?;
                let fragments = Fragments { table: size << 10, ..config.fragments };
                fragwall(host, Config { replies: None, fragments, ..config })
            }
            Self::XdpFilter => xdp_filter(host),
            Self::NftIngress => netfilter(Hook::Ingress),
            Self::NftPrerouting => netfilter(Hook::Prerouting),
            Self::NftInput => netfilter(Hook::Input),
            Self::Conntrack => netfilter(Hook::Tracked),
            Self::Iptables => netfilter(Hook::Iptables),
        };
        Ok(Installed { _what: what.with_context(|| format!("putting {self} into force"))? })
    }
}

impl Contender {
    /// Whether it's another's, which a machine needn't have.
    const fn may_be_missing(self) -> bool {
        match self {
            Self::Unfiltered
            | Self::BareDrop
            | Self::BarePass
            | Self::Fragwall
            | Self::FragwallReplies
            | Self::FragwallOf(_) => false,
            Self::XdpFilter
            | Self::NftIngress
            | Self::NftPrerouting
            | Self::NftInput
            | Self::Conntrack
            | Self::Iptables => true,
        }
    }
}

fn config() -> Result<Config> {
    let [one, other] = ALLOWED;
    let rule = Rule::parse(&format!("allow udp {one},{other}"), Names::system())?;
    Ok(Config { rules: vec![rule], ..Config::default() })
}

fn fragwall(host: &Host, config: Config) -> Result<What> {
    filter::attach(host, INTERFACE, config)?;
    Ok(What::Host)
}

fn xdp_filter(host: &Host) -> Result<What> {
    let state = XdpFilter::load(Feature::Udp)?;
    ALLOWED.iter().try_for_each(|port| state.allow_port(*port))?;
    let mut program = state.program()?;
    host.netns.enter(|| Ok(program.attach(INTERFACE, XdpMode::Driver).map(drop)?))?;
    let attached = host.attached(INTERFACE)?.context("its program isn't on the interface")?;
    ensure!(!attached.generic, "its program is on the interface in generic mode");
    Ok(What::XdpFilter(Box::new(program), state))
}
