//! Parsing as the judge does it, and bytes that note what was read of them.

use std::cell::RefCell;

use firewall_common::{
    fragment::Fragment,
    packet::{Bytes, Family, Ip, Wire, ethernet, ipv4, ipv6, transport::Transport},
    verdict::Reason,
};

/// What the parser makes of a frame: an IP packet, or the EtherType of something else.
pub(crate) fn parse<B: Bytes + ?Sized>(bytes: &B) -> Result<Result<Ip, u16>, Reason> {
    let ethernet = ethernet::parse(bytes)?;
    match ethernet.ethertype {
        ethernet::IPV4 => ipv4::parse(bytes, &ethernet).map(Ok),
        ethernet::IPV6 => ipv6::parse(bytes, &ethernet).map(Ok),
        other => Ok(Err(other)),
    }
}

/// Everything that is known of an IP packet.
pub(crate) type Facts = (Family, [usize; 3], u32, Fragment, u8, Transport);

/// Everything that is known of a parsed frame, in a form that can be compared.
pub(crate) fn summary(result: &Result<Result<Ip, u16>, Reason>) -> Result<Result<Facts, u16>, Reason> {
    result.map(|frame| {
        frame.map(|Ip { family, offset, end, payload, vlans, fragment, protocol, transport }| {
            (family, [offset, end, payload], vlans, fragment, protocol, transport)
        })
    })
}

/// Bytes that note where they were read.
pub(crate) struct Recorder<'a> {
    bytes: &'a [u8],
    reads: RefCell<Vec<(usize, usize)>>,
}

impl<'a> Recorder<'a> {
    /// Of these bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, reads: RefCell::default() }
    }

    /// Where each read so far began and ended.
    pub(crate) fn reads(self) -> Vec<(usize, usize)> {
        self.reads.into_inner()
    }
}

impl Bytes for Recorder<'_> {
    fn len(&self) -> usize {
        self.bytes.len()
    }

    fn read<T: Wire>(&self, offset: usize) -> Option<T> {
        self.reads.borrow_mut().push((offset, offset + size_of::<T>()));
        self.bytes.read(offset)
    }
}

/// Fails unless the frame can be parsed.
#[track_caller]
pub(crate) fn well_formed(frame: &[u8]) {
    if let Err(reason) = parse(frame) {
        panic!("{reason:?}: {frame:02x?}");
    }
}

/// Fails unless the frame is refused for that reason.
#[track_caller]
pub(crate) fn malformed(frame: &[u8], why: Reason) {
    assert_eq!(parse(frame).err(), Some(why), "{frame:02x?}");
}
