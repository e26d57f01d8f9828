//! Arrays whose elements the program addresses itself.
//!
//! The loader makes each of them as one long value, and has the program load that value's address where it would load the map's number
//! (`BPF_PSEUDO_MAP_VALUE`, Linux 5.2): no look-up is needed, which takes about a dozen instructions where the kernel compiles it into its
//! place. That an element is inside is for the verifier to see, which knows how long the value is.

use aya_ebpf::btf_maps::Array;
use firewall_common::opaque::opaque;

/// The element of that number, which is one that is there: the verifier refuses the program if it can't tell.
#[inline(always)]
pub fn element<T, const ENTRIES: usize, const FLAGS: usize>(
    array: &'static Array<T, ENTRIES, FLAGS>,
    number: u64,
) -> &'static T {
    // The compiler takes the array for what the object says of it, which is its kind and how large its values are.
    let first = opaque(core::ptr::from_ref(array) as u64);
    let address = first.wrapping_add(number.wrapping_mul(size_of::<T>() as u64));
    // SAFETY: the loader has made the array as one value, of which this is the address, and the verifier admits none that isn't inside of it. It
    // begins on a page if it's mappable, as it must be where elements are aligned to more than eight bytes. It's there as long as the program
    // is, and what CPUs change while others read is words that are made for that.
    unsafe { &*(address as *const T) }
}

/// The element of that number; `None` if there aren't as many, which is an error of the loader's.
#[inline(always)]
pub fn within<T, const ENTRIES: usize, const FLAGS: usize>(
    array: &'static Array<T, ENTRIES, FLAGS>,
    number: u32,
    count: u32,
) -> Option<&'static T> {
    let number = u64::from(number);
    if number >= u64::from(count) {
        return None;
    }
    // The verifier knows the number by what was compared, which the compiler would rather have multiplied before.
    Some(element(array, opaque(number)))
}
