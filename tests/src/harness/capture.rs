//! A record of the IP packets that leave a network namespace.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, anyhow};
use nix::errno::Errno;
use nix::libc;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{
    AddressFamily, LinkAddr, SockFlag, SockProtocol, SockType, recvfrom, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use super::netns::Netns;

/// Holds any packet of an Ethernet link without its link header.
const LARGEST_PACKET: usize = 65_535;

/// Records what an interface sends, as it goes onto the link and so before any filter of the receiver.
///
/// What arrives isn't recorded, since a filter in the driver hides what it drops.
#[derive(Debug)]
pub struct Capture {
    stopping: Arc<AtomicBool>,
    reader: Option<JoinHandle<Result<Vec<Vec<u8>>>>>,
}

impl Capture {
    /// Begins to record.
    ///
    /// # Errors
    /// The interface doesn't exist, or the kernel refuses the packet socket.
    pub fn start(netns: &Netns, interface: &str) -> Result<Self> {
        let (socket, index) = netns.enter(|| {
            let index = if_nametoindex(interface)
                .with_context(|| format!("no interface {interface} in {}", netns.name()))?;
            let socket = socket(
                AddressFamily::Packet,
                SockType::Datagram,
                SockFlag::SOCK_CLOEXEC,
                SockProtocol::EthAll,
            )
            .context("can't open a packet socket")?;
            Ok((socket, usize::try_from(index)?))
        })?;
        setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::milliseconds(20))?;
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        let reader = thread::spawn(move || record(&socket, index, &stop));
        Ok(Self { stopping, reader: Some(reader) })
    }

    /// Ends the recording and gives the packets in the order they left, each from its IP header on.
    ///
    /// # Errors
    /// The socket failed meanwhile.
    pub fn stop(mut self) -> Result<Vec<Vec<u8>>> {
        self.join()
    }

    fn join(&mut self) -> Result<Vec<Vec<u8>>> {
        self.stopping.store(true, Ordering::Relaxed);
        let Some(reader) = self.reader.take() else {
            return Ok(Vec::new());
        };
        reader.join().map_err(|_| anyhow!("the capture's thread panicked"))?
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        // Only the end of the thread matters here.
        let _ = self.join();
    }
}

fn record(socket: &OwnedFd, interface: usize, stop: &AtomicBool) -> Result<Vec<Vec<u8>>> {
    let mut packets = Vec::new();
    let mut buffer = vec![0; LARGEST_PACKET];
    loop {
        match recvfrom::<LinkAddr>(socket.as_raw_fd(), &mut buffer) {
            Ok((length, Some(link))) if is_outgoing_ip(&link, interface) => {
                packets.push(buffer[..length].to_vec())
            }
            Ok(_) | Err(Errno::EINTR) => {}
            // Nothing is queued: the only time to stop, so that no packet is left in the socket.
            Err(Errno::EAGAIN) if stop.load(Ordering::Relaxed) => return Ok(packets),
            Err(Errno::EAGAIN) => {}
            Err(error) => return Err(error).context("can't read the packet socket"),
        }
    }
}

fn is_outgoing_ip(link: &LinkAddr, interface: usize) -> bool {
    let protocol = i32::from(u16::from_be(link.protocol()));
    link.pkttype() == libc::PACKET_OUTGOING
        && link.ifindex() == interface
        && (protocol == libc::ETH_P_IP || protocol == libc::ETH_P_IPV6)
}
