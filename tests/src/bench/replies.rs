//! What it costs to know the host's own flows: a reply that comes in, and a packet that goes out.

use std::time::Duration;

use anyhow::Result;
use fragwall::{
    kernel::{
        document::Document,
        egress::Egress,
        flows::FlowSettings,
        instance::{Instance, Settings, host},
    },
    ruleset::{Compiled, Config, Names, Replies, Rule},
};

use super::{
    Timed,
    cases::{Case, DROP, PASS, frame},
    report::Row,
};
use crate::harness::{
    bpffs::Bpffs,
    packet::{Internet as _, Payload, ip4, ip6, pattern},
};

/// How much data the packets have, in bytes.
const DATA: usize = 100;
const ACK: u8 = 0x10;
/// Longer than it takes to load all that is measured, and a round of it.
const LASTING: Duration = Duration::from_secs(3600);

/// A filter and the program on egress that go together.
fn pair() -> Result<(Instance, Egress)> {
    let rules = ["allow tcp 22", "allow @ike"].map(|rule| Rule::parse(rule, Names::system()));
    let rules = rules.into_iter().collect::<Result<_, _>>()?;
    let replies = Replies { udp: LASTING, udp_unanswered: LASTING, ..Replies::default() };
    let flows = FlowSettings::new(&replies)?;
    let document = Document::new(Config { rules, replies: Some(replies), ..Config::default() })?;
    let compiled = Compiled::new(&document.rules(), document.config.default, &host()?)?;
    let settings = Settings::of_document(&document, &compiled, false)?;
    // The programs hold the table when its pin is gone.
    let bpffs = Bpffs::new()?;
    let pin = bpffs.path().join("flows");
    let egress = Egress::load(&flows, &settings.hash_key, &pin)?;
    Ok((Instance::load_beside(&settings, &pin)?, egress))
}

/// What comes in: a reply to what was sent before, or not.
fn incoming<P: Payload>(name: &str, sent: Option<P>, comes: P, action: u32) -> Result<Case> {
    let (instance, egress) = pair()?;
    if let Some(sent) = sent {
        egress.run(&frame(sent), 1)?;
    }
    Case::new(name, instance, frame(comes), action)
}

/// The cases on ingress.
///
/// # Errors
/// The kernel refuses the program.
pub fn ingress() -> Result<Vec<Case>> {
    let data = pattern(DATA);
    let out6 = || ip6("2001:db8:f:608::2", "2001:db8::be6b:d879");
    let back6 = || ip6("2001:db8::be6b:d879", "2001:db8:f:608::2");
    let (out4, back4) = (ip4("198.51.100.2", "192.0.2.1"), ip4("192.0.2.1", "198.51.100.2"));
    Ok(vec![
        incoming(
            "IPv6 UDP, a reply",
            Some(out6().udp(40000, 53, &data)),
            back6().udp(53, 40000, &data),
            PASS,
        )?,
        incoming(
            "IPv6 TCP, a reply",
            Some(out6().tcp(40000, 443, ACK, &data)),
            back6().tcp(443, 40000, ACK, &data),
            PASS,
        )?,
        incoming("IPv4 UDP, a reply", Some(out4.udp(40000, 53, &data)), back4.udp(53, 40000, &data), PASS)?,
        incoming("IPv6 UDP, no reply, allowed", None, back6().udp(4500, 4500, &data), PASS)?,
        incoming("IPv6 TCP, no reply, denied", None, back6().tcp(443, 40000, ACK, &data), DROP)?,
    ])
}

/// A packet that goes out, of a flow that is known or not yet.
#[derive(Debug)]
pub struct Outgoing {
    name: &'static str,
    egress: Egress,
    idle: Egress,
    frame: Vec<u8>,
}

/// The cases on egress.
///
/// # Errors
/// The kernel refuses the program.
pub fn egress() -> Result<Vec<Outgoing>> {
    let data = pattern(DATA);
    let case = |name, frame| anyhow::Ok(Outgoing { name, egress: pair()?.1, idle: Egress::idle()?, frame });
    Ok(vec![
        case("IPv6 UDP, of a known flow", frame(ip6("2001:db8::1", "2001:db8::2").udp(40000, 53, &data)))?,
        case(
            "IPv6 TCP, of a known flow",
            frame(ip6("2001:db8::1", "2001:db8::2").tcp(40000, 443, ACK, &data)),
        )?,
        case("IPv4 UDP, of a known flow", frame(ip4("192.0.2.1", "192.0.2.2").udp(40000, 53, &data)))?,
    ])
}

impl Timed for Outgoing {
    fn check(&mut self) -> Result<()> {
        Ok(self.egress.run(&self.frame, 1).map(drop)?)
    }

    fn sample(&mut self, repeat: u32) -> Result<(f64, f64)> {
        let [idle, timed] = [&mut self.idle, &mut self.egress]
            .map(|egress| egress.run(&self.frame, repeat).map(|duration| duration.as_nanos() as f64));
        Ok((timed?, idle?))
    }

    fn row(&mut self, samples: &[(f64, f64)]) -> Result<Row> {
        Row::new(self.name.to_owned(), samples, None)
    }
}
