//! Attaching to one interface and to several, in either mode.

use firewall_tests::harness::foreign::Foreign;
use firewall_tests::harness::host::Host;
use serde_json::json;

#[test]
fn a_filter_is_seen_from_every_later_process() {
    let host = Host::new("seen").unwrap();
    assert_eq!(host.attached("eth0").unwrap(), None);
    host.ok(&["attach", "eth0", "--allow", "@ike", "--allow", "tcp 22"]).unwrap();

    let program = host.attached("eth0").unwrap().unwrap();
    assert_eq!(program.name, "fragwall");
    let fragwall = host.fragwall();
    let status = fragwall.json(&["status"]).unwrap();
    assert_eq!(status["interfaces"][0]["name"], "eth0");
    assert_eq!(status["interfaces"][0]["mode"], "native");
    assert_eq!((&status["default"], &status["rules"]), (&json!("deny"), &json!(2)));
    assert_eq!(host.rules().unwrap(), ["allow @ike", "allow tcp 22"]);
    let statistics = fragwall.json(&["stats"]).unwrap();
    assert_eq!(statistics["interfaces"][0]["interface"], "eth0");
    assert_eq!(host.attached("eth0").unwrap(), Some(program), "asking changes nothing");
}

#[test]
fn interfaces_come_and_go_one_by_one() {
    let host = Host::new("several").unwrap();
    host.add_interface("eth1").unwrap();
    host.add_interface("eth2").unwrap();
    host.ok(&["attach", "eth0", "eth1", "--allow", "udp 500"]).unwrap();
    host.ok(&["attach", "eth2"]).unwrap();
    let programs = ["eth0", "eth1", "eth2"].map(|name| host.attached(name).unwrap().unwrap());
    assert!(programs.iter().all(|program| *program == programs[0]), "{programs:?}");

    host.ok(&["allow", "udp", "4500"]).unwrap();
    let changed = ["eth0", "eth1", "eth2"].map(|name| host.attached(name).unwrap().unwrap());
    assert!(changed.iter().all(|program| *program == changed[0]), "{changed:?}");
    assert_ne!(changed[0].id, programs[0].id);

    host.ok(&["detach", "eth1"]).unwrap();
    assert_eq!(host.attached("eth1").unwrap(), None);
    for left in ["eth0", "eth2"] {
        assert_eq!(host.attached(left).unwrap().as_ref(), Some(&changed[0]));
    }
    assert_eq!(host.rules().unwrap(), ["allow udp 500", "allow udp 4500"]);

    host.ok(&["detach", "eth0", "eth2"]).unwrap();
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
    assert_eq!(host.fragwall().run(&["status"]).unwrap().status.code(), Some(3));
}

#[test]
fn either_all_interfaces_are_attached_to_or_none() {
    let host = Host::new("none").unwrap();
    host.add_interface("eth1").unwrap();
    host.add_interface("eth2").unwrap();
    let foreign = Foreign::attach(&host.netns, "eth1").unwrap();
    let held = host.attached("eth1").unwrap();

    let refused = host.fragwall().run(&["attach", "eth0", "eth1", "--allow", "udp 500"]).unwrap();
    assert_eq!(refused.status.code(), Some(4));
    assert_eq!(host.attached("eth0").unwrap(), None);
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());

    // As well where a filter is in force already.
    host.ok(&["attach", "eth0", "--allow", "udp 500"]).unwrap();
    let program = host.attached("eth0").unwrap();
    let refused = host.fragwall().run(&["attach", "eth2", "eth1"]).unwrap();
    assert_eq!(refused.status.code(), Some(4));
    assert_eq!(host.attached("eth2").unwrap(), None);
    assert_eq!(host.attached("eth0").unwrap(), program);
    assert_eq!(host.attached("eth1").unwrap(), held);

    drop(foreign);
    host.ok(&["attach", "eth2"]).unwrap();
    assert_eq!(host.attached("eth2").unwrap(), program);
}

#[test]
fn an_interface_whose_driver_refuses_midway_undoes_the_others() {
    let host = Host::new("midway").unwrap();
    // The loopback's driver has no native mode, which shows only when the kernel is asked.
    let refused = host.fragwall().run(&["attach", "eth0", "lo", "--mode", "native"]).unwrap();
    assert_eq!(refused.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("\"lo\""));
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
    host.ok(&["attach", "eth0", "--allow", "udp 500"]).unwrap();
}

#[test]
fn the_mode_is_the_best_there_is_or_the_one_asked_for() {
    let host = Host::new("mode").unwrap();
    let fragwall = host.fragwall();
    let attached = fragwall.json(&["attach", "eth0", "lo"]).unwrap();
    let [native, generic] = [&attached["interfaces"][0], &attached["interfaces"][1]];
    assert_eq!(
        *native,
        json!({"name": "eth0", "mode": "native", "not_native_because": null, "called_by": null})
    );
    assert_eq!((&generic["name"], &generic["mode"]), (&json!("lo"), &json!("generic")));
    assert!(generic["not_native_because"].is_string(), "{attached}");
    assert!(!host.attached("eth0").unwrap().unwrap().generic);
    assert!(host.attached("lo").unwrap().unwrap().generic);
    host.ok(&["detach"]).unwrap();

    let attached = fragwall.json(&["attach", "eth0", "--mode", "generic"]).unwrap();
    assert_eq!(
        attached["interfaces"][0],
        json!({"name": "eth0", "mode": "generic", "not_native_because": null, "called_by": null})
    );
    assert!(host.attached("eth0").unwrap().unwrap().generic);
    assert_eq!(fragwall.json(&["status"]).unwrap()["interfaces"][0]["mode"], "generic");
    // A change of the rules keeps the mode.
    host.ok(&["allow", "udp", "500"]).unwrap();
    assert!(host.attached("eth0").unwrap().unwrap().generic);

    let refused = fragwall.run(&["attach", "lo", "--mode", "native"]).unwrap();
    assert_eq!(refused.status.code(), Some(3));
    assert_eq!(host.attached("lo").unwrap(), None);
}

#[test]
fn an_interface_may_go_from_under_the_filter() {
    let host = Host::new("gone").unwrap();
    host.add_interface("eth1").unwrap();
    host.ok(&["attach", "eth1", "--allow", "udp 500"]).unwrap();
    host.netns.ip(&["link", "del", "eth1"]).unwrap();

    for command in [&["status"][..], &["list"], &["allow", "udp", "4500"]] {
        let output = host.fragwall().run(command).unwrap();
        assert_eq!(output.status.code(), Some(3), "{command:?}: {output:?}");
    }
    host.add_interface("eth1").unwrap();
    host.ok(&["attach", "eth1", "--allow", "udp 1701"]).unwrap();
    assert_eq!(host.rules().unwrap(), ["allow udp 1701"]);

    // One of two goes: the other stays filtered, and its rules can be changed.
    host.ok(&["attach", "eth0"]).unwrap();
    host.netns.ip(&["link", "del", "eth1"]).unwrap();
    let status = host.fragwall().json(&["status"]).unwrap();
    assert_eq!(status["interfaces"].as_array().map(Vec::len), Some(1), "{status}");
    host.ok(&["allow", "udp", "4500"]).unwrap();
    assert_eq!(host.rules().unwrap(), ["allow udp 1701", "allow udp 4500"]);
    host.ok(&["detach"]).unwrap();
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
}
