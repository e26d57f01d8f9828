//! A flood of one packet, sent as fast as it can be made over a veth to a filtered interface. What is timed is the whole way: making
//! the packets, the veth, and the filter.

use std::{thread, time::Duration};

use anyhow::{Result, anyhow, ensure};
use firewall_common::{
    rules::Slot,
    stance::Stance,
    verdict::{Cell, Verdict},
};
use fragwall::{
    kernel::{
        filter::Filter,
        generator::{Generator, Ids, Plan, Target},
    },
    ruleset::{Config, Rule},
};

use super::{
    filter,
    meter::{Meter, steady_rate},
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

/// How many packets are sent at first, before it's known how fast they come: some filters take a third of a millisecond for each.
const PACKETS: u32 = 1000;

/// A host, and a neighbour that floods it.
#[derive(Debug)]
pub struct Flood {
    /// The host.
    pub host: Host,
    generator: Generator,
    meter: Meter,
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
        let meter = Meter::open(&host.netns)?;
        Ok(Self { host, generator, meter })
    }

    /// Attaches Fragwall with these rules, which deny all else.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn attach(&self, rules: &[Rule]) -> Result<()> {
        filter::attach(&self.host, HERE, Config { rules: rules.to_vec(), ..Config::default() })
    }

    /// Detaches it.
    ///
    /// # Errors
    /// The kernel refuses to.
    pub fn detach(&self) -> Result<()> {
        filter::detach(&self.host)
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

    /// Nanoseconds a packet, of about so long a flood; `dropped` tells how many have been dropped so far.
    ///
    /// # Errors
    /// None is dropped.
    pub fn time(&mut self, time: Duration, mut dropped: impl FnMut(&Self) -> Result<u64>) -> Result<f64> {
        let before = dropped(self)?;
        let [own_cpu, other_cpu] = cpu::two()?;
        let Self { host, generator, meter } = self;
        let (host, meter): (&Host, &Meter) = (host, meter);
        let mut packets = PACKETS;
        let rate = steady_rate(&mut packets, time, |packets| {
            thread::scope(|scope| {
                let sender = scope.spawn(|| {
                    host.neighbour.enter(|| {
                        // Whoever sends also receives.
                        cpu::pin(own_cpu)?;
                        Ok(generator.run_live(packets)?)
                    })
                });
                let reader = scope.spawn(move || meter.read_while(other_cpu, vec![sender]));
                reader.join().map_err(|_| anyhow!("the reader has panicked"))?
            })
        })?;
        ensure!(dropped(self)? > before, "none of {packets} packets was dropped");
        Ok(1e9 / rate)
    }
}
