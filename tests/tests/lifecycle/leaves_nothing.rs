//! What detach leaves behind: nothing.

use firewall_tests::harness::host::Host;
use firewall_tests::harness::loaded::Loaded;

#[test]
fn detach_leaves_no_link_map_program_or_file() {
    let host = Host::new("nothing").unwrap();
    host.add_interface("eth1").unwrap();
    let mut loaded = Loaded::default();
    for command in [
        &["attach", "eth0", "--allow", "udp 500"][..],
        &["attach", "eth1"],
        &["allow", "@ike"],
        &["delete", "1"],
        &["flush"],
    ] {
        host.ok(command).unwrap();
        loaded.note(host.bpffs.path()).unwrap();
    }
    // Four rulesets were in force; beside their own maps they share the fragment table and the counters.
    // One on ingress each, and one on egress, which rules are nothing to.
    assert_eq!(loaded.programs(), 4 + 1);
    assert!(loaded.maps() >= 4 + 2, "{loaded:?}");
    assert_eq!(host.pins().unwrap(), ["fragwall"]);

    host.ok(&["detach"]).unwrap();
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
    for interface in ["eth0", "eth1"] {
        assert_eq!(host.attached(interface).unwrap(), None);
    }
    loaded.wait_until_freed().unwrap();
    assert_eq!(host.fragwall().run(&["detach"]).unwrap().status.code(), Some(3));
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
}

#[test]
fn rulesets_that_are_no_longer_in_force_are_freed() {
    let host = Host::new("replaced").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let namespace = std::fs::read_dir(host.bpffs.path().join("fragwall")).unwrap().next().unwrap().unwrap();
    let mut loaded = Loaded::default();
    loaded.note(&namespace.path().join("generations")).unwrap();
    let before = loaded.programs();
    host.ok(&["allow", "udp", "500"]).unwrap();
    assert_eq!(before, 2);
    let mut now = Loaded::default();
    now.note(&namespace.path().join("generations")).unwrap();
    assert_eq!(now.programs(), 2);
    loaded.without(&now).wait_until_freed().unwrap();
}
