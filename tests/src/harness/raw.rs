//! Frames as they are, sent through an interface.

use std::mem::size_of;
use std::os::fd::{AsRawFd, OwnedFd};
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;
use nix::libc;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockType, SockaddrLike, bind, send, socket,
};

use super::netns::Netns;

/// A packet socket that sends through one interface, and receives nothing.
#[derive(Debug)]
pub struct RawSender {
    socket: OwnedFd,
}

impl RawSender {
    /// Opens one on an interface of a namespace.
    ///
    /// # Errors
    /// The interface doesn't exist, or the kernel refuses the packet socket.
    pub fn new(netns: &Netns, interface: &str) -> Result<Self> {
        netns.enter(|| {
            let index = if_nametoindex(interface)
                .with_context(|| format!("no interface {interface} in {}", netns.name()))?;
            // A protocol of none: nothing that the interface receives is queued here.
            let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None)
                .context("can't open a packet socket")?;
            let address = link_address(index.try_into()?)?;
            bind(socket.as_raw_fd(), &address)
                .with_context(|| format!("can't bind a packet socket to {interface}"))?;
            Ok(Self { socket })
        })
    }

    /// Sends a frame, Ethernet header and all.
    ///
    /// # Errors
    /// The kernel refuses it: it's longer than the MTU allows, or the interface is down.
    pub fn send(&self, frame: &[u8]) -> Result<()> {
        let sent = send(self.socket.as_raw_fd(), frame, MsgFlags::empty())
            .with_context(|| format!("can't send a frame of {} bytes", frame.len()))?;
        ensure!(sent == frame.len(), "{sent} of {} bytes of a frame were sent", frame.len());
        Ok(())
    }
}

/// How often a frame is offered to a link whose queue is full.
const OFFERS: u32 = 1_000_000;

impl RawSender {
    /// Sends a frame as soon as there's room for it in the link's queue.
    ///
    /// # Errors
    /// As for [`Self::send`]; or there's no room for very long.
    pub fn send_in_turn(&self, frame: &[u8]) -> Result<()> {
        for _ in 0..OFFERS {
            match send(self.socket.as_raw_fd(), frame, MsgFlags::empty()) {
                Err(Errno::ENOBUFS) => thread::yield_now(),
                sent => {
                    sent.with_context(|| format!("can't send a frame of {} bytes", frame.len()))?;
                    return Ok(());
                }
            }
        }
        bail!("the link's queue stays full")
    }
}

/// The address of an interface, for packets of no protocol in particular.
fn link_address(interface: i32) -> Result<LinkAddr> {
    // SAFETY: the structure is made of integers only, of which zero is a value.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_ifindex = interface;
    let length = size_of::<libc::sockaddr_ll>() as u32;
    // SAFETY: the pointer is to a whole sockaddr_ll, as its family and the length say.
    unsafe { LinkAddr::from_raw((&raw const address).cast(), Some(length)) }
        .context("this is no link-layer address")
}
