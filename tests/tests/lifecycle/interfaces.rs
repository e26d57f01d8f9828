//! Interfaces that move, go, come back, go by another name, or are held by someone else's link descriptor.

use std::path::Path;

use aya::programs::links::PinnedLink;
use firewall_tests::harness::fragwall::Fragwall;
use firewall_tests::harness::host::{Host, attached};
use firewall_tests::harness::netns::Netns;

/// A host filtered on eth0 and on one more interface.
fn filtered(label: &str, other: &str) -> Host {
    let host = Host::new(label).unwrap();
    host.add_interface(other).unwrap();
    host.ok(&["attach", "eth0", other, "--allow", "udp 500"]).unwrap();
    host
}

#[test]
fn an_interface_moved_to_another_namespace_stays_filtered_by_the_rules_in_force() {
    let host = filtered("moved", "eth1");
    let elsewhere = Netns::new("elsewhere").unwrap();
    host.netns.ip(&["link", "set", "eth1", "netns", elsewhere.name()]).unwrap();
    let before = attached(&elsewhere, "eth1").unwrap().expect("a moved interface keeps its program");
    assert_eq!(host.fragwall().json(&["status"]).unwrap()["moved"], 1);

    host.ok(&["allow", "udp", "4500"]).unwrap();
    let after = attached(&elsewhere, "eth1").unwrap().expect("a change of rules doesn't take the filter off");
    assert_ne!(before, after, "the change reaches the moved interface too");
    // Though it's the last one left, the filter is in force: it can't be replaced by the way.
    host.ok(&["detach", "eth0"]).unwrap();
    let refused = host.fragwall().run(&["attach", "eth0", "--allow", "tcp 22"]).unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(attached(&elsewhere, "eth1").unwrap(), Some(after));

    host.ok(&["detach"]).unwrap();
    assert_eq!(attached(&elsewhere, "eth1").unwrap(), None);
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
}

#[test]
fn an_interface_that_is_made_anew_gets_the_rules_that_it_had() {
    let host = Host::new("anew").unwrap();
    host.add_interface("eth1").unwrap();
    host.ok(&["attach", "eth1", "--allow", "udp 500"]).unwrap();
    host.netns.ip(&["link", "del", "eth1"]).unwrap();
    assert_eq!(host.fragwall().run(&["status"]).unwrap().status.code(), Some(3));
    host.add_interface("eth1").unwrap();
    host.ok(&["attach", "eth1"]).unwrap();
    assert_eq!(host.rules().unwrap(), ["allow udp 500"]);
}

#[test]
fn detach_takes_the_filter_off_although_someone_else_holds_the_link() {
    let host = Host::new("held").unwrap();
    host.ok(&["attach", "eth0", "--allow", "udp 500"]).unwrap();
    let only = |directory: &Path| directory.read_dir().unwrap().next().unwrap().unwrap().path();
    let links = only(&host.bpffs.path().join("fragwall")).join("links");
    let _held = PinnedLink::from_pin(only(&links)).unwrap();
    host.ok(&["detach"]).unwrap();
    assert_eq!(host.attached("eth0").unwrap(), None);
}

#[test]
fn an_alternative_name_is_as_good() {
    const NAME: &str = "a-name-longer-than-fifteen-bytes";
    let host = Host::new("named").unwrap();
    host.netns.ip(&["link", "property", "add", "dev", "eth0", "altname", NAME]).unwrap();
    host.ok(&["attach", NAME]).unwrap();
    assert!(host.attached("eth0").unwrap().is_some());
    assert_eq!(host.fragwall().run(&["attach", "eth0"]).unwrap().status.code(), Some(1));
    host.ok(&["detach", NAME]).unwrap();
    assert_eq!(host.attached("eth0").unwrap(), None);
}

#[test]
fn what_a_deleted_namespace_left_is_cleared_away() {
    let host = Host::new("stays").unwrap();
    {
        let gone = Netns::new("gone").unwrap();
        gone.ip(&["link", "add", "eth0", "type", "veth", "peer", "name", "eth1"]).unwrap();
        let filter = Fragwall { netns: &gone, bpffs: &host.bpffs };
        filter.run_ok(&["attach", "eth0"]).unwrap();
    }
    assert_ne!(host.pins().unwrap(), Vec::<String>::new());
    // The kernel takes a namespace apart in its own time, and its interfaces with it.
    for _ in 0..100 {
        host.ok(&["attach", "eth0"]).unwrap();
        host.ok(&["detach"]).unwrap();
        if host.pins().unwrap().is_empty() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("still there: {:?}", host.pins().unwrap());
}
