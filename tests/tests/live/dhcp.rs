//! DHCPv6: the client asks a group, so what the server answers is no reply to a flow, and takes a rule.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use firewall_tests::harness::host::Host;
use firewall_tests::harness::netns::Netns;
use firewall_tests::harness::process::{Daemon, copy_program, find_program, run_ok, tool};
use firewall_tests::harness::{requirements, temporary_directory};
use serde_json::Value;

/// The only address that the server has to give.
const ADDRESS: &str = "2001:db8::d";
/// What the client runs: nothing else of the machine is to be changed than the interface's address.
const SCRIPT: &str = "#!/bin/sh
if [ \"$reason\" = BOUND6 ]; then
    ip -6 address add \"$new_ip6_address/$new_ip6_prefixlen\" dev \"$interface\"
fi
";
/// Far longer than anything takes: the client asks again and again, at growing distances.
const LIMIT: Duration = Duration::from_secs(60);

/// A server on the neighbour.
fn server(netns: &Netns, directory: &Path) -> Result<Daemon> {
    let mut command = netns.command("dnsmasq")?;
    command.args(["--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--user=root"]);
    command.args(["--port=0", "--interface=eth0", "--log-dhcp", "--log-facility=-"]);
    command.arg(format!("--dhcp-range={ADDRESS},{ADDRESS},64,1h"));
    command.arg(format!("--dhcp-leasefile={}", directory.join("leases").display()));
    Daemon::spawn(&mut command, &directory.join("server.log"))
}

/// A client on the host.
fn client(netns: &Netns, directory: &Path) -> Result<Daemon> {
    let (programs, script) = (directory.join("bin"), directory.join("script"));
    fs::create_dir(&programs)?;
    fs::write(&script, SCRIPT)?;
    let script = copy_program(&script, &programs)?;
    let program = copy_program(&find_program("dhclient").context("no dhclient")?, &programs)?;
    let mut command = netns.command(&program.to_string_lossy())?;
    command.args(["-6", "-d", "-cf", "/dev/null", "-sf"]).arg(script);
    command.arg("-lf").arg(directory.join("lease")).arg("-pf").arg(directory.join("pid")).arg("eth0");
    Daemon::spawn(&mut command, &directory.join("client.log"))
}

/// The IPv6 addresses of a namespace's interface that may be used already.
fn addresses(netns: &Netns) -> Result<Vec<String>> {
    let arguments = ["-n", netns.name(), "-6", "-j", "address", "show", "dev", "eth0", "-tentative"];
    let output = run_ok(tool("ip").args(arguments))?;
    let links: Value = serde_json::from_slice(&output.stdout).context("`ip -j address` prints no JSON")?;
    let all =
        links.as_array().into_iter().flatten().filter_map(|link| link["addr_info"].as_array()).flatten();
    Ok(all.filter_map(|address| address["local"].as_str()).map(str::to_owned).collect())
}

#[test]
fn an_address_comes_by_dhcpv6_where_a_rule_allows_it() {
    requirements::require(&["dnsmasq", "dhclient"]).unwrap_or_else(|error| panic!("{error}"));
    let host = Host::new("dhcpv6").unwrap();
    let directory = temporary_directory("dhcpv6").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let mut server = server(&host.neighbour, directory.path()).unwrap();
    // The client asks from the address of its link.
    let has_link_local =
        || addresses(&host.netns).unwrap().iter().any(|address| address.starts_with("fe80:"));
    server.wait_until(has_link_local, LIMIT).unwrap();
    let mut client = client(&host.netns, directory.path()).unwrap();
    let leased = || addresses(&host.netns).unwrap().contains(&ADDRESS.to_owned());

    let dropped = || host.fragwall().statistics().unwrap().reason_packets("default") > 0;
    client.wait_until(|| server.log().contains("DHCPADVERTISE") && dropped(), LIMIT).unwrap();
    assert!(!client.log().contains("RCV:"), "{}", client.log());
    assert!(!leased());

    host.ok(&["allow", "@dhcpv6-client"]).unwrap();
    client.wait_until(leased, LIMIT).unwrap_or_else(|error| panic!("{error:#}\n{}", server.log()));
}
