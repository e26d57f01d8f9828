//! What a judgement depends on besides the packet, in the kernel.

use aya_ebpf::programs::XdpContext;
use firewall_common::{
    datagram::{self, Admission, Datagrams, Fate},
    fragment::{
        Fragment,
        budget::Limits,
        identity::{HashKey, Identity, Keys, Source},
        room::Room,
        source::{Pool, SourceSet, Sources},
        table::{Set, Sets},
        tick::Tick,
    },
    judge::Environment,
    packet::{Bytes, Family, Ip},
    reply::{
        Flows,
        flow::Flow,
        table::{FlowSet, Lifetimes, Moment},
    },
    rules::{self, Action, Decision},
    verdict::Reason,
};

use crate::{
    flows::HostFlows,
    headers,
    maps::{ACCEPTS_ICMP_ERRORS, ACCEPTS_REPLIES, HASH_KEY},
    rules::Ruleset,
    setting::setting,
    tables::{CALLED, Tables, USUAL},
};

/// Of a packet as most are: what is done with it is compiled into the place, since few ways lead to it. Replies alone are
/// looked for by call, for want of stack.
pub const PLAIN: u8 = 0;
/// Of any packet: all is called, since many ways lead there, and the verifier would walk it for each.
pub const NEAR: u8 = 1;
/// The same, if the packet goes on in further buffers.
pub const FAR: u8 = 2;

/// What the program's maps and settings say, for one packet; how depends on the way that leads to it.
pub struct Kernel<'a, const WAY: u8> {
    ctx: &'a XdpContext,
}

impl<'a, const WAY: u8> Kernel<'a, WAY> {
    /// For the packet of that context.
    #[inline(always)]
    pub const fn new(ctx: &'a XdpContext) -> Self {
        Self { ctx }
    }
}

impl<const WAY: u8> Sets for Kernel<'_, WAY> {
    #[inline(always)]
    fn set(&self, identity: Identity) -> Option<&Set> {
        Tables::<CALLED>.set(identity)
    }
}

impl<const WAY: u8> Sources for Kernel<'_, WAY> {
    #[inline(always)]
    fn sources(&self, source: Source) -> Option<&SourceSet> {
        Tables::<CALLED>.sources(source)
    }

    #[inline(always)]
    fn pool(&self, family: Family) -> Option<&Pool> {
        Tables::<CALLED>.pool(family)
    }

    #[inline(always)]
    fn limits(&self, family: Family) -> Limits {
        Tables::<CALLED>.limits(family)
    }
}

impl<const WAY: u8> Datagrams for Kernel<'_, WAY> {
    #[inline(always)]
    fn hash_key(&self) -> &HashKey {
        &HASH_KEY
    }

    #[inline(always)]
    fn now(&self) -> Tick {
        Tables::<CALLED>.now()
    }

    #[inline(always)]
    fn timeout(&self) -> u32 {
        Tables::<CALLED>.timeout()
    }

    #[inline(always)]
    fn held(&self) -> u32 {
        Tables::<CALLED>.held()
    }

    #[inline(always)]
    fn boundary(&self, units: usize) -> u32 {
        Tables::<CALLED>.boundary(units)
    }

    #[inline(always)]
    fn count_room(&self, room: Room) {
        Tables::<CALLED>.count_room(room);
    }

    #[inline(always)]
    fn early_action(&self) -> Action {
        Tables::<CALLED>.early_action()
    }

    #[inline(always)]
    fn first(&self, keys: Keys, family: Family, fragment: Fragment, decision: Decision) -> Admission {
        if WAY == PLAIN {
            datagram::first(&Tables::<USUAL>, keys, family, &fragment, decision)
        } else {
            let admission = Tables::<CALLED>.first_of_more(keys, family, fragment, decision);
            self.meet(keys, family);
            admission
        }
    }

    #[inline(always)]
    fn meet(&self, keys: Keys, family: Family) {
        Tables::<CALLED>.meet(keys, family);
    }

    #[inline(always)]
    fn decided(&self, keys: Keys, family: Family, fragment: Fragment) -> Fate {
        if WAY == PLAIN {
            datagram::decided(&Tables::<USUAL>, keys, family, &fragment)
        } else {
            Tables::<CALLED>.decided(keys, family, fragment)
        }
    }

    #[inline(always)]
    fn early(&self, keys: Keys, family: Family, fragment: Fragment) -> Fate {
        Tables::<CALLED>.early(keys, family, fragment)
    }
}

impl<const WAY: u8> Flows for Kernel<'_, WAY> {
    #[inline(always)]
    fn flow_set(&self, flow: Flow) -> Option<&FlowSet> {
        HostFlows.flow_set(flow)
    }

    #[inline(always)]
    fn lifetimes(&self) -> &Lifetimes {
        HostFlows.lifetimes()
    }

    #[inline(always)]
    fn moment(&self) -> Moment {
        HostFlows.moment()
    }
}

impl<const WAY: u8> Environment for Kernel<'_, WAY> {
    type Rules = Ruleset;

    #[inline(always)]
    fn rules(&self) -> &Ruleset {
        &Ruleset
    }

    #[inline(always)]
    fn interface(&self) -> u32 {
        self.ctx.ingress_ifindex() as u32
    }

    #[inline(always)]
    fn accepts_replies(&self) -> bool {
        setting(&ACCEPTS_REPLIES) != 0
    }

    #[inline(always)]
    fn accepts_icmp_errors(&self) -> bool {
        setting(&ACCEPTS_ICMP_ERRORS) != 0
    }

    #[inline(always)]
    fn decide<B: Bytes + ?Sized>(&self, bytes: &B, ip: &Ip) -> Option<Decision> {
        let decision = match WAY {
            NEAR => headers::decide(self.ctx.ctx, headers::places(ip), headers::what(ip)),
            FAR => headers::decide_far(self.ctx.ctx, headers::places(ip), headers::what(ip)),
            _ => return rules::decide(bytes, ip, self),
        };
        (decision != headers::NONE).then_some(Decision::from_bits(decision as u16))
    }

    #[inline(always)]
    fn reply<B: Bytes + ?Sized>(&self, _: &B, ip: &Ip) -> Option<Reason> {
        const REPLY: u32 = Reason::Reply.code() as u32;
        const RELATED: u32 = Reason::Related.code() as u32;
        let reason = match WAY {
            FAR => headers::replied_far(self.ctx.ctx, headers::places(ip), headers::what(ip)),
            _ => headers::replied(self.ctx.ctx, headers::places(ip), headers::what(ip)),
        };
        match reason {
            REPLY => Some(Reason::Reply),
            RELATED => Some(Reason::Related),
            _ => None,
        }
    }
}
