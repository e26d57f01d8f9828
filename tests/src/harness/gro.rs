//! Generic receive offload, which makes a veth take frames that an XDP program on its peer sends it, without one of its own
//! (Linux 5.13).

use std::io;
use std::os::fd::AsRawFd as _;

use anyhow::{Context as _, Result, ensure};
use nix::{
    libc,
    sys::socket::{AddressFamily, SockFlag, SockType, socket},
};

use super::netns::Netns;

/// linux/ethtool.h.
const ETHTOOL_SGRO: u32 = 0x2c;

/// `struct ethtool_value`.
#[repr(C)]
struct Value {
    command: u32,
    data: u32,
}

/// Turns it on for an interface.
///
/// # Errors
/// There's no such interface, or it can't.
pub fn enable(netns: &Netns, interface: &str) -> Result<()> {
    set(netns, interface, true)
}

/// Turns it on or off for an interface.
///
/// # Errors
/// As [`enable`].
pub fn set(netns: &Netns, interface: &str, on: bool) -> Result<()> {
    netns.enter(|| {
        let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
        let mut value = Value { command: ETHTOOL_SGRO, data: on.into() };
        // SAFETY: integers, arrays of them and a pointer: all zeros is a value.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        ensure!(interface.len() < request.ifr_name.len(), "the name {interface:?} is too long");
        for (place, byte) in request.ifr_name.iter_mut().zip(interface.bytes()) {
            *place = byte as libc::c_char;
        }
        request.ifr_ifru.ifru_data = (&raw mut value).cast();
        // SAFETY: the request names an interface, ended by a zero, and points to a value that outlives the call.
        let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) };
        if result < 0 {
            return Err(io::Error::last_os_error())
                .with_context(|| format!("turning receive offload of {interface} on or off"));
        }
        Ok(())
    })
}
