//! UDP sockets in a namespace, and what arrives at them.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::host::Host;
use super::netns::Netns;

/// How often it's tried to bind a socket whose port is taken, and how long after the last time.
const TRIES: usize = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// A socket in a namespace, bound to a port of every address of `like`'s family; port 0 is any.
///
/// # Errors
/// The port is taken.
pub fn socket(netns: &Netns, like: IpAddr, port: u16) -> Result<UdpSocket> {
    let any = match like {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    netns.enter(|| {
        // A command that another thread starts at this moment has a copy of every socket until it's executed, also of one that
        // was just closed here.
        let mut bound = UdpSocket::bind(SocketAddr::new(any, port));
        for _ in 0..TRIES {
            match &bound {
                Err(error) if error.kind() == ErrorKind::AddrInUse => thread::sleep(PAUSE),
                _ => break,
            }
            bound = UdpSocket::bind(SocketAddr::new(any, port));
        }
        bound.with_context(|| format!("can't bind UDP port {port} in {}", netns.name()))
    })
}

/// The next datagram that arrives within `limit`.
///
/// # Errors
/// The socket fails.
pub fn receive(socket: &UdpSocket, limit: Duration) -> Result<Option<Vec<u8>>> {
    socket.set_read_timeout(Some(limit))?;
    read(socket)
}

/// What has arrived and wasn't read yet.
///
/// # Errors
/// The socket fails.
pub fn pending(socket: &UdpSocket) -> Result<Vec<Vec<u8>>> {
    socket.set_nonblocking(true)?;
    let mut datagrams = Vec::new();
    while let Some(datagram) = read(socket)? {
        datagrams.push(datagram);
    }
    socket.set_nonblocking(false)?;
    Ok(datagrams)
}

/// Far longer than a datagram takes, in a virtual machine, too; only a lost one is waited for as long.
const LIMIT: Duration = Duration::from_secs(60);

/// Sends datagrams of some sizes to a port of a host's that is denied, and then to one that is allowed: once the latter has arrived, so
/// would have the former.
///
/// # Errors
/// Something arrives at the denied port, or not all of it at the allowed one.
pub fn only_the_allowed_is_reached(
    host: &Host,
    to: IpAddr,
    [allowed, denied]: [u16; 2],
    sizes: &[usize],
) -> Result<()> {
    let sender = socket(&host.neighbour, to, 0)?;
    let [at_allowed, at_denied] = [socket(&host.netns, to, allowed)?, socket(&host.netns, to, denied)?];
    for &size in sizes {
        for port in [denied, allowed] {
            sender.send_to(&vec![1; size], SocketAddr::new(to, port))?;
        }
        let arrived = receive(&at_allowed, LIMIT)?.map(|datagram| datagram.len());
        ensure!(
            arrived == Some(size),
            "{to}: {arrived:?} instead of {size} bytes arrive at the allowed port"
        );
        let others = pending(&at_denied)?.len();
        ensure!(others == 0, "{to}: {others} datagrams arrive at the denied port");
    }
    Ok(())
}

fn read(socket: &UdpSocket) -> Result<Option<Vec<u8>>> {
    let mut buffer = vec![0; 65_535];
    loop {
        match socket.recv(&mut buffer) {
            Ok(length) => {
                buffer.truncate(length);
                return Ok(Some(buffer));
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Ok(None);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("can't receive"),
        }
    }
}
