//! The kernel's own filter, in a namespace, and what it lets in.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use firewall_tests::harness::{
    netns::{End, Netns, veth},
    process::{run, succeeded},
    raw::RawSender,
    temporary_directory,
};
use serde_json::Value;
use tempfile::TempDir;

use super::packets::Sent;

/// The interfaces that rules of the corpus name.
pub(crate) const INTERFACES: [&str; 4] = ["eth0", "eth1", "br-lan", "docker0"];
/// How long a tool may take.
const LIMIT: Duration = Duration::from_secs(30);
/// Far longer than frames take; only lost ones are waited for as long.
const LOST: Duration = Duration::from_secs(10);
/// How many frames are sent before they're waited for: fewer than a queue holds.
const BATCH: usize = 200;

/// Behind every rule, what came so far: the lengths of the packets. Before every rule, how many came; a frame of no IP version that
/// filters see says that those before it have arrived. Nothing is answered, so that no connection is ever established.
const TABLE: &str = "
table inet oracle {
    set accepted { typeof meta length; flags dynamic; size 65535; }
    chain last { type filter hook input priority 32767; policy accept;
        add @accepted { meta length }
    }
    chain mute { type filter hook output priority -32767; policy drop; }
}
table netdev oracle {
    counter arrived { }
    chain first { type filter hook ingress devices = { DEVICES } priority -32767; policy accept;
        ether saddr 02:00:00:00:00:01 counter name arrived
    }
}
";

/// A host with the interfaces, all of whose neighbours are in another namespace, and to which every address is its own.
pub(crate) struct Oracle {
    host: Netns,
    _neighbours: Netns,
    senders: HashMap<&'static str, (RawSender, [u8; 6])>,
    directory: TempDir,
}

impl Oracle {
    pub(crate) fn new() -> Result<Self> {
        let (host, neighbours) = (Netns::new("imported")?, Netns::new("sender")?);
        let mut senders = HashMap::new();
        for interface in INTERFACES {
            let end = |netns| End { netns, interface, receive_queues: 1, addresses: &[] };
            veth(&end(&host), &end(&neighbours), 1500)?;
            let address = host.interface(interface)?.address;
            senders.insert(interface, (RawSender::new(&neighbours, interface)?, address));
        }
        for interface in INTERFACES.into_iter().chain(["all"]) {
            host.set_parameter(&format!("ipv4/conf/{interface}/rp_filter"), "0")?;
            host.set_parameter(&format!("ipv4/conf/{interface}/accept_local"), "1")?;
        }
        host.ip(&["route", "add", "local", "default", "dev", "lo"])?;
        host.ip(&["-6", "route", "add", "local", "default", "dev", "lo"])?;
        Ok(Self { host, _neighbours: neighbours, senders, directory: temporary_directory("import")? })
    }

    /// Has no rules.
    pub(crate) fn clear(&self) -> Result<()> {
        self.tool("nft", &["flush", "ruleset"]).map(drop)
    }

    /// Has those rules alone.
    pub(crate) fn load(&self, files: &[(String, String)]) -> Result<()> {
        self.clear()?;
        for (name, text) in files {
            for (number, (program, arguments, text)) in programs(name, text).into_iter().enumerate() {
                let path = self.directory.path().join(format!("{number}-{name}"));
                fs::write(&path, text)?;
                let path = path.to_str().context("a temporary directory whose name isn't UTF-8")?;
                self.tool(program, &[arguments, &[path]].concat()).with_context(|| name.clone())?;
            }
        }
        Ok(())
    }

    /// The lengths of the packets that come through.
    pub(crate) fn accepted(&self, sent: &[Sent]) -> Result<BTreeSet<u64>> {
        let path = self.directory.path().join("oracle");
        fs::write(&path, TABLE.replace("DEVICES", &INTERFACES.map(|name| format!("{name:?}")).join(", ")))?;
        let path = path.to_str().context("a temporary directory whose name isn't UTF-8")?;
        self.tool("nft", &["-f", path])?;
        for batch in sent.chunks(BATCH) {
            for sent in batch {
                let (sender, address) = &self.senders[sent.interface];
                let mut frame = sent.frame.clone();
                frame[..6].copy_from_slice(address);
                frame[6..12].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
                sender.send(&frame)?;
            }
            self.wait_for(batch.len() as u64)?;
        }
        let output = self.tool("nft", &["-j", "list", "set", "inet", "oracle", "accepted"])?;
        let all: Value = serde_json::from_slice(&output).context("`nft -j` prints no JSON")?;
        let sets = all["nftables"].as_array().into_iter().flatten();
        let elements = sets.filter_map(|object| object["set"]["elem"].as_array()).flatten();
        Ok(elements.filter_map(Value::as_u64).collect())
    }

    /// Waits until so many frames have come in; each was judged when the next one is counted on its interface.
    fn wait_for(&self, count: u64) -> Result<()> {
        let start = Instant::now();
        let mut arrived = 0;
        while arrived < count {
            ensure!(start.elapsed() < LOST, "{arrived} of {count} frames came in");
            thread::sleep(Duration::from_millis(2));
            let output = self.tool("nft", &["-j", "reset", "counter", "netdev", "oracle", "arrived"])?;
            let all: Value = serde_json::from_slice(&output).context("`nft -j` prints no JSON")?;
            let counters = all["nftables"].as_array().into_iter().flatten();
            arrived += counters.filter_map(|object| object["counter"]["packets"].as_u64()).sum::<u64>();
        }
        Ok(())
    }

    fn tool(&self, program: &str, arguments: &[&str]) -> Result<Vec<u8>> {
        let mut command = self.host.command(program)?;
        command.args(arguments);
        let output = run(&mut command, LIMIT)?;
        Ok(succeeded(&command, output)?.stdout)
    }
}

type Run<'t> = (&'static str, &'static [&'static str], String);

/// The programs that load a file, with what each reads.
fn programs(name: &str, text: &str) -> Vec<Run<'static>> {
    match name {
        "ruleset.nft" => vec![("nft", &["-f"], text.to_owned())],
        "ruleset.json" => vec![("nft", &["-j", "-f"], text.to_owned())],
        "rules.v4" => vec![("iptables-restore", &[], text.to_owned())],
        "rules.v6" => vec![("ip6tables-restore", &[], text.to_owned())],
        // Commands of both, one behind the other: as files they need a table's head.
        _ => {
            let (v4, v6) = text.split_at(text.rfind("-P INPUT").unwrap_or(0));
            let table = |commands: &str| format!("*filter\n{commands}COMMIT\n");
            vec![("iptables-restore", &[], table(v4)), ("ip6tables-restore", &[], table(v6))]
        }
    }
}
