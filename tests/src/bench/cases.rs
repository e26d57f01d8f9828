//! The paths that are measured.

use crate::harness::packet::{Ether, Internet as _, Ip4, Ip6, Payload, ip4, ip6, patched, pattern};
use anyhow::{Result, ensure};
use fragwall::{
    kernel::{document::Document, instance::Instance},
    ruleset::{Config, Names, Rule},
};

/// A path through the program.
#[derive(Debug)]
pub struct Case {
    /// What it's called.
    pub name: &'static str,
    /// A program with tables of its own.
    pub instance: Instance,
    /// The packet that is run over and over.
    pub frame: Vec<u8>,
    /// The first fragment that the program must have seen.
    pub preceded_by: Option<Vec<u8>>,
    /// The XDP action that is expected.
    action: u32,
}

/// `XDP_DROP` and `XDP_PASS`.
const DROP: u32 = 1;
const PASS: u32 = 2;

impl Case {
    /// Makes sure that the packet fares as it should, so that a figure says what it seems to.
    ///
    /// # Errors
    /// It doesn't.
    pub fn check(&mut self) -> Result<()> {
        if let Some(first) = &self.preceded_by {
            self.instance.run(first, 1)?;
        }
        let action = self.instance.run(&self.frame, 1)?.action;
        ensure!(action == self.action, "{}: XDP action {action} instead of {}", self.name, self.action);
        Ok(())
    }
}

/// The exchange that Fragwall exists for: 1232 bytes of UDP in the first fragment, 376 in the second.
const ID: u32 = 0x5efa_507c;
const FIRST: usize = 1232;
const DATAGRAM: usize = 1600;

fn v6() -> Ip6 {
    ip6("2001:db8::be6b:d879", "2001:db8:f:608::2").hop_limit(51)
}

fn v4() -> Ip4 {
    ip4("192.0.2.1", "198.51.100.2")
}

/// The fragments of the exchange over IPv6.
fn fragments6() -> [Ip6; 2] {
    let whole = v6().udp(4500, 4500, &pattern(DATAGRAM));
    whole.fragments(ID, &[FIRST]).try_into().expect("one cut makes two fragments")
}

/// The fragments of the exchange over IPv4.
fn fragments4() -> [Ip4; 2] {
    let whole = v4().udp(4500, 4500, &pattern(DATAGRAM));
    whole.fragments(ID as u16, &[FIRST]).try_into().expect("one cut makes two fragments")
}

fn frame<P: Payload>(packet: P) -> Vec<u8> {
    Ether::to(packet).frame()
}

/// With a customer's and a provider's tag.
fn tagged<P: Payload>(packet: P) -> Vec<u8> {
    Ether::to(packet).tag(0x8100, 7).tag(0x88a8, 42).frame()
}

/// A case with the rules that the fixed cases share.
fn case(name: &'static str, frame: Vec<u8>, preceded_by: Option<Vec<u8>>, action: u32) -> Result<Case> {
    let rules = ["allow tcp 22", "allow @ike"].map(|rule| Rule::parse(rule, Names::system()));
    let rules = rules.into_iter().collect::<Result<_, _>>()?;
    let document = Document::new(Config { rules, ..Config::default() })?;
    let instance = Instance::of_document(&document, false)?;
    Ok(Case { name, instance, frame, preceded_by, action })
}

/// Every case.
///
/// # Errors
/// The kernel refuses the program.
pub fn all() -> Result<Vec<Case>> {
    let payload = pattern(100);
    let [first6, trailing6] = fragments6();
    let [first4, trailing4] = fragments4();
    let chain = v6().hop_by_hop(8).dest_opts(8).udp(4500, 4500, &payload);
    [
        case("IPv6 UDP, whole", frame(v6().udp(4500, 4500, &payload)), None, PASS),
        case("IPv6 first fragment", frame(first6.clone()), None, PASS),
        case("IPv6 trailing fragment", frame(trailing6.clone()), Some(frame(first6.clone())), PASS),
        case("IPv6 trailing fragment, early", frame(trailing6.clone()), None, PASS),
        case("IPv4 UDP, whole", frame(v4().udp(4500, 4500, &payload)), None, PASS),
        case("IPv4 first fragment", frame(first4.clone()), None, PASS),
        case("IPv4 trailing fragment", frame(trailing4.clone()), Some(frame(first4)), PASS),
        case("IPv6 UDP, two VLAN tags", tagged(v6().udp(4500, 4500, &payload)), None, PASS),
        case("IPv6 first, two VLAN tags", tagged(first6.clone()), None, PASS),
        case("IPv6 trailing, two VLAN tags", tagged(trailing6), Some(tagged(first6)), PASS),
        case("IPv6 UDP, two extension headers", frame(chain), None, PASS),
        case("IPv6 TCP, denied by default", frame(v6().tcp(40000, 443, 0x02, &payload)), None, DROP),
        case(
            "IPv6 UDP, length lies",
            patched(&frame(v6().udp(4500, 4500, &payload)), 18, &[0xff]),
            None,
            DROP,
        ),
    ]
    .into_iter()
    .collect()
}
