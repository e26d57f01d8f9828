//! What a segment does to its connection, as far as its header tells.

use core::hint::black_box;

use crate::packet::{Bytes, Ip, transport};

/// What a packet does to its flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// It goes on; most packets do.
    Data = 0,
    /// It asks for a new connection.
    Begin = 1,
    /// It only answers one who asks, or who isn't known: what is sent to made-up addresses looks like that.
    Answer = 2,
    /// It ends the connection, or its own half of it.
    End = 3,
    /// It is quoted in an ICMP error, which changes nothing.
    Quoted = 4,
}

impl Step {
    /// The one of that number; of any other it's [`Step::Data`].
    #[inline(always)]
    pub const fn from_code(code: u32) -> Self {
        match code {
            1 => Self::Begin,
            2 => Self::Answer,
            3 => Self::End,
            4 => Self::Quoted,
            _ => Self::Data,
        }
    }
}

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// Of a TCP segment that goes out (RFC 9293 3.5); `None` if it can't be read.
#[inline(always)]
pub fn tcp_out<B: Bytes + ?Sized>(bytes: &B, ip: &Ip) -> Option<Step> {
    let flags = transport::tcp_flags(bytes, ip.payload)?;
    Some(match flags & (SYN | RST | ACK | FIN) {
        SYN => Step::Begin,
        flags if flags & SYN != 0 => Step::Answer,
        // One without ACK answers a segment that had it, which is to nobody's connection (3.10.7.1).
        flags if flags & RST != 0 => Step::End,
        flags if flags & FIN != 0 => Step::End,
        _ => Step::Data,
    })
}

/// Of a TCP segment that comes in; `None` if it can't be read.
#[inline(always)]
pub fn tcp_in<B: Bytes + ?Sized>(bytes: &B, ip: &Ip) -> Option<Step> {
    let flags = transport::tcp_flags(bytes, ip.payload)?;
    // A SYN without ACK is no reply, whatever else is set (but for two that cross, RFC 9293 3.5, which hardly ever do).
    Some(match flags & (SYN | RST | ACK) {
        flags if flags & SYN != 0 && flags & ACK == 0 => Step::Begin,
        flags if flags & RST != 0 => Step::End,
        _ => Step::Data,
    })
}

/// Where the first chunk begins in an SCTP packet, in bytes (RFC 9260 3).
const CHUNK: usize = 12;

/// What a chunk begins with: its type, flags and length (RFC 9260 3.2).
type ChunkHeader = [u8; 4];

const INIT: u8 = 1;
const INIT_ACK: u8 = 2;
const ABORT: u8 = 6;
const SHUTDOWN_COMPLETE: u8 = 14;

/// Of an SCTP packet that goes out, by its first chunk; `None` if it has none.
#[inline(always)]
pub fn sctp_out<B: Bytes + ?Sized>(bytes: &B, ip: &Ip) -> Option<Step> {
    Some(match chunk(bytes, ip)? {
        INIT => Step::Begin,
        INIT_ACK => Step::Answer,
        ABORT | SHUTDOWN_COMPLETE => Step::End,
        _ => Step::Data,
    })
}

/// Of an SCTP packet that comes in, by its first chunk; `None` if it has none.
#[inline(always)]
pub fn sctp_in<B: Bytes + ?Sized>(bytes: &B, ip: &Ip) -> Option<Step> {
    Some(match chunk(bytes, ip)? {
        INIT => Step::Begin,
        ABORT | SHUTDOWN_COMPLETE => Step::End,
        _ => Step::Data,
    })
}

#[inline(always)]
fn chunk<B: Bytes + ?Sized>(bytes: &B, ip: &Ip) -> Option<u8> {
    let place = ip.payload + CHUNK;
    // What lies behind the packet's end is padding; as for echo messages, the verifier is to see the reading's own check.
    if place + size_of::<ChunkHeader>() > black_box(ip.end) {
        return None;
    }
    let [kind, ..]: ChunkHeader = bytes.read(place)?;
    Some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_in_numbers_comes_back() {
        for step in [Step::Data, Step::Begin, Step::Answer, Step::End, Step::Quoted] {
            assert_eq!(Step::from_code(step as u32), step);
        }
        assert_eq!(Step::from_code(5), Step::Data);
    }
}
