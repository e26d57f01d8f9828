//! The host itself: its kernel, its interfaces and its settings, and what can be seen of them without root.

use firewall_tests::harness::fragwall::binary;
use firewall_tests::harness::gro;
use firewall_tests::harness::host::Host;
use firewall_tests::harness::netns::{End, Netns, veth};
use firewall_tests::harness::nobody::Nobody;
use firewall_tests::harness::process::tool;
use firewall_tests::harness::temporary_directory;
use fragwall::kernel::ethtool::Ethtool;

use super::Diagnosis;

#[test]
fn a_host_in_order_is_told_so() {
    let host = Host::new("healthy").unwrap();
    host.ok(&["attach", "eth0", "--allow", "@ike"]).unwrap();
    let diagnosis = Diagnosis::of(&host.fragwall(), &[]).unwrap();
    assert_eq!(diagnosis.complaints(), Vec::<&str>::new(), "{diagnosis:#?}");
    for topic in ["privileges", "bpffs", "filter", "mode", "queues", "programs", "tracking", "rules"] {
        diagnosis.only("ok", topic).unwrap();
    }
    assert!(diagnosis.only("ok", "mode").unwrap().contains("native mode: its driver, veth, runs"));
    assert_eq!(diagnosis.told("ok", "reassembly").len(), 2);
    assert!(diagnosis.only("ok", "kernel").unwrap().contains("the program loads"));
    // The same in words, of which the first one is the level.
    let text = String::from_utf8(host.ok(&["doctor"]).unwrap().stdout).unwrap();
    assert!(text.lines().all(|line| line.starts_with("ok ") || line.contains("bpf_jit_enable")), "{text}");
    assert!(text.contains("ok       mode of eth0: filtered in native mode"), "{text}");
    // Nothing has changed by looking.
    assert_eq!(host.rules().unwrap(), ["allow @ike"]);
}

#[test]
fn without_a_filter_the_interfaces_that_are_up_are_looked_at() {
    let host = Host::new("bare").unwrap();
    host.add_interface("eth1").unwrap();
    let diagnosis = Diagnosis::of(&host.fragwall(), &[]).unwrap();
    assert_eq!(diagnosis.complaints(), ["filter"], "{diagnosis:#?}");
    assert!(diagnosis.only("note", "filter").unwrap().contains("`fragwall attach IFACE`"));
    assert!(diagnosis.only("ok", "mode").unwrap().contains("has native XDP"));
    assert!(diagnosis.findings.iter().all(|finding| finding["interface"] != "eth1"));
    let named = Diagnosis::of(&host.fragwall(), &["eth1", "eth0"]).unwrap();
    assert_eq!(named.told("ok", "mode").len(), 2);
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
}

#[test]
fn an_interface_that_cant_be_filtered_is_named() {
    let host = Host::new("named").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let refused = host.fragwall().run(&["doctor", "eth0", "eth7"]).unwrap();
    let words = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{words}");
    assert!(words.contains("\"eth7\"") && refused.stdout.is_empty(), "{words}");
}

#[test]
fn a_missing_bpffs_is_a_problem() {
    let host = Host::new("plain").unwrap();
    let directory = temporary_directory("plain").unwrap();
    let path = directory.path().to_string_lossy();
    let mut command = std::process::Command::new(binary().unwrap());
    command.args(["--netns", host.netns.name(), "--bpffs", &path]);
    let diagnosis = Diagnosis::by(&mut command).unwrap();
    assert_eq!(diagnosis.complaints(), ["bpffs"], "{diagnosis:#?}");
    let told = diagnosis.only("problem", "bpffs").unwrap();
    assert!(told.contains(&format!("mount -t bpf -o mode=0700 bpf {path}")), "{told}");

    let mut inside = tool("ip");
    inside.args(["netns", "exec", host.netns.name()]).arg(binary().unwrap());
    let told = Diagnosis::by(&mut inside).unwrap().only("problem", "bpffs").unwrap();
    assert!(told.contains(&format!("fragwall --netns {}", host.netns.name())), "{told}");
}

#[test]
fn an_interface_in_generic_mode_is_a_note() {
    let host = Host::new("generic").unwrap();
    host.ok(&["attach", "eth0", "--mode", "generic"]).unwrap();
    let told = Diagnosis::of(&host.fragwall(), &[]).unwrap().only("note", "mode").unwrap();
    assert!(told.contains("generic mode, though its driver, veth, has native XDP"), "{told}");
}

#[test]
fn jumbo_frames_are_fine_where_the_driver_hands_over_several_buffers() {
    let host = Host::new("jumbo").unwrap();
    for netns in [&host.netns, &host.neighbour] {
        netns.ip(&["link", "set", "eth0", "mtu", "9000"]).unwrap();
    }
    let before = Diagnosis::of(&host.fragwall(), &["eth0"]).unwrap();
    assert!(before.only("ok", "mode").unwrap().contains("has native XDP"), "{before:#?}");
    host.ok(&["attach", "eth0", "--mode", "native"]).unwrap();
    assert_eq!(Diagnosis::of(&host.fragwall(), &[]).unwrap().complaints(), Vec::<&str>::new());
}

#[test]
fn several_queues_are_told() {
    let host = Host::new("queues").unwrap();
    let other = Netns::new("queues").unwrap();
    let end = |netns, receive_queues| End { netns, interface: "wide0", receive_queues, addresses: &[] };
    veth(&end(&host.netns, 4), &end(&other, 1), 1500).unwrap();
    let diagnosis = Diagnosis::of(&host.fragwall(), &["wide0"]).unwrap();
    let told = diagnosis.only("ok", "queues").unwrap();
    // A veth has no hash.
    assert!(told.starts_with("4 receive queues; its driver doesn't tell"), "{told}");
}

#[test]
fn what_ethtool_tells_is_understood() {
    let host = Host::new("ethtool").unwrap();
    let ask = || {
        let ethtool = Ethtool::new("eth0")?;
        Ok((ethtool.driver(), ethtool.receive_queues(), ethtool.features()))
    };
    let (driver, queues, features) = host.netns.enter(ask).unwrap();
    assert_eq!((driver.as_deref(), queues), (Some("veth"), Some(1)));
    // A veth hands tags over beside the frame.
    assert!(features.iter().any(|name| name == "rx-vlan-hw-parse"), "{features:?}");
    assert!(!features.iter().any(|name| name == "rx-gro"), "{features:?}");
    gro::enable(&host.netns, "eth0").unwrap();
    let (.., features) = host.netns.enter(ask).unwrap();
    assert!(features.iter().any(|name| name == "rx-gro"), "{features:?}");
}

#[test]
fn little_memory_for_reassembly_is_a_note() {
    let host = Host::new("memory").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    for name in ["low", "high"] {
        host.netns.set_parameter(&format!("ipv6/ip6frag_{name}_thresh"), "1000000").unwrap();
    }
    let diagnosis = Diagnosis::of(&host.fragwall(), &[]).unwrap();
    let told = diagnosis.told("note", "reassembly");
    let [small, newer] = &told[..] else { panic!("two notes: {told:?}") };
    assert!(small.starts_with("IPv6: ") && small.contains("net.ipv6.ip6frag_high_thresh="), "{small}");
    assert!(newer.starts_with("IPv6: ") && newer.contains("newer than the filter"), "{newer}");
    assert!(diagnosis.only("ok", "reassembly").unwrap().starts_with("IPv4: "));
    // What is said to help does.
    host.netns.set_parameter("ipv6/ip6frag_high_thresh", "67108864").unwrap();
    host.ok(&["allow", "udp", "500"]).unwrap();
    assert_eq!(Diagnosis::of(&host.fragwall(), &[]).unwrap().complaints(), Vec::<&str>::new());
}

#[test]
fn without_root_what_cant_be_seen_is_told() {
    let host = Host::new("nobody").unwrap();
    host.ok(&["attach", "eth0", "--allow", "udp 500"]).unwrap();
    let nobody = Nobody::new().unwrap();
    let mut command = nobody.inside(&host.netns).unwrap();
    let diagnosis = Diagnosis::by(command.arg("--bpffs").arg(host.bpffs.path())).unwrap();
    assert_eq!(diagnosis.complaints(), ["privileges", "filter", "programs"], "{diagnosis:#?}");
    let told = diagnosis.only("note", "privileges").unwrap();
    assert!(told.contains("CAP_BPF") && told.ends_with("run it as root"), "{told}");
    let told = diagnosis.only("note", "programs").unwrap();
    assert!(told.contains("can't be seen: run it as root"), "{told}");
    diagnosis.only("ok", "bpffs").unwrap();
    diagnosis.only("ok", "mode").unwrap();
    assert_eq!(diagnosis.told("ok", "reassembly").len(), 2);
    assert!(diagnosis.told("ok", "rules").is_empty() && diagnosis.told("ok", "tracking").is_empty());
}
