//! Rules that name an interface follow its name: it may be made anew, or another may get the name.

use firewall_tests::harness::{
    host::Host,
    packet::{Ether, Internet as _, ip4},
    raw::RawSender,
};

use super::run;

/// What rule number 1 has counted, of a frame that comes in on `eth1` and of those before.
fn counted(host: &Host) -> u64 {
    let frame = Ether::to(ip4("192.0.2.9", "192.0.2.1").udp(9, 53, b"")).frame();
    RawSender::new(&host.netns, "eth1-peer").unwrap().send(&frame).unwrap();
    let statistics = host.fragwall().json(&["stats"]).unwrap();
    statistics["rules"][0]["packets"].as_u64().unwrap()
}

fn filtered(label: &str) -> Host {
    let host = Host::new(label).unwrap();
    made(&host);
    host.ok(&["attach", "eth0", "eth1", "--default", "allow"]).unwrap();
    host.ok(&["deny", "udp", "53", "on", "eth1"]).unwrap();
    assert_eq!(counted(&host), 1);
    host
}

fn made(host: &Host) {
    host.add_interface("eth1").unwrap();
    for name in ["eth1", "eth1-peer"] {
        host.netns.ip(&["link", "set", name, "up"]).unwrap();
    }
}

fn made_anew(host: &Host) {
    host.netns.ip(&["link", "del", "eth1"]).unwrap();
    made(host);
}

#[test]
fn one_that_is_made_anew_and_attached_to_is_meant_again() {
    let host = filtered("anew-attached");
    made_anew(&host);
    host.ok(&["attach", "eth1"]).unwrap();
    assert_eq!(counted(&host), 2);
}

#[test]
fn one_that_is_made_anew_is_meant_again_by_a_configuration_that_is_applied_again() {
    let host = filtered("anew-applied");
    let file = host.bpffs.path().with_extension("toml");
    let path = file.to_str().unwrap();
    host.ok(&["save", path]).unwrap();
    made_anew(&host);
    host.ok(&["apply", path]).unwrap();
    assert_eq!(counted(&host), 2);
    let (code, says) = run(&host, &["apply", path]);
    assert!(code == Some(0) && says.contains("nothing changes"), "{says}");
    std::fs::remove_file(file).unwrap();
}

#[test]
fn one_that_is_renamed_is_meant_by_its_new_name_once_the_configuration_is_applied_again() {
    let host = filtered("renamed");
    let file = host.bpffs.path().with_extension("toml");
    let path = file.to_str().unwrap();
    std::fs::write(&file, "default = \"allow\"\nrules = [\"deny udp 53 on eth1\"]\n").unwrap();
    for (from, to) in [("eth1", "eth2"), ("eth0", "eth1")] {
        host.netns.ip(&["link", "set", from, "down"]).unwrap();
        host.netns.ip(&["link", "set", from, "name", to]).unwrap();
        host.netns.ip(&["link", "set", to, "up"]).unwrap();
    }
    host.ok(&["apply", path]).unwrap();
    assert_eq!(counted(&host), 1);
    std::fs::remove_file(file).unwrap();
}
