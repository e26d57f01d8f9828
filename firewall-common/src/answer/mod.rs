//! What the sender of a rejected packet is told, as the kernel's own REJECT (`nf_reject_ipv4`, `nf_reject_ipv6`) tells it: an
//! ICMP error that quotes the packet ([`unreachable`]), or the reset of a TCP connection (`reset`); and which packets nobody
//! is told of (`eligible`).
//!
//! An answer is made of the packet's own frame: what isn't quoted is cut off its end, room is made at its head, and
//! there the answer's headers are written. Who does that is the [`Sender`]; it also bounds how many are sent ([`rate`]).

pub mod checksum;
mod eligible;
mod header;
mod kind;
mod link;
pub mod rate;
mod reset;
mod unreachable;

pub use header::Front;
pub use kind::{Answer, Code, Codes};

use checksum::{Sum, Sums};

use crate::packet::{Bytes, Family, Ip, Wire, ethernet, ipv4, ipv6};

/// Who sends answers.
pub trait Sender {
    /// Whether the sender of a packet may be told, which counts then.
    fn admits<B: Bytes + ?Sized>(&self, bytes: &B, ip: &Ip) -> bool;

    /// The identification of an IPv4 packet that routers may fragment: any number.
    fn identification(&self) -> u16;

    /// Makes an answer of the packet's frame. `None` if it can't.
    fn send<F: Front, U: Wire>(&self, plan: &Plan<F, U>) -> Option<()>;
}

/// The bytes of a frame that is being written.
pub trait BytesMut: Bytes {
    /// Writes a header at `offset`; `None` if there's no room for all of it.
    fn write<T: Wire>(&mut self, offset: usize, header: T) -> Option<()>;
}

impl BytesMut for [u8] {
    fn write<T: Wire>(&mut self, offset: usize, header: T) -> Option<()> {
        let room = self.get_mut(offset..)?.get_mut(..size_of::<T>())?;
        // SAFETY: the room is as long as T, which has no padding that would be left unwritten (the contract of Wire).
        unsafe { room.as_mut_ptr().cast::<T>().write_unaligned(header) };
        Some(())
    }
}

/// How a packet's frame becomes its answer. What the answer's headers have in common with the packet's is taken from there once
/// the frame has been cut and extended: a kernel program has little room to keep it.
#[derive(Clone, Copy, Debug)]
pub struct Plan<F, U> {
    /// The length of the link-layer header, in bytes.
    link: usize,
    front: F,
    upper: U,
    /// How many bytes of the packet's frame stay, from its beginning.
    pub kept: usize,
    /// How many bytes are put before them.
    pub grown: usize,
}

impl<F: Front, U: Wire> Plan<F, U> {
    /// Writes all of the answer that isn't quoted, into a frame that has been cut and extended.
    #[inline(always)]
    pub fn write<B: BytesMut + ?Sized>(&self, frame: &mut B) -> Option<()> {
        let &Self { link, front, upper, kept, grown } = self;
        link::write(frame, grown, link)?;
        frame.write(link, front)?;
        let mut at = link + size_of::<F>();
        let [source, destination]: [F::Address; 2] = frame.read(grown + at)?;
        frame.write(at, [destination, source])?;
        at += size_of::<[F::Address; 2]>();
        frame.write(at, upper)?;
        if grown == 0 {
            // Nothing is quoted: what is left of the packet up to the least length of a frame is padding.
            at += size_of::<U>();
            for n in 0..MAX_PADDING {
                if at + n < kept {
                    frame.write(at + n, 0_u8)?;
                }
            }
        }
        Some(())
    }
}

/// The padding of the shortest answer, in bytes.
const MAX_PADDING: usize = ethernet::MIN_FRAME - ethernet::HEADER - ipv4::HEADER - header::TCP;

/// The sum of a packet's addresses, which are its answer's too.
#[inline(always)]
fn addresses4<B: Sums + ?Sized>(bytes: &B, ip: &Ip) -> Option<Sum> {
    bytes.sum(ip.offset + ipv4::ADDRESSES, 2 * 4)
}

#[inline(always)]
fn addresses6<B: Sums + ?Sized>(bytes: &B, ip: &Ip) -> Option<Sum> {
    bytes.sum(ip.offset + ipv6::ADDRESSES, 2 * 16)
}

/// Tells the sender of a rejected IPv4 packet. `None` if nobody is told.
#[inline(always)]
pub fn v4<B: Sums + ?Sized>(bytes: &B, code: Code, sender: &impl Sender) -> Option<()> {
    let ethernet = ethernet::parse(bytes).ok()?;
    let ip = ipv4::parse(bytes, &ethernet).ok()?;
    if !link::is_between_stations(bytes)? || !eligible::v4(bytes, &ip)? {
        return None;
    }
    if code == Code::RESET {
        let plan = reset::v4(bytes, &ip)?;
        return sent(bytes, &ip, &plan, sender);
    }
    let plan = unreachable::v4(bytes, &ip, code, sender.identification())?;
    sent(bytes, &ip, &plan, sender)
}

/// The same, of an IPv6 packet.
#[inline(always)]
pub fn v6<B: Sums + ?Sized>(bytes: &B, code: Code, sender: &impl Sender) -> Option<()> {
    let ethernet = ethernet::parse(bytes).ok()?;
    let ip = ipv6::parse(bytes, &ethernet).ok()?;
    if !link::is_between_stations(bytes)? || !eligible::v6(bytes, &ip)? {
        return None;
    }
    if code == Code::RESET {
        let plan = reset::v6(bytes, &ip)?;
        return sent(bytes, &ip, &plan, sender);
    }
    let plan = unreachable::v6(bytes, &ip, code)?;
    sent(bytes, &ip, &plan, sender)
}

/// The IP version of the packet in a frame, which says who answers it; `None` if it's neither.
#[inline(always)]
pub fn family<B: Bytes + ?Sized>(bytes: &B) -> Option<Family> {
    match ethernet::parse(bytes).ok()?.ethertype {
        ethernet::IPV4 => Some(Family::V4),
        ethernet::IPV6 => Some(Family::V6),
        _ => None,
    }
}

#[inline(always)]
fn sent<B: Bytes + ?Sized, F: Front, U: Wire>(
    bytes: &B,
    ip: &Ip,
    plan: &Plan<F, U>,
    sender: &impl Sender,
) -> Option<()> {
    // Last of all, so that what gets no answer uses none up.
    if sender.admits(bytes, ip) { sender.send(plan) } else { None }
}
