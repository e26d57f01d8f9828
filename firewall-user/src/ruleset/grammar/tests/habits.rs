//! What people write who know other tools.

use super::refused;

#[test]
fn actions_have_their_names_here() {
    refused("accept udp 500", "accept", "did you mean `allow`?");
    refused("drop udp 500", "drop", "did you mean `deny`?");
    refused("udp 500", "udp", "did you mean `allow udp`?");
    refused("@ike", "@ike", "did you mean `allow @ike`?");
    refused("allow udp 53 accept", "accept", "a rule begins with what it does");
    refused("deny tcp -j DROP", "-j", "a rule begins with what it does");
    refused("deny @ike reject", "reject", "a rule begins with what it does");
}

#[test]
fn protocols_and_ports_stand_by_themselves() {
    refused("allow proto udp", "proto", "a protocol stands by itself");
    refused("allow -p udp --dport 53", "-p", "a protocol stands by itself");
    refused("allow dport 53", "dport", "right behind their protocol");
    refused("allow port 53", "port", "right behind their protocol");
    refused("allow udp dport 53", "dport", "as in `udp 53`");
    refused("allow udp --dport 53", "--dport", "as in `udp 53`");
    refused("allow udp port 53", "port", "as in `udp 53`");
    refused("allow udp sport 53", "sport", "`udp from port 53`");
    refused("allow tcp 22 to 192.0.2.1 port 22", "port", "`tcp 22 to 192.0.2.1`");
    refused("allow to port 22", "port", "`tcp 22 to 192.0.2.1`");
    refused("allow icmp type 8", "type", "right behind their protocol");
    refused("allow icmpv6 --icmpv6-type 128", "--icmpv6-type", "right behind their protocol");
    refused("allow tcp 22 tcp-flags syn", "tcp-flags", "`tcp syn`");
    refused("allow udp/500", "udp/500", "did you mean `udp 500`?");
    refused("allow 500/udp", "500/udp", "did you mean `udp 500`?");
    refused("allow 6000:6007/tcp", "6000:6007/tcp", "did you mean `tcp 6000-6007`?");
    refused("allow ike", "ike", "did you mean `@ike`?");
    refused("allow isakmp", "isakmp", "did you mean `udp isakmp`?");
    refused("allow tcp 8000:8100", "8000:8100", "did you mean `8000-8100`?");
    refused("allow 500", "500", "as in `udp 500`");
    refused("allow 70000", "70000", "as in `udp 500`");
    refused("allow tcp any", "any", "left out");
}

#[test]
fn families_are_no_protocols() {
    refused("allow ip", "ip", "every packet is `any`");
    refused("deny ALL", "ALL", "every packet is `any`");
    refused("allow ipv6", "ipv6", "`ip6`");
    refused("allow ipv6 tcp 22", "ipv6", "`sit`");
    refused("allow inet6", "inet6", "`ip6`");
    refused("allow ipv4", "ipv4", "`ip4`");
    refused("allow inet tcp 22", "inet", "`ipip`");
    refused("allow ip4 any", "any", "is no protocol");
    refused("allow ip4 ip6", "ip6", "is no protocol");
    refused("allow any udp 53", "udp", "stands without it");
    refused("allow any @ike", "@ike", "stands without it");
    refused("allow ip6 @ike", "@ike", "brings its own IP versions");
}

#[test]
fn interfaces_and_directions() {
    refused("allow in on eth0", "in", "as in `on eth0`");
    refused("allow tcp 22 in on eth0", "22 in".split(' ').next_back().unwrap(), "as in `on eth0`");
    refused("allow tcp 22 iifname eth0", "iifname", "as in `on eth0`");
    refused("allow tcp -i eth0", "-i", "as in `on eth0`");
    refused("allow out udp", "out", "only what comes in");
    refused("allow tcp 22 on eth+", "eth+", "named in full");
    refused("allow tcp 22 on eth0,eth1", ",", "names one interface");
}

#[test]
fn addresses_have_words_before_them() {
    refused("deny 198.51.100.7", "198.51.100.7", "did you mean `from 198.51.100.7`?");
    refused("deny 2001:db8::/32", "2001:db8::/32", "did you mean `from 2001:db8::/32`?");
    refused("allow tcp 22 saddr 192.0.2.1", "saddr", "behind `from`");
    refused("allow tcp 22 -d 192.0.2.1", "-d", "behind `to`");
    refused("allow tcp 192.0.2.1", "192.0.2.1", "did you mean `from 192.0.2.1`?");
    refused("allow tcp 22 from any", "any", "needs no saying");
    refused("allow tcp 22 to ANY", "ANY", "needs no saying");
    refused("allow tcp 22 from 0.0.0.0/0", "0.0.0.0/0", "begin with `ip4`");
    refused("allow tcp 22 from ::/0", "::/0", "begin with `ip6`");
    refused("allow tcp 22 from not ::/0", "::/0", "every IPv6 address");
    refused("allow tcp 22 from !192.0.2.1", "!192.0.2.1", "did you mean `not 192.0.2.1`?");
    refused("allow tcp 22 not from 192.0.2.1", "not", "`from not 192.0.2.0/24`");
    refused("allow tcp 22 ! from 192.0.2.1", "!", "`from not 192.0.2.0/24`");
    refused("allow tcp 22 from ! 192.0.2.1", "!", "did you mean `not`?");
    refused("allow tcp from [2001:db8::1]", "[2001:db8::1]", "did you mean `2001:db8::1`?");
    refused(
        "allow tcp from 192.0.2.0/255.255.255.0",
        "192.0.2.0/255.255.255.0",
        "did you mean `192.0.2.0/24`?",
    );
    refused("allow tcp from 192.0.2.1-192.0.2.9", "192.0.2.1-192.0.2.9", "is a range");
    refused("allow tcp from fe80::1%eth0", "fe80::1%eth0", "as in `on eth0`");
    refused("allow tcp from www.example.org", "www.example.org", "aren't looked up");
    refused("allow tcp from 10/8", "10/8", "is no address");
}

#[test]
fn what_other_tools_know_and_rules_do_not() {
    refused("allow ct state established", "ct", "know no connections");
    refused("allow tcp 22 -m conntrack --ctstate NEW", "-m", "stands by itself");
    refused("allow tcp 22 ctstate NEW", "ctstate", "`tcp syn`");
    refused("allow tcp 22 counter", "counter", "leave it out");
    refused("allow tcp 22 log prefix \"x\"", "prefix", "comment");
    refused("deny udp log burst 5", "burst", "`limit 10/s burst 20 per source`");
    refused("allow tcp 22 and udp 53", "and", "commas between them");
    refused("-A INPUT -p udp -j ACCEPT", "-A", "a rule begins with what it does");
}
