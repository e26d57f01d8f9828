//! The command line where nothing goes wrong: help, rules in their order, and the JSON's schema.

mod help;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, pipe};
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use firewall_tests::harness::host::Host;
use firewall_tests::harness::schema::assert_schema;
use firewall_tests::harness::temporary_directory;
use nix::fcntl::{Flock, FlockArg};
use serde_json::{Value, json};

#[test]
fn the_json_of_every_command_keeps_its_schema() {
    let host = Host::new("schema").unwrap();
    let fragwall = host.fragwall();
    let json = |arguments: &[&str]| fragwall.json(arguments).unwrap();
    assert_schema(
        &json(&["attach", "eth0", "--allow", "udp 500"]),
        &[
            "version",
            "interfaces[].name",
            "interfaces[].mode",
            "interfaces[].not_native_because",
            "interfaces[].called_by",
            "taken_over",
        ],
    );
    assert_schema(
        &json(&["status"]),
        &[
            "version",
            "interfaces[].name",
            "interfaces[].index",
            "interfaces[].mode",
            "interfaces[].called_by",
            "interfaces[].answers",
            "moved",
            "interrupted",
            "program.version",
            "program.layout",
            "program.is_own",
            "program.is_newer",
            "program.starts_anew",
            "default",
            "rules",
            "observing",
            "replies.interfaces[].hook",
            "replies.interfaces[].name",
            "replies.table",
            "icmp_errors",
            "confirm_within",
            "fragments.early",
            "fragments.early_budget",
            "fragments.timeout",
            "fragments.table",
            "fragments.reassembly[].family",
            "fragments.reassembly[].host",
            "fragments.reassembly[].source",
            "fragments.reassembly[].strangers",
            "changed",
        ],
    );
    let rule = ["version", "number", "rule", "added", "moved_from", "shadowed_by", "taken_over"];
    assert_schema(&json(&["allow", "udp", "4500"]), &rule);
    assert_schema(&json(&["deny", "tcp", "23"]), &rule);
    // Something to count: the neighbour asks for a port that is closed.
    let to = firewall_tests::harness::host::HOST[0];
    let sender = firewall_tests::harness::udp::socket(&host.neighbour, to, 0).unwrap();
    let receiver = firewall_tests::harness::udp::socket(&host.netns, to, 500).unwrap();
    sender.send_to(&[1], (to, 500)).unwrap();
    let limit = Duration::from_secs(20);
    assert!(firewall_tests::harness::udp::receive(&receiver, limit).unwrap().is_some());
    assert_schema(
        &json(&["list"]),
        &[
            "version",
            "default",
            "observing",
            "confirm_within",
            "rules[].number",
            "rules[].rule",
            "rules[].packets",
            "rules[].bytes",
            "rules[].last",
            "rules[].last.seconds_ago",
            "rules[].last.time",
        ],
    );
    let counted = [
        "rules[].number",
        "rules[].rule",
        "rules[].packets",
        "rules[].bytes",
        "rules[].trailing.packets",
        "rules[].trailing.bytes",
        "rules[].last",
        "default.action",
        "default.packets",
        "default.bytes",
        "default.trailing.packets",
        "default.trailing.bytes",
        "default.last",
    ];
    let of_interfaces = ["passed", "dropped", "rejected"]
        .map(|verdict| ["packets", "bytes"].map(|unit| format!("interfaces[].{verdict}.{unit}")));
    let of_interfaces = of_interfaces.iter().flatten().map(String::as_str);
    let of_interfaces: Vec<&str> = of_interfaces.chain(["interfaces[].interface"]).collect();
    let observed: Vec<String> =
        counted.iter().chain(&of_interfaces).map(|key| format!("observed.{key}")).collect();
    let mut stats: Vec<&str> = counted.into_iter().chain(observed.iter().map(String::as_str)).collect();
    stats.extend(of_interfaces);
    stats.extend(["version", "observing", "observed.reasons"]);
    stats.extend(["table.entries", "table.accepted", "table.denied", "table.early", "table.expired"]);
    stats.extend(["table.hits", "table.reused", "table.evicted", "table.unrecorded"]);
    stats.extend(["reasons[].reason", "reasons[].verdict", "reasons[].packets", "reasons[].bytes"]);
    stats.extend(["rules[].last.seconds_ago", "rules[].last.time"]);
    assert_schema(&json(&["stats"]), &stats);
    let found = ["level", "topic", "interface", "found", "advice"].map(|key| format!("findings[].{key}"));
    let found: Vec<&str> = found.iter().map(String::as_str).chain(["version"]).collect();
    assert_schema(&json(&["doctor"]), &found);
    assert_schema(&json(&["delete", "1"]), &["version", "number", "rule", "taken_over"]);
    assert_schema(&json(&["flush"]), &["version", "deleted", "taken_over"]);
    assert_schema(&json(&["detach"]), &["version", "detached"]);
}

#[test]
fn rules_keep_their_order_and_numbers_move_up() {
    let host = Host::new("order").unwrap();
    let fragwall = host.fragwall();
    host.ok(&["attach", "eth0"]).unwrap();
    for (number, words) in
        [&["allow", "udp", "500,4500"][..], &["deny", "tcp", "23"], &["allow", "esp"]].iter().enumerate()
    {
        let added = fragwall.json(words).unwrap();
        assert_eq!(added["number"], number + 1);
        assert_eq!((&added["added"], &added["shadowed_by"]), (&json!(true), &json!([])));
    }
    let deleted = fragwall.json(&["delete", "2"]).unwrap();
    assert_eq!((&deleted["number"], &deleted["rule"]), (&json!(2), &json!("deny tcp 23")));
    let never = |number: u32, rule: &str| json!({"number": number, "rule": rule, "packets": 0, "bytes": 0, "last": null});
    assert_eq!(
        fragwall.json(&["list"]).unwrap(),
        json!({"version": 1, "default": "deny", "observing": false, "confirm_within": null, "rules": [
            never(1, "allow udp 500,4500"),
            never(2, "allow esp"),
        ]})
    );
    let text = String::from_utf8(host.ok(&["list"]).unwrap().stdout).unwrap();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        lines[..3],
        [
            &["number", "packets", "last", "rule"][..],
            &["1", "0", "-", "allow", "udp", "500,4500"],
            &["2", "0", "-", "allow", "esp"]
        ]
    );
    assert_eq!((lines.len(), lines[3][0], lines[3].last()), (4, "default", Some(&"deny")));
    // By its text, with the action and without.
    assert_eq!(fragwall.json(&["delete", "allow", "udp", "500,4500"]).unwrap()["number"], 1);
    assert_eq!(fragwall.json(&["delete", "esp"]).unwrap()["number"], 1);
    assert_eq!(host.rules().unwrap(), Vec::<String>::new());
}

#[test]
fn a_rule_that_is_there_already_changes_nothing() {
    let host = Host::new("again").unwrap();
    host.ok(&["attach", "eth0", "--allow", "udp 500"]).unwrap();
    let program = host.attached("eth0").unwrap();
    let again = host.fragwall().json(&["allow", "udp", "500"]).unwrap();
    assert_eq!(
        again,
        json!({"version": 1, "number": 1, "rule": "allow udp 500", "added": false, "moved_from": null, "shadowed_by": [],
            "taken_over": null})
    );
    assert_eq!(host.attached("eth0").unwrap(), program, "nothing to put into force");
    assert_eq!(host.rules().unwrap(), ["allow udp 500"]);
}

#[test]
fn a_rule_that_never_matches_is_warned_of() {
    let host = Host::new("shadow").unwrap();
    host.ok(&["attach", "eth0", "--allow", "udp 1-1000"]).unwrap();
    let output = host.ok(&["deny", "udp", "53", "--json"]).unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains("rule 2 never matches") && words.contains("rule 1"), "{words}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["added"], &report["shadowed_by"]), (&json!(true), &json!([1])));
    let output = host.ok(&["deny", "udp", "1053"]).unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("never matches"));
}

#[test]
fn flush_deletes_the_rules_and_keeps_the_default() {
    let host = Host::new("flush").unwrap();
    host.ok(&["attach", "eth0", "--allow", "udp 500", "--allow", "tcp 22", "--default", "allow"]).unwrap();
    let flush = || host.fragwall().json(&["flush"]).unwrap();
    assert_eq!(flush(), json!({"version": 1, "deleted": 2, "taken_over": null}));
    assert_eq!(
        host.fragwall().json(&["list"]).unwrap(),
        json!({"version": 1, "default": "allow", "observing": false, "confirm_within": null, "rules": []})
    );
    assert!(host.attached("eth0").unwrap().is_some());
    assert_eq!(flush(), json!({"version": 1, "deleted": 0, "taken_over": null}));
}

#[test]
fn a_config_file_is_checked_and_put_into_force() {
    let host = Host::new("config").unwrap();
    let directory = temporary_directory("config").unwrap();
    let path = directory.path().join("fragwall.toml");
    let config = path.to_string_lossy();
    let text = "interfaces = [\"eth0\"]\ndefault = \"allow\"\n\
                rules = [\"deny udp\", \"allow udp 53\", \"allow @ike\"]\n\
                [fragments]\nearly = \"drop\"\nearly-budget = 16\ntimeout = \"5s\"\ntable = 4096\n";
    fs::write(&path, text).unwrap();
    assert_eq!(
        host.fragwall().json(&["check", &config]).unwrap(),
        json!({"version": 1, "default": "allow", "rules": 3, "interfaces": ["eth0"],
               "never_match": [{"number": 2, "by": [1]}], "changes": null})
    );
    assert_eq!(host.pins().unwrap(), Vec::<String>::new(), "nothing is in force");
    let checked = host.ok(&["check", &config]).unwrap();
    assert!(String::from_utf8_lossy(&checked.stdout).contains("3 rules, default allow"));
    assert!(String::from_utf8_lossy(&checked.stderr).contains("rule 2 never matches"));

    host.ok(&["attach", "--config", &config, "--allow", "tcp 22"]).unwrap();
    assert_eq!(host.rules().unwrap(), ["deny udp", "allow udp 53", "allow @ike", "allow tcp 22"]);
    let status = host.fragwall().json(&["status"]).unwrap();
    assert_eq!(status["default"], "allow");
    assert_eq!(status["interfaces"][0]["name"], "eth0");
    // The kernel's own settings hold in a new namespace.
    let host_holds =
        ["IPv4", "IPv6"].map(|family| json!({"family": family, "host": 910, "source": 16, "strangers": 113}));
    assert_eq!(
        status["fragments"],
        json!({"early": "drop", "early_budget": 16, "timeout": "5s", "table": 4096, "reassembly": host_holds})
    );
    // The settings stay when the rules change.
    host.ok(&["delete", "1"]).unwrap();
    assert_eq!(host.fragwall().json(&["status"]).unwrap()["fragments"], status["fragments"]);
}

#[test]
fn an_attach_that_says_nothing_is_told_what_its_filter_lets_pass() {
    let host = Host::new("nothing").unwrap();
    host.add_interface("eth1").unwrap();
    let told = |arguments: &[&str]| {
        let words = String::from_utf8(host.ok(arguments).unwrap().stderr).unwrap();
        let new = words.contains("a new filter without rules was made");
        assert_eq!(
            new,
            words.contains("everything but replies to what this host sends, ARP, neighbour"),
            "{words}"
        );
        new
    };
    assert!(told(&["attach", "eth0"]));
    assert!(!told(&["attach", "eth1"]), "the filter was there already");
    host.ok(&["detach"]).unwrap();
    assert!(told(&["attach", "eth0", "eth1", "--json"]));
    host.ok(&["detach"]).unwrap();
    assert!(!told(&["attach", "eth0", "--default", "deny"]), "asked for");
    host.ok(&["detach"]).unwrap();
    assert!(!told(&["attach", "eth0", "--allow", "udp 500"]));
}

#[test]
fn a_command_that_nobody_listens_to_does_its_work_all_the_same() {
    let host = Host::new("deaf").unwrap();
    let directory = temporary_directory("deaf").unwrap();
    let config = directory.path().join("fragwall.toml");
    fs::write(&config, "rules = [\"allow udp\", \"allow udp 53\"]\n").unwrap();
    let config = config.to_string_lossy();
    let commands: [(&[&str], i32); 8] = [
        (&["attach", "eth0"], 0),
        (&["allow", "udp", "500"], 0),
        (&["deny", "udp", "500"], 0),
        (&["delete", "2"], 0),
        (&["allow", "udpp"], 2),
        (&["check", &config], 0),
        (&["flush"], 0),
        (&["detach"], 0),
    ];
    for (arguments, code) in commands {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let mut command = host.fragwall().command().unwrap();
        let status = command.args(arguments).stdout(Stdio::null()).stderr(writer).status().unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
}

#[test]
fn a_reader_that_takes_its_time_is_in_no_changes_way() {
    let host = Host::new("slow").unwrap();
    let directory = temporary_directory("slow").unwrap();
    let config = directory.path().join("fragwall.toml");
    // More than a pipe holds.
    let rules: Vec<String> = (1..=3500).map(|port| format!("\"allow udp {port}\"")).collect();
    fs::write(&config, format!("rules = [{}]\n", rules.join(", "))).unwrap();
    host.ok(&["attach", "eth0", "--config", &config.to_string_lossy()]).unwrap();
    for arguments in [&["list"][..], &["stats"], &["list", "--json"]] {
        let mut command = host.fragwall().command().unwrap();
        let mut reading = command.args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = reading.stdout.take().unwrap();
        // It is printing, and can't come to its end before the rest is read.
        output.read_exact(&mut [0]).unwrap();
        host.ok(&["allow", "tcp", "22"]).unwrap();
        assert!(reading.try_wait().unwrap().is_none(), "{arguments:?}: too little to print");
        host.ok(&["delete", "tcp", "22"]).unwrap();
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        assert!(rest.contains("allow udp 3500") && !rest.contains("tcp 22"), "{arguments:?}");
        assert_eq!(reading.wait().unwrap().code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn who_has_to_wait_for_another_command_is_told_once() {
    let host = Host::new("wait").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    assert!(host.ok(&["list"]).unwrap().stderr.is_empty(), "there is nothing to wait for");
    for arguments in [&["list"][..], &["flush", "--json"]] {
        let top = File::open(host.bpffs.path().join("fragwall")).unwrap();
        let held = Flock::lock(top, FlockArg::LockExclusive).unwrap();
        let mut command = host.fragwall().command().unwrap();
        let mut waiting =
            command.args(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (send, lines) = mpsc::channel();
        let words = BufReader::new(waiting.stderr.take().unwrap());
        let reading = thread::spawn(move || words.lines().try_for_each(|line| send.send(line.unwrap())));
        let line = lines.recv_timeout(Duration::from_secs(30)).expect("it says that it waits");
        assert!(line.starts_with("waiting for another fragwall command to end: process "), "{line}");
        assert!(waiting.try_wait().unwrap().is_none(), "it waits");
        drop(held);
        assert_eq!(waiting.wait().unwrap().code(), Some(0), "{arguments:?}");
        reading.join().unwrap().unwrap();
        assert_eq!(lines.iter().count(), 0, "once");
    }
}
