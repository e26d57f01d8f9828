//! The names that rules may use: the machine's own names of protocols and ports, `/etc/protocols` and `/etc/services`, and
//! services.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, OnceLock},
};

use super::{
    protocol::{PROTOCOL_NAMES, Protocol},
    services::{BUILT_IN, Service},
};

/// Port names that work even where `/etc/services` is missing, as in a container or an initramfs.
const PORT_NAMES: [(&str, Protocol, u16); 31] = [
    ("bgp", Protocol::TCP, 179),
    ("bootpc", Protocol::UDP, 68),
    ("bootps", Protocol::UDP, 67),
    ("dhcpv6-client", Protocol::UDP, 546),
    ("dhcpv6-server", Protocol::UDP, 547),
    ("domain", Protocol::TCP, 53),
    ("domain", Protocol::UDP, 53),
    ("domain-s", Protocol::TCP, 853),
    ("http", Protocol::TCP, 80),
    ("https", Protocol::TCP, 443),
    ("https", Protocol::UDP, 443),
    ("imaps", Protocol::TCP, 993),
    ("ipsec-nat-t", Protocol::UDP, 4500),
    ("isakmp", Protocol::UDP, 500),
    ("l2tp", Protocol::UDP, 1701),
    ("mdns", Protocol::UDP, 5353),
    ("mysql", Protocol::TCP, 3306),
    ("nfs", Protocol::TCP, 2049),
    ("ntp", Protocol::UDP, 123),
    ("openvpn", Protocol::UDP, 1194),
    ("postgresql", Protocol::TCP, 5432),
    ("radius", Protocol::UDP, 1812),
    ("radius-acct", Protocol::UDP, 1813),
    ("sip", Protocol::TCP, 5060),
    ("sip", Protocol::UDP, 5060),
    ("smtp", Protocol::TCP, 25),
    ("snmp", Protocol::UDP, 161),
    ("snmp-trap", Protocol::UDP, 162),
    ("ssh", Protocol::TCP, 22),
    ("syslog", Protocol::UDP, 514),
    ("tftp", Protocol::UDP, 69),
];

/// The names that rules may use for protocols, ports and services.
#[derive(Clone, Debug)]
pub struct Names {
    protocols: BTreeMap<String, Protocol>,
    ports: BTreeMap<String, Vec<(Protocol, u16)>>,
    /// Those that aren't built in.
    services: Vec<Arc<Service>>,
}

impl Names {
    /// This machine's names, read once.
    pub fn system() -> &'static Self {
        static NAMES: OnceLock<Names> = OnceLock::new();
        NAMES.get_or_init(|| Self::read(Path::new("/etc/protocols"), Path::new("/etc/services")))
    }

    /// The names in two files of the form of `/etc/protocols` and `/etc/services`, and the built-in ones. As in libc, a
    /// file that can't be read holds no names.
    pub fn read(protocols: &Path, services: &Path) -> Self {
        let text = |path| {
            fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
        };
        Self::parse(&text(protocols), &text(services))
    }

    /// The names in two texts of the form of `/etc/protocols` and `/etc/services`, and the built-in ones. As in libc, a
    /// malformed line is skipped, and the first of two lines with one name is meant.
    pub fn parse(protocols: &str, services: &str) -> Self {
        let mut names = Self { protocols: BTreeMap::new(), ports: BTreeMap::new(), services: Vec::new() };
        // The built-in names of protocols come first: rules are written back with them, so no file may bend them.
        for (name, number) in PROTOCOL_NAMES {
            names.protocols.insert(name.to_owned(), Protocol(number));
        }
        for (fields, number) in entries(protocols) {
            if let Ok(number) = number.parse() {
                for name in fields.filter(|name| !is_every_protocol(name)) {
                    names.protocols.entry(name).or_insert(Protocol(number));
                }
            }
        }
        for (fields, value) in entries(services) {
            let Some((port, protocol)) = value.split_once('/') else {
                continue;
            };
            let (Ok(port), Some(protocol)) = (port.parse(), names.protocol(protocol)) else {
                continue;
            };
            fields.for_each(|name| names.add_port(name, protocol, port));
        }
        for (name, protocol, port) in PORT_NAMES {
            names.add_port(name.to_owned(), protocol, port);
        }
        names
    }

    /// These names, and those of `services` beside the built-in ones.
    #[must_use]
    pub fn with_services(&self, services: &[Arc<Service>]) -> Self {
        Self { services: services.to_vec(), ..self.clone() }
    }

    fn add_port(&mut self, name: String, protocol: Protocol, port: u16) {
        let known = self.ports.entry(name).or_default();
        // Port 0 is no port that a rule may name.
        if port != 0 && protocol.has_ports() && !known.iter().any(|&(other, _)| other == protocol) {
            known.push((protocol, port));
        }
    }

    /// The protocol called `name`, in upper or lower case.
    pub fn protocol(&self, name: &str) -> Option<Protocol> {
        self.protocols.get(&name.to_ascii_lowercase()).copied()
    }

    /// The port of `protocol` called `name`, in upper or lower case. UDP-Lite's ports are UDP's (RFC 3828 section 3).
    pub fn port(&self, protocol: Protocol, name: &str) -> Option<u16> {
        let known = self.ports.get(&name.to_ascii_lowercase())?;
        let of = |wanted| known.iter().find(|&&(other, _)| other == wanted).map(|&(_, port)| port);
        of(protocol).or_else(|| if protocol == Protocol::UDPLITE { of(Protocol::UDP) } else { None })
    }

    /// The service called `name` (without the `@`), in upper or lower case.
    pub fn service(&self, name: &str) -> Option<Arc<Service>> {
        self.services().find(|service| service.name().eq_ignore_ascii_case(name)).cloned()
    }

    /// All services, the built-in ones first.
    pub fn services(&self) -> impl Iterator<Item = &Arc<Service>> {
        BUILT_IN.iter().map(|(service, _)| service).chain(&self.services)
    }

    /// A protocol that knows a port called `name`, and that port.
    pub(super) fn port_of_any(&self, name: &str) -> Option<(Protocol, u16)> {
        self.ports.get(&name.to_ascii_lowercase())?.first().copied()
    }

    /// The names of all protocols that a rule may name.
    pub(super) fn protocols(&self) -> impl Iterator<Item = &str> {
        let nameable = self.protocols.iter().filter(|(_, protocol)| !protocol.is_followed());
        nameable.map(|(name, _)| name.as_str())
    }

    /// The names of the ports of `protocol`.
    pub(super) fn ports(&self, protocol: Protocol) -> impl Iterator<Item = &str> {
        self.ports.keys().map(String::as_str).filter(move |name| self.port(protocol, name).is_some())
    }
}

/// Whether a word means "any protocol", or any of an IP version. `/etc/protocols` calls number 0 `ip` and number 41 `ipv6`,
/// which isn't what anybody who writes `allow ip` means.
pub(super) fn is_every_protocol(word: &str) -> bool {
    ["all", "any", "inet", "inet6", "ip", "ip4", "ip6", "ipv4", "ipv6"]
        .iter()
        .any(|every| every.eq_ignore_ascii_case(word))
}

/// The lines `name value alias…  # comment`: the names (lower case), and the value.
fn entries(text: &str) -> impl Iterator<Item = (impl Iterator<Item = String>, &str)> {
    text.lines().filter_map(|line| {
        let mut fields = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
        let (name, value) = (fields.next()?, fields.next()?);
        Some((std::iter::once(name).chain(fields).map(str::to_ascii_lowercase), value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_work_without_the_files() {
        let missing = Path::new("/nonexistent/names");
        let names = Names::read(missing, missing);
        for (name, protocol, port) in PORT_NAMES {
            assert_eq!(names.port(protocol, name), Some(port), "{name}");
        }
        assert_eq!(names.protocol("udp"), Some(Protocol::UDP));
        assert_eq!(names.port(Protocol::UDP, "ssh"), None);
        assert_eq!(names.port_of_any("ssh"), Some((Protocol::TCP, 22)));
    }

    #[test]
    fn the_files_are_read_with_aliases_and_comments() {
        let folder = tempfile::tempdir().unwrap();
        let (protocols, services) = (folder.path().join("protocols"), folder.path().join("services"));
        fs::write(&protocols, b"# words\nxtp\t36 XTP Xpress # a comment \xe9\n").unwrap();
        fs::write(&services, b"# caf\xe9\nfoo 7000/tcp bar # b\xe4z\nfoo 7001/udp\n").unwrap();
        let names = Names::read(&protocols, &services);
        assert_eq!(names.protocol("xpress"), Some(Protocol(36)));
        assert_eq!(names.protocol("a"), None);
        assert_eq!(names.port(Protocol::TCP, "BAR"), Some(7000));
        assert_eq!(names.port(Protocol::UDP, "foo"), Some(7001));
        assert_eq!(names.port(Protocol::UDP, "bar"), None);
        assert!(names.ports(Protocol::TCP).any(|name| name == "bar"));
        assert!(!names.ports(Protocol::UDP).any(|name| name == "bar"));
    }

    #[test]
    fn a_malformed_line_is_skipped_and_the_first_line_wins() {
        let names = Names::parse(
            "lonely\nbig 256\nword x\nneg -1\nfine 200\n",
            "lonely\na 70000/tcp\nb 80\nc x/tcp\nd 0/tcp\ne 9/nonesuch\nf 10/tcp\nf 11/tcp\ng 12/esp\nssh 2222/tcp\n",
        );
        for name in ["lonely", "big", "word", "neg"] {
            assert_eq!(names.protocol(name), None, "{name}");
        }
        assert_eq!(names.protocol("fine"), Some(Protocol(200)));
        for name in ["lonely", "a", "b", "c", "d", "e", "g"] {
            assert_eq!(names.port_of_any(name), None, "{name}");
        }
        assert_eq!(names.port(Protocol::TCP, "f"), Some(10));
        assert_eq!(names.port(Protocol::TCP, "ssh"), Some(2222), "the file wins over the built-in port");
    }

    #[test]
    fn no_file_bends_a_built_in_protocol_or_names_them_all() {
        let names = Names::parse("udp 99\nip 0 IP\nipip 94 IPIP\n", "");
        assert_eq!(names.protocol("udp"), Some(Protocol::UDP));
        assert_eq!(names.protocol("ipip"), Some(Protocol(4)));
        assert_eq!(names.protocol("ip"), None);
    }

    #[test]
    fn udp_lite_has_the_ports_of_udp() {
        let names = Names::parse("", "own 9/udplite\n");
        assert_eq!(names.port(Protocol::UDPLITE, "isakmp"), Some(500));
        assert_eq!(names.port(Protocol::UDPLITE, "own"), Some(9));
        assert_eq!(names.port(Protocol::UDP, "own"), None);
    }
}
