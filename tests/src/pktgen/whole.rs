//! Whole packets, by the kernel's pktgen.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};

use super::procfs::{self, Pktgen};
use super::refusal::Refusal;
use super::sending::{Sending, Thread};
use super::text::Device;
use super::traffic::{Addresses, Traffic};

/// How long threads may take to notice that they were started: they look ten times a second, when the machine lets them.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How long none of them may send anything, or try to, unless they're told to be slow.
const STALL_LIMIT: Duration = Duration::from_secs(30);

/// pktgen's threads while they send.
pub(super) struct Whole {
    pktgen: Pktgen,
    /// A thread's number and its device.
    devices: Vec<(usize, String)>,
    started: Instant,
    /// How much was sent and refused when that last changed, and when that was.
    last: (u64, Instant),
    has_rate: bool,
    /// It waits until pktgen has ended; nothing once it has done so.
    starter: Option<JoinHandle<Result<()>>>,
}

impl Whole {
    /// Starts them.
    ///
    /// # Errors
    /// The kernel has no pktgen, or fewer threads; somebody else is using it; or it refuses a setting.
    pub(super) fn start(traffic: &Traffic) -> Result<Self> {
        let mut pktgen = Pktgen::open()?;
        let threads = pktgen.threads()?;
        if traffic.threads > threads.len() {
            let (wanted, are) = (traffic.threads, threads.len());
            return Err(Refusal::Invalid(format!(
                "--threads {wanted}: pktgen has {are} here, one for each CPU"
            ))
            .into());
        }
        let mut devices = Vec::new();
        for (number, thread) in threads.into_iter().take(traffic.threads).enumerate() {
            let device = pktgen.add(thread, &traffic.way.interface)?;
            for line in settings(traffic, number) {
                pktgen.set(&device, &line)?;
            }
            devices.push((thread, device));
        }
        let starter = thread::spawn(procfs::start);
        let now = Instant::now();
        let has_rate = traffic.rate_of(0).is_some();
        Ok(Self { pktgen, devices, started: now, last: (0, now), has_rate, starter: Some(starter) })
    }

    fn each(&self) -> impl Iterator<Item = Result<Device>> {
        self.devices.iter().map(|(_, device)| self.pktgen.device(device))
    }

    /// That something is sent, or refused, from time to time: a thread of the kernel that does neither would be waited for without end.
    fn must_go_on(&mut self) -> Result<()> {
        let devices = self.each().collect::<Result<Vec<Device>>>()?;
        let done = devices.iter().map(|device| device.packets + device.errors).sum();
        if done != self.last.0 {
            self.last = (done, Instant::now());
        }
        ensure!(
            self.has_rate || self.last.1.elapsed() < STALL_LIMIT,
            "pktgen sends nothing any more, and hasn't ended: {devices:?}"
        );
        Ok(())
    }
}

impl Sending for Whole {
    fn frames(&self) -> Result<u64> {
        self.each().map(|device| Ok(device?.packets)).sum()
    }

    fn stop(&self) -> Result<()> {
        procfs::stop()
    }

    fn is_over(&mut self) -> Result<bool> {
        if let Some(starter) = self.starter.take_if(|starter| starter.is_finished()) {
            starter.join().map_err(|_| anyhow!("starting pktgen panicked"))??;
        }
        if self.starter.is_some() {
            self.must_go_on()?;
            return Ok(false);
        }
        // Whoever starts it goes on after an eighth of a second, also if a thread hasn't noticed by then.
        let mut has_ended = true;
        for device in self.each() {
            let device = device?;
            has_ended &= device.has_ended();
            ensure!(
                has_ended || device.packets > 0 || self.started.elapsed() < START_LIMIT,
                "pktgen hasn't begun to send: {}",
                device.result
            );
        }
        Ok(has_ended)
    }

    fn end(self: Box<Self>) -> Result<Vec<Thread>> {
        let devices = self.devices.iter().zip(self.each());
        devices
            .map(|((thread, _), device)| {
                let Device { packets, errors, microseconds, result } = device?;
                let time = Duration::from_micros(microseconds);
                Ok(Thread {
                    name: procfs::name(*thread),
                    frames: packets,
                    errors,
                    time,
                    result: Some(result),
                })
            })
            .collect()
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        if let Some(starter) = self.starter.take() {
            // Whatever went wrong is under way; what sends must end before its devices are taken away.
            while !starter.is_finished() {
                if let Err(error) = procfs::stop() {
                    eprintln!("{error:#}");
                    return;
                }
                thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

/// The lines that make a device send a thread's share.
fn settings(traffic: &Traffic, number: usize) -> Vec<String> {
    let ports = traffic.ports;
    // The end of a range is one behind its last port, but for a range of one.
    let end = if traffic.datagrams() == 1 { ports.last } else { ports.last + 1 };
    let mut lines = vec![
        // 0 is without end: until it's stopped.
        format!("count {}", traffic.share(number).unwrap_or(0)),
        format!("pkt_size {}", traffic.size),
        "delay 0".to_owned(),
        // Each packet is made anew: a veth can't send one twice.
        "clone_skb 0".to_owned(),
        format!("src_mac {}", traffic.way.from_mac),
        format!("dst_mac {}", traffic.way.to_mac),
        format!("udp_src_min {}", traffic.from_port),
        format!("udp_src_max {}", traffic.from_port),
        format!("udp_dst_min {}", ports.first),
        format!("udp_dst_max {end}"),
        "flag UDPCSUM".to_owned(),
        // Each thread sends by its CPU's queue, as far as there are queues.
        "flag QUEUE_MAP_CPU".to_owned(),
    ];
    match traffic.addresses {
        Addresses::V4 { from, to } => {
            lines.extend([format!("src_min {from}"), format!("src_max {from}")]);
            lines.extend([format!("dst_min {to}"), format!("dst_max {to}")]);
        }
        Addresses::V6 { from, to } => lines.extend([format!("src6 {from}"), format!("dst6 {to}")]),
    }
    lines.extend(traffic.vlan.map(|vlan| format!("vlan_id {vlan}")));
    lines.extend(traffic.rate_of(number).map(|rate| format!("ratep {rate}")));
    lines
}

#[cfg(test)]
mod tests {
    use super::super::traffic::tests::traffic;
    use super::*;

    fn lines(options: &[&str], is_v4: bool, number: usize) -> Vec<String> {
        settings(&traffic(options, is_v4).unwrap(), number)
    }

    fn has(lines: &[String], wanted: &[&str]) {
        for wanted in wanted {
            assert!(lines.iter().any(|line| line == wanted), "{wanted}: {lines:?}");
        }
    }

    #[test]
    fn every_option_is_a_line() {
        let options = ["--count", "11", "--threads", "2", "--port", "4500-4509", "--from-port", "99"];
        let more = ["--size", "200", "--vlan", "5", "--rate", "1001"];
        let options = [&options[..], &more].concat();
        let common = ["pkt_size 200", "udp_dst_min 4500", "udp_dst_max 4510", "udp_src_min 99", "vlan_id 5"];
        let first = lines(&options, true, 0);
        has(&first, &common);
        has(&first, &["count 6", "ratep 501", "src_min 192.0.2.2", "src_max 192.0.2.2", "dst_min 192.0.2.1"]);
        has(&first, &["dst_mac 02:00:00:00:00:01", "src_mac 02:00:00:00:00:02", "flag UDPCSUM"]);
        let second = lines(&options, false, 1);
        has(&second, &common);
        has(&second, &["count 5", "ratep 500", "src6 2001:db8::2", "dst6 2001:db8::1"]);
    }

    #[test]
    fn a_single_port_is_no_range_and_time_has_no_count() {
        let lines = lines(&["--port", "65535", "--seconds", "3"], true, 0);
        has(&lines, &["count 0", "udp_dst_min 65535", "udp_dst_max 65535"]);
        assert!(!lines.iter().any(|line| line.starts_with("vlan") || line.starts_with("ratep")), "{lines:?}");
    }
}
