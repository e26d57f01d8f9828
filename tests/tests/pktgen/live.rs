//! Fragments, and whole packets, by live frames: they need no module.

use serde_json::Value;

use super::tool::{Filter, host, pktgen, send};

/// How many datagrams.
const COUNT: u64 = 4000;

#[test]
fn the_filter_counts_each_fragment() {
    let both = |first, trailing| [first, trailing];
    let host = host().unwrap();
    let mut filter = Filter::of(&host);
    for (is_v4, options, reasons) in [
        (false, &["in-order"][..], both("rule", "inherited")),
        (true, &["in-order"], both("rule", "inherited")),
        (false, &["in-order", "--port", "53"], both("default", "inherited")),
        (true, &["in-order", "--port", "53"], both("default", "inherited")),
        (false, &["in-order", "--vlan", "5"], both("rule", "inherited")),
        (true, &["in-order", "--vlan", "5"], both("rule", "inherited")),
        (false, &["out-of-order"], both("rule", "early")),
        (true, &["out-of-order"], both("rule", "early")),
    ] {
        let sent =
            send(&host, is_v4, &[&["--count", &COUNT.to_string(), "--fragments"], options].concat()).unwrap();
        assert_eq!(sent.packets, 2 * COUNT, "{options:?}: {}", sent.json);
        assert_eq!(sent.json["sender"]["datagrams"], COUNT, "{options:?}: {}", sent.json);
        // One CPU makes them and judges them; only a slow machine puts the latter off until there's no room for some.
        if sent.lost == 0 {
            assert_eq!(filter.judged(2 * COUNT, reasons).unwrap(), [COUNT; 2], "{options:?}");
        } else {
            let any = ["rule", "default", "inherited", "early", "late-denial", "fragment-budget"];
            filter.judged(2 * COUNT - sent.lost, any).unwrap();
        }
    }
}

#[test]
fn datagrams_of_several_ports_and_threads_do_not_mix() {
    let host = host().unwrap();
    // Three fragments each; of three ports one is allowed.
    let options = ["--fragments", "in-order", "--size", "3000", "--port", "4499-4501"];
    let more = ["--threads", "2", "--count", "6000", "--rate", "20000"];
    let sent = send(&host, false, &[&options[..], &more].concat()).unwrap();
    assert_eq!(sent.packets, 18_000, "{}", sent.json);
    let [allowed, denied, inherited, early] =
        Filter::of(&host).judged(18_000 - sent.lost, ["rule", "default", "inherited", "early"]).unwrap();
    if sent.lost == 0 {
        assert_eq!([allowed, denied, inherited, early], [2000, 4000, 12_000, 0], "{}", sent.json);
        let statistics = host.fragwall().statistics().unwrap();
        assert_eq!(statistics.passed(), 6000, "{}", statistics.json());
    }
}

#[test]
fn a_run_that_is_stopped_by_time_sends_whole_datagrams() {
    let host = host().unwrap();
    let options = ["--fragments", "in-order", "--size", "3000", "--seconds", "1"];
    // Three fragments each, of which any number is due at any time.
    let sent = send(&host, true, &[&options[..], &["--rate", "1001", "--threads", "2"]].concat()).unwrap();
    let datagrams = sent.json["sender"]["datagrams"].as_u64().unwrap();
    assert!(datagrams > 0, "{}", sent.json);
    for thread in sent.json["sender"]["threads"].as_array().unwrap() {
        assert_eq!(thread["packets"].as_u64().unwrap() % 3, 0, "{}", sent.json);
    }
    assert_eq!(sent.packets, 3 * datagrams, "{}", sent.json);
    let counts = Filter::of(&host).judged(sent.packets - sent.lost, ["rule", "inherited", "early"]).unwrap();
    if sent.lost == 0 {
        assert_eq!(counts, [datagrams, 2 * datagrams, 0], "{}", sent.json);
    }
}

#[test]
fn whole_packets_are_made_as_well() {
    let host = host().unwrap();
    let mut filter = Filter::of(&host);
    for is_v4 in [false, true] {
        let options = ["--live", "--count", "3000", "--port", "4500-4502", "--vlan", "7", "--size", "66"];
        let options =
            if is_v4 { options } else { options.map(|option| if option == "66" { "82" } else { option }) };
        let sent = send(&host, is_v4, &options).unwrap();
        assert_eq!(sent.packets, 3000, "{}", sent.json);
        let counts = filter.judged(3000 - sent.lost, ["rule", "default"]).unwrap();
        if sent.lost == 0 {
            assert_eq!(counts, [1000, 2000], "{}", sent.json);
        }
    }
}

#[test]
fn no_more_is_sent_than_was_asked_for() {
    let host = host().unwrap();
    // A hundred in a second: the last one is due after 0.99 s.
    let sent = send(&host, true, &["--live", "--count", "100", "--rate", "100"]).unwrap();
    assert!(sent.json["sender"]["seconds"].as_f64().unwrap() >= 0.98, "{}", sent.json);
    assert_eq!(Filter::of(&host).judged(100, ["rule"]).unwrap(), [100]);
}

#[test]
fn alone_it_tells_people_both_sides() {
    let options =
        ["--fragments", "out-of-order", "--count", "500", "--ipv4", "--allow", "udp 53", "--port", "53"];
    let output = pktgen(&options).unwrap();
    let (printed, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    for words in [
        "live-frames: udp 192.0.2.2:4500 > 192.0.2.1:53, 1642 bytes in 2 fragments of 1280 at most, out-of-order\n",
        "sender    1000 packets in ",
        " a second, 500 datagrams\n",
        "receiver  eth0 received ",
        "filter    passed ",
        " bytes  pass    rule\n",
        " bytes  pass    early\n",
    ] {
        assert!(printed.contains(words), "{words:?} in {printed}");
    }
}

#[test]
fn for_programs_fragments_are_told() {
    let output = pktgen(&["--fragments", "in-order", "--count", "3", "--mtu", "576", "--json"]).unwrap();
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let fragments = &json["traffic"]["fragments"];
    assert_eq!(fragments["order"], "in-order", "{json}");
    assert_eq!((&fragments["mtu"], &fragments["per_datagram"]), (&576.into(), &4.into()), "{json}");
    assert_eq!(json["sender"]["packets"], 12, "{json}");
}
