//! The SSH session that a command is typed over.

use std::{
    fmt, fs,
    net::{IpAddr, SocketAddr},
};

use crate::ruleset::{
    Protocol,
    meaning::{Packet, Transport},
};

/// The variable that the SSH server tells it in: the client's address and port, then the server's (sshd(8)).
const VARIABLE: &str = "SSH_CONNECTION";

/// The flag of every segment but a connection's first.
const ACK: u8 = 0x10;

/// Both ends of an SSH session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Session {
    /// The end that is typed at.
    pub client: SocketAddr,
    /// This host's end.
    pub server: SocketAddr,
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.client, self.server)
    }
}

impl Session {
    /// The one of this process. Where the variable was taken out of its environment, as sudo(8) does, a process that started
    /// this one has it.
    pub(super) fn current() -> Option<Self> {
        if let Ok(value) = std::env::var(VARIABLE) {
            return Self::parse(&value);
        }
        // A loop among processes can't be; one of them may end meanwhile and its number be another's, though.
        const MOST: usize = 64;
        let mut process = parent("self")?;
        for _ in 0..MOST {
            if let Some(value) = variable_of(process) {
                return Self::parse(&value);
            }
            process = parent(&process.to_string()).filter(|&parent| parent > 1)?;
        }
        None
    }

    fn parse(value: &str) -> Option<Self> {
        let words: Vec<&str> = value.split_ascii_whitespace().collect();
        let &[client, client_port, server, server_port] = &words[..] else { return None };
        Some(Self { client: socket(client, client_port)?, server: socket(server, server_port)? })
    }

    /// A segment that comes in over it, on an interface.
    pub(super) fn packet(self, interface: &str) -> Packet {
        let Self { client, server } = self;
        Packet {
            source: client.ip(),
            destination: server.ip(),
            protocol: Protocol::TCP,
            transport: Transport::Ports {
                source: client.port(),
                destination: server.port(),
                flags: Some(ACK),
            },
            interface: interface.to_owned(),
        }
    }
}

/// An address and a port. An IPv4 address may be written as an IPv6 one (RFC 4291 section 2.5.5.2); a link-local address has
/// its interface behind it, which isn't in packets.
fn socket(address: &str, port: &str) -> Option<SocketAddr> {
    let address = address.split('%').next()?.parse::<IpAddr>().ok()?;
    Some(SocketAddr::new(address.to_canonical(), port.parse().ok()?))
}

/// The process that started another.
fn parent(process: &str) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

/// The variable of a process, if it has it and may be asked.
fn variable_of(process: u32) -> Option<String> {
    let environment = fs::read(format!("/proc/{process}/environ")).ok()?;
    let value = environment
        .split(|&byte| byte == 0)
        .find_map(|variable| variable.strip_prefix(VARIABLE.as_bytes())?.strip_prefix(b"="))?;
    String::from_utf8(value.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_is_understood() {
        let parse = |text: &str| Session::parse(text).map(|session| session.to_string());
        assert_eq!(
            parse("198.51.100.7 50022 192.0.2.1 22").as_deref(),
            Some("198.51.100.7:50022 to 192.0.2.1:22")
        );
        assert_eq!(
            parse("::ffff:198.51.100.7 50022 ::ffff:192.0.2.1 2222").as_deref(),
            Some("198.51.100.7:50022 to 192.0.2.1:2222")
        );
        assert_eq!(
            parse("fe80::1%eth0 50022 fe80::2%eth0 22").as_deref(),
            Some("[fe80::1]:50022 to [fe80::2]:22")
        );
        for wrong in ["", "UNKNOWN 65535 UNKNOWN 65535", "::1 1 ::2", "::1 1 ::2 65536", "::1 1 ::2 22 23"] {
            assert_eq!(Session::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn processes_tell_who_started_them() {
        assert_eq!(parent("self"), Some(std::os::unix::process::parent_id()));
        assert_eq!(parent("nobody"), None);
    }
}
