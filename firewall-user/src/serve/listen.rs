//! Where connections are taken.

use std::{
    fmt, fs, io,
    net::{Ipv4Addr, SocketAddr},
    os::unix::{
        fs::{FileTypeExt as _, MetadataExt as _},
        net as unix,
    },
    path::{Path, PathBuf},
    str::FromStr,
};

use nix::sys::stat::{Mode, umask};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::Error;

/// The port, if no other is named: one of those of Prometheus's exporters.
pub const PORT: u16 = 9837;
/// What keeps everyone but the owner and the group from a socket's file.
const OTHERS: Mode = Mode::S_IXUSR.union(Mode::S_IXGRP).union(Mode::S_IRWXO);

/// An address to listen at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Listen {
    /// By TCP.
    Tcp(SocketAddr),
    /// By a socket in the filesystem.
    Unix(PathBuf),
}

impl Default for Listen {
    fn default() -> Self {
        Self::Tcp((Ipv4Addr::LOCALHOST, PORT).into())
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("unix:") {
            Some("") => Err("a path has to follow `unix:`".to_owned()),
            Some(path) => Ok(Self::Unix(path.into())),
            None => text.parse().map(Self::Tcp).map_err(|_| {
                format!("expected ADDRESS:PORT, such as 127.0.0.1:{PORT} or [::1]:{PORT}, or unix:PATH")
            }),
        }
    }
}

/// Where connections come in.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener, SocketAddr),
    Unix(UnixListener, SocketFile),
}

/// A connection that has come in.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A socket's file, removed on drop unless it's another's by then.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl Listener {
    /// Listens there. To be called while no other thread makes files: for a moment they would be closed to others.
    pub(super) fn bind(listen: &Listen) -> Result<Self, Error> {
        let failed = |problem| Error::Listen { address: listen.to_string(), problem };
        let bound = match listen {
            Listen::Tcp(address) => bind_tcp(*address).map_err(|error| problem(&error)),
            Listen::Unix(path) => bind_unix(path),
        };
        bound.map_err(failed)
    }

    /// Where, for people.
    pub(super) fn address(&self) -> String {
        match self {
            Self::Tcp(_, address) => format!("http://{address}/metrics"),
            Self::Unix(_, file) => format!("unix:{}, path /metrics", file.path.display()),
        }
    }

    /// Waits for a connection.
    pub(super) async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener, _) => listener.accept().await.map(|(stream, _)| Stream::Tcp(stream)),
            Self::Unix(listener, _) => listener.accept().await.map(|(stream, _)| Stream::Unix(stream)),
        }
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<Listener> {
    // Taken again at once by who follows, although connections of the last one aren't forgotten yet.
    let socket = match address {
        SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4()?,
        SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?;
    let address = listener.local_addr()?;
    Ok(Listener::Tcp(listener, address))
}

/// How many connections may wait to be taken.
const BACKLOG: u32 = 128;

fn problem(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program listens there, perhaps another `fragwall serve`: \
             end that one, or choose another address with `--listen`"
            .to_owned(),
        io::ErrorKind::AddrNotAvailable => {
            "this network namespace has no such address: choose another with `--listen`".to_owned()
        }
        _ => error.to_string(),
    }
}

fn bind_unix(path: &Path) -> Result<Listener, String> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error.to_string()),
        Ok(found) if !found.file_type().is_socket() => {
            return Err("something else than a socket is there, and was left alone".to_owned());
        }
        // Whoever listened there may have been killed.
        Ok(_) => match unix::UnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                fs::remove_file(path).map_err(|error| format!("removing what nobody listens at: {error}"))?;
            }
            // As many wait as can, for somebody.
            Ok(_) => return Err(problem(&io::ErrorKind::AddrInUse.into())),
            Err(error) => return Err(format!("looking whether somebody listens there: {error}")),
        },
    }
    let before = umask(OTHERS);
    let listener = UnixListener::bind(path);
    umask(before);
    let listener = listener.map_err(|error| problem(&error))?;
    let identity = identity(path).map_err(|error| error.to_string())?;
    Ok(Listener::Unix(listener, SocketFile { path: path.to_owned(), identity }))
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            // If it can't be removed, who comes next sees that nobody listens.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_written() {
        for text in ["127.0.0.1:9837", "[::1]:1", "0.0.0.0:65535", "unix:/run/fragwall.sock", "unix:here"] {
            assert_eq!(text.parse::<Listen>().map(|listen| listen.to_string()), Ok(text.to_owned()));
        }
        for text in
            ["", "9837", "localhost:9837", "::1:9837", "127.0.0.1", "127.0.0.1:65536", "unix:", "/run/x"]
        {
            assert!(text.parse::<Listen>().is_err(), "{text}");
        }
    }
}
