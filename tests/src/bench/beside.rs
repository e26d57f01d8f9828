//! Fragwall beside nftables: the same rules, at the ingress of the same interface, and the same packets, of which no rule matches
//! any. They're sent as fast as they can be made, and what is timed is the whole way: making them, a veth, and the filter.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use firewall_common::{
    rules::{Action, Slot},
    stance::Stance,
    verdict::{Cell, Verdict},
};
use fragwall::{
    kernel::{
        change::Precautions,
        filter::{self, Filter, Wanted, WantedMode},
        generator::{Generator, Ids, Plan, Target},
    },
    ruleset::{Config, Rule},
};

use super::{
    report::{Row, Section},
    rules::{PORT, ruleset},
};
use crate::harness::{
    cpu, gro,
    host::Host,
    nft::Nft,
    packet::{Ether, Internet as _, ip4, pattern},
};

/// The sizes of the rulesets; the least is what the others are compared with.
const SIZES: [usize; 4] = [0, 16, 256, 4096];
/// How often each is measured.
const ROUNDS: usize = 5;
/// How many packets a measurement has: nftables tries some thousand rules on each.
const PACKETS: u32 = 20_000;
/// Where the packets go.
const HERE: &str = "eth0";

const FRAGWALL: &str = "Fragwall";
const NFTABLES: &str = "nftables";

/// A filter, and how many packets it has dropped by default.
trait Dropped {
    fn name(&self) -> &'static str;
    fn dropped(&mut self) -> Result<u64>;
}

struct Fragwall<'a>(&'a Host);

impl Dropped for Fragwall<'_> {
    fn name(&self) -> &'static str {
        FRAGWALL
    }

    fn dropped(&mut self) -> Result<u64> {
        let cell = Cell::Direct(Slot::DEFAULT_DROP, Verdict::Drop);
        let count = self
            .0
            .netns
            .enter(|| Ok(Filter::open(self.0.bpffs.path())?.counters()?.read(Stance::Enforcing, cell)?))?;
        Ok(count.packets)
    }
}

struct Nftables<'a>(Nft<'a>, u64);

impl Dropped for Nftables<'_> {
    fn name(&self) -> &'static str {
        NFTABLES
    }

    fn dropped(&mut self) -> Result<u64> {
        // Asking resets it.
        self.1 += self.0.take_counts()?.last().context("there's a counter of the default")?.packets;
        Ok(self.1)
    }
}

/// Nanoseconds a packet that the filter has judged.
fn time(generator: &mut Generator, host: &Host, filter: &mut dyn Dropped) -> Result<f64> {
    let before = filter.dropped()?;
    let seconds = host.neighbour.enter(|| {
        // Whoever sends also receives.
        cpu::pin(0)?;
        let start = Instant::now();
        generator.run_live(PACKETS)?;
        Ok(start.elapsed().as_secs_f64())
    })?;
    let judged = filter.dropped()? - before;
    ensure!(judged > 0, "no packet came to {}", filter.name());
    Ok(seconds * 1e9 / judged as f64)
}

fn attach(host: &Host, rules: &[Rule]) -> Result<()> {
    let config = Config { rules: rules.to_vec(), ..Config::default() };
    let wanted = Wanted { config: Some(config), observe: false, mode: WantedMode::Native };
    host.netns.enter(|| {
        let precautions = Precautions { confirm: None, guard: &|_| Ok(()) };
        filter::attach(host.bpffs.path(), &[HERE.to_owned()], wanted, &precautions)?;
        Ok(())
    })
}

/// Measures it.
///
/// # Errors
/// A filter refuses its rules, or sees nothing.
pub fn section() -> Result<Section> {
    let host = Host::new("beside")?;
    gro::enable(&host.netns, HERE)?;
    let source = [0x02, 0, 0, 0, 0, 0x77];
    let packet = ip4("203.0.113.9", "192.0.2.1").udp(4500, PORT, &pattern(100));
    let mut frame = Ether::to(packet).frame();
    frame[6..12].copy_from_slice(&source);
    let interface = host.neighbour.interface(HERE)?.index;
    let plan = Plan { frames: &[frame], ids: Ids::Counted, sources: 0, seed: 1, rounds: None };
    let mut generator =
        host.neighbour.enter(|| Ok(Generator::load(&plan, Target::Interface(interface), None)?))?;
    let rulesets: Vec<Vec<Rule>> = SIZES
        .iter()
        .map(|&size| Ok(ruleset(size)?.into_iter().map(|(rule, _)| rule).collect()))
        .collect::<Result<_>>()?;

    let mut samples = vec![[Vec::new(), Vec::new()]; SIZES.len()];
    for _ in 0..ROUNDS {
        for (rules, [fragwall, nftables]) in rulesets.iter().zip(&mut samples) {
            attach(&host, rules)?;
            fragwall.push(time(&mut generator, &host, &mut Fragwall(&host))?);
            host.netns.enter(|| Ok(filter::detach(host.bpffs.path(), &[])?))?;
            let mut nft = Nft::new(&host.netns, HERE)?;
            nft.load(rules, Action::Deny, source)?;
            nftables.push(time(&mut generator, &host, &mut Nftables(nft, 0))?);
            host.netns.command("nft")?.args(["flush", "ruleset"]).status().context("running nft")?;
        }
    }
    let yardstick = samples[0][0].clone();
    let mut rows = Vec::new();
    for (size, both) in SIZES.iter().zip(&samples) {
        for (who, samples) in [FRAGWALL, NFTABLES].into_iter().zip(both) {
            let pairs: Vec<(f64, f64)> = samples.iter().copied().zip(yardstick.iter().copied()).collect();
            rows.push(Row::new(format!("{who}, {size} rules, none matches"), &pairs, None)?);
        }
    }
    Ok(Section { name: "beside nftables, over a veth", over: "Fragwall, 0", rows })
}
