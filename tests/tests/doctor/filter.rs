//! The filter in force, and what commands that were killed left of it.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use aya::programs::{
    Xdp,
    links::{FdLink, PinnedLink},
    xdp::XdpLink,
};
use aya_obj::programs::XdpAttachType;
use firewall_tests::harness::host::Host;

use super::Diagnosis;

/// The directory of the filter's state.
fn state(host: &Host) -> PathBuf {
    fs::read_dir(host.bpffs.path().join("fragwall")).unwrap().next().unwrap().unwrap().path()
}

fn filtered(label: &str) -> Host {
    let host = Host::new(label).unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    host
}

#[test]
fn what_is_meant_to_end_is_a_note() {
    let host = Host::new("observes").unwrap();
    host.ok(&["attach", "eth0", "--observe"]).unwrap();
    let told = Diagnosis::of(&host.fragwall(), &[]).unwrap().only("note", "filter").unwrap();
    assert!(told.contains("observes") && told.contains("`fragwall enforce`"), "{told}");
    host.ok(&["enforce", "--confirm", "1h"]).unwrap();
    let told = Diagnosis::of(&host.fragwall(), &[]).unwrap().only("note", "filter").unwrap();
    assert!(told.contains("awaits confirmation") && told.contains("`fragwall confirm`"), "{told}");
    host.ok(&["confirm"]).unwrap();
    assert_eq!(Diagnosis::of(&host.fragwall(), &[]).unwrap().complaints(), Vec::<&str>::new());
}

#[test]
fn rules_that_came_to_nothing_are_a_note() {
    let host = filtered("nothing");
    fs::create_dir(state(&host).join("generations/99")).unwrap();
    let told = Diagnosis::of(&host.fragwall(), &[]).unwrap().only("note", "filter").unwrap();
    assert!(told.contains("rules are pinned that aren't in force"), "{told}");
    host.ok(&["allow", "udp", "500"]).unwrap();
    assert_eq!(Diagnosis::of(&host.fragwall(), &[]).unwrap().complaints(), Vec::<&str>::new());
}

#[test]
fn replies_that_are_lost_are_a_problem() {
    let host = filtered("replies");
    let link = fs::read_dir(state(&host).join("egress")).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(link).unwrap();
    let told = Diagnosis::of(&host.fragwall(), &[]).unwrap().only("problem", "filter").unwrap();
    assert!(told.contains("what goes out by eth0 isn't looked at"), "{told}");
    host.ok(&["allow", "udp", "500"]).unwrap();
    assert_eq!(Diagnosis::of(&host.fragwall(), &[]).unwrap().complaints(), Vec::<&str>::new());
}

/// The program of the filter's first generation.
fn first(host: &Host) -> Result<Xdp> {
    Ok(Xdp::from_pin(state(host).join("generations/1/program"), XdpAttachType::Interface)?)
}

/// Puts a program into the link of an interface, whose index is its pin's name.
fn put(program: &mut Xdp, host: &Host, interface: &str) -> Result<()> {
    let index = host.netns.interface(interface)?.index.to_string();
    let link: FdLink = PinnedLink::from_pin(state(host).join("links").join(index))?.into();
    let link = program.attach_to_link(XdpLink::try_from(link)?)?;
    program.take_link(link)?;
    Ok(())
}

#[test]
fn an_interface_with_other_rules_is_a_problem() {
    let host = filtered("mixed");
    host.add_interface("eth1").unwrap();
    host.ok(&["attach", "eth1"]).unwrap();
    let mut before = first(&host).unwrap();
    host.ok(&["allow", "udp", "500"]).unwrap();
    // As a command that was killed amid the exchange leaves it.
    put(&mut before, &host, "eth1").unwrap();
    let told = Diagnosis::of(&host.fragwall(), &[]).unwrap().only("problem", "filter").unwrap();
    assert!(told.contains("eth1 is filtered by other rules"), "{told}");
    host.ok(&["allow", "udp", "4500"]).unwrap();
    assert_eq!(Diagnosis::of(&host.fragwall(), &[]).unwrap().complaints(), Vec::<&str>::new());
}

#[test]
fn a_link_of_an_interface_that_is_gone_is_a_note() {
    let host = filtered("gone");
    host.add_interface("eth1").unwrap();
    host.ok(&["attach", "eth1"]).unwrap();
    host.netns.ip(&["link", "del", "eth1"]).unwrap();
    let told = Diagnosis::of(&host.fragwall(), &[]).unwrap().only("note", "filter").unwrap();
    assert!(told.contains("an interface that is gone"), "{told}");
}

#[test]
fn a_state_that_isnt_understood_is_a_problem() {
    let host = filtered("open");
    let top = host.bpffs.path().join("fragwall");
    fs::set_permissions(&top, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let told = Diagnosis::of(&host.fragwall(), &[]).unwrap().only("problem", "filter").unwrap();
    assert!(told.contains("chmod 0700"), "{told}");
}
