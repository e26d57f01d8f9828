//! What is told of packets.

use firewall_tests::harness::host::Host;
use firewall_tests::harness::neighbour::Neighbour;
use firewall_tests::harness::packet::{Internet as _, ip4, ip6, pattern};
use firewall_tests::harness::process::{run_ok, tool};
use serde_json::{Value, json};

use super::watching::{Watching, objects};

/// What of an object doesn't differ from run to run.
fn fixed(object: &Value) -> Value {
    let mut object = object.clone();
    let time = object.as_object_mut().unwrap().remove("time").unwrap();
    assert!(time.as_str().unwrap().ends_with('Z') && time.as_str().unwrap().len() == 27, "{time}");
    object
}

/// Each kind: dropped by a rule, by the default, malformed, rejected, a fragment of these, and let in by a rule with `log`;
/// what a rule without lets in isn't told of.
#[test]
fn each_kind_is_told_of_with_what_decided() {
    let host = Host::new("told").unwrap();
    host.ok(&["attach", "eth0", "--allow", "udp 4500 log", "--allow", "udp 500"]).unwrap();
    host.ok(&["reject", "tcp 22"]).unwrap();
    let watching = Watching::new(&host, &["--json"]).unwrap();
    let neighbour = Neighbour::new(&host).unwrap();
    let v6 = || ip6("2001:db8::2", "2001:db8::1");
    neighbour.send(v6().udp(9, 500, b"let in")).unwrap();
    neighbour.send(v6().udp(9, 4500, b"let in, and logged")).unwrap();
    neighbour.send(ip4("192.0.2.2", "192.0.2.1").udp(9, 53, b"dropped")).unwrap();
    neighbour.send(v6().tcp(9, 22, 2, b"rejected")).unwrap();
    for fragment in v6().udp(9, 53, &pattern(1000)).fragments(0x5efa_507c, &[504]) {
        neighbour.send(fragment).unwrap();
    }
    neighbour.send(v6().fragment(1, 8, true).raw(17, &[0; 9])).unwrap();
    let (told, summary) = objects(&watching.end().unwrap()).unwrap();
    assert_eq!(summary, json!({"version": 1, "shown": 6, "others": 0, "left_out": 0}));
    let addresses = |source: &str, destination: &str| json!({"source": source, "destination": destination});
    let [six, four] = [addresses("2001:db8::2", "2001:db8::1"), addresses("192.0.2.2", "192.0.2.1")];
    let default = "default: deny";
    let expected = [
        (&six, "pass", "rule", Some(1), Some("allow udp 4500 log"), "whole", [Some(9), Some(4500)], None),
        (&four, "drop", "default", None, Some(default), "whole", [Some(9), Some(53)], None),
        (&six, "reject", "rule", Some(3), Some("reject tcp 22"), "whole", [Some(9), Some(22)], None),
        (&six, "drop", "default", None, Some(default), "first", [Some(9), Some(53)], Some((0, true))),
        (&six, "drop", "inherited", None, Some(default), "trailing", [None, None], Some((504, false))),
        (&six, "drop", "fragment-length", None, None, "other", [None, None], None),
    ];
    for (object, expected) in told.iter().map(fixed).zip(expected) {
        let (addresses, verdict, reason, rule, by, class, [from, to], fragment) = expected;
        let place =
            fragment.map(|(offset, more)| json!({"id": 0x5efa_507c_u32, "offset": offset, "more": more}));
        for (key, value) in [
            ("interface", json!("eth0")),
            ("verdict", json!(verdict)),
            ("observed", json!(false)),
            ("reason", json!(reason)),
            ("rule", json!(rule)),
            ("by", json!(by)),
            ("class", json!(class)),
            ("source", addresses["source"].clone()),
            ("destination", addresses["destination"].clone()),
            ("source_port", json!(from)),
            ("destination_port", json!(to)),
            ("fragment", json!(place)),
        ] {
            assert_eq!(object[key], value, "{key} of {object}");
        }
    }
    assert_eq!(told.len(), 6);
}

#[test]
fn only_what_is_asked_for_is_told_of() {
    let host = Host::new("asked").unwrap();
    host.ok(&["attach", "eth0", "--allow", "udp 4500 log"]).unwrap();
    host.ok(&["deny", "udp 7000"]).unwrap();
    for (arguments, expected) in [
        (&["--verdict", "drop"][..], &["default", "rule", "default", "inherited"][..]),
        (&["--verdict", "pass"], &["rule"]),
        (&["--reason", "inherited", "--reason", "rule"], &["rule", "rule", "inherited"]),
        (&["--rule", "2"], &["rule"]),
        (&["--fragments"], &["default", "inherited"]),
        (&["--address", "2001:db8:0:1::/64"], &["default", "inherited"]),
        (&["--port", "53"], &["default", "default"]),
        (&["--port", "53", "--address", "2001:db8::2"], &["default"]),
        (&["--port", "54"], &[]),
    ] {
        let watching = Watching::new(&host, &[arguments, &["--json"]].concat()).unwrap();
        let neighbour = Neighbour::new(&host).unwrap();
        let v6 = || ip6("2001:db8::2", "2001:db8::1");
        neighbour.send(v6().udp(9, 53, b"by default")).unwrap();
        neighbour.send(v6().udp(9, 7000, b"by a rule")).unwrap();
        neighbour.send(v6().udp(9, 4500, b"let in")).unwrap();
        for fragment in ip6("2001:db8:0:1::2", "2001:db8::1").udp(9, 53, &pattern(1000)).fragments(1, &[504])
        {
            neighbour.send(fragment).unwrap();
        }
        let (told, summary) = objects(&watching.end().unwrap()).unwrap();
        let reasons: Vec<&str> = told.iter().map(|object| object["reason"].as_str().unwrap()).collect();
        assert_eq!(reasons, expected, "{arguments:?}");
        assert_eq!((&summary["shown"], &summary["left_out"]), (&json!(expected.len()), &json!(0)));
    }
}

/// For people, for the tools that read the kernel's log, and for those that read captures.
#[test]
fn packets_are_shown_in_each_form() {
    let host = Host::new("forms").unwrap();
    host.ok(&["attach", "eth0", "--observe"]).unwrap();
    let file = host.bpffs.path().parent().unwrap().join(format!("{}.pcapng", host.netns.name()));
    let path = file.to_str().unwrap();
    let packet = || ip6("2001:db8::2", "2001:db8::1").udp(9, 53, &[7; 400]);
    let neighbour = Neighbour::new(&host).unwrap();
    for (arguments, expected) in [
        (
            &["--write", path][..],
            "eth0  would drop  default  udp [2001:db8::2]:9 > [2001:db8::1]:53  whole, 462 bytes  default: deny",
        ),
        (&["--format", "kernel"], "LEN=448 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=UDP SPT=9 DPT=53 LEN=408"),
    ] {
        let watching = Watching::new(&host, &[arguments, &["--count", "1"]].concat()).unwrap();
        neighbour.send(packet()).unwrap();
        // It ends by itself.
        let said = watching.ended().unwrap();
        assert!(said.lines().any(|line| line.ends_with(expected)), "{said}");
        assert!(said.contains("1 packets shown, 0 others told of, 0 left out"), "{said}");
    }
    let mut tcpdump = tool("tcpdump");
    let shown = run_ok(tcpdump.args(["-n", "-r", path])).unwrap();
    std::fs::remove_file(&file).unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert_eq!(shown.lines().count(), 1, "{shown}");
    assert!(shown.contains("IP6 2001:db8::2.9 > 2001:db8::1.53:"), "{shown}");
}
