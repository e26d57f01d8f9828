//! What makes the traffic and what measures it: for each kind a generator on each of two CPUs.

use std::{collections::BTreeMap, thread, time::Duration};

use anyhow::{Context as _, Result, anyhow, ensure};
use fragwall::kernel::generator::Generator;

use super::{
    super::meter::{Meter, Reading, steady_rate},
    socket::Socket,
    traffic::{KINDS, Kind},
};
use crate::harness::{cpu, host::Host};

/// All of it.
#[derive(Debug)]
pub(super) struct Lanes<'a> {
    host: &'a Host,
    cpus: [usize; 2],
    /// By the number of their kind.
    generators: BTreeMap<usize, [Generator; 2]>,
    meter: Meter,
    socket: Socket,
}

/// What a run tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// Packets a second.
    pub(super) rate: f64,
    /// The share of datagrams that reached their socket, of those that the interface took.
    pub(super) arrived: f64,
}

impl<'a> Lanes<'a> {
    /// Of some kinds, for a host.
    ///
    /// # Errors
    /// The kernel refuses a generator.
    pub(super) fn new(host: &'a Host, cpus: [usize; 2], wanted: impl Fn(&Kind) -> bool) -> Result<Self> {
        let mut generators = BTreeMap::new();
        for (number, kind) in KINDS.iter().enumerate().filter(|(_, kind)| wanted(kind)) {
            let [one, other] = cpus.map(|cpu| kind.generator(host, number, cpu));
            generators.insert(number, [one?, other?]);
        }
        Ok(Self { host, cpus, generators, meter: Meter::open(&host.netns)?, socket: Socket::new(host)? })
    }

    /// Sends packets of a kind from some CPUs, for about so long; `packets` is how many at first, and then how many it takes.
    ///
    /// # Errors
    /// The kernel refuses to send, or nothing comes in.
    pub(super) fn run(
        &mut self,
        number: usize,
        senders: usize,
        packets: &mut u32,
        time: Duration,
    ) -> Result<Run> {
        let mut arrived = 0.0;
        let rate = steady_rate(packets, time, |packets| {
            let before = self.socket.reached()?;
            let readings = self.send(number, senders, packets / senders as u32)?;
            let handled = readings[readings.len() - 1].packets - readings[0].packets;
            ensure!(handled > 0, "none of {packets} packets has come in");
            let reached = self.socket.reached()? - before;
            arrived = reached as f64 * KINDS[number].frames_each() as f64 / handled as f64;
            Ok(readings)
        })?;
        Ok(Run { rate, arrived })
    }

    /// Sends them, and reads the interface's count before, meanwhile and behind.
    fn send(&mut self, number: usize, senders: usize, packets: u32) -> Result<Vec<Reading>> {
        let Self { host, cpus, generators, meter, .. } = self;
        let (host, meter): (&Host, &Meter) = (host, meter);
        // Away from the one that sends, if there's only one.
        let own = cpus[1];
        let generators = generators.get_mut(&number).context("there's no generator of this kind here")?;
        let before = meter.read()?;
        thread::scope(|scope| {
            let senders: Vec<_> = generators
                .iter_mut()
                .zip(*cpus)
                .take(senders)
                .map(|(generator, cpu)| {
                    scope.spawn(move || {
                        host.neighbour.enter(|| {
                            cpu::pin(cpu)?;
                            Ok(generator.run_live(packets)?)
                        })
                    })
                })
                .collect();
            let reader = scope.spawn(move || meter.read_while(own, senders));
            let readings = reader.join().map_err(|_| anyhow!("the reader has panicked"))??;
            Ok([vec![before], readings].concat())
        })
    }
}
