//! Who holds an interface.

use std::os::fd::AsFd as _;
use std::process;

use aya::programs::{Xdp, XdpMode, links::FdLink};
use aya_obj::programs::XdpAttachType;
use firewall_tests::harness::entry::{Entry, Way, object};
use firewall_tests::harness::foreign::{self, Foreign};
use firewall_tests::harness::host::Host;
use firewall_tests::harness::process::run_ok;
use firewall_tests::harness::temporary_directory;

use super::{iproute2, refusal};

const HELD: Option<i32> = Some(4);

#[test]
fn a_process_that_keeps_a_link_is_named() {
    let host = Host::new("process").unwrap();
    let _foreign = Foreign::attach(&host.netns, "eth0").unwrap();
    let (code, says) = refusal(&host, &["attach", "eth0"]);
    assert_eq!(code, HELD, "{says}");
    let name = std::fs::read_to_string("/proc/self/comm").unwrap();
    let process = format!("held open by process {} ({})", process::id(), name.trim());
    for words in [foreign::NAME, "(generic mode)", "attached by a link", &process, "it was left alone"] {
        assert!(says.contains(words), "{words:?}: {says}");
    }
    // It ends with its owner: there's nothing to be taken off behind its back.
    assert!(!says.contains("xdpgeneric off"), "{says}");
    let doctor = host.fragwall().run(&["doctor", "eth0"]).unwrap();
    let told = String::from_utf8(doctor.stdout).unwrap();
    assert!(told.contains(&process), "{told}");
}

#[test]
fn a_link_that_is_pinned_is_told_with_its_pin() {
    let host = Host::new("pinned").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    // The filter's own program, in a link that isn't the filter's.
    let root = std::fs::read_dir(host.bpffs.path().join("fragwall")).unwrap().next().unwrap().unwrap().path();
    host.add_interface("eth1").unwrap();
    let pin = host.bpffs.path().join("another-link");
    let attach = || {
        let mut program = Xdp::from_pin(root.join("generations/1/program"), XdpAttachType::Interface)?;
        let id = program.attach("eth1", XdpMode::Skb)?;
        let link: FdLink = program.take_link(id)?.try_into()?;
        link.pin(&pin)?;
        Ok(())
    };
    host.netns.enter(attach).unwrap();
    let (code, says) = refusal(&host, &["attach", "eth1"]);
    assert_eq!(code, HELD, "{says}");
    let pins = says.split("; ").find_map(|part| part.strip_prefix("pinned at ")).unwrap_or_default();
    assert!(says.contains("attached by a link"), "{says}");
    assert!(pins.split(", ").any(|told| told == pin.display().to_string()), "{says}");
    std::fs::remove_file(pin).unwrap();
}

#[test]
fn what_was_attached_by_netlink_is_told() {
    let host = Host::new("netlink").unwrap();
    let directory = temporary_directory("netlink").unwrap();
    // iproute2 loads it by libbpf, attaches it by netlink and ends.
    let object = object(&host, directory.path()).unwrap();
    let load = |section: &str| {
        let (mut ip, _own) = iproute2(&host);
        ip.args(["link", "set", "dev", "eth0", "xdpgeneric"]);
        if section == "off" {
            ip.arg(section)
        } else {
            ip.arg("obj").arg(&object).args(["sec", section])
        };
        run_ok(&mut ip).unwrap()
    };
    load("xdp.frags");
    let told = host.fragwall().run(&["doctor", "eth0"]).unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains("\"fragwall_entry\"") && told.contains("attached by netlink"), "{told}");
    host.ok(&["attach", "eth0"]).unwrap();
    host.ok(&["detach"]).unwrap();
    load("off");
    assert_eq!(host.attached("eth0").unwrap(), None);
}

#[test]
fn where_the_entry_was_another_program_holds_the_interface() {
    let host = Host::new("alike").unwrap();
    let entry = Entry::on(&host, Way { native: false, ..Way::USUAL }).unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let status = host.fragwall().json(&["status"]).unwrap();
    assert_eq!(status["interfaces"][0]["mode"], "generic", "{status}");
    assert_eq!(status["interfaces"][0]["called_by"]["name"], "fragwall_entry", "{status}");
    host.ok(&["detach"]).unwrap();
    drop(entry);
    let _foreign = Foreign::attach(&host.netns, "eth0").unwrap();
    assert_eq!(refusal(&host, &["attach", "eth0"]).0, HELD);
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
}

/// That a descriptor of a program is held is seen, too, where its link is somebody else's.
#[test]
fn a_process_that_has_the_program_open_is_named() {
    let host = Host::new("open").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let root = std::fs::read_dir(host.bpffs.path().join("fragwall")).unwrap().next().unwrap().unwrap().path();
    let program = Xdp::from_pin(root.join("generations/1/program"), XdpAttachType::Interface).unwrap();
    let _open = program.fd().unwrap().as_fd();
    // To a Fragwall with another bpffs it's a program like any other.
    let other = firewall_tests::harness::bpffs::Bpffs::new().unwrap();
    let elsewhere = firewall_tests::harness::fragwall::Fragwall { netns: &host.netns, bpffs: &other };
    let output = elsewhere.run(&["attach", "eth0"]).unwrap();
    let says = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), HELD, "{says}");
    assert!(says.contains(&format!("process {}", process::id())), "{says}");
    assert!(says.contains(&format!("{}/links/", root.display())), "{says}");
}
