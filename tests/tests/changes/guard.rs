//! Who is about to lock himself out is asked whether he means it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener};
use std::process::Output;
use std::thread;

use anyhow::Context;
use firewall_tests::harness::host::{HOST, Host, NEIGHBOUR};

use super::apply::File;
use super::run;

/// Runs a command typed over an SSH session to one of the host's addresses.
fn over_ssh(host: &Host, family: usize, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = host.fragwall().command().unwrap();
    command.env("SSH_CONNECTION", format!("{} 50022 {} 22", NEIGHBOUR[family], HOST[family]));
    let Output { status, stderr, .. } = command.args(arguments).output().unwrap();
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
}

fn assert_refused((code, words): (Option<i32>, String), says: &[&str]) {
    assert_eq!(code, Some(2), "{words}");
    for expected in says.iter().chain(&["--force", "--confirm"]) {
        assert!(words.contains(expected), "no {expected:?} in {words}");
    }
}

#[test]
fn the_session_that_is_typed_over_is_not_denied_unasked() {
    let host = Host::new("session").unwrap();
    let file = File::new("interfaces = [\"eth0\"]\nrules = [\"allow udp\"]\n");
    for family in [0, 1] {
        let ssh = |arguments: &[&str]| over_ssh(&host, family, arguments);
        let session = SocketAddr::new(HOST[family], 22).to_string();
        assert_refused(ssh(&["attach", "eth0"]), &[&session, "the default (`deny`)", "eth0"]);
        assert_refused(ssh(&["apply", &file.path]), &[&session, "the default (`deny`)"]);
        assert_eq!(host.pins().unwrap(), Vec::<String>::new());

        assert_eq!(ssh(&["attach", "eth0", "--allow", "tcp 22"]).0, Some(0));
        let program = host.attached("eth0").unwrap();
        assert_refused(ssh(&["deny", "tcp", "--at", "1"]), &[&session, "rule 1 (`deny tcp`)"]);
        assert_refused(ssh(&["reject", "tcp", "22", "--at", "1"]), &["rule 1 (`reject tcp 22`)"]);
        assert_refused(ssh(&["delete", "1"]), &["the default (`deny`)"]);
        assert_refused(ssh(&["flush"]), &["the default (`deny`)"]);
        assert_refused(ssh(&["apply", &file.path]), &["the default (`deny`)"]);
        assert_eq!(host.attached("eth0").unwrap(), program);
        assert_eq!(host.rules().unwrap(), ["allow tcp 22"]);
        assert_eq!(ssh(&["deny", "tcp"]).0, Some(0), "behind the one that allows it");
        assert_eq!(ssh(&["deny", "tcp", "23", "--at", "1"]).0, Some(0), "another port");

        assert_eq!(ssh(&["flush", "--confirm", "10m"]).0, Some(0), "it would go back");
        assert_eq!(ssh(&["rollback"]).0, Some(0));
        assert_eq!(ssh(&["flush", "--force"]).0, Some(0));
        assert_eq!(ssh(&["allow", "udp", "9"]).0, Some(0), "it's denied already");
        host.ok(&["detach"]).unwrap();
    }
}

#[test]
fn a_rule_for_other_addresses_lets_no_session_in() {
    let host = Host::new("addresses").unwrap();
    let ssh = |arguments: &[&str]| over_ssh(&host, 1, arguments);
    assert_refused(
        ssh(&["attach", "eth0", "--allow", "tcp 22 from 198.51.100.0/24"]),
        &["the default (`deny`)"],
    );
    assert_refused(ssh(&["attach", "eth0", "--allow", "tcp 22 on eth1"]), &["the default (`deny`)"]);
    assert_refused(ssh(&["attach", "eth0", "--allow", "tcp 22 syn"]), &["the default (`deny`)"]);
    let address = format!("tcp 22 from {}", NEIGHBOUR[1]);
    assert_eq!(ssh(&["attach", "eth0", "--allow", &address]).0, Some(0));
    assert_refused(ssh(&["deny", &address, "--at", "1"]), &["rule 1"]);
}

#[test]
fn observing_denies_nobody() {
    let host = Host::new("observing").unwrap();
    let ssh = |arguments: &[&str]| over_ssh(&host, 0, arguments);
    assert_eq!(ssh(&["attach", "eth0", "--observe"]).0, Some(0));
    assert_eq!(ssh(&["deny", "tcp"]).0, Some(0));
    assert_refused(ssh(&["enforce"]), &["rule 1 (`deny tcp`)"]);
    assert_eq!(host.fragwall().json(&["status"]).unwrap()["observing"], true);
    assert_eq!(ssh(&["enforce", "--force"]).0, Some(0));
}

#[test]
fn a_session_by_another_interface_is_nobodys_loss() {
    let host = Host::new("elsewhere").unwrap();
    host.add_interface("eth1").unwrap();
    assert_eq!(over_ssh(&host, 0, &["attach", "eth1"]).0, Some(0));
    assert_refused(over_ssh(&host, 0, &["attach", "eth0"]), &["eth0"]);
    assert_eq!(host.attached("eth0").unwrap(), None);
}

#[test]
fn a_session_that_comes_in_over_a_bridge_is_known() {
    let host = Host::new("bridge").unwrap();
    host.add_interface("eth1").unwrap();
    let ip = |arguments: &[&str]| host.netns.ip(arguments).unwrap();
    ip(&["link", "add", "br0", "type", "bridge"]);
    ip(&["link", "set", "eth1", "master", "br0"]);
    ip(&["address", "add", "198.51.100.1/24", "dev", "br0"]);
    let mut command = host.fragwall().command().unwrap();
    command
        .env("SSH_CONNECTION", "::ffff:198.51.100.9 50022 ::ffff:198.51.100.1 22")
        .args(["attach", "eth1"]);
    let Output { status, stderr, .. } = command.output().unwrap();
    assert_refused(
        (status.code(), String::from_utf8_lossy(&stderr).into_owned()),
        &["198.51.100.1:22", "eth1"],
    );
}

#[test]
fn the_variable_is_found_where_sudo_took_it_away() {
    let host = Host::new("sudo").unwrap();
    let mut command = host.fragwall().command().unwrap();
    command.args(["attach", "eth0"]);
    let line: Vec<String> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| format!("'{}'", word.to_string_lossy()))
        .collect();
    // The shell stays, and has the variable.
    let script = format!("env -u SSH_CONNECTION {}; exit $?", line.join(" "));
    let Output { status, stderr, .. } = std::process::Command::new("sh")
        .args(["-c", &script])
        .env("SSH_CONNECTION", format!("{} 50022 {} 22", NEIGHBOUR[0], HOST[0]))
        .output()
        .unwrap();
    assert_refused((status.code(), String::from_utf8_lossy(&stderr).into_owned()), &["the default (`deny`)"]);
}

#[test]
fn a_server_that_listens_is_not_closed_to_everyone_unasked() {
    let host = Host::new("server").unwrap();
    let any = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 22);
    let listener = host.netns.enter(|| TcpListener::bind(any).context("listening")).unwrap();
    assert_refused(run(&host, &["attach", "eth0"]), &["TCP port 22", "eth0", "the default (`deny`)"]);
    assert_eq!(host.attached("eth0").unwrap(), None);
    assert_eq!(run(&host, &["attach", "eth0", "--allow", "@ssh"]).0, Some(0));
    assert_refused(run(&host, &["delete", "1"]), &["TCP port 22", "the default (`deny`)"]);
    assert_refused(run(&host, &["deny", "tcp", "--at", "1"]), &["rule 1 (`deny tcp`)"]);
    assert_refused(run(&host, &["flush"]), &["TCP port 22"]);
    assert_eq!(host.rules().unwrap(), ["allow @ssh"]);
    assert_eq!(run(&host, &["deny", "tcp", "23", "--at", "1"]).0, Some(0));
    drop(listener);
    // The kernel closes it a moment later.
    let closed = (0..100).any(|_| {
        thread::sleep(std::time::Duration::from_millis(20));
        run(&host, &["flush"]).0 == Some(0)
    });
    assert!(closed, "nothing listens any more");
}

#[test]
fn a_server_for_this_host_alone_may_be_closed() {
    let host = Host::new("loopback").unwrap();
    let local = SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 22);
    let _listener = host.netns.enter(|| TcpListener::bind(local).context("listening")).unwrap();
    assert_eq!(run(&host, &["attach", "eth0"]).0, Some(0));
}
