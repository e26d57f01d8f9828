//! Being told when interfaces come, go or are renamed.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
};

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use nix::libc;

use super::Error;

/// What the kernel tells of the interfaces of a network namespace (rtnetlink's group `RTNLGRP_LINK`). What exactly has happened isn't
/// read: messages may be lost when many come at once, so whoever is told looks at the interfaces that there are.
#[derive(Debug)]
pub struct LinkEvents(Socket);

impl LinkEvents {
    /// Of the current network namespace, from now on.
    ///
    /// # Errors
    /// Netlink fails.
    pub fn new() -> Result<Self, Error> {
        let open = || {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            socket.bind(&SocketAddr::new(0, libc::RTMGRP_LINK as u32))?;
            socket.set_non_blocking(true)?;
            Ok::<_, io::Error>(socket)
        };
        open()
            .map(Self)
            .map_err(|error| Error::os("asking the kernel to tell of interfaces (netlink)", error))
    }

    /// Takes all that it has told; whether there was anything.
    ///
    /// # Errors
    /// Netlink fails.
    pub fn drain(&self) -> io::Result<bool> {
        let mut any = false;
        // Of what doesn't fit the rest is dropped, which nobody reads.
        let mut buffer = [0_u8; 4096];
        loop {
            match self.0.recv(&mut &mut buffer[..], 0) {
                Ok(_) => any = true,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(any),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Some were lost, which is something to be told, too.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => any = true,
                Err(error) => return Err(error),
            }
        }
    }
}

/// Readable when there's something to be told.
impl AsFd for LinkEvents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for LinkEvents {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
