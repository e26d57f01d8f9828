//! Interfaces that can't be attached to, and namespaces that aren't there.

use firewall_tests::harness::foreign::{self, Foreign};
use firewall_tests::harness::host::Host;
use firewall_tests::harness::process::{run_ok, tool};

use super::{Case, assert_all_refused, assert_refused, filtered, output};

#[test]
fn an_interface_that_isnt_there_is_named() {
    let host = filtered("unknown");
    host.add_interface("eth1").unwrap();
    let cases = [
        Case { arguments: &["attach", "eth7"], code: 2, says: &["\"eth7\"", "there are", "eth1"] },
        Case { arguments: &["attach", "eth1", "eth7"], code: 2, says: &["\"eth7\""] },
        Case { arguments: &["detach", "eth1"], code: 3, says: &["\"eth1\"", "eth0"] },
    ];
    assert_all_refused(&host, &cases);
    assert_eq!(host.attached("eth1").unwrap(), None);
}

#[test]
fn a_second_attach_is_refused() {
    let host = filtered("second");
    host.add_interface("eth1").unwrap();
    let cases = [
        Case { arguments: &["attach", "eth0"], code: 1, says: &["\"eth0\"", "already"] },
        Case {
            arguments: &["attach", "eth0", "--allow", "udp 4500"],
            code: 1,
            says: &["\"eth0\"", "already"],
        },
        Case { arguments: &["attach", "eth1", "eth0"], code: 1, says: &["\"eth0\"", "already"] },
        Case {
            arguments: &["attach", "eth1", "--allow", "udp 4500"],
            code: 2,
            says: &["in force already", "eth0"],
        },
    ];
    assert_all_refused(&host, &cases);
    assert_eq!(host.attached("eth1").unwrap(), None);
}

#[test]
fn an_interface_without_ethernet_is_named() {
    let host = filtered("tun");
    let mut add = host.netns.command("ip").unwrap();
    run_ok(add.args(["tuntap", "add", "dev", "tun0", "mode", "tun"])).unwrap();
    let cases = [Case { arguments: &["attach", "tun0"], code: 2, says: &["\"tun0\"", "Ethernet"] }];
    assert_all_refused(&host, &cases);
    assert_eq!(host.attached("tun0").unwrap(), None);
}

#[test]
fn another_program_on_an_interface_is_named_and_left() {
    let host = filtered("held");
    host.add_interface("eth1").unwrap();
    let _foreign = Foreign::attach(&host.netns, "eth1").unwrap();
    let held = host.attached("eth1").unwrap();
    let id = held.as_ref().unwrap().id.to_string();
    let says = ["\"eth1\"", foreign::NAME, &id, "generic"];
    let commands: [&[&str]; 3] = [
        &["attach", "eth1"],
        &["attach", "eth1", "--mode", "native"],
        &["attach", "eth1", "--mode", "generic"],
    ];
    assert_all_refused(&host, &commands.map(|arguments| Case { arguments, code: 4, says: &says }));
    assert_eq!(host.attached("eth1").unwrap(), held);
    let detached = host.fragwall().run(&["detach", "eth1"]).unwrap();
    assert_refused(&detached, 3, &["\"eth1\""], "detach");
    assert_eq!(host.attached("eth1").unwrap(), held);
}

#[test]
fn without_a_filter_commands_say_so() {
    let host = Host::new("without").unwrap();
    let commands: [&[&str]; 7] = [
        &["status"],
        &["list"],
        &["stats"],
        &["flush"],
        &["detach"],
        &["allow", "udp", "500"],
        &["delete", "1"],
    ];
    for arguments in commands {
        let refused = host.fragwall().run(arguments).unwrap();
        assert_refused(&refused, 3, &["isn't attached", "fragwall attach"], &arguments.join(" "));
        assert_eq!(host.pins().unwrap(), Vec::<String>::new());
    }
}

#[test]
fn a_namespace_that_isnt_there_is_named() {
    let binary = firewall_tests::harness::fragwall::binary().unwrap();
    for name in ["no-such-namespace", "../net"] {
        let refused = output(std::process::Command::new(binary).args(["--netns", name, "status"]));
        assert_refused(&refused, 2, &[name, "ip netns list"], name);
    }
}

#[test]
fn inside_ip_netns_exec_the_option_is_named() {
    let host = filtered("exec");
    let before = super::in_force(&host);
    let binary = firewall_tests::harness::fragwall::binary().unwrap();
    let refused = output(tool("ip").args(["netns", "exec", host.netns.name()]).arg(binary).arg("status"));
    assert_refused(&refused, 3, &["/sys/fs/bpf", "ip netns exec", "--netns"], "status");
    assert_eq!(super::in_force(&host), before);
}
