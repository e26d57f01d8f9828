//! What each stage found, and what the host sent.

use std::{fs, process::Output};

use firewall_tests::harness::{
    packet::{Ether, Internet, ip6, pattern},
    temporary_directory,
};
use serde_json::{Value, json};

use crate::{ALLOWED, Marked, exchange, explain, pcap, pcapng_of};

/// What is told of a file.
fn told(options: &[&str], file: &[u8]) -> Output {
    let directory = temporary_directory("stages").unwrap();
    let input = directory.path().join("input");
    fs::write(&input, file).unwrap();
    let output = explain(options, &input);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    output
}

/// Its lines, as JSON.
fn lines(options: &[&str], file: &[u8]) -> Vec<Value> {
    let output = told(&[&["--json"], options].concat(), file);
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn stages_are_one_more_field_of_a_line() {
    let rules = ["--allow", "udp 500", "--allow", "tcp 22", "--allow", "@ike", "--stages"];
    let mut told = lines(&rules, &pcap(&exchange()));
    let [first, trailing] = [0, 1].map(|n| told[n].as_object_mut().unwrap().remove("stages").unwrap());
    let contract = ALLOWED.replace(r#""rule":1"#, r#""rule":3"#);
    let contract: Vec<Value> = contract.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told, contract, "all else is as without");
    let ip = json!({
        "version": 6, "source": "2001:db8::be6b:d879", "destination": "2001:db8:f:608::2",
        "extensions": ["fragment"], "protocol": "udp",
    });
    let link = json!({"ethertype": 0x86dd, "vlans": []});
    assert_eq!(
        first,
        json!({
            "link": link, "ip": ip, "malformed": null, "fragment_table": "remembered", "essential": null, "reply": "no",
            "transport": {"source_port": 4500, "destination_port": 4500, "tcp_flags": null, "icmp": null},
            "rules": {"rule": 3, "over_limit": [], "nearly": [
                {"rule": 1, "field": "destination-port", "packet": "4500", "wanted": "500"},
            ]},
        })
    );
    assert_eq!(
        trailing,
        json!({
            "link": link, "ip": ip, "malformed": null, "fragment_table": "inherited", "essential": null,
            "reply": null, "transport": null, "rules": null,
        })
    );
}

#[test]
fn people_see_a_line_for_each_stage() {
    let output = told(&["--allow", "udp 500", "--stages"], &pcap(&exchange()));
    let text = String::from_utf8(output.stdout).unwrap();
    for line in [
        "link      IPv6",
        "network   2001:db8::be6b:d879 > 2001:db8:f:608::2, fragment, udp",
        "transport port 4500 > 4500",
        "rules     no rule matches; the default is deny",
        "nearly    rule 1: allow udp 500 (destination-port is 4500, the rule says 500)",
        "reason    No rule matched. [docs/rules.md#how-a-packet-is-judged]",
    ] {
        assert!(text.lines().any(|told| told.trim() == line), "{line}\n{text}");
    }
}

#[test]
fn a_rule_whose_limit_is_used_up_is_told() {
    let frames = vec![exchange().remove(0); 2];
    let told = lines(&["--allow", "udp limit 1/h burst 1", "--allow", "@ike", "--stages"], &pcap(&frames));
    assert_eq!((&told[0]["rule"], &told[0]["stages"]["rules"]["over_limit"]), (&json!(1), &json!([])));
    assert_eq!((&told[1]["rule"], &told[1]["stages"]["rules"]["over_limit"]), (&json!(2), &json!([1])));
}

/// A question that the host asks, and its answer.
fn conversation() -> [Vec<u8>; 2] {
    let (host, resolver) = ("2001:db8::2", "2001:db8::1");
    [
        Ether::to(ip6(host, resolver).udp(40000, 53, &pattern(32))).frame(),
        Ether::to(ip6(resolver, host).udp(53, 40000, &pattern(32))).frame(),
    ]
}

/// The conversation in a file that marks which way packets went.
fn marked() -> Vec<u8> {
    let ways = conversation().into_iter().zip([Some(true), Some(false)]);
    pcapng_of(ways.map(|(frame, outgoing)| Marked { frame, outgoing, comment: "" }))
}

#[test]
fn replies_to_what_the_file_says_the_host_sent_are_known() {
    let told = lines(&["--replies"], &marked());
    assert_eq!(told.len(), 1, "what the host sent isn't judged");
    assert_eq!((&told[0]["packet"], &told[0]["reason"]), (&json!(2), &json!("reply")));
    let text = String::from_utf8(self::told(&["--replies"], &marked()).stdout).unwrap();
    assert!(text.starts_with("     1  sent\n     2  pass  reply"), "{text}");
}

#[test]
fn replies_are_the_rules_business_where_the_config_says_so() {
    let directory = temporary_directory("stages").unwrap();
    let config = directory.path().join("fragwall.toml");
    fs::write(&config, "replies = false\n").unwrap();
    let told = lines(&["--replies", "--config", &config.to_string_lossy()], &marked());
    assert_eq!((told.len(), &told[0]["reason"]), (1, &json!("default")));
}

#[test]
fn unless_asked_every_packet_is_judged_as_one_that_came_in() {
    let told = lines(&[], &marked());
    assert_eq!(told.iter().map(|line| &line["reason"]).collect::<Vec<_>>(), ["default", "default"]);
    let words = String::from_utf8(self::told(&[], &marked()).stderr).unwrap();
    assert!(words.contains("1 packet was marked as outgoing") && words.contains("--replies"), "{words}");
    let words = String::from_utf8(self::told(&["--replies"], &pcap(&conversation())).stderr).unwrap();
    assert!(words.contains("no packet is marked as outgoing"), "{words}");
}

#[test]
fn segments_that_are_longer_than_a_frame_are_no_obstacle() {
    let large = Ether::to(ip6("2001:db8::2", "2001:db8::1").udp(40000, 53, &pattern(40_000))).frame();
    let frames = [Some(true), Some(false)].into_iter().zip([large, conversation()[1].clone()]);
    let file = pcapng_of(frames.map(|(outgoing, frame)| Marked { frame, outgoing, comment: "" }));
    let told = lines(&["--replies"], &file);
    assert_eq!(told.len(), 1);
}
