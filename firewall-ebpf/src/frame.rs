//! The bytes of a packet, as XDP shows them.

use core::mem::MaybeUninit;

use aya_ebpf::{
    helpers::{bpf_xdp_get_buff_len, bpf_xdp_load_bytes},
    programs::XdpContext,
};
use firewall_common::packet::{Bytes, Wire};

/// The length of a packet over all its buffers, in bytes.
#[inline(always)]
pub fn length(ctx: &XdpContext) -> usize {
    // SAFETY: the context is the one that the program was called with.
    unsafe { bpf_xdp_get_buff_len(ctx.ctx) as usize }
}

/// The length of a packet's first buffer, in bytes, as the context still says: it's read again, so that it needn't be kept all the way.
#[inline(always)]
pub fn length_again(ctx: &XdpContext) -> usize {
    Linear::again(ctx).len()
}

/// A packet's first buffer, read directly: for most packets all of it.
pub struct Linear {
    start: usize,
    end: usize,
}

impl Linear {
    /// The first buffer of the packet.
    #[inline(always)]
    pub fn new(ctx: &XdpContext) -> Self {
        Self { start: ctx.data(), end: ctx.data_end() }
    }

    /// The same, read from the context again: the compiler doesn't know that nothing has changed.
    #[inline(always)]
    pub fn again(ctx: &XdpContext) -> Self {
        // SAFETY: the kernel keeps the context valid while the program runs.
        let (start, end) = unsafe {
            let ctx = &raw const *ctx.ctx;
            ((&raw const (*ctx).data).read_volatile(), (&raw const (*ctx).data_end).read_volatile())
        };
        Self { start: start as usize, end: end as usize }
    }

    /// Where a header at `offset` is; `None` if not all of it is there.
    #[inline(always)]
    pub fn place<T: Wire>(&self, offset: usize) -> Option<*const T> {
        // The verifier asks that the very pointer which is used be compared with the packet's end.
        let header = self.start + offset;
        if header + size_of::<T>() > self.end { None } else { Some(header as *const T) }
    }
}

impl Bytes for Linear {
    #[inline(always)]
    fn len(&self) -> usize {
        self.end - self.start
    }

    #[inline(always)]
    fn read<T: Wire>(&self, offset: usize) -> Option<T> {
        // SAFETY: the bytes lie before the packet's end, and any bytes make a T (its contract).
        self.place(offset).map(|header: *const T| unsafe { header.read_unaligned() })
    }

    #[inline(always)]
    fn look<T: Wire, R>(&self, offset: usize, look: impl FnOnce(&T) -> R) -> Option<R> {
        // SAFETY: as above, and it has no alignment; and the packet is written only when it's no longer looked at.
        self.place(offset).map(|header: *const T| look(unsafe { &*header }))
    }
}

/// A packet in several buffers, read through the kernel (`bpf_xdp_load_bytes`, Linux 5.18).
pub struct Far<'a> {
    ctx: &'a XdpContext,
    length: usize,
}

impl<'a> Far<'a> {
    /// All buffers of the packet.
    #[inline(always)]
    pub fn new(ctx: &'a XdpContext) -> Self {
        Self { ctx, length: length(ctx) }
    }
}

impl Bytes for Far<'_> {
    #[inline(always)]
    fn len(&self) -> usize {
        self.length
    }

    #[inline(always)]
    fn read<T: Wire>(&self, offset: usize) -> Option<T> {
        let mut header = MaybeUninit::<T>::uninit();
        // SAFETY: the kernel writes exactly the size of T into the space of a T, or fails.
        let result = unsafe {
            bpf_xdp_load_bytes(self.ctx.ctx, offset as u32, header.as_mut_ptr().cast(), size_of::<T>() as u32)
        };
        // SAFETY: the call has written all of it, and any bytes make a T (its contract).
        (result == 0).then(|| unsafe { header.assume_init() })
    }
}
