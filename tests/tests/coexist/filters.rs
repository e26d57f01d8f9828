//! By an entry, in each form that it may have: what is let in, what is told, and what is left.

use firewall_tests::harness::entry::{Entry, NAME, Way};
use firewall_tests::harness::host::Host;
use firewall_tests::harness::process::run_ok;
use firewall_tests::harness::temporary_directory;

use super::{ALLOW, iproute2, is_filtered, is_open};

fn filters_by(way: Way) {
    let host = Host::new("entry").unwrap();
    let _entry = Entry::on(&host, way).unwrap();
    let program = host.attached("eth0").unwrap().unwrap();
    assert_eq!(program.name, NAME);
    is_open(&host).unwrap();

    let attached = host.fragwall().json(&["attach", "eth0", "--allow", ALLOW]).unwrap();
    let mode = if way.native { "native" } else { "generic" };
    assert_eq!(attached["interfaces"][0]["mode"], mode, "{attached}");
    assert_eq!(attached["interfaces"][0]["called_by"]["id"], program.id, "{attached}");
    is_filtered(&host).unwrap();
    let statistics = host.fragwall().json(&["stats"]).unwrap();
    assert_eq!(statistics["interfaces"][0]["interface"], "eth0", "{statistics}");
    for counted in [&statistics["rules"][0], &statistics["default"]] {
        assert!(counted["trailing"]["packets"].as_u64() > Some(0), "{statistics}");
    }

    let status = host.fragwall().json(&["status"]).unwrap();
    assert_eq!(status["interfaces"][0]["called_by"]["name"], NAME, "{status}");
    assert_eq!(status["interrupted"], serde_json::json!([]), "{status}");
    let text = String::from_utf8(host.ok(&["status"]).unwrap().stdout).unwrap();
    assert!(
        text.contains(&format!("eth0: attached in {mode} mode, called by {NAME:?}, id {}", program.id)),
        "{text}"
    );
    let doctor = host.fragwall().run(&["doctor"]).unwrap();
    let told = String::from_utf8(doctor.stdout).unwrap();
    assert!(told.contains(&format!("Fragwall is called by {NAME:?}")), "{told}");
    assert!(!told.contains("held by another"), "{told}");

    // The generation changes, and what it goes back to is of the same form.
    host.ok(&["allow", "udp", "7001", "--confirm", "60s"]).unwrap();
    is_open(&host).unwrap();
    host.ok(&["rollback"]).unwrap();
    is_filtered(&host).unwrap();
    assert_eq!(host.attached("eth0").unwrap().as_ref(), Some(&program), "it's others' all along");

    host.ok(&["detach"]).unwrap();
    is_open(&host).unwrap();
    assert_eq!(host.attached("eth0").unwrap(), Some(program), "it was left alone");
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
    assert_eq!(host.fragwall().run(&["status"]).unwrap().status.code(), Some(3));
}

#[test]
fn as_libbpf_loads_it() {
    filters_by(Way::USUAL);
}

#[test]
fn in_the_network_stack() {
    filters_by(Way { native: false, ..Way::USUAL });
}

#[test]
fn without_several_buffers() {
    filters_by(Way { frags: false, ..Way::USUAL });
}

#[test]
fn without_an_attach_type() {
    filters_by(Way { typed: false, ..Way::USUAL });
}

#[test]
fn as_a_dispatcher_has_it() {
    filters_by(Way { frags: false, typed: false, native: true });
}

/// The very object, by another loader.
#[test]
fn loaded_by_iproute2() {
    let host = Host::new("iproute2").unwrap();
    let directory = temporary_directory("iproute2").unwrap();
    let object = firewall_tests::harness::entry::object(&host, directory.path()).unwrap();
    let (mut ip, _own) = iproute2(&host);
    ip.args(["link", "set", "dev", "eth0", "xdpdrv", "obj"]).arg(object).args(["sec", "xdp.frags"]);
    run_ok(&mut ip).unwrap();
    host.ok(&["attach", "eth0", "--allow", ALLOW]).unwrap();
    is_filtered(&host).unwrap();
    host.ok(&["detach"]).unwrap();
    is_open(&host).unwrap();
}

#[test]
fn a_config_file_says_no_more_than_else() {
    let host = Host::new("applied").unwrap();
    host.add_interface("eth1").unwrap();
    let directory = temporary_directory("applied").unwrap();
    let file = directory.path().join("fragwall.toml");
    let write = |interfaces: &str| {
        std::fs::write(&file, format!("interfaces = [{interfaces}]\nrules = [\"allow {ALLOW}\"]\n")).unwrap();
    };
    let apply = || host.ok(&["apply", file.to_str().unwrap()]).unwrap();
    let _entry = Entry::on(&host, Way { frags: false, typed: false, native: true }).unwrap();
    // One that others have beside one that is free, which gets a link.
    write("\"eth0\", \"eth1\"");
    apply();
    is_filtered(&host).unwrap();
    assert_eq!(host.attached("eth1").unwrap().unwrap().name, "fragwall");
    assert_eq!(host.fragwall().json(&["status"]).unwrap()["interfaces"].as_array().unwrap().len(), 2);
    host.ok(&["allow", "udp", "7001"]).unwrap();
    is_open(&host).unwrap();
    write("\"eth1\"");
    apply();
    assert_eq!(host.attached("eth0").unwrap().unwrap().name, NAME);
    write("\"eth1\", \"eth0\"");
    apply();
    is_filtered(&host).unwrap();
    host.ok(&["detach"]).unwrap();
    is_open(&host).unwrap();
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
}
