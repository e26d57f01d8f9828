//! A flood of one packet, sent as fast as it can be made over a veth to a filtered interface. What is timed is the whole way: making
//! the packets, the veth, and the filter.

use std::time::Instant;

use anyhow::{Result, ensure};
use firewall_common::{
    rules::Slot,
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

use crate::harness::{
    cpu, gro,
    host::Host,
    packet::{Ether, Internet as _, ip4, pattern},
};

/// Where the packets go.
pub const HERE: &str = "eth0";
/// The Ethernet address that they come from.
pub const SOURCE: [u8; 6] = [0x02, 0, 0, 0, 0, 0x77];

/// A host, and a neighbour that floods it.
#[derive(Debug)]
pub struct Flood {
    /// The host.
    pub host: Host,
    generator: Generator,
}

impl Flood {
    /// Of UDP packets to a port.
    ///
    /// # Errors
    /// The host can't be made, or the kernel refuses the generator.
    pub fn new(label: &str, port: u16) -> Result<Self> {
        let host = Host::new(label)?;
        gro::enable(&host.netns, HERE)?;
        let packet = ip4("203.0.113.9", "192.0.2.1").udp(4500, port, &pattern(100));
        let mut frame = Ether::to(packet).frame();
        frame[6..12].copy_from_slice(&SOURCE);
        let interface = host.neighbour.interface(HERE)?.index;
        let plan = Plan { frames: &[frame], ids: Ids::Counted, sources: 0, seed: 1, rounds: None };
        let generator =
            host.neighbour.enter(|| Ok(Generator::load(&plan, Target::Interface(interface), None)?))?;
        Ok(Self { host, generator })
    }

    /// Attaches Fragwall with these rules, which deny all else.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn attach(&self, rules: &[Rule]) -> Result<()> {
        let config = Config { rules: rules.to_vec(), ..Config::default() };
        let wanted = Wanted { config: Some(config), mode: WantedMode::Native, ..Wanted::default() };
        self.host.netns.enter(|| {
            let precautions = Precautions { confirm: None, guard: &|_| Ok(()) };
            filter::attach(self.host.bpffs.path(), &[HERE.to_owned()], wanted, &precautions)?;
            Ok(())
        })
    }

    /// Detaches it.
    ///
    /// # Errors
    /// The kernel refuses to.
    pub fn detach(&self) -> Result<()> {
        self.host.netns.enter(|| Ok(filter::detach(self.host.bpffs.path(), &[])?)).map(drop)
    }

    /// How many packets Fragwall has dropped by default.
    ///
    /// # Errors
    /// The kernel refuses to tell.
    pub fn dropped(&self) -> Result<u64> {
        let cell = Cell::Direct(Slot::DEFAULT_DROP, Verdict::Drop);
        let bpffs = self.host.bpffs.path();
        let count = self
            .host
            .netns
            .enter(|| Ok(Filter::open(bpffs)?.counters()?.read(Stance::Enforcing, cell)?))?;
        Ok(count.packets)
    }

    /// Nanoseconds a packet that was dropped; `packets` are sent, and `dropped` tells how many have been dropped so far.
    ///
    /// # Errors
    /// None is dropped.
    pub fn time(&mut self, packets: u32, mut dropped: impl FnMut(&Self) -> Result<u64>) -> Result<f64> {
        let before = dropped(self)?;
        let generator = &mut self.generator;
        let seconds = self.host.neighbour.enter(|| {
            // Whoever sends also receives.
            cpu::pin(0)?;
            let start = Instant::now();
            generator.run_live(packets)?;
            Ok(start.elapsed().as_secs_f64())
        })?;
        let dropped = dropped(self)? - before;
        ensure!(dropped > 0, "none of {packets} packets was dropped");
        Ok(seconds * 1e9 / dropped as f64)
    }
}
