//! `fragwall explain`: the real program on packets from a file, in every format that is read.

mod agreement;
mod attached;
mod example;
mod reasons;
mod stages;
mod summary;

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use firewall_tests::harness::fragwall::binary;
use firewall_tests::harness::host::{HOST, Host};
use firewall_tests::harness::packet::{Ether, Internet, ip6, pattern};
use firewall_tests::harness::pcap::pcap;
use firewall_tests::harness::temporary_directory;
use firewall_tests::harness::udp::{receive, socket};

/// What the two fragments of the exchange are judged as where UDP 4500 is allowed by the only rule.
const ALLOWED: &str = concat!(
    r#"{"packet":1,"verdict":"pass","reason":"rule","rule":1,"class":"first","#,
    r#""fragment":{"id":1593462908,"offset":0,"more":true}}"#,
    "\n",
    r#"{"packet":2,"verdict":"pass","reason":"inherited","rule":1,"class":"trailing","#,
    r#""fragment":{"id":1593462908,"offset":1232,"more":false}}"#,
    "\n",
);

/// A first and a trailing fragment of an IKE_AUTH message of 1596 bytes behind its non-ESP marker.
fn exchange() -> Vec<Vec<u8>> {
    ip6("2001:db8::be6b:d879", "2001:db8:f:608::2")
        .hop_limit(51)
        .udp(4500, 4500, &pattern(4 + 1596))
        .fragments(0x5efa_507c, &[1232])
        .into_iter()
        .map(|fragment| Ether::to(fragment).frame())
        .collect()
}

/// A packet of a pcapng file.
struct Marked {
    frame: Vec<u8>,
    /// What its flags say of its direction: it went out, it came in, or nothing.
    outgoing: Option<bool>,
    /// Its comment, if it isn't empty.
    comment: &'static str,
}

/// A pcapng file, big-endian: a section, an Ethernet interface, and an enhanced packet block a packet.
fn pcapng_of(packets: impl IntoIterator<Item = Marked>) -> Vec<u8> {
    fn block(kind: u32, body: &[u8]) -> Vec<u8> {
        let padded = body.len().next_multiple_of(4);
        let length = (12 + padded as u32).to_be_bytes();
        let mut block = kind.to_be_bytes().to_vec();
        block.extend(length);
        block.extend(body);
        block.resize(8 + padded, 0);
        block.extend(length);
        block
    }
    fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(code.to_be_bytes());
        body.extend((value.len() as u16).to_be_bytes());
        body.extend(value);
    }
    let mut section = 0x1a2b_3c4d_u32.to_be_bytes().to_vec();
    section.extend([0, 1, 0, 0]);
    section.extend((-1_i64).to_be_bytes());
    let mut file = block(0x0a0d_0d0a, &section);
    file.extend(block(1, &[0, 1, 0, 0, 0, 0, 0, 0]));
    for Marked { frame, outgoing, comment } in packets {
        let mut packet = vec![0; 12];
        packet.extend((frame.len() as u32).to_be_bytes());
        packet.extend((frame.len() as u32).to_be_bytes());
        packet.extend(frame);
        if !comment.is_empty() {
            option(&mut packet, 1, comment.as_bytes());
        }
        if let Some(outgoing) = outgoing {
            option(&mut packet, 2, &[0, 0, 0, if outgoing { 2 } else { 1 }]);
        }
        if outgoing.is_some() || !comment.is_empty() {
            option(&mut packet, 0, &[]);
        }
        file.extend(block(6, &packet));
    }
    file
}

fn pcapng(frames: &[Vec<u8>]) -> Vec<u8> {
    let unmarked = |frame: &Vec<u8>| Marked { frame: frame.clone(), outgoing: None, comment: "" };
    pcapng_of(frames.iter().map(unmarked))
}

/// A hex dump as `hexdump -C` and Wireshark print it, without the characters.
fn hex(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut text = String::new();
    for frame in frames {
        for (row, bytes) in frame.chunks(16).enumerate() {
            text += &format!("{:04x} ", row * 16);
            for byte in bytes {
                text += &format!(" {byte:02x}");
            }
            text.push('\n');
        }
        text.push('\n');
    }
    text.into_bytes()
}

/// Writes frames in one form.
type Write = fn(&[Vec<u8>]) -> Vec<u8>;

/// The forms in which an input comes.
const FORMS: [(&str, Write); 3] = [("pcap", pcap), ("pcapng", pcapng), ("hex", hex)];

fn explain(options: &[&str], input: &Path) -> Output {
    let mut command = Command::new(binary().unwrap());
    command.arg("explain").args(options).arg(input).stdin(Stdio::null());
    command.output().unwrap()
}

/// Runs it on packets in every form; it must say the same of each, and succeed.
fn in_every_form(frames: &[Vec<u8>], options: &[&str], expected: &str) {
    let directory = temporary_directory("explain").unwrap();
    for (form, write) in FORMS {
        let input = directory.path().join(form);
        fs::write(&input, write(frames)).unwrap();
        let output = explain(options, &input);
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            expected,
            "{form}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(output.status.code(), Some(0), "{form}");
    }
}

#[test]
fn both_fragments_of_the_exchange_pass_by_one_rule() {
    in_every_form(&exchange(), &["--allow", "@ike", "--json"], ALLOWED);
}

#[test]
fn both_fragments_of_the_exchange_drop_where_the_port_is_denied() {
    let denied = ALLOWED
        .replace("pass", "drop")
        .replace(r#""reason":"rule","rule":1"#, r#""reason":"default","rule":null"#);
    let denied = denied.replace(r#""reason":"inherited","rule":1"#, r#""reason":"inherited","rule":null"#);
    in_every_form(&exchange(), &["--allow", "udp 500", "--json"], &denied);
    in_every_form(&exchange(), &["--json"], &denied);
}

#[test]
fn a_rule_with_an_interface_is_about_the_one_that_packets_are_said_to_have_come_in_on() {
    let directory = temporary_directory("explain").unwrap();
    let [input, config] = ["input", "config"].map(|name| directory.path().join(name));
    fs::write(&input, pcap(&exchange())).unwrap();
    let explained = |interfaces: &str, options: &[&str]| {
        let rules = "rules = ['allow udp 4500 on wan0', 'deny udp']";
        fs::write(&config, format!("interfaces = [{interfaces}]\n{rules}\n")).unwrap();
        let options = [&["--config", config.to_str().unwrap(), "--json"], options].concat();
        String::from_utf8(explain(&options, &input).stdout).unwrap()
    };
    let denied = ALLOWED.replace("pass", "drop").replace(r#""rule":1"#, r#""rule":2"#);
    assert_eq!(explained("", &["--on", "wan0"]), ALLOWED);
    assert_eq!(explained("", &["--on", "lan0"]), denied);
    assert_eq!(explained("", &[]), denied);
    assert_eq!(explained("'wan0'", &[]), ALLOWED);
    assert_eq!(explained("'wan0'", &["--on", "lan0"]), denied);
    assert_eq!(explained("'wan0', 'lan0'", &[]), denied);
}

#[test]
fn the_rule_is_the_config_files_number() {
    let directory = temporary_directory("explain").unwrap();
    let config = directory.path().join("fragwall.toml");
    let rules = "rules = [\n  \"allow tcp 22\",\n  \"deny udp 4500\",\n  \"allow @ike\",\n]\n";
    fs::write(&config, rules).unwrap();
    let denied = ALLOWED.replace("pass", "drop").replace("\"rule\":1", "\"rule\":2");
    in_every_form(&exchange(), &["--config", &config.to_string_lossy(), "--json"], &denied);
}

#[test]
fn a_trailing_fragment_before_its_first_is_early() {
    let mut frames = exchange();
    frames.swap(0, 1);
    let directory = temporary_directory("explain").unwrap();
    let input = directory.path().join("early.pcap");
    fs::write(&input, pcap(&frames)).unwrap();
    let output = explain(&["--allow", "@ike", "--json"], &input);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["class"], "trailing");
    assert_eq!(lines[0]["verdict"], "pass");
    assert!(lines[0]["rule"].is_null(), "{text}");
    assert_ne!(lines[0]["reason"], "inherited");
    assert_eq!(lines[1]["reason"], "rule");
}

#[test]
fn people_are_told_the_rule_and_the_place() {
    let directory = temporary_directory("explain").unwrap();
    let input = directory.path().join("exchange.pcap");
    fs::write(&input, pcap(&exchange())).unwrap();
    let output = explain(&["--allow", "@ike"], &input);
    let text = String::from_utf8(output.stdout).unwrap();
    for (line, words) in text.lines().zip([
        ["pass", "rule 1: allow @ike", "first", "0x5efa507c"],
        ["pass", "rule 1: allow @ike", "trailing", "offset 1232"],
    ]) {
        for word in words {
            assert!(line.contains(word), "{line}");
        }
    }
    assert_eq!(text.lines().count(), 2);
}

fn start(options: &[&str]) -> Child {
    Command::new(binary().unwrap())
        .arg("explain")
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn standard_input_is_read() {
    for (form, write) in FORMS {
        let mut child = start(&["--allow", "@ike", "--json", "-"]);
        child.stdin.take().unwrap().write_all(&write(&exchange())).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), ALLOWED, "{form}");
        assert_eq!(output.status.code(), Some(0), "{form}");
    }
}

#[test]
fn a_reader_that_has_read_enough_is_no_error() {
    let directory = temporary_directory("explain").unwrap();
    let input = directory.path().join("many.pcap");
    // Far more lines than a pipe holds.
    let frames: Vec<Vec<u8>> = std::iter::repeat_with(exchange).take(2000).flatten().collect();
    fs::write(&input, pcap(&frames)).unwrap();
    for options in [&["--allow", "@ike"][..], &["--allow", "@ike", "--json"]] {
        let mut child = start(&[options, &[&*input.to_string_lossy()]].concat());
        let mut first = [0; 40];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
    }
}

#[test]
fn an_output_that_cant_be_written_is_an_error() {
    let directory = temporary_directory("explain").unwrap();
    let input = directory.path().join("exchange.pcap");
    fs::write(&input, pcap(&exchange())).unwrap();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = Command::new(binary().unwrap())
        .args(["explain", "--json"])
        .arg(&input)
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("No space left"), "{output:?}");
}

#[test]
fn of_a_truncated_capture_the_packets_before_the_cut_are_told() {
    let directory = temporary_directory("explain").unwrap();
    let input = directory.path().join("cut.pcap");
    let [one, two] = [pcap(&exchange()[..1]), pcap(&exchange())];
    let first = ALLOWED.split_inclusive('\n').next().unwrap();
    // Within the second packet's record header, and within its bytes.
    for length in [one.len() + 7, two.len() - 1] {
        fs::write(&input, &two[..length]).unwrap();
        let output = explain(&["--allow", "@ike", "--json"], &input);
        assert_eq!(String::from_utf8_lossy(&output.stdout), first);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let words = String::from_utf8_lossy(&output.stderr);
        for expected in ["cut.pcap", &format!("offset {}", one.len()), "truncated"] {
            assert!(words.contains(expected), "{words}");
        }
    }
}

#[test]
fn packets_captured_in_part_are_judged_by_what_is_there() {
    let directory = temporary_directory("explain").unwrap();
    let input = directory.path().join("snapped.pcap");
    // As `tcpdump -s 96` writes it: 96 bytes of each, with the original lengths.
    let frames = exchange();
    let cut: Vec<Vec<u8>> = frames.iter().map(|frame| frame[..96].to_vec()).collect();
    let mut file = pcap(&cut);
    for (index, frame) in frames.iter().enumerate() {
        let original = 24 + index * (16 + 96) + 12;
        file[original..original + 4].copy_from_slice(&(frame.len() as u32).to_le_bytes());
    }
    fs::write(&input, file).unwrap();
    let output = explain(&["--allow", "@ike", "--json"], &input);
    assert_eq!(String::from_utf8_lossy(&output.stdout), ALLOWED);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("2 packets"), "{output:?}");
    // Nobody has to listen to that.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(binary().unwrap());
    let deaf = command.args(["explain", "--json"]).arg(&input).stdout(Stdio::null()).stderr(writer);
    assert_eq!(deaf.status().unwrap().code(), Some(0));
}

#[test]
fn a_filter_in_force_isnt_touched() {
    let host = Host::new("explain").unwrap();
    host.ok(&["attach", "eth0", "--allow", "udp 7000"]).unwrap();
    let sender = socket(&host.neighbour, HOST[0], 0).unwrap();
    let receiver = socket(&host.netns, HOST[0], 7000).unwrap();
    sender.send_to(&[1; 3000], SocketAddr::new(HOST[0], 7000)).unwrap();
    assert!(receive(&receiver, Duration::from_secs(20)).unwrap().is_some());

    let counted = || {
        let mut rules = host.fragwall().json(&["stats"]).unwrap()["rules"].clone();
        // How long ago the last packet came is another number a moment later; when it came isn't.
        rules[0]["last"]["seconds_ago"].take();
        rules
    };
    let (before, program) = (counted(), host.attached("eth0").unwrap());
    assert_eq!(before[0]["packets"], 3);
    let input = host.bpffs.path().with_extension("pcap");
    fs::write(&input, pcap(&exchange())).unwrap();
    let output =
        host.fragwall().run(&["explain", "--allow", "@ike", "--json", &input.to_string_lossy()]).unwrap();
    fs::remove_file(&input).unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), ALLOWED);
    assert_eq!(counted(), before);
    assert_eq!(host.attached("eth0").unwrap(), program);
    assert_eq!(host.rules().unwrap(), ["allow udp 7000"]);
}
