//! Replies: what comes back to what this host sent.
//!
//! The packets that leave the host are looked at on egress, and the flows that they belong to are remembered in a [`table`]. What
//! comes in and belongs to one of them is a reply ([`accepts`]), and passes without asking the rules; so does an ICMP error
//! that quotes a packet of one ([`quote`]). Nothing is remembered of what the host merely answers, as far as a packet shows it:
//! who sends requests from made-up addresses fills no table with the answers.

pub mod flow;
pub mod quote;
pub mod segment;
pub mod table;

use flow::{Flow, Side};
use segment::Step;
use table::{Class, FlowSet, Lifetimes, Moment};

use crate::{
    fragment::identity::HashKey,
    packet::{
        Bytes, Family, Ip, ethernet, ipv4, ipv6, plain,
        transport::{ICMP, ICMPV6, Kind, SCTP, TCP},
    },
    rules::{Action, Decision, Slot},
    verdict::Reason,
};

/// What trailing fragments of a reply inherit.
pub const DECISION: Decision = Decision::new(Action::Allow, Slot::REPLY);

/// The flows that are remembered, and the time.
pub trait Flows {
    /// The set that flows with these upper bits share; `None` if the table is smaller than its shift says.
    fn flow_set(&self, flow: Flow) -> Option<&FlowSet>;

    /// How long flows are remembered.
    fn lifetimes(&self) -> &Lifetimes;

    /// The time.
    fn moment(&self) -> Moment;

    /// Remembers the flow of a packet that goes out, which takes this step; `fresh` is the class of one that isn't known yet.
    #[inline(always)]
    fn remember(&self, flow: Flow, fresh: Class, step: Step)
    where
        Self: Sized,
    {
        remember(self, flow, fresh, step);
    }
}

/// See [`Flows::remember`].
#[inline(always)]
pub fn remember(flows: &impl Flows, flow: Flow, fresh: Class, step: Step) {
    if let Some(set) = flows.flow_set(flow) {
        set.remember(flow, fresh, step, flows.moment(), flows.lifetimes());
    }
}

/// Whether a packet that comes in, which takes this step, belongs to a flow. Then the flow is remembered anew.
#[inline(always)]
fn answers(flows: &impl Flows, flow: Flow, step: Step) -> bool {
    match flows.flow_set(flow) {
        Some(set) => set.answer(flow, step, flows.moment(), flows.lifetimes()),
        None => false,
    }
}

/// Why a packet that comes in, and that has its headers, is accepted as a reply; `None` if it isn't one, or can't be read.
#[inline(always)]
pub fn accepts<B: Bytes + ?Sized>(bytes: &B, ip: &Ip, key: &HashKey, flows: &impl Flows) -> Option<Reason> {
    let flow = match ip.transport.kind {
        Kind::Icmp if is_icmp(ip) => {
            let kind = ip.transport.icmp_type();
            if kind == echo_reply(ip.family) {
                Flow::of_echo(bytes, ip, Side::Remote, key)?
            } else if quote::is_error(ip.family, kind) {
                let quoted = quote::flow(bytes, ip, key)?;
                return answers(flows, quoted, Step::Quoted).then_some(Reason::Related);
            } else {
                return None;
            }
        }
        Kind::Icmp => return None,
        Kind::Ports => Flow::of_ports(bytes, ip, Side::Remote, key)?,
        Kind::Opaque => Flow::of_addresses(bytes, ip, Side::Remote, key)?,
    };
    let step = match ip.protocol {
        TCP => segment::tcp_in(bytes, ip)?,
        SCTP => segment::sctp_in(bytes, ip)?,
        _ => Step::Data,
    };
    (step != Step::Begin && answers(flows, flow, step)).then_some(Reason::Reply)
}

/// Remembers the flow of the packet in a frame that goes out: in `usual` if it is as most are, else in `others`, which are the same flows
/// and need not be remembered as fast. `None` if there's nothing to remember of it: it isn't IP, is malformed, or begins no flow of this host's.
#[inline(always)]
pub fn sent<B: Bytes + ?Sized>(
    bytes: &B,
    key: &HashKey,
    usual: &impl Flows,
    others: &impl Flows,
) -> Option<()> {
    let plain = match plain::kind(bytes) {
        Some(plain::Kind::Whole6) => plain::whole6(bytes),
        Some(plain::Kind::Whole4) => plain::whole4(bytes),
        _ => None,
    };
    if let Some(ip) = plain {
        return sent_packet(bytes, &ip, key, usual);
    }
    let ethernet = ethernet::parse(bytes).ok()?;
    match ethernet.ethertype {
        ethernet::IPV6 => sent_packet(bytes, &ipv6::parse(bytes, &ethernet).ok()?, key, others),
        ethernet::IPV4 => sent_packet(bytes, &ipv4::parse(bytes, &ethernet).ok()?, key, others),
        _ => None,
    }
}

/// Remembers the flow of a packet that goes out, if it is of one that this host began, or goes on with.
#[inline(always)]
fn sent_packet<B: Bytes + ?Sized>(bytes: &B, ip: &Ip, key: &HashKey, flows: &impl Flows) -> Option<()> {
    if ip.fragment.is_trailing() {
        return None;
    }
    let (flow, step) = match ip.transport.kind {
        Kind::Icmp if is_icmp(ip) && ip.transport.icmp_type() == echo_request(ip.family) => {
            (Flow::of_echo(bytes, ip, Side::Local, key)?, Step::Data)
        }
        Kind::Icmp => return None,
        Kind::Ports => {
            let step = match ip.protocol {
                TCP => segment::tcp_out(bytes, ip)?,
                SCTP => segment::sctp_out(bytes, ip)?,
                _ => Step::Data,
            };
            (Flow::of_ports(bytes, ip, Side::Local, key)?, step)
        }
        Kind::Opaque => (Flow::of_addresses(bytes, ip, Side::Local, key)?, Step::Data),
    };
    let class = match ip.protocol {
        TCP | SCTP => Class::PickedUp,
        ICMP | ICMPV6 => Class::Echo,
        _ => Class::Unanswered,
    };
    if step != Step::Answer {
        flows.remember(flow, class, step);
    }
    Some(())
}

/// Whether it is the ICMP of its IP version.
#[inline(always)]
const fn is_icmp(ip: &Ip) -> bool {
    match ip.family {
        Family::V4 => ip.protocol == ICMP,
        Family::V6 => ip.protocol == ICMPV6,
    }
}

/// The type of an echo request: RFC 792, RFC 4443 4.1.
#[inline(always)]
const fn echo_request(family: Family) -> u8 {
    match family {
        Family::V4 => 8,
        Family::V6 => 128,
    }
}

/// The type of its answer: RFC 792, RFC 4443 4.2.
#[inline(always)]
const fn echo_reply(family: Family) -> u8 {
    match family {
        Family::V4 => 0,
        Family::V6 => 129,
    }
}
