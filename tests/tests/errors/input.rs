//! Rules, config files and captures that can't be understood.

use std::fs;
use std::path::Path;

use firewall_tests::harness::host::Host;
use firewall_tests::harness::temporary_directory;

use super::{Case, assert_all_refused, filtered};

#[test]
fn a_rule_that_cant_be_understood_is_pointed_at() {
    let host = filtered("rules");
    let cases = [
        Case {
            arguments: &["allow", "udpp", "500"],
            code: 2,
            says: &["unknown protocol `udpp`", "`udp`", "allow udpp 500\n      ^^^^"],
        },
        Case {
            arguments: &["allow", "udp", "500", "form", "::1"],
            code: 2,
            says: &["unexpected `form`", "allow udp 500 form ::1\n              ^^^^"],
        },
        Case {
            arguments: &["deny", "@ikee"],
            code: 2,
            says: &["unknown service `@ikee`", "`@ike`", "deny @ikee\n     ^^^^^"],
        },
        Case { arguments: &["allow", "udp", "0"], code: 2, says: &["port 0", "allow udp 0\n          ^"] },
        Case {
            arguments: &["allow", "udp", "500,65536"],
            code: 2,
            says: &["65536", "1 to 65535", "allow udp 500,65536\n              ^^^^^"],
        },
        Case {
            arguments: &["deny", "ipv6-frag"],
            code: 2,
            says: &["ipv6-frag (protocol 44)", "extension header", "deny ipv6-frag\n     ^^^^^^^^^"],
        },
        Case {
            arguments: &["allow", "0"],
            code: 2,
            says: &["hopopt (protocol 0)", "extension header", "allow 0\n      ^"],
        },
        Case {
            arguments: &["deny", "tcp", "9-3"],
            code: 2,
            says: &["9-3", "3-9", "deny tcp 9-3\n         ^^^"],
        },
        Case {
            arguments: &["delete", "permit", "udp", "500"],
            code: 2,
            says: &["permit", "permit udp 500\n^^^^^^"],
        },
        Case { arguments: &["delete", "udp", "501"], code: 2, says: &["no rule `udp 501`"] },
        Case { arguments: &["delete", "2"], code: 2, says: &["2"] },
        Case {
            arguments: &["attach", "eth0", "--allow", "udp 0"],
            code: 2,
            says: &["port 0", "allow udp 0\n          ^"],
        },
        Case {
            arguments: &["attach", "eth0", "--default", "accept"],
            code: 2,
            says: &["\"accept\"", "`allow`"],
        },
    ];
    assert_all_refused(&host, &cases);
}

#[test]
fn usage_that_cant_be_understood_is_told() {
    let host = filtered("usage");
    let cases = [
        Case { arguments: &["frobnicate"], code: 2, says: &["frobnicate"] },
        Case { arguments: &["allow"], code: 2, says: &["<MATCH>"] },
        Case { arguments: &["attach"], code: 2, says: &["no interface"] },
        Case { arguments: &["attach", "eth1", "eth1"], code: 2, says: &["\"eth1\"", "twice"] },
        Case {
            arguments: &["attach", "eth0", "--mode", "fast"],
            code: 2,
            says: &["fast", "native", "generic"],
        },
    ];
    assert_all_refused(&host, &cases);
}

/// Writes a file and gives its path.
fn file(directory: &Path, name: &str, contents: impl AsRef<[u8]>) -> String {
    let path = directory.join(name);
    fs::write(&path, contents).unwrap();
    path.to_string_lossy().into_owned()
}

#[test]
fn a_config_file_that_cant_be_used_is_named_with_the_place() {
    let host = filtered("config");
    host.add_interface("eth1").unwrap();
    let directory = temporary_directory("config").unwrap();
    let at = |name: &str, place: &str| format!("{}{place}", directory.path().join(name).display());
    let write = |name: &str, contents: &str| file(directory.path(), name, contents);
    let missing = at("missing.toml", "");
    let bad = [
        (missing.clone(), missing, "can't read"),
        (at("", ""), at("", ""), "directory"),
        (
            write(
                "word.toml",
                "default = \"deny\"\nrules = [\n  \"allow udp 500\",\n  \"alow udp 4500\",\n]\n",
            ),
            at("word.toml", ":4:4: rule 2"),
            "  \"alow udp 4500\",\n",
        ),
        (write("port.toml", "rules = [\"allow udp 0\"]\n"), at("port.toml", ":1:21: rule 1"), "port 0"),
        (write("key.toml", "default = \"deny\"\ndefalt = \"allow\"\n"), at("key.toml", ":2:1: "), "defalt"),
        (write("toml.toml", "rules = [\n"), at("toml.toml", ":"), "^"),
        (write("default.toml", "default = \"alow\"\n"), at("default.toml", ":1:"), "`allow`"),
        (
            file(directory.path(), "binary.toml", b"rules = [\"\xff\"]\n"),
            at("binary.toml", ":1:11: "),
            "UTF-8",
        ),
    ];
    for (path, place, problem) in &bad {
        let says = [place.as_str(), problem];
        let commands: [&[&str]; 3] = [
            &["check", path],
            &["attach", "eth1", "--config", path],
            &["explain", "--config", path, "/dev/null"],
        ];
        let cases = commands.map(|arguments| Case { arguments, code: 2, says: &says });
        assert_all_refused(&host, &cases);
    }
}

/// A classic pcap file's header, little-endian: version 2.4, Ethernet.
fn pcap_header() -> Vec<u8> {
    let mut bytes = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
    bytes.extend([0; 8]);
    bytes.extend(65_535_u32.to_le_bytes());
    bytes.extend(1_u32.to_le_bytes());
    bytes
}

#[test]
fn a_capture_that_cant_be_read_is_named_with_the_offset() {
    let host: Host = filtered("capture");
    let directory = temporary_directory("capture").unwrap();
    let write = |name: &str, contents: &[u8]| file(directory.path(), name, contents);
    let record = |captured: u32, original: u32| {
        let mut bytes = pcap_header();
        bytes.extend([0; 8]);
        bytes.extend(captured.to_le_bytes());
        bytes.extend(original.to_le_bytes());
        bytes
    };
    let missing = directory.path().join("missing.pcap").to_string_lossy().into_owned();
    let bad: [(String, &[&str]); 8] = [
        (missing, &["can't open", "missing.pcap"]),
        (write("empty.pcap", b""), &["empty.pcap", "is empty"]),
        (write("magic.pcap", &[1, 2, 3, 4, 5]), &["magic.pcap", "offset 0", "01 02 03 04"]),
        (write("short.pcap", &pcap_header()[..20]), &["short.pcap", "offset 0", "20", "4 bytes short"]),
        (
            write("long.pcap", &record(0x7fff_ffff, 0x7fff_ffff)),
            &["long.pcap", "offset 24", "packet 1", "2147483647"],
        ),
        (
            // As long as that it would be judged, with zeros for what isn't there.
            write("original.pcap", &[record(14, 0x7fff_ffff), vec![0; 14]].concat()),
            &["original.pcap", "offset 24", "packet 1", "2147483647"],
        ),
        (write("cut.pcap", &record(100, 100)), &["cut.pcap", "offset 24", "packet 1", "truncated"]),
        (write("text.hex", b"0000  00 11 22\n0003  33 4x\n"), &["text.hex", "line 2", "column 11", "'x'"]),
    ];
    for (path, says) in &bad {
        assert_all_refused(
            &host,
            &[Case { arguments: &["explain", "--allow", "@ike", path], code: 2, says }],
        );
    }
}
