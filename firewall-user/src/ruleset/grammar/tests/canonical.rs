//! The one text that each rule has.

use super::canonical;

#[track_caller]
fn same(texts: &[(&str, &str)]) {
    for (text, wanted) in texts {
        assert_eq!(canonical(text), *wanted, "{text}");
        assert_eq!(canonical(wanted), *wanted);
    }
}

#[test]
fn protocols_and_ports() {
    same(&[
        ("allow @ike", "allow @ike"),
        ("ALLOW  @IKE ", "allow @ike"),
        ("reject udp", "reject udp"),
        ("allow udp 500,4500,8000-8100", "allow udp 500,4500,8000-8100"),
        ("allow udp 4500, 500", "allow udp 500,4500"),
        ("allow\tudp  500 ,\t4500", "allow udp 500,4500"),
        ("allow udp 500,500,499-501", "allow udp 499-501"),
        ("deny Udp isakmp,IPsec-NAT-t", "deny udp 500,4500"),
        ("deny tcp ssh-domain", "deny tcp 22-53"),
        ("deny tcp alt-http-9000", "deny tcp 8080-9000"),
        ("deny tcp 8000-alt-http", "deny tcp 8000-8080"),
        ("deny tcp 0022", "deny tcp 22"),
        ("deny tcp 1-65535", "deny tcp 1-65535"),
        ("allow 50", "allow esp"),
        ("allow 41", "allow sit"),
        ("allow 51", "allow ah"),
        ("allow 59", "allow ipv6-nonxt"),
        ("allow 135", "allow mobility-header"),
        ("allow 139", "allow hip"),
        ("allow 140", "allow shim6"),
        ("allow 255", "allow 255"),
        ("allow ipv6-icmp", "allow icmpv6"),
        ("allow 17 500", "allow udp 500"),
        ("deny udp", "deny udp"),
    ]);
}

#[test]
fn answers() {
    same(&[
        ("reject with port-unreachable udp", "reject udp"),
        ("REJECT With Admin-Prohibited udp 53", "reject with admin-prohibited udp 53"),
        ("reject with tcp-reset tcp 23 log", "reject with tcp-reset tcp 23 log"),
        ("reject with tcp-reset @ssh", "reject with tcp-reset @ssh"),
        ("reject with no-route from ::1", "reject with no-route any from ::1"),
        ("reject with host-prohibited on with", "reject with host-prohibited any on with"),
    ]);
    for (word, _) in crate::ruleset::answer::ANSWERS.iter().skip(1) {
        let text = format!("reject with {word} tcp");
        assert_eq!(canonical(&text), text);
    }
}

#[test]
fn families_and_everything() {
    same(&[
        ("deny any", "deny any"),
        ("deny IP4", "deny ip4"),
        ("deny ip6 udp 53", "deny ip6 udp 53"),
        ("deny ip6 icmpv6", "deny ip6 icmpv6"),
        ("deny from 192.0.2.1", "deny any from 192.0.2.1"),
        ("deny any on eth0", "deny any on eth0"),
        ("deny on eth0", "deny any on eth0"),
        ("deny to ::1", "deny any to ::1"),
        ("deny ip4 log", "deny ip4 log"),
    ]);
}

#[test]
fn types() {
    same(&[
        ("allow icmpv6 echo-request,packet-too-big", "allow icmpv6 packet-too-big,echo-request"),
        ("allow icmp 3/4", "allow icmp fragmentation-needed"),
        ("allow icmp destination-unreachable/4", "allow icmp fragmentation-needed"),
        ("allow icmp 3/4, 3, 8", "allow icmp destination-unreachable,echo-request"),
        ("allow icmp 3/200,200/0", "allow icmp destination-unreachable/200,200/0"),
        ("allow icmp PING", "allow icmp echo-request"),
        ("allow 58 nd-neighbor-solicit", "allow icmpv6 neighbour-solicitation"),
        ("allow icmpv6 neighbor-advertisement", "allow icmpv6 neighbour-advertisement"),
        ("allow ip4 icmp 255/255 from 192.0.2.1", "allow ip4 icmp 255/255 from 192.0.2.1"),
    ]);
}

#[test]
fn flags() {
    same(&[
        ("allow tcp 22 syn", "allow tcp 22 syn"),
        ("allow tcp SYN", "allow tcp syn"),
        ("allow tcp flags syn/syn,ack,rst,fin", "allow tcp syn"),
        ("allow tcp flags syn/fin,syn", "allow tcp flags syn/fin,syn"),
        ("allow tcp flags ack , syn", "allow tcp flags syn,ack"),
        ("allow tcp flags syn,ack/all", "allow tcp flags syn,ack/all"),
        ("deny tcp 1-1023 flags none/all", "deny tcp 1-1023 flags none/all"),
        ("deny tcp flags all", "deny tcp flags all"),
        ("deny tcp flags fin/fin log", "deny tcp flags fin log"),
    ]);
}

#[test]
fn addresses_and_interfaces() {
    same(&[
        (
            "allow tcp 22,8000-8100 from 2001:db8::/32, 192.0.2.0/24 log",
            "allow tcp 22,8000-8100 from 192.0.2.0/24,2001:db8::/32 log",
        ),
        ("deny udp 53 from 198.51.100.7/32", "deny udp 53 from 198.51.100.7"),
        ("deny udp from NOT 10.0.0.0/8,10.1.0.0/16", "deny udp from not 10.0.0.0/8"),
        ("deny udp from 2001:DB8:0:0::1/128", "deny udp from 2001:db8::1"),
        ("allow udp from port 53", "allow udp from port 53"),
        (
            "allow udp 1024-65535 from 192.0.2.53 port domain,853",
            "allow udp 1024-65535 from 192.0.2.53 port 53,853",
        ),
        ("allow tcp 22 syn from port 1024-65535", "allow tcp 22 syn from port 1024-65535"),
        ("allow @ike on eth0 to ::1 from ::2", "allow @ike from ::2 to ::1 on eth0"),
        ("allow tcp 22 to not 192.0.2.1,192.0.2.2", "allow tcp 22 to not 192.0.2.1,192.0.2.2"),
        ("allow tcp 22 on \"eth0\"", "allow tcp 22 on eth0"),
        ("allow tcp 22 on Eth0.1@x", "allow tcp 22 on Eth0.1@x"),
        (r#"allow tcp 22 on "a,\"é\\""#, r#"allow tcp 22 on "a,\"é\\""#),
        ("allow tcp 22 on \"eth+\"", "allow tcp 22 on \"eth+\""),
        ("allow tcp 22 on log log", "allow tcp 22 on log log"),
        ("deny @ping from 192.0.2.1,2001:db8::1", "deny @ping from 192.0.2.1,2001:db8::1"),
    ]);
}

#[test]
fn options() {
    same(&[
        ("deny udp log limit 10/s burst 5", "deny udp log limit 10/s"),
        ("deny udp limit 10/Minute per source log", "deny udp log limit 10/m per source"),
        ("deny udp limit 1/hour burst 277 per source", "deny udp limit 1/h burst 277 per source"),
        ("deny udp limit 007/second", "deny udp limit 7/s"),
        (r#"deny udp comment "a \"b\" \\ é, log" LOG"#, r#"deny udp log comment "a \"b\" \\ é, log""#),
        ("deny udp comment\"x\"log", "deny udp log comment \"x\""),
    ]);
    let long = format!("deny udp comment \"{}\"", "\\\\".repeat(255));
    assert_eq!(canonical(&long), long);
}
