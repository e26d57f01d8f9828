//! What is in force, written to a file.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use firewall_tests::harness::host::Host;

use super::apply::File;
use super::run;

const CONFIG: &str = "interfaces = [\"eth0\"]\ndefault = \"allow\"\n\
    rules = [\"deny udp 7\", \"allow @ike\", \"reject tcp 23\"]\n[fragments]\nearly = \"drop\"\ntable = 1024\n";

#[test]
fn what_is_saved_applies_to_the_same() {
    let host = Host::new("save").unwrap();
    host.add_interface("eth1").unwrap();
    let file = File::new(CONFIG);
    host.ok(&["apply", &file.path]).unwrap();
    host.ok(&["attach", "eth1"]).unwrap();
    host.ok(&["allow", "udp", "9", "--at", "2"]).unwrap();
    let status = host.fragwall().json(&["status"]).unwrap();
    let rules = host.rules().unwrap();
    assert_eq!(rules, ["deny udp 7", "allow udp 9", "allow @ike", "reject tcp 23"]);

    fs::set_permissions(&file.path, fs::Permissions::from_mode(0o600)).unwrap();
    host.ok(&["save", &file.path]).unwrap();
    assert_eq!(fs::metadata(&file.path).unwrap().permissions().mode() & 0o7777, 0o600);
    let saved = fs::read_to_string(&file.path).unwrap();
    assert!(saved.contains("interfaces = [\"eth0\", \"eth1\"]"), "{saved}");
    let printed = host.ok(&["save", "-"]).unwrap();
    assert_eq!(String::from_utf8_lossy(&printed.stdout), saved);
    assert_eq!(host.fragwall().json(&["apply", &file.path]).unwrap()["changed"], false);

    host.ok(&["detach"]).unwrap();
    assert_eq!(run(&host, &["save", &file.path]).0, Some(3), "nothing is in force");
    host.ok(&["apply", &file.path]).unwrap();
    assert_eq!(host.rules().unwrap(), rules);
    let again = host.fragwall().json(&["status"]).unwrap();
    for key in ["default", "rules", "fragments"] {
        assert_eq!(again[key], status[key], "{key}");
    }
    assert!(host.attached("eth1").unwrap().is_some());
}

#[test]
fn a_command_line_knows_comments_and_the_files_own_services() {
    let host = Host::new("own").unwrap();
    let file = File::new("interfaces = [\"eth0\"]\n[services]\nown = \"udp 7000\"\n");
    host.ok(&["apply", &file.path]).unwrap();
    host.ok(&["allow", "@own"]).unwrap();
    host.ok(&["allow", "tcp", "22", "from", "192.0.2.0/24", "comment", "the \"big\" office"]).unwrap();
    let rules = host.rules().unwrap();
    assert_eq!(rules[0], "allow @own");
    assert_eq!(rules[1], r#"allow tcp 22 from 192.0.2.0/24 comment "the \"big\" office""#);
    host.ok(&["save", &file.path]).unwrap();
    assert_eq!(host.fragwall().json(&["apply", &file.path]).unwrap()["changed"], false);
    host.ok(&["delete", "@own"]).unwrap();
    assert_eq!(host.rules().unwrap().len(), 1);
}

#[test]
fn what_cant_be_written_is_told() {
    let host = Host::new("unwritten").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let (code, words) = run(&host, &["save", "/nonexistent/fragwall.toml"]);
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("/nonexistent/fragwall.toml"), "{words}");
    assert!(words.matches("(os error").count() <= 1, "{words}");
}

#[test]
fn what_is_listed_is_understood_again() {
    let host = Host::new("list").unwrap();
    let file = File::new(CONFIG);
    host.ok(&["apply", &file.path]).unwrap();
    let before = host.rules().unwrap();
    let text = String::from_utf8(host.ok(&["list"]).unwrap().stdout).unwrap();
    host.ok(&["flush"]).unwrap();
    for line in text.lines().skip(1).filter(|line| !line.trim_start().starts_with("default")) {
        // The number, the packets and when the last came stand before the rule.
        let words: Vec<&str> = line.split_whitespace().skip(3).collect();
        host.ok(&words).unwrap();
    }
    assert_eq!(host.rules().unwrap(), before);
}
