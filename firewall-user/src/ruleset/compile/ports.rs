//! The tables that give each protocol and destination port its decision, or the set of rules that it satisfies.

use std::collections::{BTreeSet, HashMap};

use firewall_common::{
    packet::Family,
    rules::{Decision, Lookup, PORTS, PROTOCOLS, PortTable, SourcePorts},
};

use super::{
    entries::{Entry, Transport},
    sets::{Bits, Interner},
};

/// A range of ports, first and last.
type Range = (u16, u16);

/// The tables of protocols and their ports.
#[derive(Debug)]
pub(super) struct Protocols {
    pub(super) protocols: Box<[[Lookup; PROTOCOLS]; 2]>,
    pub(super) tables: Vec<Box<PortTable>>,
}

/// What a set of rules that protocol and port satisfy amounts to.
pub(super) struct Settle<'a> {
    /// The entries that ask for nothing else.
    pub(super) plain: Bits,
    /// What each entry's rule says.
    pub(super) decisions: &'a [Decision],
    pub(super) default: Decision,
}

impl Settle<'_> {
    fn lookup(&self, bits: &Bits, sets: &mut Interner) -> Lookup {
        let Some(first) = bits.first() else { return Lookup::decided(self.default) };
        match bits.first_of(&self.plain) {
            Some(plain) if plain == first => Lookup::decided(self.decisions[plain]),
            // What comes behind a rule that asks for nothing else is never asked.
            Some(plain) => {
                let mut bits = bits.clone();
                bits.truncate(plain);
                Lookup::set(sets.number(&bits))
            }
            None => Lookup::set(sets.number(bits)),
        }
    }
}

impl Protocols {
    pub(super) fn new(entries: &[Entry<'_>], settle: &Settle<'_>, sets: &mut Interner) -> Self {
        let named: BTreeSet<u8> = entries
            .iter()
            .flat_map(|entry| &entry.transports)
            .filter_map(|transport| transport.protocol)
            .map(|protocol| protocol.0)
            .collect();
        let mut protocols = Box::new([[Lookup::decided(settle.default); PROTOCOLS]; 2]);
        let mut tables = Vec::new();
        let mut known: HashMap<Box<PortTable>, u32> = HashMap::new();
        for family in Family::ALL {
            let own = &mut protocols[family.index()];
            own.fill(lookup(entries, family, None, settle, sets).0);
            for &protocol in &named {
                let (lookup, table) = lookup(entries, family, Some(protocol), settle, sets);
                own[usize::from(protocol)] = match table {
                    None => lookup,
                    Some(table) => {
                        let number = *known.entry(table).or_insert_with_key(|table| {
                            tables.push(table.clone());
                            tables.len() as u32 - 1
                        });
                        Lookup::ports(number)
                    }
                };
            }
        }
        Self { protocols, tables }
    }
}

/// What a protocol gives, or a table of what its ports give.
fn lookup(
    entries: &[Entry<'_>],
    family: Family,
    protocol: Option<u8>,
    settle: &Settle<'_>,
    sets: &mut Interner,
) -> (Lookup, Option<Box<PortTable>>) {
    let is_about = |transport: &&Transport| transport.is_about(family, protocol);
    let about: Vec<(usize, Option<&[Range]>)> = entries
        .iter()
        .enumerate()
        .flat_map(|(n, entry)| {
            entry.transports.iter().filter(is_about).map(move |of| (n, of.ports.as_deref()))
        })
        .collect();
    if about.iter().all(|(_, ports)| ports.is_none()) {
        let mut bits = Bits::none(entries.len());
        about.iter().for_each(|&(n, _)| bits.insert(n));
        return (settle.lookup(&bits, sets), None);
    }
    let mut table = vec![Lookup::decided(settle.default); PORTS];
    sweep(entries.len(), about.into_iter(), |(first, last), bits| {
        table[usize::from(first)..=usize::from(last)].fill(settle.lookup(bits, sets));
    });
    (table[0], Some(table.into_boxed_slice().try_into().expect("as many as there are ports")))
}

/// The sets that source ports satisfy, and the one that a packet without any does; no table if no rule asks for them.
pub(super) fn source_ports(entries: &[Entry<'_>], sets: &mut Interner) -> (Option<Box<SourcePorts>>, u32) {
    let mut without = Bits::none(entries.len());
    let mut ranges: Vec<(usize, Option<Vec<Range>>)> = Vec::new();
    for (n, entry) in entries.iter().enumerate() {
        let ports = entry.source_ports;
        if ports.is_none() {
            without.insert(n);
        }
        let of = |ports: &crate::ruleset::Ports| {
            ports.ranges().iter().map(|range| (range.first(), range.last())).collect()
        };
        ranges.push((n, ports.map(of)));
    }
    if entries.iter().all(|entry| entry.source_ports.is_none()) {
        return (None, 0);
    }
    let without = sets.number(&without);
    let mut table = vec![without; PORTS];
    sweep(entries.len(), ranges.iter().map(|(n, ranges)| (*n, ranges.as_deref())), |(first, last), bits| {
        table[usize::from(first)..=usize::from(last)].fill(sets.number(bits));
    });
    (Some(table.into_boxed_slice().try_into().expect("as many as there are ports")), without)
}

/// Calls `each` for the ranges of ports, from the lowest, within which the same entries ask for the port. No ranges are all
/// of them; the ranges of one entry may overlap.
fn sweep<'a>(
    count: usize,
    entries: impl Iterator<Item = (usize, Option<&'a [Range]>)>,
    mut each: impl FnMut(Range, &Bits),
) {
    let mut edges: Vec<(usize, usize, bool)> = Vec::new();
    for (n, ranges) in entries {
        for &(first, last) in ranges.unwrap_or(&[(0, u16::MAX)]) {
            edges.push((usize::from(first), n, true));
            edges.push((usize::from(last) + 1, n, false));
        }
    }
    edges.sort_unstable();
    let mut open = vec![0_u32; count];
    let mut bits = Bits::none(count);
    let mut start = 0;
    let mut edges = edges.into_iter().peekable();
    while start < PORTS {
        while let Some((_, n, opens)) = edges.next_if(|&(port, ..)| port <= start) {
            if opens {
                open[n] += 1;
                bits.insert(n);
            } else {
                open[n] -= 1;
                if open[n] == 0 {
                    bits.remove(n);
                }
            }
        }
        let end = edges.peek().map_or(PORTS, |&(port, ..)| port);
        each((start as u16, (end - 1) as u16), &bits);
        start = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_and_overlap_are_swept() {
        let mut seen = Vec::new();
        let ranges: [(usize, Option<&[Range]>); 3] =
            [(0, Some(&[(1, 10), (5, 20)])), (1, None), (2, Some(&[(21, 21), (65535, 65535)]))];
        sweep(3, ranges.into_iter(), |range, bits| {
            let mut inside = Vec::new();
            let mut bits = bits.clone();
            while let Some(first) = bits.first() {
                inside.push(first);
                bits.remove(first);
            }
            match seen.last_mut() {
                Some(((_, end), before)) if *before == inside => *end = range.1,
                _ => seen.push((range, inside)),
            }
        });
        assert_eq!(
            seen,
            [
                ((0, 0), vec![1]),
                ((1, 20), vec![0, 1]),
                ((21, 21), vec![1, 2]),
                ((22, 65534), vec![1]),
                ((65535, 65535), vec![1, 2]),
            ]
        );
    }
}
