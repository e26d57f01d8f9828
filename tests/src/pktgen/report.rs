//! What came of a run, on both sides.

use std::fmt;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use fragwall::observe::rates::short;
use serde::Serialize;

use super::counters::{Count, Counters};
use super::filter::{Judged, Seen};
use super::live;
use super::sending::Thread;
use super::traffic::{Addresses, Amount, Cut, Traffic};

/// The version of the JSON's schema.
const SCHEMA: u32 = 1;

/// It, as JSON has it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    version: u32,
    /// Who made the frames: `pktgen`, or `live-frames`.
    generator: &'static str,
    traffic: Sent,
    sender: Sender,
    /// Nothing if the receiving side is another host.
    receiver: Option<Received>,
    /// How many frames there should be.
    #[serde(skip)]
    wanted: Option<u64>,
    #[serde(skip)]
    link: Link,
}

/// What is found of the link once everything was sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Link {
    /// Nothing that would have kept a frame from leaving.
    Good,
    /// The interface is down, or has no carrier.
    Down,
    /// Not one frame left by it, and the kernel doesn't tell whether its driver takes any that XDP makes.
    TakesNone,
}

/// What was sent.
#[derive(Clone, Debug, Serialize)]
struct Sent {
    from: String,
    to: String,
    from_port: u16,
    ports: [u16; 2],
    size: usize,
    vlan: Option<u16>,
    fragments: Option<Fragments>,
    rate: Option<u64>,
}

/// How it was cut.
#[derive(Clone, Copy, Debug, Serialize)]
struct Fragments {
    order: &'static str,
    mtu: usize,
    per_datagram: usize,
}

/// What the sending side says.
#[derive(Clone, Debug, Serialize)]
struct Sender {
    interface: String,
    /// What the generator counted.
    packets: u64,
    errors: u64,
    seconds: f64,
    packets_per_second: f64,
    datagrams: u64,
    threads: Vec<OfThread>,
    /// What the interface counted.
    counter: Packets,
    counter_dropped: u64,
}

/// What one of its threads says.
#[derive(Clone, Debug, Serialize)]
struct OfThread {
    thread: String,
    packets: u64,
    errors: u64,
    seconds: f64,
    /// pktgen's own words.
    result: Option<String>,
}

/// What the receiving side says.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Received {
    interface: String,
    counter: Packets,
    counter_dropped: u64,
    packets_per_second: f64,
    /// Nothing if no filter is in force.
    filter: Option<Filtered>,
}

/// What the filter counted.
#[derive(Clone, Debug, Serialize)]
struct Filtered {
    passed: u64,
    dropped: u64,
    rejected: u64,
    reasons: Vec<OfReason>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct OfReason {
    reason: &'static str,
    verdict: &'static str,
    #[serde(flatten)]
    count: Packets,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Packets {
    packets: u64,
    bytes: u64,
}

impl From<Count> for Packets {
    fn from(Count { packets, bytes }: Count) -> Self {
        Self { packets, bytes }
    }
}

impl Report {
    /// Of a run; `seen` is of an interface that has the same name on the receiving side.
    pub(super) fn new(
        traffic: &Traffic,
        threads: Vec<Thread>,
        counters: Counters,
        link: Link,
        seen: Option<Seen>,
    ) -> Self {
        let per_datagram = traffic.frames_per_datagram() as u64;
        let [packets, errors] = [|thread: &Thread| thread.frames, |thread: &Thread| thread.errors]
            .map(|of| threads.iter().map(of).sum::<u64>());
        let time = threads.iter().map(|thread| thread.time).max().unwrap_or_default();
        let interface = traffic.way.interface.clone();
        let sender = Sender {
            interface: interface.clone(),
            packets,
            errors,
            seconds: time.as_secs_f64(),
            packets_per_second: rate(packets, time),
            // A signal may have cut the last one of each short.
            datagrams: threads.iter().map(|thread| thread.frames / per_datagram).sum(),
            threads: threads.into_iter().map(OfThread::from).collect(),
            counter: counters.sent.into(),
            counter_dropped: counters.send_dropped,
        };
        let wanted = match traffic.amount {
            Amount::Count(count) => Some(count.saturating_mul(per_datagram)),
            Amount::Time(_) => None,
        };
        let generator = if traffic.live { "live-frames" } else { "pktgen" };
        let receiver = seen.map(|seen| Received::new(interface, seen, time));
        Self { version: SCHEMA, generator, traffic: Sent::of(traffic), sender, receiver, wanted, link }
    }

    /// For programs.
    pub(super) fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// That everything was sent. What the driver had no room for, pktgen has sent again.
    ///
    /// # Errors
    /// It wasn't, or can't have been; a [`Refusal`](super::Refusal) if the driver takes no frames that XDP makes.
    pub(super) fn check(&self) -> Result<()> {
        let Sender { interface, packets, .. } = &self.sender;
        if let Some(wanted) = self.wanted {
            ensure!(
                packets >= &wanted,
                "{packets} packets of {wanted} were sent: {interface} went down or lost its carrier meanwhile"
            );
        }
        match self.link {
            Link::Good => Ok(()),
            Link::Down => bail!("{interface} went down or lost its carrier meanwhile: nothing leaves by it"),
            Link::TakesNone => Err(live::takes_none(interface).into()),
        }
    }
}

impl Sent {
    fn of(traffic: &Traffic) -> Self {
        let (from, to) = match traffic.addresses {
            Addresses::V4 { from, to } => (from.to_string(), to.to_string()),
            Addresses::V6 { from, to } => (from.to_string(), to.to_string()),
        };
        let per_datagram = traffic.frames_per_datagram();
        let fragments =
            traffic.cut.map(|Cut { order, mtu }| Fragments { order: order.name(), mtu, per_datagram });
        Self {
            from,
            to,
            from_port: traffic.from_port,
            ports: [traffic.ports.first, traffic.ports.last],
            size: traffic.size,
            vlan: traffic.vlan,
            fragments,
            rate: traffic.rate,
        }
    }
}

impl From<Thread> for OfThread {
    fn from(Thread { name, frames, errors, time, result }: Thread) -> Self {
        Self { thread: name, packets: frames, errors, seconds: time.as_secs_f64(), result }
    }
}

impl Received {
    /// What was seen, of which the rate is that of the time it was sent in.
    pub(super) fn new(interface: String, seen: Seen, time: Duration) -> Self {
        let Counters { received, receive_dropped, .. } = seen.counters;
        Self {
            interface,
            counter: received.into(),
            counter_dropped: receive_dropped,
            packets_per_second: rate(received.packets, time),
            filter: seen.judged.as_ref().map(Filtered::of),
        }
    }
}

impl Filtered {
    fn of(judged: &Judged) -> Self {
        let [passed, dropped, rejected] =
            ["pass", "drop", "reject"].map(|verdict| judged.of_verdict(verdict));
        let reasons = judged.reasons().into_iter().map(|(reason, verdict, count)| OfReason {
            reason,
            verdict,
            count: count.into(),
        });
        Self { passed, dropped, rejected, reasons: reasons.collect() }
    }
}

fn rate(packets: u64, time: Duration) -> f64 {
    if time.is_zero() { 0.0 } else { packets as f64 / time.as_secs_f64() }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { generator, traffic, sender, receiver, .. } = self;
        writeln!(f, "{generator}: {traffic}")?;
        writeln!(f, "{sender}")?;
        match receiver {
            Some(receiver) => write!(f, "{receiver}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, from_port, ports: [first, last], size, vlan, fragments, rate } = self;
        let bracketed =
            |address: &str| if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
        write!(f, "udp {}:{from_port} > {}:{first}", bracketed(from), bracketed(to))?;
        if first != last {
            write!(f, "-{last}")?;
        }
        match fragments {
            None => write!(f, ", {size} bytes a frame")?,
            Some(Fragments { order, mtu, per_datagram }) => {
                write!(f, ", {size} bytes in {per_datagram} fragments of {mtu} at most, {order}")?;
            }
        }
        vlan.map_or(Ok(()), |vlan| write!(f, ", VLAN {vlan}"))?;
        rate.map_or(Ok(()), |rate| write!(f, ", {rate} datagrams a second at most"))
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            interface, packets, errors, seconds, packets_per_second, datagrams, threads, counter, ..
        } = self;
        write!(f, "sender    {packets} packets in {seconds:.2} s, {} a second", short(*packets_per_second))?;
        if datagrams != packets {
            write!(f, ", {datagrams} datagrams")?;
        }
        if *errors > 0 {
            write!(f, ", {errors} more refused by the driver")?;
        }
        for OfThread { thread, packets, seconds, result, .. } in threads {
            match result {
                Some(result) => write!(f, "\n          {thread}: {result}")?,
                None => write!(f, "\n          {thread}: {packets} packets in {seconds:.2} s")?,
            }
        }
        write!(f, "\n          {interface} sent {}, dropped {}", counter.packets, self.counter_dropped)
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { interface, counter, counter_dropped, packets_per_second, filter } = self;
        let rate = short(*packets_per_second);
        writeln!(
            f,
            "receiver  {interface} received {}, {rate} a second, dropped {counter_dropped}",
            counter.packets
        )?;
        let Some(Filtered { passed, dropped, rejected, reasons }) = filter else {
            return writeln!(f, "filter    none is in force");
        };
        writeln!(f, "filter    passed {passed}, dropped {dropped}, rejected {rejected}")?;
        for OfReason { reason, verdict, count: Packets { packets, bytes } } in reasons {
            writeln!(f, "          {packets:>12} packets  {bytes:>14} bytes  {verdict:<6}  {reason}")?;
        }
        Ok(())
    }
}
