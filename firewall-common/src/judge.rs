//! A packet's way from its headers to its verdict.

use crate::{
    datagram::Datagrams,
    essential,
    fragment::{Fragment, identity::Keys},
    packet::{Bytes, Ip, ethernet, ethernet::Ethernet, ipv4, ipv6, plain},
    reply::{self, Flows},
    rules::{self, Decision, RuleTables, select::Rules as _},
    verdict::{Judgement, Reason},
};

/// What a judgement depends on besides the packet.
pub trait Environment: Datagrams + Flows {
    /// What holds the ruleset.
    type Rules: RuleTables;

    /// The ruleset.
    fn rules(&self) -> &Self::Rules;

    /// The index of the interface that the packet arrived on.
    fn interface(&self) -> u32;

    /// Whether what belongs to a flow that this host opened passes; else it's the rules' business, like anything else.
    fn accepts_replies(&self) -> bool;

    /// Whether ICMP errors that tell of a packet's fate pass; else they're the rules' business, like anything else.
    fn accepts_icmp_errors(&self) -> bool;

    /// What the rules decide on a packet that has its headers ([`rules::decide`]).
    #[inline(always)]
    fn decide<B: Bytes + ?Sized>(&self, bytes: &B, ip: &Ip) -> Option<Decision>
    where
        Self: Sized,
    {
        rules::decide(bytes, ip, self)
    }

    /// Why a packet that has its headers is accepted as a reply, if it is ([`reply::accepts`]).
    #[inline(always)]
    fn reply<B: Bytes + ?Sized>(&self, bytes: &B, ip: &Ip) -> Option<Reason>
    where
        Self: Sized,
    {
        reply::accepts(bytes, ip, self.hash_key(), self)
    }
}

/// A judgement, with what was learned of the packet on the way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Outcome {
    /// The judgement.
    pub judgement: Judgement,
    /// The packet's place in a fragmented datagram.
    pub fragment: Fragment,
    /// Where the IP packet ends in the frame, in bytes: any further ones are padding. 0 if that isn't known.
    pub end: usize,
}

impl Outcome {
    /// Of a packet that was judged before anything was learned of it.
    #[inline(always)]
    const fn early(judgement: Judgement) -> Self {
        Self { judgement, fragment: Fragment::OTHER, end: 0 }
    }
}

/// Judges the packet in a frame.
///
/// IPv4 and IPv6 go their ways separately from here on, so each is compiled for itself and no value is left undefined
/// where the two would meet.
#[inline(always)]
pub fn judge<B: Bytes + ?Sized>(bytes: &B, env: &impl Environment) -> Outcome {
    judge_behind(ethernet::parse(bytes), bytes, env)
}

/// The same, from what was read of its link-layer header on.
#[inline(always)]
pub fn judge_behind<B: Bytes + ?Sized>(
    ethernet: Result<Ethernet, Reason>,
    bytes: &B,
    env: &impl Environment,
) -> Outcome {
    let ethernet = match ethernet {
        Ok(ethernet) => ethernet.anywhere(),
        Err(reason) => return Outcome::early(Judgement::drop(reason)),
    };
    Outcome::early(match ethernet.ethertype {
        ethernet::IPV6 => return outcome(bytes, ipv6::parse(bytes, &ethernet), env),
        ethernet::IPV4 => return outcome(bytes, ipv4::parse(bytes, &ethernet), env),
        ethernet::ARP => Judgement::pass(Reason::Arp),
        // What lies behind more tags than are stepped over can't be judged by rules.
        tag if ethernet::is_tag(tag) => {
            Judgement::decided(Decision::default_of(env.rules().default_action()))
        }
        _ => Judgement::pass(Reason::NotIp),
    })
}

/// What is done with a packet's judgement. (A closure can't be told to be compiled into its place.)
pub trait Settle<R> {
    /// Does it.
    fn settle(&self, judgement: Judgement, fragment: Fragment) -> R;
}

/// Judges a packet as most are, of a kind that [`plain::kind`] said; `None` if it's another after all, of which nothing is known then.
///
/// What is done with the judgement is compiled into each way that leads to one, so that nothing needs to be kept that only other ways
/// have.
#[inline(always)]
pub fn judge_plain<B: Bytes + ?Sized, R>(
    kind: plain::Kind,
    bytes: &B,
    env: &impl Environment,
    settle: &impl Settle<R>,
) -> Option<R> {
    match kind {
        plain::Kind::Whole6 => {
            Some(settle.settle(by_rules(bytes, &plain::whole6(bytes)?, env)?.0, Fragment::WHOLE))
        }
        plain::Kind::Whole4 => {
            Some(settle.settle(by_rules(bytes, &plain::whole4(bytes)?, env)?.0, Fragment::WHOLE))
        }
        plain::Kind::Fragment6 => judge_plain_fragment(bytes, plain::fragment6(bytes)?, env, settle),
        plain::Kind::Fragment4 => judge_plain_fragment(bytes, plain::fragment4(bytes)?, env, settle),
    }
}

/// The same, of a trailing fragment, or a first one that the rules are asked about.
#[inline(always)]
fn judge_plain_fragment<B: Bytes + ?Sized, R>(
    bytes: &B,
    ip: Ip,
    env: &impl Environment,
    settle: &impl Settle<R>,
) -> Option<R> {
    let keys = || Keys::of_plain(bytes, &ip, ip.fragment.id, env.hash_key());
    if ip.fragment.is_trailing() {
        let judgement = env.trailing(keys()?, ip.family, ip.fragment).judgement();
        return Some(settle.settle(judgement, ip.fragment));
    }
    let (judgement, decision) = by_rules(bytes, &ip, env)?;
    let judgement = env.first(keys()?, ip.family, ip.fragment, decision).of(judgement, decision);
    Some(settle.settle(judgement, ip.fragment))
}

/// What becomes of an IP packet that was read like this.
#[inline(always)]
fn outcome<B: Bytes + ?Sized>(bytes: &B, parsed: Result<Ip, Reason>, env: &impl Environment) -> Outcome {
    match parsed {
        Ok(ip) => Outcome { judgement: judge_ip(bytes, &ip, env), fragment: ip.fragment, end: ip.end },
        Err(reason) => Outcome::early(Judgement::drop(reason)),
    }
}

/// Judges an IP packet whose headers agree with each other.
#[inline(always)]
fn judge_ip<B: Bytes + ?Sized>(bytes: &B, ip: &Ip, env: &impl Environment) -> Judgement {
    if ip.fragment.is_trailing() {
        return match keys(bytes, ip, env) {
            Some(keys) => env.trailing(keys, ip.family, ip.fragment).judgement(),
            None => Judgement::drop(Reason::Truncated),
        };
    }
    let (judgement, decision) = by_headers(bytes, ip, env);
    let (true, Some(decision)) = (ip.fragment.is_first(), decision) else { return judgement };
    match keys(bytes, ip, env) {
        Some(keys) => env.first(keys, ip.family, ip.fragment, decision).of(judgement, decision),
        None => Judgement::drop(Reason::Truncated),
    }
}

/// What the tables know a fragment by; `None` if its addresses can't be read.
#[inline(always)]
fn keys<B: Bytes + ?Sized>(bytes: &B, ip: &Ip, env: &impl Environment) -> Option<Keys> {
    Keys::of(bytes, ip, ip.fragment.id, env.hash_key(), env.interface())
}

/// Judges a packet that has its headers: a whole, an atomic or a first one. The decision is what its trailing fragments
/// inherit; there's none if they are nobody's business, since the datagram is malformed.
#[inline(always)]
fn by_headers<B: Bytes + ?Sized>(
    bytes: &B,
    ip: &Ip,
    env: &impl Environment,
) -> (Judgement, Option<Decision>) {
    if ip.transport.is_icmp() {
        let (kind, code) = (ip.transport.icmp_type(), ip.transport.icmp_code());
        match essential::judge(bytes, ip, kind, code, env.accepts_icmp_errors()) {
            Some(Ok(reason)) => return (Judgement::pass(reason), Some(essential::DECISION)),
            Some(Err(reason)) => return (Judgement::drop(reason), None),
            None => {}
        }
    }
    match by_rules(bytes, ip, env) {
        Some((judgement, decision)) => (judgement, Some(decision)),
        None => (Judgement::drop(Reason::Truncated), None),
    }
}

/// Judges a packet by the flows that this host opened, and by the rules; `None` if it can't be read.
#[inline(always)]
fn by_rules<B: Bytes + ?Sized>(bytes: &B, ip: &Ip, env: &impl Environment) -> Option<(Judgement, Decision)> {
    if env.accepts_replies()
        && let Some(reason) = env.reply(bytes, ip)
    {
        return Some((Judgement::pass(reason), reply::DECISION));
    }
    let decision = env.decide(bytes, ip)?;
    Some((Judgement::decided(decision), decision))
}
