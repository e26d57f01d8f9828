//! A session: exchanges of many sources, interleaved.

use firewall_tests::harness::host::HOST;
use firewall_tests::harness::packet::random::Random;

use super::exchange::{Exchange, Kind, Meant, Origin};

/// Exchanges in a session.
const EXCHANGES: usize = 2000;
/// Sources of each family.
const SOURCES: usize = 30;
/// Exchanges under way at once, at most.
const OPEN: usize = 12;

/// A frame, and the exchange that it belongs to.
#[derive(Clone, Debug)]
pub struct Frame {
    pub bytes: Vec<u8>,
    pub exchange: usize,
}

/// What is sent, and what is meant by it.
#[derive(Debug)]
pub struct Session {
    pub frames: Vec<Frame>,
    /// Of each exchange, what kind it is.
    pub kinds: Vec<Kind>,
    /// Of each number, the datagram and the exchange that it belongs to.
    pub meant: Vec<(Meant, usize)>,
}

/// Where a source's identifications begin: all sources of a family have the same ones.
fn first_id(family: usize) -> u32 {
    [0xffff_fff0, 0xfff0][family]
}

impl Session {
    /// A random one.
    pub fn new(random: &mut Random) -> Self {
        let mut session = Self { frames: Vec::new(), kinds: Vec::new(), meant: Vec::new() };
        let mut used = [[0; SOURCES]; 2];
        let mut open: Vec<(usize, Vec<Vec<u8>>)> = Vec::new();
        while session.kinds.len() < EXCHANGES || !open.is_empty() {
            if session.kinds.len() < EXCHANGES && open.len() < OPEN && random.chance(50) {
                let (family, source) = (random.below(2), random.below(SOURCES));
                let id = first_id(family).wrapping_add(used[family][source]);
                used[family][source] += 1;
                let exchange = session.begin(random, family, source, id);
                let mut frames = exchange.frames;
                frames.reverse();
                let number = session.kinds.len();
                session.kinds.push(exchange.kind);
                session.meant.extend(exchange.meant.into_iter().map(|meant| (meant, number)));
                open.push((number, frames));
            } else if !open.is_empty() {
                let at = random.below(open.len());
                let (exchange, frames) = &mut open[at];
                if let Some(bytes) = frames.pop() {
                    session.frames.push(Frame { bytes, exchange: *exchange });
                }
                if frames.is_empty() {
                    open.swap_remove(at);
                }
            }
        }
        session
    }

    fn begin(&self, random: &mut Random, family: usize, source: usize, id: u32) -> Exchange {
        let source = match family {
            // Some of them in one prefix, some each in its own.
            0 => format!("2001:db8:{:x}::{source:x}", 0x100 + source / 4),
            _ => format!("10.0.{}.{source}", source / 4),
        };
        let origin = Origin { source, host: HOST[family], id, number: self.meant.len() as u32 };
        let kind = Kind::any(random);
        Exchange::new(random, kind, &origin)
    }
}
