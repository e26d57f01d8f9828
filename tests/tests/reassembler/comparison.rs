//! What was delivered behind the filter, held against what was delivered without it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::datagram::number_of;
use super::exchange::{Kind, Rule};
use super::session::Session;
use super::twins::{ALLOWED, Delivered, Delivery};

/// What is wrong with a delivery.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// A datagram came to a denied port.
    LetIn,
    /// A datagram of the reference is missing.
    Missing,
    /// A datagram is there that neither the reference has nor its sender meant.
    Unexplained,
}

/// What is wrong, and with which exchange, if it belongs to one.
#[derive(Clone, Debug)]
pub struct Difference {
    pub fault: Fault,
    pub exchange: Option<usize>,
    pub text: String,
}

/// How many datagrams of a kind were delivered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// At allowed ports without a filter.
    pub allowed: usize,
    /// At denied ports without a filter.
    pub denied: usize,
    /// At allowed ports behind the filter.
    pub filtered: usize,
}

/// Whether a socket is on an allowed port.
pub fn is_allowed(socket: SocketAddr) -> bool {
    ALLOWED.contains(&socket.port())
}

/// How often each datagram came to each socket.
pub fn counted(deliveries: &[Delivery]) -> BTreeMap<&Delivery, usize> {
    let mut counts = BTreeMap::new();
    for delivery in deliveries {
        *counts.entry(delivery).or_default() += 1;
    }
    counts
}

impl Session {
    /// The exchange that a datagram's number is from.
    fn exchange_of(&self, payload: &[u8]) -> Option<usize> {
        Some(self.meant.get(number_of(payload)? as usize)?.1)
    }

    fn rule(&self, payload: &[u8]) -> Option<Rule> {
        Some(self.kinds[self.exchange_of(payload)?].rule())
    }

    /// Whether this is what a sender meant, at the port that it meant.
    fn is_meant(&self, (to, payload): &Delivery) -> bool {
        let meant = number_of(payload).and_then(|number| self.meant.get(number as usize));
        meant.is_some_and(|(meant, _)| meant.to == *to && meant.payload == *payload)
    }

    /// Whether this begins as a datagram to the port that it came to.
    fn begins_as_meant(&self, (to, payload): &Delivery) -> bool {
        let meant = number_of(payload).and_then(|number| self.meant.get(number as usize));
        meant.is_some_and(|(meant, _)| meant.to == *to)
    }

    /// The first thing that is wrong.
    pub fn compare(&self, delivered: &Delivered) -> Result<(), Difference> {
        let [reference, filtered] = [&delivered.reference, &delivered.filtered].map(|all| counted(all));
        let differ = |fault, delivery: &Delivery, counts: [usize; 2]| {
            let exchange = self.exchange_of(&delivery.1);
            let kind = exchange.map_or("unknown", |exchange| self.kinds[exchange].name());
            let (to, payload) = delivery;
            let text = format!(
                "{fault:?}: of kind {kind}, {} bytes to {to}, {:02x?}…: without a filter {} times, behind it {} times",
                payload.len(),
                &payload[..payload.len().min(16)],
                counts[0],
                counts[1]
            );
            Err(Difference { fault, exchange, text })
        };
        for (&delivery, &times) in &filtered {
            let counts = [reference.get(delivery).copied().unwrap_or(0), times];
            if !is_allowed(delivery.0) {
                return differ(Fault::LetIn, delivery, counts);
            }
            let explained = match self.rule(&delivery.1) {
                Some(Rule::Same) => times <= counts[0],
                Some(Rule::SameOrBetter) => times <= counts[0] || self.is_meant(delivery),
                Some(Rule::Safe) => self.begins_as_meant(delivery),
                None => false,
            };
            if !explained {
                return differ(Fault::Unexplained, delivery, counts);
            }
        }
        for (&delivery, &times) in &reference {
            let counts = [times, filtered.get(delivery).copied().unwrap_or(0)];
            if is_allowed(delivery.0) && counts[1] < times && self.rule(&delivery.1) != Some(Rule::Safe) {
                return differ(Fault::Missing, delivery, counts);
            }
        }
        Ok(())
    }

    /// Adds what was delivered to the tallies of the kinds.
    pub fn tally(&self, delivered: &Delivered, tallies: &mut BTreeMap<Kind, Tally>) {
        for delivery in &delivered.reference {
            let Some(exchange) = self.exchange_of(&delivery.1) else { continue };
            let tally = tallies.entry(self.kinds[exchange]).or_default();
            *if is_allowed(delivery.0) { &mut tally.allowed } else { &mut tally.denied } += 1;
        }
        for delivery in &delivered.filtered {
            let Some(exchange) = self.exchange_of(&delivery.1) else { continue };
            tallies.entry(self.kinds[exchange]).or_default().filtered += 1;
        }
    }
}
