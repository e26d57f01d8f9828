//! What the program shares with the loader: its settings, which the loader writes before it loads the program and the
//! kernel then freezes, and its maps.

use aya_ebpf::{
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
    packet::Family,
    record::{Count, Trace},
    rules::{Action, Decision},
    stance::{COUNTERS as ALL_COUNTERS, Stance},
    verdict::Cell,
};

use crate::rules::Ruleset;

/// `BPF_F_MMAPABLE`: what the kernel can map starts on a page, so a set never straddles two cache lines.
const MMAPABLE: usize = 1 << 10;

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

/// Reads a setting as the loader wrote it: the compiler must not take the value above for granted, while the verifier,
/// which knows it to be frozen, drops the branches that it rules out.
#[inline(always)]
pub fn setting<T: Copy>(setting: &T) -> T {
    // SAFETY: a reference is valid to read from.
    unsafe { core::ptr::from_ref(setting).read_volatile() }
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

#[inline(always)]
const fn family_of(index: u32) -> Family {
    if index == Family::V4.index() as u32 { Family::V4 } else { Family::V6 }
}

/// What the program's maps and settings say, for one packet. `DIRECT`: what is done with its fragment is compiled into the
/// place, where few ways lead to it; else it's called.
pub struct Kernel<'a, const DIRECT: bool> {
    ctx: &'a XdpContext,
}

impl<'a, const DIRECT: bool> Kernel<'a, DIRECT> {
    /// For the packet of that context.
    #[inline(always)]
    pub const fn new(ctx: &'a XdpContext) -> Self {
        Self { ctx }
    }
}

impl<const DIRECT: bool> Sets for Kernel<'_, DIRECT> {
    #[inline(always)]
    fn set(&self, identity: Identity) -> Option<&Set> {
        Tables::<true>.set(identity)
    }
}

impl<const DIRECT: bool> Sources for Kernel<'_, DIRECT> {
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

impl<const DIRECT: bool> Datagrams for Kernel<'_, DIRECT> {
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
        if DIRECT {
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

impl<const DIRECT: bool> Environment for Kernel<'_, DIRECT> {
    type Rules = Ruleset;

    #[inline(always)]
    fn rules(&self) -> &Ruleset {
        &Ruleset
    }

    #[inline(always)]
    fn interface(&self) -> u32 {
        self.ctx.ingress_ifindex() as u32
    }
}
