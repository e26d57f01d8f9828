//! What the program shares with the loader: its settings, which the loader writes before it loads the program and the
//! kernel then freezes, and its maps.

use aya_ebpf::{
    bindings::xdp_md,
    btf_maps::{Array, PerCpuArray},
    helpers::bpf_jiffies64,
    macros::btf_map,
    programs::XdpContext,
};
use firewall_common::{
    datagram::{self, Admission, Datagrams, Fate},
    fragment::{
        Fragment,
        budget::Limits,
        identity::{HashKey, Identity, KEY_WORDS, Keys, Source},
        progress::{BOUNDARIES, Boundaries},
        source::{self, Pool, SourceSet, Sources},
        table::{Set, Sets},
        tick::Tick,
    },
    judge::Environment,
    packet::{
        Bytes, Family, Ip,
        transport::{Kind, Transport},
    },
    record::{Count, Trace},
    reply::{
        self, Flows,
        flow::Flow,
        table::{FlowSet, Lifetimes, Moment},
    },
    rules::{self, Action, Decision},
    stance::{COUNTERS as ALL_COUNTERS, Stance},
    verdict::{Cell, Reason},
};

use crate::{
    flows::HostFlows,
    frame::{Far, Linear},
    rules::Ruleset,
    setting::{MMAPABLE, setting},
};

/// The secret of the fragment table.
#[unsafe(no_mangle)]
static HASH_KEY: HashKey = HashKey([0; KEY_WORDS]);

/// The numbers of boundaries between fragments, which go with that secret.
#[unsafe(no_mangle)]
static BOUNDARY_NUMBERS: Boundaries = [0; BOUNDARIES];

/// By how much an identity is shifted to the right to give its set's number: 64 less the logarithm of their count.
#[unsafe(no_mangle)]
static SET_SHIFT: u32 = 63;

/// The same for a source and its set.
#[unsafe(no_mangle)]
static SOURCE_SHIFT: u32 = 63;

/// What the host may be made to hold for reassembly, of IPv4 and of IPv6. As it stands here, hardly anything.
#[unsafe(no_mangle)]
static LIMITS: [Limits; Family::ALL.len()] = [Limits::new(1, 1, 1); Family::ALL.len()];

/// How long an entry of the fragment table lives, in jiffies.
#[unsafe(no_mangle)]
static TIMEOUT: u32 = 0;

/// For how many jiffies an entry tells what the kernel holds.
#[unsafe(no_mangle)]
static HELD: u32 = 0;

/// Not 0: trailing fragments whose first one hasn't been seen pass.
#[unsafe(no_mangle)]
static EARLY_PASSES: u32 = 0;

/// Not 0: what belongs to a flow that this host opened passes.
#[unsafe(no_mangle)]
static ACCEPTS_REPLIES: u32 = 0;

/// Not 0: each judgement is written to [`TRACE`].
#[unsafe(no_mangle)]
static EXPLAINS: u32 = 0;

/// Not 0: verdicts are only counted, and every packet passes.
#[unsafe(no_mangle)]
static OBSERVES: u32 = 0;

/// The fragment table. The loader sets its size.
#[btf_map]
static FRAGMENTS: Array<Set, 1, MMAPABLE> = Array::new();

/// The source table. The loader sets its size.
#[btf_map]
static SOURCES: Array<SourceSet, 1, MMAPABLE> = Array::new();

/// What strangers have outstanding, of IPv4 and of IPv6.
#[btf_map]
static POOLS: Array<Pool, { Family::ALL.len() }> = Array::new();

/// The counters.
#[btf_map]
static COUNTERS: PerCpuArray<Count, ALL_COUNTERS> = PerCpuArray::new();

/// The last judgement, for who asks the program to explain itself.
#[btf_map]
static TRACE: Array<Trace, 1> = Array::new();

/// The source of the ruleset: the program doesn't read it, the loader finds it there again. The loader sets its size.
#[btf_map]
static SOURCE: Array<[u8; 4096], 1> = Array::new();

/// The secret of the fragment table.
#[inline(always)]
pub fn hash_key() -> &'static HashKey {
    &HASH_KEY
}

/// Adds a packet of `bytes` to a counter.
#[inline(always)]
pub fn count(cell: Cell, bytes: u64) {
    let stance = if observes() { Stance::Observing } else { Stance::Enforcing };
    if let Some(count) = COUNTERS.get_ptr_mut(stance.first_counter() + cell.index()) {
        // SAFETY: the counter is this CPU's own, and nothing interrupts the program to count on the same CPU.
        unsafe {
            (*count).packets += 1;
            (*count).bytes += bytes;
            (*count).last = bpf_jiffies64();
        }
    }
}

/// Whether verdicts are only counted.
#[inline(always)]
pub fn observes() -> bool {
    setting(&OBSERVES) != 0
}

/// Whether judgements are to be explained.
#[inline(always)]
pub fn explains() -> bool {
    setting(&EXPLAINS) != 0
}

/// Writes down a judgement; `record` is given the packet's number, from 1.
#[inline(always)]
pub fn explain(record: impl FnOnce(u32) -> Trace) {
    if let Some(trace) = TRACE.get_ptr_mut(0) {
        // SAFETY: only one packet at a time is run through an instance that explains itself.
        unsafe { *trace = record((*trace).serial + 1) };
    }
}

/// The tables of fragments, which need no packet. `CALLS`: what is done with them is called, as functions that the verifier
/// walks once each, and not once for each of the ways that lead to it, which are too many.
struct Tables<const CALLS: bool>;

impl<const CALLS: bool> Sets for Tables<CALLS> {
    #[inline(always)]
    fn set(&self, identity: Identity) -> Option<&Set> {
        FRAGMENTS.get((identity.0 >> setting(&SET_SHIFT)) as u32)
    }
}

impl<const CALLS: bool> Sources for Tables<CALLS> {
    #[inline(always)]
    fn sources(&self, source: Source) -> Option<&SourceSet> {
        SOURCES.get((source.0 >> setting(&SOURCE_SHIFT)) as u32)
    }

    #[inline(always)]
    fn pool(&self, family: Family) -> Option<&Pool> {
        POOLS.get(family.index() as u32)
    }

    #[inline(always)]
    fn limits(&self, family: Family) -> Limits {
        setting(&LIMITS[family.index()])
    }

    #[inline(always)]
    fn charge(&self, of: Source, family: Family, fragments: u32, now: Tick) -> bool {
        if CALLS {
            charge(of.0, family.index() as u32, fragments, now.0) != 0
        } else {
            source::charge(self, of, family, fragments, now)
        }
    }

    #[inline(always)]
    fn refund(&self, of: Source, family: Family, fragments: u32, now: Tick) {
        if CALLS {
            refund(of.0, family.index() as u32, fragments, now.0);
        } else {
            source::refund(self, of, family, fragments, now);
        }
    }
}

impl<const CALLS: bool> Datagrams for Tables<CALLS> {
    #[inline(always)]
    fn hash_key(&self) -> &HashKey {
        &HASH_KEY
    }

    #[inline(always)]
    fn now(&self) -> Tick {
        // SAFETY: the helper takes nothing and only reads the clock.
        Tick(unsafe { bpf_jiffies64() } as u32)
    }

    #[inline(always)]
    fn timeout(&self) -> u32 {
        setting(&TIMEOUT)
    }

    #[inline(always)]
    fn held(&self) -> u32 {
        setting(&HELD)
    }

    #[inline(always)]
    fn boundary(&self, units: usize) -> u32 {
        // The mask is for the verifier, which doesn't know that no datagram is longer.
        setting(&BOUNDARY_NUMBERS[units & (BOUNDARIES - 1)])
    }

    #[inline(always)]
    fn early_action(&self) -> Action {
        if setting(&EARLY_PASSES) != 0 { Action::Allow } else { Action::Deny }
    }

    #[inline(always)]
    fn first(&self, keys: Keys, family: Family, fragment: Fragment, decision: Decision) -> Admission {
        if !CALLS {
            return datagram::first(self, keys, family, &fragment, decision);
        }
        let Keys { identity, source } = keys;
        let (decision, family) = (u32::from(decision.to_bits()), family.index() as u32);
        Admission::from_code(first(identity.0, source.0, fragment.to_bits(), decision, family))
    }

    #[inline(always)]
    fn decided(&self, keys: Keys, family: Family, fragment: Fragment) -> Fate {
        let Keys { identity, source } = keys;
        Fate::from_code(decided(identity.0, source.0, fragment.to_bits(), family.index() as u32))
    }

    #[inline(always)]
    fn early(&self, keys: Keys, family: Family, fragment: Fragment) -> Fate {
        let Keys { identity, source } = keys;
        Fate::from_code(early(identity.0, source.0, fragment.to_bits(), family.index() as u32))
    }
}

/// [`Datagrams::first`], as a function that takes and returns nothing but numbers, as all of these: so the verifier walks it
/// for any arguments.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn first(identity: u64, source: u64, fragment: u64, decision: u32, family: u32) -> u32 {
    let keys = Keys { identity: Identity(identity), source: Source(source) };
    let (fragment, decision) = (Fragment::from_bits(fragment), Decision::from_bits(decision as u16));
    datagram::first(&Tables::<false>, keys, family_of(family), &fragment, decision).code()
}

/// [`Datagrams::decided`].
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn decided(identity: u64, source: u64, fragment: u64, family: u32) -> u32 {
    let keys = Keys { identity: Identity(identity), source: Source(source) };
    datagram::decided(&Tables::<true>, keys, family_of(family), &Fragment::from_bits(fragment)).code()
}

/// [`Datagrams::early`].
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn early(identity: u64, source: u64, fragment: u64, family: u32) -> u32 {
    let keys = Keys { identity: Identity(identity), source: Source(source) };
    datagram::early(&Tables::<false>, keys, family_of(family), &Fragment::from_bits(fragment)).code()
}

/// [`Sources::charge`].
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn charge(of: u64, family: u32, fragments: u32, now: u32) -> u32 {
    u32::from(source::charge(&Tables::<false>, Source(of), family_of(family), fragments, Tick(now)))
}

/// [`Sources::refund`]. The kernel wants such a function to return something.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn refund(of: u64, family: u32, fragments: u32, now: u32) -> u32 {
    source::refund(&Tables::<false>, Source(of), family_of(family), fragments, Tick(now));
    0
}

/// [`rules::decide`], of a packet whose headers are in its first buffer: the decision, or [`NONE`].
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn decide(ctx: *mut xdp_md, places: u64, what: u64) -> u32 {
    let ctx = XdpContext::new(ctx);
    decision(rules::decide(&Linear::new(&ctx), &packet(places, what), &Kernel::<PLAIN>::new(&ctx)))
}

/// The same, of a packet that goes on in further buffers.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn decide_far(ctx: *mut xdp_md, places: u64, what: u64) -> u32 {
    let ctx = XdpContext::new(ctx);
    decision(rules::decide(&Far::new(&ctx), &packet(places, what), &Kernel::<PLAIN>::new(&ctx)))
}

/// [`reply::accepts`], of a packet whose headers are in its first buffer: the reason, or [`NONE`].
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn replied(ctx: *mut xdp_md, places: u64, what: u64) -> u32 {
    let ctx = XdpContext::new(ctx);
    reason(reply::accepts(&Linear::new(&ctx), &packet(places, what), &HASH_KEY, &HostFlows))
}

/// The same, of a packet that goes on in further buffers.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn replied_far(ctx: *mut xdp_md, places: u64, what: u64) -> u32 {
    let ctx = XdpContext::new(ctx);
    reason(reply::accepts(&Far::new(&ctx), &packet(places, what), &HASH_KEY, &HostFlows))
}

/// Neither a decision's number nor a reason's.
const NONE: u32 = u32::MAX;

#[inline(always)]
const fn decision(decision: Option<Decision>) -> u32 {
    match decision {
        Some(decision) => decision.to_bits() as u32,
        None => NONE,
    }
}

#[inline(always)]
const fn reason(reason: Option<Reason>) -> u32 {
    match reason {
        Some(reason) => reason.code() as u32,
        None => NONE,
    }
}

/// What becomes of a packet's headers as numbers: where its IP header begins, where what it carries does, and where it ends.
#[inline(always)]
const fn places(ip: &Ip) -> u64 {
    ip.offset as u64 | (ip.payload as u64) << 16 | (ip.end as u64) << 32
}

/// Its IP version and protocol, and what its transport header says.
#[inline(always)]
const fn what(ip: &Ip) -> u64 {
    let Transport { kind, number } = ip.transport;
    ip.family.index() as u64 | (ip.protocol as u64) << 8 | (number as u64) << 16 | (kind as u64) << 32
}

/// The packet of those numbers, as far as rules and flows ask: not what fragment it is.
#[inline(always)]
fn packet(places: u64, what: u64) -> Ip {
    const PORTS: u64 = Kind::Ports as u64;
    const ICMP: u64 = Kind::Icmp as u64;
    let kind = match what >> 32 {
        PORTS => Kind::Ports,
        ICMP => Kind::Icmp,
        _ => Kind::Opaque,
    };
    // The masks are for the verifier, which knows nothing of the arguments: VLAN tags and extension headers are bounded.
    Ip {
        family: family_of(what as u32 & 0xff),
        offset: places as usize & 0x1f,
        end: (places >> 32) as usize & 0x1_ffff,
        payload: (places >> 16) as usize & 0x1ff,
        vlans: 0,
        fragment: Fragment::WHOLE,
        protocol: (what >> 8) as u8,
        transport: Transport { kind, number: (what >> 16) as u16 },
    }
}

#[inline(always)]
const fn family_of(index: u32) -> Family {
    if index == Family::V4.index() as u32 { Family::V4 } else { Family::V6 }
}

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
        Tables::<true>.set(identity)
    }
}

impl<const WAY: u8> Sources for Kernel<'_, WAY> {
    #[inline(always)]
    fn sources(&self, source: Source) -> Option<&SourceSet> {
        Tables::<true>.sources(source)
    }

    #[inline(always)]
    fn pool(&self, family: Family) -> Option<&Pool> {
        Tables::<true>.pool(family)
    }

    #[inline(always)]
    fn limits(&self, family: Family) -> Limits {
        Tables::<true>.limits(family)
    }
}

impl<const WAY: u8> Datagrams for Kernel<'_, WAY> {
    #[inline(always)]
    fn hash_key(&self) -> &HashKey {
        &HASH_KEY
    }

    #[inline(always)]
    fn now(&self) -> Tick {
        Tables::<true>.now()
    }

    #[inline(always)]
    fn timeout(&self) -> u32 {
        Tables::<true>.timeout()
    }

    #[inline(always)]
    fn held(&self) -> u32 {
        Tables::<true>.held()
    }

    #[inline(always)]
    fn boundary(&self, units: usize) -> u32 {
        Tables::<true>.boundary(units)
    }

    #[inline(always)]
    fn early_action(&self) -> Action {
        Tables::<true>.early_action()
    }

    #[inline(always)]
    fn first(&self, keys: Keys, family: Family, fragment: Fragment, decision: Decision) -> Admission {
        Tables::<true>.first(keys, family, fragment, decision)
    }

    #[inline(always)]
    fn decided(&self, keys: Keys, family: Family, fragment: Fragment) -> Fate {
        if WAY == PLAIN {
            datagram::decided(&Tables::<true>, keys, family, &fragment)
        } else {
            Tables::<true>.decided(keys, family, fragment)
        }
    }

    #[inline(always)]
    fn early(&self, keys: Keys, family: Family, fragment: Fragment) -> Fate {
        Tables::<true>.early(keys, family, fragment)
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
    fn decide<B: Bytes + ?Sized>(&self, bytes: &B, ip: &Ip) -> Option<Decision> {
        let decision = match WAY {
            NEAR => decide(self.ctx.ctx, places(ip), what(ip)),
            FAR => decide_far(self.ctx.ctx, places(ip), what(ip)),
            _ => return rules::decide(bytes, ip, self),
        };
        (decision != NONE).then_some(Decision::from_bits(decision as u16))
    }

    #[inline(always)]
    fn reply<B: Bytes + ?Sized>(&self, _: &B, ip: &Ip) -> Option<Reason> {
        const REPLY: u32 = Reason::Reply.code() as u32;
        const RELATED: u32 = Reason::Related.code() as u32;
        let reason = match WAY {
            FAR => replied_far(self.ctx.ctx, places(ip), what(ip)),
            _ => replied(self.ctx.ctx, places(ip), what(ip)),
        };
        match reason {
            REPLY => Some(Reason::Reply),
            RELATED => Some(Reason::Related),
            _ => None,
        }
    }
}
