//! The tables of fragments and of sources, and what is done with them.

use aya_ebpf::helpers::bpf_jiffies64;
use firewall_common::{
    datagram::{self, Admission, Datagrams, Fate},
    fragment::{
        Fragment,
        budget::Limits,
        entry::{Order, Record},
        identity::{HashKey, Identity, Keys, Source},
        progress::BOUNDARIES,
        room::Room,
        source::{self, Pool, SourceSet, Sources},
        table::{Set, Sets},
        tick::Tick,
    },
    opaque::opaque,
    packet::Family,
    rules::{Action, Decision},
    verdict::Cell,
};

use crate::{
    direct,
    maps::{
        self, BOUNDARY_NUMBERS, EARLY_PASSES, FRAGMENTS, HASH_KEY, HELD, LIMITS, POOLS, SET_SHIFT,
        SOURCE_SHIFT, SOURCES, TIMEOUT,
    },
    setting::setting,
};

/// What is done with sources is compiled into the place.
const INLINE: u8 = 0;
/// Everything is called, as functions that the verifier walks once each, and not once for each of the ways that lead to it, which are
/// too many.
pub const CALLED: u8 = 1;
/// What most packets need is compiled into the place, and the rest called.
pub const USUAL: u8 = 2;

/// The tables of fragments, which need no packet; `HOW` says what becomes of what is done with them.
pub struct Tables<const HOW: u8>;

impl<const HOW: u8> Sets for Tables<HOW> {
    #[inline(always)]
    fn set(&self, identity: Identity) -> Option<&Set> {
        Some(direct::element(&FRAGMENTS, identity.0 >> setting(&SET_SHIFT)))
    }
}

impl<const HOW: u8> Sources for Tables<HOW> {
    #[inline(always)]
    fn sources(&self, source: Source) -> Option<&SourceSet> {
        Some(direct::element(&SOURCES, source.0 >> setting(&SOURCE_SHIFT)))
    }

    #[inline(always)]
    fn pool(&self, family: Family) -> Option<&Pool> {
        // The mask is for the verifier, which in Linux 6.1 forgets what is kept on the stack.
        Some(direct::element(&POOLS, opaque(family.index() as u64) & 1))
    }

    #[inline(always)]
    fn limits(&self, family: Family) -> Limits {
        setting(&LIMITS[family.index()])
    }

    #[inline(always)]
    fn charge(&self, of: Source, family: Family, fragments: u32, now: Tick) -> bool {
        if HOW == INLINE {
            return source::charge(self, of, family, fragments, now);
        }
        if HOW == USUAL
            && let Some(charge) = source::ask_known(self, of, family, fragments, now)
        {
            charge.make();
            return true;
        }
        charge(of.0, family.index() as u32, fragments, now.0) != 0
    }

    #[inline(always)]
    fn refund(&self, of: Source, family: Family, fragments: u32, now: Tick) {
        if HOW == INLINE {
            source::refund(self, of, family, fragments, now);
        } else if HOW == CALLED || !source::refund_known(self, of, family, fragments, now) {
            refund(of.0, family.index() as u32, fragments, now.0);
        }
    }
}

impl<const HOW: u8> Datagrams for Tables<HOW> {
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
        // The mask is for the verifier, which in Linux 6.1 forgets what a datagram's length was compared with once it was kept on the stack.
        setting(&BOUNDARY_NUMBERS[opaque(units as u64) as usize & (BOUNDARIES - 1)])
    }

    #[inline(always)]
    fn count_room(&self, room: Room) {
        if room != Room::Free {
            maps::count(maps::mode().stance(), Cell::Room(room).index(), 0);
        }
    }

    #[inline(always)]
    fn early_action(&self) -> Action {
        if setting(&EARLY_PASSES) != 0 { Action::Allow } else { Action::Deny }
    }

    #[inline(always)]
    fn first_of_more(&self, keys: Keys, family: Family, fragment: Fragment, decision: Decision) -> Admission {
        let Keys { identity, source } = keys;
        let (decision, family) = (u32::from(decision.to_bits()), family.index() as u32);
        Admission::from_code(first_of_more(identity.0, source.0, fragment.length as u32, decision, family))
    }

    #[inline(always)]
    fn meet(&self, keys: Keys, family: Family) {
        meet(keys.identity.0, keys.source.0, family.index() as u32);
    }

    #[inline(always)]
    fn put_decided(&self, identity: Identity, record: Record, now: Tick, order: Order) {
        put_decided(identity.0, record.to_bits(), now.0, (order == Order::Later).into());
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

/// [`Datagrams::first_of_more`], as a function that takes and returns nothing but numbers, as all of these: so the verifier walks
/// it for any arguments.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn first_of_more(identity: u64, source: u64, length: u32, decision: u32, family: u32) -> u32 {
    let keys = Keys { identity: Identity(identity), source: Source(source) };
    // It is at the datagram's beginning, and more follow.
    let fragment = Fragment::new(0, 0, true, length as usize & 0xffff);
    let decision = Decision::from_bits(decision as u16);
    datagram::first_of_more(&Tables::<CALLED>, keys, family_of(family), &fragment, decision).code()
}

/// [`Datagrams::meet`]. The kernel wants such a function to return something.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn meet(identity: u64, source: u64, family: u32) -> u32 {
    let keys = Keys { identity: Identity(identity), source: Source(source) };
    datagram::meet(&Tables::<CALLED>, keys, family_of(family));
    0
}

/// [`Datagrams::put_decided`].
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn put_decided(identity: u64, record: u64, now: u32, is_later: u32) -> u32 {
    let order = if is_later != 0 { Order::Later } else { Order::AtOnce };
    datagram::put_decided(&Tables::<INLINE>, Identity(identity), Record::from_bits(record), Tick(now), order);
    0
}

/// [`Datagrams::decided`].
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn decided(identity: u64, source: u64, fragment: u64, family: u32) -> u32 {
    let keys = Keys { identity: Identity(identity), source: Source(source) };
    datagram::decided(&Tables::<CALLED>, keys, family_of(family), &Fragment::from_bits(fragment)).code()
}

/// [`Datagrams::early`].
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn early(identity: u64, source: u64, fragment: u64, family: u32) -> u32 {
    let keys = Keys { identity: Identity(identity), source: Source(source) };
    datagram::early(&Tables::<INLINE>, keys, family_of(family), &Fragment::from_bits(fragment)).code()
}

/// [`Sources::charge`].
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn charge(of: u64, family: u32, fragments: u32, now: u32) -> u32 {
    u32::from(source::charge(&Tables::<INLINE>, Source(of), family_of(family), fragments, Tick(now)))
}

/// [`Sources::refund`].
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn refund(of: u64, family: u32, fragments: u32, now: u32) -> u32 {
    source::refund(&Tables::<INLINE>, Source(of), family_of(family), fragments, Tick(now));
    0
}

/// The IP version of that place among all.
#[inline(always)]
pub const fn family_of(index: u32) -> Family {
    if index == Family::V4.index() as u32 { Family::V4 } else { Family::V6 }
}
