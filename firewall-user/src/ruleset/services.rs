//! Services: names for everything that something needs, where one protocol and one list of ports isn't enough, or
//! isn't what anybody remembers.

use super::{Term, ports::PortRange, protocol::Protocol};

/// What `@name` in a rule stands for. A rule with a service is one rule, however many protocols it matches.
#[derive(Debug)]
pub struct Service {
    /// The name, without the `@`.
    pub name: &'static str,
    /// What it is for, in a few words.
    pub purpose: &'static str,
    terms: &'static [Term<'static>],
}

impl Service {
    /// What it matches: packets that fit any of these.
    pub const fn terms(&self) -> &'static [Term<'static>] {
        self.terms
    }

    /// The service called `name` (without the `@`), in upper or lower case.
    pub fn named(name: &str) -> Option<&'static Self> {
        SERVICES.iter().find(|service| service.name.eq_ignore_ascii_case(name))
    }
}

// A service's name is its identity.
impl PartialEq for Service {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Service {}

impl std::hash::Hash for Service {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// One port.
const fn port(port: u16) -> PortRange {
    range(port, port)
}

const fn range(first: u16, last: u16) -> PortRange {
    match PortRange::new(first, last) {
        Some(range) => range,
        None => panic!("a service's ports begin at 1 and don't run backwards"),
    }
}

const fn tcp(ports: &'static [PortRange]) -> Term<'static> {
    Term { protocol: Protocol::TCP, ports: Some(ports) }
}

const fn udp(ports: &'static [PortRange]) -> Term<'static> {
    Term { protocol: Protocol::UDP, ports: Some(ports) }
}

const fn whole(protocol: u8) -> Term<'static> {
    Term { protocol: Protocol(protocol), ports: None }
}

const fn service(name: &'static str, purpose: &'static str, terms: &'static [Term<'static>]) -> Service {
    Service { name, purpose, terms }
}

/// Every service, by name.
pub static SERVICES: [Service; 37] = [
    service("bfd", "bidirectional forwarding detection", &[udp(&[range(3784, 3785), port(4784)])]),
    service("bgp", "routing between networks", &[tcp(&[port(179)])]),
    service("dhcp-client", "replies to a DHCP client", &[udp(&[port(68)])]),
    service("dhcp-server", "requests to a DHCP server", &[udp(&[port(67)])]),
    service("dhcpv6-client", "replies to a DHCPv6 client", &[udp(&[port(546)])]),
    service("dhcpv6-server", "requests to a DHCPv6 server", &[udp(&[port(547)])]),
    service("dns", "name server", &[udp(&[port(53)]), tcp(&[port(53)])]),
    service("dns-tls", "name server over TLS, DTLS and QUIC", &[udp(&[port(853)]), tcp(&[port(853)])]),
    service("geneve", "Geneve tunnels", &[udp(&[port(6081)])]),
    service("http", "web server", &[tcp(&[port(80)])]),
    service("https", "web server over TLS and QUIC", &[tcp(&[port(443)]), udp(&[port(443)])]),
    service("ike", "IPsec: key exchange, NAT traversal and ESP", &[udp(&[port(500), port(4500)]), whole(50)]),
    service("imap", "mailbox server", &[tcp(&[port(143), port(993)])]),
    service("kerberos", "Kerberos authentication", &[udp(&[port(88)]), tcp(&[port(88)])]),
    service("l2tp", "L2TP tunnels, over UDP and bare", &[udp(&[port(1701)]), whole(115)]),
    service("ldap", "directory server", &[tcp(&[port(389), port(636)])]),
    service("mdns", "names on the link", &[udp(&[port(5353)])]),
    service("mysql", "MySQL or MariaDB server", &[tcp(&[port(3306)])]),
    service("nfs", "network file system, version 4", &[tcp(&[port(2049)])]),
    service("ntp", "time server", &[udp(&[port(123)])]),
    service("openvpn", "OpenVPN server", &[udp(&[port(1194)]), tcp(&[port(1194)])]),
    service("ospf", "routing inside a network", &[whole(89)]),
    service("postgresql", "PostgreSQL server", &[tcp(&[port(5432)])]),
    service("radius", "RADIUS authentication and accounting", &[udp(&[range(1812, 1813)])]),
    service("rdp", "remote desktop server", &[tcp(&[port(3389)]), udp(&[port(3389)])]),
    service("sip", "telephony signalling", &[udp(&[port(5060)]), tcp(&[range(5060, 5061)])]),
    service("smb", "Windows file server", &[tcp(&[port(445)])]),
    service("smtp", "mail from other servers", &[tcp(&[port(25)])]),
    service("snmp", "queries to an SNMP agent", &[udp(&[port(161)])]),
    service("snmp-trap", "notifications to an SNMP manager", &[udp(&[port(162)])]),
    service("ssh", "remote shell", &[tcp(&[port(22)])]),
    service("submission", "mail from users", &[tcp(&[port(465), port(587)])]),
    service(
        "syslog",
        "log messages from other hosts, over UDP and TLS",
        &[udp(&[port(514)]), tcp(&[port(6514)])],
    ),
    service("tftp", "requests to a TFTP server", &[udp(&[port(69)])]),
    service("vrrp", "router redundancy", &[whole(112)]),
    service("vxlan", "VXLAN tunnels", &[udp(&[port(4789)])]),
    service("wireguard", "WireGuard, on its usual port", &[udp(&[port(51820)])]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_sorted_and_named_in_lower_case() {
        for pair in SERVICES.windows(2) {
            assert!(pair[0].name < pair[1].name, "{}", pair[1].name);
        }
        for service in &SERVICES {
            assert_eq!(service.name, service.name.to_ascii_lowercase());
            assert_eq!(Service::named(&service.name.to_uppercase()), Some(service));
        }
    }

    #[test]
    fn a_service_names_a_protocol_once_and_ports_only_where_there_are_any() {
        for service in &SERVICES {
            assert!(!service.terms.is_empty(), "{}", service.name);
            for (n, term) in service.terms.iter().enumerate() {
                assert!(
                    !service.terms[..n].iter().any(|earlier| earlier.protocol == term.protocol),
                    "{}",
                    service.name
                );
                assert!(!term.protocol.is_followed(), "{}", service.name);
                assert_eq!(term.ports.is_some(), term.protocol.has_ports(), "{}", service.name);
                for pair in term.spans().windows(2) {
                    assert!(pair[0].last() < pair[1].first(), "{}", service.name);
                }
            }
        }
    }

    #[test]
    fn ike_is_what_ipsec_needs() {
        let terms: Vec<String> = Service::named("ike").unwrap().terms().iter().map(Term::to_string).collect();
        assert_eq!(terms, ["udp 500,4500", "esp"]);
    }
}
