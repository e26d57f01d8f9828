//! Frames, written byte by byte from the RFCs' diagrams. Nothing here is taken from the parser under test.

use firewall_common::{fragment::Class, packet::Family};

/// An IPv6 extension header other than the Fragment header.
#[derive(Clone, Debug)]
pub(crate) struct Extension {
    /// Its own number, which the header before it gives as the next one.
    pub(crate) kind: u8,
    /// Hdr Ext Len: how many units of 8 bytes follow the first.
    pub(crate) units: u8,
    /// The third byte: a routing header's type, an option's type in the others.
    pub(crate) third: u8,
}

/// What a Fragment header says, or an IPv4 header of fragmentation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The identification.
    pub(crate) id: u32,
    /// In bytes.
    pub(crate) offset: u16,
    /// The M flag.
    pub(crate) more: bool,
}

/// A packet to be written.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    /// EtherType of the tag, and its control field, the outermost first.
    pub(crate) tags: Vec<(u16, u16)>,
    pub(crate) family: Family,
    /// IPv4 only: options, a multiple of 4 bytes.
    pub(crate) options: Vec<u8>,
    /// IPv6 only: what comes before the Fragment header.
    pub(crate) before: Vec<Extension>,
    /// IPv6 only: what comes behind it.
    pub(crate) after: Vec<Extension>,
    pub(crate) place: Option<Place>,
    /// Bits that receivers ignore: reserved ones of the Fragment header, DF and the reserved flag of IPv4.
    pub(crate) ignored: u16,
    pub(crate) hop_limit: u8,
    /// The upper-layer protocol, the first one behind `after`.
    pub(crate) protocol: u8,
    /// From the transport header on, or a trailing fragment's piece of the datagram.
    pub(crate) payload: Vec<u8>,
    /// What lies behind the IP packet's end in the frame.
    pub(crate) padding: Vec<u8>,
    /// IPv6 only: the last byte of the source's network.
    pub(crate) network: u8,
    /// The last byte of the source address.
    pub(crate) source: u8,
    /// The first two bytes of the destination address.
    pub(crate) destination: [u8; 2],
}

impl Packet {
    /// A plain packet of that family.
    pub(crate) fn new(family: Family, protocol: u8, payload: Vec<u8>) -> Self {
        Self {
            tags: Vec::new(),
            family,
            options: Vec::new(),
            before: Vec::new(),
            after: Vec::new(),
            place: None,
            ignored: 0,
            hop_limit: 64,
            protocol,
            payload,
            padding: Vec::new(),
            network: 0,
            source: 1,
            destination: [0x20, 0x01],
        }
    }

    /// The same packet as a fragment.
    pub(crate) fn at(mut self, id: u32, offset: u16, more: bool) -> Self {
        self.place = Some(Place { id, offset, more });
        self
    }

    /// The same piece of another datagram.
    pub(crate) fn renumbered(mut self, id: u32) -> Self {
        if let Some(place) = &mut self.place {
            place.id = id;
        }
        self
    }

    /// What it is in respect of fragmentation.
    pub(crate) fn class(&self) -> Class {
        match (self.family, self.place) {
            (_, None) | (Family::V4, Some(Place { offset: 0, more: false, .. })) => Class::Whole,
            (Family::V6, Some(Place { offset: 0, more: false, .. })) => Class::Atomic,
            (_, Some(Place { offset: 0, more: true, .. })) => Class::First,
            _ => Class::Trailing,
        }
    }

    /// Where the IP header begins in the frame, in bytes.
    pub(crate) fn ip_offset(&self) -> usize {
        14 + 4 * self.tags.len()
    }

    /// How many bytes there are behind the fragmentation: what a fragment's length counts.
    pub(crate) fn fragment_length(&self) -> usize {
        self.after.iter().map(|header| 8 + 8 * usize::from(header.units)).sum::<usize>() + self.payload.len()
    }

    /// The frame without its padding.
    pub(crate) fn unpadded(&self) -> Vec<u8> {
        let mut frame = vec![0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1];
        for (ethertype, control) in &self.tags {
            frame.extend(ethertype.to_be_bytes());
            frame.extend(control.to_be_bytes());
        }
        match self.family {
            Family::V4 => self.write_v4(&mut frame),
            Family::V6 => self.write_v6(&mut frame),
        }
        frame.extend(&self.payload);
        frame
    }

    /// The frame.
    pub(crate) fn frame(&self) -> Vec<u8> {
        let mut frame = self.unpadded();
        frame.extend(&self.padding);
        frame
    }

    fn write_v4(&self, frame: &mut Vec<u8>) {
        let header = 20 + self.options.len();
        let (id, mut fragmentation) = match self.place {
            Some(Place { id, offset, more }) => (id as u16, (offset / 8) | (u16::from(more) << 13)),
            None => (0x7777, 0),
        };
        fragmentation |= self.ignored & 0xc000;
        frame.extend([0x08, 0x00, 0x40 | (header / 4) as u8, 0]);
        frame.extend(((header + self.payload.len()) as u16).to_be_bytes());
        frame.extend(id.to_be_bytes());
        frame.extend(fragmentation.to_be_bytes());
        frame.extend([self.hop_limit, self.protocol, 0xab, 0xcd]);
        frame.extend([192, 0, 2, self.source]);
        frame.extend([self.destination[0], self.destination[1], 2, 2]);
        frame.extend(&self.options);
    }

    fn write_v6(&self, frame: &mut Vec<u8>) {
        // Every header, by its number and its bytes without the leading Next Header.
        let mut headers: Vec<(u8, Vec<u8>)> = self.before.iter().map(written).collect();
        if let Some(Place { id, offset, more }) = self.place {
            let offset_more = offset | (self.ignored & 0b110) | u16::from(more);
            let mut header = vec![(self.ignored >> 8) as u8];
            header.extend(offset_more.to_be_bytes());
            header.extend(id.to_be_bytes());
            headers.push((44, header));
        }
        headers.extend(self.after.iter().map(written));
        let length = headers.iter().map(|(_, rest)| 1 + rest.len()).sum::<usize>() + self.payload.len();

        frame.extend([0x86, 0xdd, 0x60, 0x12, 0x34, 0x56]);
        frame.extend((length as u16).to_be_bytes());
        let numbers: Vec<u8> = headers.iter().map(|(number, _)| *number).chain([self.protocol]).collect();
        frame.extend([numbers[0], self.hop_limit]);
        frame.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, self.network, 0, 0, 0, 0, 0, 0, 0, self.source]);
        frame.extend([self.destination[0], self.destination[1], 0x0d, 0xb8, 0, 0, 0, 0]);
        frame.extend([0, 0, 0, 0, 0, 0, 0, 2]);
        for ((_, rest), next) in headers.iter().zip(&numbers[1..]) {
            frame.push(*next);
            frame.extend(rest);
        }
    }
}

fn written(extension: &Extension) -> (u8, Vec<u8>) {
    let mut rest = vec![0x55; 7 + 8 * usize::from(extension.units)];
    rest[0] = extension.units;
    rest[1] = extension.third;
    (extension.kind, rest)
}

/// Ports, and `more` bytes behind them.
pub(crate) fn ports(source: u16, destination: u16, more: usize) -> Vec<u8> {
    let mut bytes = [source.to_be_bytes(), destination.to_be_bytes()].concat();
    bytes.resize(4 + more, 0x5a);
    bytes
}

/// A UDP header to `destination` and `data` bytes.
pub(crate) fn udp(destination: u16, data: usize) -> Vec<u8> {
    ports(4500, destination, 4 + data)
}
