//! The tool, run on a host's neighbour.

use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use firewall_tests::harness::fragwall::Statistics;
use firewall_tests::harness::host::{HOST, Host, NEIGHBOUR};
use firewall_tests::harness::process::{run, run_ok, tool};
use firewall_tests::harness::wait::wait_until;
use serde_json::Value;

/// Far longer than anything takes, on an emulated machine, too.
const LIMIT: Duration = Duration::from_secs(120);
/// The directory that a kernel with pktgen has.
const PKTGEN: &str = "/proc/net/pktgen";

/// Whether the kernel has pktgen; if not, that is said.
pub(crate) fn has_pktgen() -> bool {
    if std::path::Path::new(PKTGEN).exists() {
        return true;
    }
    match run_ok(tool("modprobe").arg("pktgen")) {
        Ok(_) => true,
        Err(lacks) => {
            println!("pktgen: left out, this kernel has none: {lacks:#}");
            false
        }
    }
}

/// The tool with these options.
pub(crate) fn command(options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pktgen"));
    command.args(options);
    command
}

/// Runs it to its end.
pub(crate) fn pktgen(options: &[&str]) -> Result<Output> {
    run(&mut command(options), LIMIT)
}

/// Options to send from a host's neighbour to the host, which needn't know each other.
pub(crate) fn from_neighbour(host: &Host, is_v4: bool) -> Result<Vec<String>> {
    let which = usize::from(is_v4);
    let mac = host.netns.interface("eth0")?.address.map(|byte| format!("{byte:02x}")).join(":");
    let options = [
        ("--netns", host.neighbour.name()),
        ("--dev", "eth0"),
        ("--to", &HOST[which].to_string()),
        ("--from", &NEIGHBOUR[which].to_string()),
        ("--to-mac", &mac),
    ];
    Ok(options.iter().flat_map(|&(name, value)| [name.to_owned(), value.to_owned()]).collect())
}

/// What came of a run.
pub(crate) struct Sent {
    /// What it printed.
    pub(crate) json: Value,
    /// Packets that it says were sent.
    pub(crate) packets: u64,
    /// Packets that the link lost, since the other side was too slow.
    pub(crate) lost: u64,
}

/// Sends from the neighbour to the host; what it says.
pub(crate) fn send(host: &Host, is_v4: bool, options: &[&str]) -> Result<Sent> {
    let way = from_neighbour(host, is_v4)?;
    let all: Vec<&str> =
        way.iter().map(String::as_str).chain(options.iter().copied()).chain(["--json"]).collect();
    let output = pktgen(&all)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{options:?}: {}: {said}", output.status);
    let json: Value =
        serde_json::from_slice(&output.stdout).with_context(|| format!("{options:?} prints no JSON"))?;
    let number = |value: &Value| value.as_u64().with_context(|| format!("no number in {json}"));
    let [packets, dropped, errors] =
        ["packets", "counter_dropped", "errors"].map(|name| number(&json["sender"][name]));
    // A veth without room has told pktgen so since Linux 6.12.40 or so, and then it isn't among those that were sent; before, it lost them in silence.
    Ok(Sent { packets: packets?, lost: dropped?.saturating_sub(errors?), json })
}

/// A host's filter, and what it had counted when it was last asked. Attaching one takes an emulated machine many seconds, and so one serves several
/// runs.
pub(crate) struct Filter<'h> {
    host: &'h Host,
    before: Option<Statistics>,
}

impl<'h> Filter<'h> {
    /// That of a host which nothing has come to yet.
    pub(crate) fn of(host: &'h Host) -> Self {
        Self { host, before: None }
    }

    /// How many more packets it has counted with each of these reasons, once it has judged `all` more packets; whatever else it counted is an
    /// error.
    pub(crate) fn judged<const COUNT: usize>(
        &mut self,
        all: u64,
        reasons: [&str; COUNT],
    ) -> Result<[u64; COUNT]> {
        let before = self.before.take();
        let more = |now: &Statistics, count: &dyn Fn(&Statistics) -> u64| {
            count(now) - before.as_ref().map_or(0, count)
        };
        let total = |statistics: &Statistics| statistics.passed() + statistics.dropped();
        let mut now = self.host.fragwall().statistics()?;
        wait_until(|| {
            now = self.host.fragwall().statistics()?;
            Ok(more(&now, &total) >= all)
        })
        .with_context(|| format!("{all} packets were sent; {}", now.json()))?;
        ensure!(more(&now, &total) == all, "{all} packets were sent; {}", now.json());
        let counts = reasons.map(|reason| more(&now, &|statistics| statistics.reason_packets(reason)));
        ensure!(counts.iter().sum::<u64>() == all, "{reasons:?} are {counts:?}; {}", now.json());
        self.before = Some(now);
        Ok(counts)
    }
}

/// A host that nothing else comes to, which allows UDP 4500.
pub(crate) fn host() -> Result<Host> {
    let host = Host::quiet("pktgen")?;
    host.ok(&["attach", "eth0", "--allow", "udp 4500"])?;
    Ok(host)
}
