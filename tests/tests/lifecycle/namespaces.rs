//! Several network namespaces under one BPF filesystem.

use firewall_tests::harness::fragwall::Fragwall;
use firewall_tests::harness::host::{Host, attached, rules};

#[test]
fn two_namespaces_are_filtered_apart_under_one_bpffs() {
    let host = Host::new("apart").unwrap();
    let neighbour = Fragwall { netns: &host.neighbour, bpffs: &host.bpffs };
    host.ok(&["attach", "eth0", "--allow", "udp 500"]).unwrap();
    assert_eq!(attached(&host.neighbour, "eth0").unwrap(), None);
    assert_eq!(neighbour.run(&["status"]).unwrap().status.code(), Some(3));
    neighbour.run_ok(&["attach", "eth0", "--allow", "tcp 22", "--default", "allow"]).unwrap();
    let program = host.attached("eth0").unwrap();
    assert_ne!(attached(&host.neighbour, "eth0").unwrap(), program);

    neighbour.run_ok(&["allow", "tcp", "80"]).unwrap();
    assert_eq!(host.rules().unwrap(), ["allow udp 500"]);
    assert_eq!(rules(&neighbour).unwrap(), ["allow tcp 22", "allow tcp 80"]);
    assert_eq!(host.attached("eth0").unwrap(), program, "the neighbour's rules are its own");

    neighbour.run_ok(&["detach"]).unwrap();
    assert_eq!(attached(&host.neighbour, "eth0").unwrap(), None);
    assert_eq!(host.attached("eth0").unwrap(), program);
    assert_eq!(host.rules().unwrap(), ["allow udp 500"]);
    host.ok(&["detach"]).unwrap();
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
}

#[test]
fn the_option_does_what_running_inside_the_namespace_does() {
    let host = Host::new("inside").unwrap();
    host.ok(&["attach", "eth0", "--allow", "udp 500"]).unwrap();
    let binary = firewall_tests::harness::fragwall::binary().unwrap();
    let mut inside = host.netns.command(&binary.to_string_lossy()).unwrap();
    inside.arg("--bpffs").arg(host.bpffs.path()).args(["allow", "udp", "4500"]);
    firewall_tests::harness::process::run_ok(&mut inside).unwrap();
    assert_eq!(host.rules().unwrap(), ["allow udp 500", "allow udp 4500"]);
}
