//! Services: names for everything that something needs, where one protocol and one list of ports isn't enough, or
//! isn't what anybody remembers.

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use super::{Names, term::Term};

/// What `@name` in a rule stands for. A rule with a service is one rule, however many kinds of packets it matches.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Service {
    name: String,
    terms: Vec<Term>,
}

impl Service {
    /// A service of that name, without the `@` and in lower case, that needs packets that fit any of `terms`.
    pub fn new(name: &str, terms: Vec<Term>) -> Self {
        Self { name: name.to_ascii_lowercase(), terms }
    }

    /// The name, without the `@`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it matches: packets that fit any of these.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }
}

impl fmt::Display for Service {
    /// What it stands for: `udp 500,4500; esp`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, term) in self.terms.iter().enumerate() {
            write!(f, "{}{term}", if n == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

/// Every service that is there without anybody's doing, by name, with what it is for.
pub static BUILT_IN: LazyLock<Vec<(Arc<Service>, &'static str)>> = LazyLock::new(|| {
    let names = Names::parse("", "");
    let parsed = TEXTS.iter().map(|&(name, purpose, terms)| {
        let terms = terms.iter().map(|text| Term::parse(text, &names).expect("a test parses them all"));
        (Arc::new(Service::new(name, terms.collect())), purpose)
    });
    parsed.collect()
});

/// The name, without the `@`; what it is for, in a few words; what it stands for.
const TEXTS: [(&str, &str, &[&str]); 48] = [
    ("bfd", "bidirectional forwarding detection", &["udp 3784-3785,4784"]),
    ("bgp", "routing between networks", &["tcp 179"]),
    ("dhcp-client", "replies to a DHCP client", &["ip4 udp 68"]),
    ("dhcp-server", "requests to a DHCP server", &["ip4 udp 67"]),
    ("dhcpv6-client", "replies to a DHCPv6 client", &["ip6 udp 546"]),
    ("dhcpv6-server", "requests to a DHCPv6 server", &["ip6 udp 547"]),
    ("dns", "name server", &["udp 53", "tcp 53"]),
    ("dns-tls", "name server over TLS, DTLS and QUIC", &["udp 853", "tcp 853"]),
    ("geneve", "Geneve tunnels", &["udp 6081"]),
    ("http", "web server", &["tcp 80"]),
    ("https", "web server over TLS and QUIC", &["tcp 443", "udp 443"]),
    (
        "icmp-errors",
        "ICMP errors about what this host sent",
        &[
            "icmp destination-unreachable,time-exceeded,parameter-problem",
            "icmpv6 destination-unreachable,packet-too-big,time-exceeded,parameter-problem",
        ],
    ),
    ("ike", "IPsec: key exchange, NAT traversal and ESP", &["udp 500,4500", "esp"]),
    ("imap", "mailbox server", &["tcp 143,993"]),
    ("ipp", "printing", &["udp 631", "tcp 631"]),
    ("kerberos", "Kerberos authentication", &["udp 88", "tcp 88"]),
    ("l2tp", "L2TP tunnels, over UDP and bare", &["udp 1701", "l2tp"]),
    ("ldap", "directory server", &["tcp 389,636"]),
    ("llmnr", "names on the link, of Windows", &["udp 5355", "tcp 5355"]),
    ("mdns", "names on the link", &["udp 5353"]),
    ("mqtt", "message broker, bare and over TLS", &["tcp 1883,8883"]),
    ("mysql", "MySQL or MariaDB server", &["tcp 3306"]),
    ("nfs", "network file system, version 4", &["tcp 2049"]),
    ("ntp", "time server", &["udp 123"]),
    ("openvpn", "OpenVPN server", &["udp 1194", "tcp 1194"]),
    ("ospf", "routing inside a network", &["ospf"]),
    ("ping", "echo requests, of IPv4 and IPv6", &["icmp echo-request", "icmpv6 echo-request"]),
    ("pop3", "mailbox server", &["tcp 110,995"]),
    ("postgresql", "PostgreSQL server", &["tcp 5432"]),
    ("radius", "RADIUS authentication and accounting", &["udp 1812-1813"]),
    ("rdp", "remote desktop server", &["tcp 3389", "udp 3389"]),
    ("rsync", "rsync server", &["tcp 873"]),
    ("sip", "telephony signalling", &["udp 5060", "tcp 5060-5061"]),
    ("smb", "Windows file server", &["tcp 445"]),
    ("smtp", "mail from other servers", &["tcp 25"]),
    ("snmp", "queries to an SNMP agent", &["udp 161"]),
    ("snmp-trap", "notifications to an SNMP manager", &["udp 162"]),
    ("ssdp", "discovery of devices on the link", &["udp 1900"]),
    ("ssh", "remote shell", &["tcp 22"]),
    ("stun", "STUN and TURN server", &["udp 3478,5349", "tcp 3478,5349"]),
    ("submission", "mail from users", &["tcp 465,587"]),
    ("syslog", "log messages from other hosts, over UDP and TLS", &["udp 514", "tcp 6514"]),
    ("tftp", "requests to a TFTP server", &["udp 69"]),
    ("traceroute", "probes of traceroute, answered from closed ports", &["udp 33434-33534"]),
    ("vrrp", "router redundancy", &["vrrp"]),
    ("vxlan", "VXLAN tunnels", &["udp 4789"]),
    ("wireguard", "WireGuard, on its usual port", &["udp 51820"]),
    ("xmpp", "messaging server", &["tcp 5222-5223,5269"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_sorted_and_named_in_lower_case() {
        for pair in TEXTS.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{}", pair[1].0);
        }
        let names = Names::parse("", "");
        for (service, _) in BUILT_IN.iter() {
            assert_eq!(service.name, service.name.to_ascii_lowercase());
            assert_eq!(names.service(&service.name.to_uppercase()).as_ref(), Some(service));
        }
    }

    #[test]
    fn a_service_names_a_protocol_once_in_canonical_text_and_ports_where_there_are_any() {
        for (service, (_, _, texts)) in BUILT_IN.iter().map(|(service, _)| service).zip(TEXTS) {
            assert!(!service.terms.is_empty(), "{}", service.name);
            for (n, term) in service.terms.iter().enumerate() {
                let protocol = term.protocol.expect("a service names protocols");
                let again =
                    |earlier: &Term| earlier.protocol == term.protocol && earlier.family == term.family;
                assert!(!service.terms[..n].iter().any(again), "{}", service.name);
                assert_eq!(term.ports.is_some(), protocol.has_ports(), "{}", service.name);
                assert_eq!(term.to_string(), texts[n], "{}", service.name);
            }
        }
    }

    #[test]
    fn ike_is_what_ipsec_needs() {
        assert_eq!(Names::parse("", "").service("ike").unwrap().to_string(), "udp 500,4500; esp");
    }
}
