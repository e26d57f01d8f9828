//! Beside other XDP programs: who holds an interface is told; and where they call Fragwall's entry, it filters as on an interface of its own.
//! What a kernel lacks is said by name.

mod bpfman;
mod changes;
mod dispatcher;
mod filters;
mod held;
mod killed;
mod loaders;
mod refused;

use std::process::Command;

use anyhow::{Result, ensure};
use firewall_tests::harness::bpffs::Bpffs;
use firewall_tests::harness::host::{HOST, Host};
use firewall_tests::harness::udp::{only_the_allowed_is_reached, receive, socket};

/// The port that is allowed, and one that isn't.
const PORTS: [u16; 2] = [7000, 7001];
/// The rule that allows it.
const ALLOW: &str = "udp 7000";
/// What fits into one packet, and what is cut into three and more.
const SIZES: [usize; 3] = [100, 3000, 20_000];
/// Far longer than a datagram takes; only a lost one is waited for as long.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(60);

/// The host's own way in and out is filtered by the rules, whole datagrams and fragments alike.
fn is_filtered(host: &Host) -> Result<()> {
    HOST.iter().try_for_each(|&to| only_the_allowed_is_reached(host, to, PORTS, &SIZES))
}

/// Everything passes.
fn is_open(host: &Host) -> Result<()> {
    for to in HOST {
        let sender = socket(&host.neighbour, to, 0)?;
        for port in PORTS {
            let receiver = socket(&host.netns, to, port)?;
            sender.send_to(&[1; 3000], (to, port))?;
            ensure!(receive(&receiver, LIMIT)?.is_some(), "{to}: nothing arrives at port {port}");
        }
    }
    Ok(())
}

/// iproute2's `ip` on a host, and the BPF filesystem that it makes directories in. Unless it's told of one it takes whichever it finds:
/// another test's, say.
fn iproute2(host: &Host) -> (Command, Bpffs) {
    let mut ip = host.netns.command("ip").unwrap();
    let own = Bpffs::new().unwrap();
    ip.env("TC_BPF_MNT", own.path());
    (ip, own)
}

/// What a command that fails says, and its exit code.
fn refusal(host: &Host, arguments: &[&str]) -> (Option<i32>, String) {
    let output = host.fragwall().run(arguments).unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}
