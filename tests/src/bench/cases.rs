//! The paths that are measured.

use anyhow::{Result, ensure};
use fragwall::kernel::instance::Instance;

use super::{
    Timed,
    flows::{TABLE, program},
    program::Program,
    report::Row,
};
use crate::harness::packet::{Ether, Internet as _, Ip4, Ip6, Payload, ip4, ip6, patched, pattern};

/// A packet that takes the same path each time it's judged.
#[derive(Debug)]
pub struct Case {
    name: String,
    program: Box<dyn Program>,
    noop: Instance,
    frame: Vec<u8>,
    /// What the program must have seen.
    before: Vec<Vec<u8>>,
    /// The XDP action that is expected.
    action: u32,
}

/// `XDP_DROP` and `XDP_PASS`.
pub(super) const DROP: u32 = 1;
pub(super) const PASS: u32 = 2;

impl Case {
    /// A program and a packet, and the XDP action that it must get.
    pub(super) fn new(
        name: impl Into<String>,
        program: impl Program + 'static,
        frame: Vec<u8>,
        action: u32,
    ) -> Result<Self> {
        let (name, program) = (name.into(), Box::new(program));
        Ok(Self { name, program, noop: Instance::noop()?, frame, before: Vec::new(), action })
    }

    fn prepare(&mut self) -> Result<()> {
        for frame in &self.before {
            self.program.run(frame, 1)?;
        }
        Ok(())
    }
}

impl Timed for Case {
    fn check(&mut self) -> Result<()> {
        self.prepare()?;
        let action = self.program.run(&self.frame, 1)?.action;
        ensure!(action == self.action, "{}: XDP action {action} instead of {}", self.name, self.action);
        Ok(())
    }

    fn sample(&mut self, repeat: u32) -> Result<(f64, f64)> {
        self.prepare()?;
        let programs: [&mut dyn Program; 2] = [&mut self.noop, self.program.as_mut()];
        let [noop, timed] = programs
            .map(|program| program.run(&self.frame, repeat).map(|run| run.duration.as_nanos() as f64));
        Ok((timed?, noop?))
    }

    fn row(&mut self, samples: &[(f64, f64)]) -> Result<Row> {
        Row::new(self.name.clone(), samples, Some(self.program.size()?))
    }
}

fn v6() -> Ip6 {
    ip6("2001:db8::be6b:d879", "2001:db8:f:608::2").hop_limit(51)
}

fn v4() -> Ip4 {
    ip4("192.0.2.1", "198.51.100.2")
}

pub(super) fn frame<P: Payload>(packet: P) -> Vec<u8> {
    Ether::to(packet).frame()
}

/// With a customer's and a provider's tag.
fn tagged<P: Payload>(packet: P) -> Vec<u8> {
    Ether::to(packet).tag(0x8100, 7).tag(0x88a8, 42).frame()
}

/// A case with the rules that the fixed cases share.
fn case(name: &'static str, frame: Vec<u8>, action: u32) -> Result<Case> {
    Case::new(name, program(TABLE, false)?, frame, action)
}

/// A first fragment of a source of which a datagram has been complete before: the same over and over, so all but one are duplicates.
fn first<P: Payload>(name: &'static str, fragments: Vec<P>) -> Result<Case> {
    let before: Vec<_> = fragments.into_iter().map(frame).collect();
    Ok(Case { before: before.clone(), ..case(name, before[0].clone(), PASS)? })
}

/// A trailing fragment, with more to follow, of a datagram that was denied: of an accepted one so many would use up what it
/// may have, and what comes before that is the same.
fn trailing<P: Payload>(name: &'static str, fragments: Vec<P>) -> Result<Case> {
    let frames: Vec<_> = fragments.into_iter().map(frame).collect();
    Ok(Case { before: frames[..1].to_vec(), ..case(name, frames[1].clone(), DROP)? })
}

/// The packet that the program which does nothing is run on.
pub fn yardstick() -> Vec<u8> {
    frame(v6().udp(4500, 4500, &pattern(DATA)))
}

/// How much data the packets have, in bytes.
const DATA: usize = 100;
/// Where a datagram of three times as much is cut.
const CUTS: [usize; 2] = [104, 208];

/// Every case.
///
/// # Errors
/// The kernel refuses the program.
pub fn all() -> Result<Vec<Case>> {
    let (data, three) = (pattern(DATA), pattern(3 * DATA));
    let chain = v6().hop_by_hop(8).dest_opts(8).udp(4500, 4500, &data);
    let atomic = v6().udp(4500, 4500, &data).fragments(1, &[]).remove(0);
    let length_lies = patched(&frame(v6().udp(4500, 4500, &data)), 18, &[0xff]);
    [
        case("IPv6 UDP, whole", frame(v6().udp(4500, 4500, &data)), PASS),
        case("IPv4 UDP, whole", frame(v4().udp(4500, 4500, &data)), PASS),
        case("IPv6 UDP, atomic fragment", frame(atomic), PASS),
        first("IPv6 first fragment, the same again", v6().udp(4500, 4500, &three).fragments(1, &CUTS)),
        first("IPv4 first fragment, the same again", v4().udp(4500, 4500, &three).fragments(1, &CUTS)),
        trailing("IPv6 trailing fragment, denied", v6().udp(4500, 53, &three).fragments(1, &CUTS)),
        trailing("IPv4 trailing fragment, denied", v4().udp(4500, 53, &three).fragments(1, &CUTS)),
        case("IPv6 UDP, two VLAN tags", tagged(v6().udp(4500, 4500, &data)), PASS),
        case("IPv6 UDP, two extension headers", frame(chain), PASS),
        case("IPv6 TCP, denied by default", frame(v6().tcp(40000, 443, 0x02, &data)), DROP),
        case("IPv6 UDP, length lies", length_lies, DROP),
    ]
    .into_iter()
    .collect()
}
