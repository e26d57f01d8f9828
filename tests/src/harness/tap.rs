//! A tap interface, held as a virtual machine's host would hold it: what is written to it comes in by the interface.

use std::fs::{File, OpenOptions};
use std::io::{Error, Write as _};
use std::mem::zeroed;
use std::os::fd::AsRawFd as _;

use anyhow::{Context as _, Result, ensure};
use nix::libc;

use super::netns::Netns;

/// Where taps are held.
const PATH: &str = "/dev/net/tun";

/// A tap, which is there as long as this.
#[derive(Debug)]
pub struct Tap(File);

impl Tap {
    /// Makes one of that name in a namespace.
    ///
    /// # Errors
    /// The name is taken or too long, or the kernel has no taps.
    pub fn new(netns: &Netns, name: &str) -> Result<Self> {
        ensure!(name.len() < libc::IFNAMSIZ, "{name} is too long for an interface's name");
        netns.enter(|| {
            let file = OpenOptions::new().read(true).write(true).open(PATH).context(PATH)?;
            // SAFETY: integers, of which any bits are a value.
            let mut request: libc::ifreq = unsafe { zeroed() };
            for (to, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
                *to = byte as libc::c_char;
            }
            request.ifr_ifru.ifru_flags = (libc::IFF_TAP | libc::IFF_NO_PI) as libc::c_short;
            // SAFETY: the request is one of the kind that this call takes, and outlives it.
            let made = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
            ensure!(made == 0, "can't make the tap {name}: {}", Error::last_os_error());
            Ok(Self(file))
        })
    }

    /// Has a frame come in by it, Ethernet header and all.
    ///
    /// # Errors
    /// The kernel doesn't take it: the interface is down, say.
    pub fn send(&mut self, frame: &[u8]) -> Result<()> {
        let written = self.0.write(frame).context("writing a frame to a tap")?;
        ensure!(written == frame.len(), "{written} of {} bytes of a frame were taken", frame.len());
        Ok(())
    }
}
