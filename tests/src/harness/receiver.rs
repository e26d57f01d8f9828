//! What an interface receives, frame by frame, as it was on the link.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use nix::libc;
use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, setsockopt, socket, sockopt};
use nix::sys::time::{TimeVal, TimeValLike as _};

use super::interrupt;
use super::netns::Netns;

/// Longer than any frame.
const ROOM: usize = 1 << 16;
/// How many bytes of frames may wait to be read.
const QUEUE: usize = 64 << 20;

/// A packet socket that takes every frame which an interface receives.
#[derive(Debug)]
pub struct Receiver {
    socket: OwnedFd,
    index: i32,
    waiting: VecDeque<Vec<u8>>,
}

/// `struct tpacket_auxdata` of linux/if_packet.h.
#[derive(Clone, Copy)]
#[repr(C)]
struct Auxiliary {
    status: u32,
    _lengths_and_offsets: [u32; 2],
    _mac_net: [u16; 2],
    vlan_tci: u16,
    vlan_tpid: u16,
}

/// `TP_STATUS_VLAN_VALID`: a tag was taken out of the frame …
const VLAN_VALID: u32 = 1 << 4;
/// … `TP_STATUS_VLAN_TPID_VALID`: and its EtherType is told.
const VLAN_TPID_VALID: u32 = 1 << 6;

impl Receiver {
    /// Begins to listen.
    ///
    /// # Errors
    /// The interface doesn't exist, or the kernel refuses the packet socket.
    pub fn new(netns: &Netns, interface: &str) -> Result<Self> {
        let (socket, index) = netns.enter(|| {
            let index = nix::net::if_::if_nametoindex(interface)
                .with_context(|| format!("no interface {interface} in {}", netns.name()))?;
            let protocol = SockProtocol::EthAll;
            let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)
                .context("can't open a packet socket")?;
            Ok((socket, i32::try_from(index)?))
        })?;
        setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::milliseconds(10))?;
        // As much as is wanted, whatever the system's limit for others: this is root's.
        setsockopt(&socket, sockopt::RcvBufForce, &QUEUE)?;
        let on: libc::c_int = 1;
        // SAFETY: the option is an integer, and its size is told.
        let result = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_AUXDATA,
                (&raw const on).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            )
        };
        ensure!(result == 0, "asking for VLAN tags: {}", io::Error::last_os_error());
        Ok(Self { socket, index, waiting: VecDeque::new() })
    }

    /// The next frame that `wanted` says yes to and that arrives within `limit`; those before it are left out.
    ///
    /// # Errors
    /// The socket fails, or the process is interrupted.
    pub fn next(&mut self, limit: Duration, wanted: impl Fn(&[u8]) -> bool) -> Result<Option<Vec<u8>>> {
        let start = Instant::now();
        loop {
            while let Some(frame) = self.waiting.pop_front() {
                if wanted(&frame) {
                    return Ok(Some(frame));
                }
            }
            if !self.read()? {
                interrupt::check()?;
                if start.elapsed() >= limit {
                    return Ok(None);
                }
            }
        }
    }

    /// How many frames that have arrived `wanted` says yes to.
    ///
    /// # Errors
    /// The socket fails.
    pub fn count(&mut self, wanted: impl Fn(&[u8]) -> bool) -> Result<usize> {
        while self.read()? {}
        Ok(self.waiting.drain(..).filter(|frame| wanted(frame)).count())
    }

    /// Takes one frame from the socket; says whether there was one.
    fn read(&mut self) -> Result<bool> {
        let mut buffer = vec![0_u8; ROOM];
        let mut control = [0_u64; 16];
        // SAFETY: the structure is made of integers only, of which zero is a value.
        let mut from: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
        // SAFETY: the structure is made of integers and pointers, of which zero is a value.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        message.msg_name = (&raw mut from).cast();
        message.msg_namelen = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = size_of_val(&control);
        // SAFETY: all that the message points to is as long as it says and outlives the call.
        let length = unsafe { libc::recvmsg(self.socket.as_raw_fd(), &raw mut message, 0) };
        let Ok(length) = usize::try_from(length) else {
            let error = io::Error::last_os_error();
            return match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(false),
                _ => Err(error).context("can't read the packet socket"),
            };
        };
        if from.sll_ifindex == self.index && from.sll_pkttype != libc::PACKET_OUTGOING {
            buffer.truncate(length);
            self.waiting.push_back(with_tag(buffer, &message));
        }
        Ok(true)
    }
}

/// The frame with the tag that the kernel took out of it.
fn with_tag(mut frame: Vec<u8>, message: &libc::msghdr) -> Vec<u8> {
    // SAFETY: the kernel has filled in the message's control buffer and told its length.
    let mut header = unsafe { libc::CMSG_FIRSTHDR(message) };
    // SAFETY: the pointer is to a header within that buffer, or null.
    while let Some(of) = unsafe { header.as_ref() } {
        if of.cmsg_level == libc::SOL_PACKET && of.cmsg_type == libc::PACKET_AUXDATA {
            // SAFETY: such a message holds this structure, at whatever alignment.
            let told = unsafe { libc::CMSG_DATA(header).cast::<Auxiliary>().read_unaligned() };
            if told.status & VLAN_VALID != 0 {
                let kind = if told.status & VLAN_TPID_VALID != 0 { told.vlan_tpid } else { 0x8100 };
                frame.splice(12..12, [kind.to_be_bytes(), told.vlan_tci.to_be_bytes()].concat());
            }
        }
        // SAFETY: the header is one of the message's.
        header = unsafe { libc::CMSG_NXTHDR(message, header) };
    }
    frame
}
