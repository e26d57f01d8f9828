//! What is sent, checked: nothing here can't be sent.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use fragwall::kernel::generator::{MAX_FRAME, MIN_FRAME};

use super::options::{Mac, Order, Ports, Send};
use super::refusal::Refusal;

/// The lengths of headers, in bytes.
const ETHERNET: usize = 14;
const TAG: usize = 4;
const UDP: usize = 8;
const FRAGMENT: usize = 8;
/// What pktgen puts at the start of each datagram's data: a magic number, a sequence number and the time.
const PKTGEN: usize = 16;
/// How many bytes of data a datagram has unless `--size` says so. Fragmented ones are as long as an IKE_AUTH message with a few certificates.
const DATA: usize = 100;
const DATA_IN_FRAGMENTS: usize = 1600;
/// What every IPv4 router takes in one piece (RFC 791 3.2), and the least that can be asked for.
const LEAST_MTU: usize = 68;
/// What every IPv6 link takes in one piece (RFC 8200 5).
const USUAL_MTU: usize = 1280;
/// How many frames a live generator is given at most, in all.
const FRAMES: usize = 4096;
/// How many packets a thread of pktgen can be told to send: it reads ten digits and no more.
const MOST_OF_PKTGEN: u64 = 9_999_999_999;
/// How long it goes on if nothing else is said.
const USUAL_TIME: Duration = Duration::from_secs(5);

/// The link that everything goes over.
#[derive(Clone, Debug)]
pub(super) struct Way {
    /// The interface to send by.
    pub(super) interface: String,
    /// Its index, in the network namespace of whoever sends.
    pub(super) index: u32,
    /// Its MTU, in bytes.
    pub(super) mtu: usize,
    pub(super) from_mac: Mac,
    pub(super) to_mac: Mac,
    pub(super) from: IpAddr,
    pub(super) to: IpAddr,
}

/// Where from and where to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Addresses {
    V4 { from: Ipv4Addr, to: Ipv4Addr },
    V6 { from: Ipv6Addr, to: Ipv6Addr },
}

/// How datagrams are cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Cut {
    pub(super) order: Order,
    /// What a fragment fits into, in bytes from its IP header on.
    pub(super) mtu: usize,
}

/// How much is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Amount {
    /// So many datagrams.
    Count(u64),
    /// As many as can be in that time.
    Time(Duration),
}

/// What is sent.
#[derive(Clone, Debug)]
pub(super) struct Traffic {
    pub(super) way: Way,
    pub(super) addresses: Addresses,
    pub(super) from_port: u16,
    pub(super) ports: Ports,
    /// The length of a whole frame, in bytes without checksum.
    pub(super) size: usize,
    pub(super) vlan: Option<u16>,
    pub(super) cut: Option<Cut>,
    /// Whether frames are made by a BPF program rather than by pktgen.
    pub(super) live: bool,
    pub(super) threads: usize,
    pub(super) amount: Amount,
    /// Datagrams a second at most.
    pub(super) rate: Option<u64>,
}

impl Traffic {
    /// What was asked for, on a link.
    ///
    /// # Errors
    /// It can't be sent.
    pub(super) fn new(send: &Send, way: Way) -> Result<Self, Refusal> {
        let addresses = addresses(&way)?;
        let headers = ETHERNET + send.vlan.map_or(0, |_| TAG) + addresses.header() + UDP;
        let data = if send.fragments.is_some() { DATA_IN_FRAGMENTS } else { DATA };
        let amount = match (send.count, send.seconds) {
            (Some(count), _) => Amount::Count(count),
            (None, Some(seconds)) => Amount::Time(Duration::from_secs(seconds)),
            (None, None) => Amount::Time(USUAL_TIME),
        };
        let cut = send.fragments.map(|order| Cut { order, mtu: send.mtu.unwrap_or(USUAL_MTU.min(way.mtu)) });
        let traffic = Self {
            way,
            addresses,
            from_port: send.from_port,
            ports: send.port,
            size: send.size.unwrap_or(headers + data),
            vlan: send.vlan,
            cut,
            live: send.live || cut.is_some(),
            threads: usize::from(send.threads),
            amount,
            rate: send.rate,
        };
        traffic.check_size(headers)?;
        traffic.check_number()?;
        Ok(traffic)
    }

    fn check_size(&self, headers: usize) -> Result<(), Refusal> {
        let Self { size, way: Way { interface, mtu: link, .. }, .. } = self;
        let least = headers + PKTGEN;
        let least = if self.live { least.max(MIN_FRAME) } else { least };
        if *size < least {
            return invalid(format!("--size {size}: a frame of this kind has {least} bytes at least"));
        }
        let front = self.front();
        let largest =
            usize::from(u16::MAX) + if self.is_v4() { front } else { front + self.addresses.header() };
        let Some(Cut { mtu, .. }) = self.cut else {
            let most = (link + front).min(largest);
            let most = if self.live { most.min(MAX_FRAME) } else { most };
            if *size > most {
                return invalid(format!(
                    "--size {size}: {interface} takes frames of {most} bytes at most{}",
                    if self.live && most == MAX_FRAME { " from this generator" } else { "" }
                ));
            }
            return Ok(());
        };
        let most = (*link).min(MAX_FRAME - front);
        if !(LEAST_MTU..=most).contains(&mtu) {
            return invalid(format!("--mtu {mtu}: by {interface} it can be {LEAST_MTU} to {most}"));
        }
        if *size > largest {
            return invalid(format!(
                "--size {size}: no datagram has more than {largest} bytes with its headers"
            ));
        }
        if *size <= front + mtu {
            return invalid(format!(
                "--size {size}: the datagram fits into {mtu} bytes, and so there's nothing to cut: make it {} at least, or --mtu less",
                front + mtu + 1
            ));
        }
        Ok(())
    }

    fn check_number(&self) -> Result<(), Refusal> {
        let (threads, ports) = (self.threads, self.datagrams());
        if let Amount::Count(count) = self.amount
            && count < threads as u64
        {
            return invalid(format!("--count {count}: {threads} threads have nothing to share among them"));
        }
        if let Amount::Count(count) = self.amount
            && !self.live
            && count.div_ceil(threads as u64) > MOST_OF_PKTGEN
        {
            return invalid(format!(
                "--count {count}: pktgen sends {MOST_OF_PKTGEN} packets a thread at most: take more --threads, --seconds instead, or --live"
            ));
        }
        if let Some(rate) = self.rate
            && rate < threads as u64
        {
            return invalid(format!("--rate {rate}: each of {threads} threads sends one a second at least"));
        }
        if self.live && (ports * self.frames_per_datagram() > FRAMES || ports * self.lanes() > FRAMES) {
            return invalid(format!(
                "--port {}-{}: so many ports, fragments and threads take more than {FRAMES} different frames",
                self.ports.first, self.ports.last
            ));
        }
        // Where pktgen's ranges end is one behind their last port, in 16 bits.
        if !self.live && ports > 1 && self.ports.last == u16::MAX {
            return invalid(format!("--port {}-65535: pktgen's ranges end at 65534", self.ports.first));
        }
        Ok(())
    }

    /// How many bytes are ahead of the IP header.
    pub(super) fn front(&self) -> usize {
        ETHERNET + self.vlan.map_or(0, |_| TAG)
    }

    /// How many bytes of data a datagram has.
    pub(super) fn data(&self) -> usize {
        self.size - self.front() - self.addresses.header() - UDP
    }

    /// How many bytes of a datagram a fragment has room for.
    pub(super) fn room(&self, mtu: usize) -> usize {
        mtu - self.addresses.header() - if self.is_v4() { 0 } else { FRAGMENT }
    }

    pub(super) const fn is_v4(&self) -> bool {
        matches!(self.addresses, Addresses::V4 { .. })
    }

    /// How many frames it takes to send a datagram.
    pub(super) fn frames_per_datagram(&self) -> usize {
        self.cut.map_or(1, |cut| (UDP + self.data()).div_ceil(self.room(cut.mtu) & !7))
    }

    /// How many different datagrams there are: one for each port.
    pub(super) fn datagrams(&self) -> usize {
        usize::from(self.ports.last - self.ports.first) + 1
    }

    /// How many threads' identifications are kept apart: a power of two, which those of IPv4 are a multiple of, so that it holds when they begin
    /// anew.
    pub(super) const fn lanes(&self) -> usize {
        self.threads.next_power_of_two()
    }

    /// How many datagrams a thread sends, if it's told how many; all of them together send as many as were asked for.
    pub(super) fn share(&self, thread: usize) -> Option<u64> {
        match self.amount {
            Amount::Count(count) => Some(share(count, self.threads, thread)),
            Amount::Time(_) => None,
        }
    }

    /// How many datagrams a second a thread sends at most.
    pub(super) fn rate_of(&self, thread: usize) -> Option<u64> {
        self.rate.map(|rate| share(rate, self.threads, thread))
    }
}

impl Addresses {
    /// The length of the IP header.
    const fn header(self) -> usize {
        match self {
            Self::V4 { .. } => 20,
            Self::V6 { .. } => 40,
        }
    }
}

fn addresses(way: &Way) -> Result<Addresses, Refusal> {
    let &Way { from, to, .. } = way;
    let is_broadcast = to == IpAddr::V4(Ipv4Addr::BROADCAST);
    if to.is_unspecified() || to.is_loopback() || to.is_multicast() || is_broadcast {
        return Err(Refusal::Invalid(format!("--to {to}: it isn't the address of one host")));
    }
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => Ok(Addresses::V4 { from, to }),
        (IpAddr::V6(from), IpAddr::V6(to)) => Ok(Addresses::V6 { from, to }),
        _ => Err(Refusal::Invalid(format!("--from {from}: --to {to} is of the other IP version"))),
    }
}

/// What one of several gets of a number.
fn share(number: u64, among: usize, which: usize) -> u64 {
    let among = among as u64;
    number / among + u64::from((which as u64) < number % among)
}

fn invalid(why: String) -> Result<(), Refusal> {
    Err(Refusal::Invalid(why))
}

#[cfg(test)]
pub(super) mod tests {
    use clap::Parser as _;

    use super::super::options::Cli;
    use super::*;

    /// What the options ask for, on a link of MTU 1500.
    pub(in super::super) fn traffic(options: &[&str], is_v4: bool) -> Result<Traffic, Refusal> {
        let Cli { send, .. } = Cli::try_parse_from([&["pktgen"], options].concat()).unwrap();
        let [from, to] = if is_v4 { ["192.0.2.2", "192.0.2.1"] } else { ["2001:db8::2", "2001:db8::1"] };
        let [from, to] = [from, to].map(|address| address.parse().unwrap());
        let [from_mac, to_mac] = [Mac([2, 0, 0, 0, 0, 2]), Mac([2, 0, 0, 0, 0, 1])];
        Traffic::new(
            &send,
            Way { interface: "eth0".to_owned(), index: 2, mtu: 1500, from_mac, to_mac, from, to },
        )
    }

    #[test]
    fn sizes_have_bounds() {
        for (is_v4, options, least, most) in [
            (true, &[][..], 58, 1514),
            (false, &[], 78, 1514),
            (true, &["--vlan", "5"], 62, 1518),
            (false, &["--vlan", "5"], 82, 1518),
            (true, &["--live"], 62, 1514),
            (false, &["--fragments", "in-order", "--mtu", "100"], 115, 65_535 + 54),
            (true, &["--fragments", "in-order", "--mtu", "100"], 115, 65_535 + 14),
        ] {
            let with = |size: usize| traffic(&[options, &["--size", &size.to_string()]].concat(), is_v4);
            for fits in [least, most] {
                assert_eq!(with(fits).unwrap().size, fits, "{options:?}");
            }
            for wrong in [least - 1, most + 1] {
                assert!(matches!(with(wrong), Err(Refusal::Invalid(_))), "{options:?} {wrong}");
            }
        }
        for (mtu, fits) in [(67, false), (68, true), (1500, true), (1501, false)] {
            let options = ["--fragments", "in-order", "--size", "3000", "--mtu", &mtu.to_string()];
            assert_eq!(traffic(&options, false).is_ok(), fits, "{mtu}");
        }
    }

    #[test]
    fn what_threads_share_adds_up() {
        let traffic = traffic(&["--count", "11", "--threads", "4", "--rate", "7"], true).unwrap();
        let shares = |share: fn(&Traffic, usize) -> Option<u64>| {
            (0..4).map(|thread| share(&traffic, thread).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(shares(Traffic::share), [3, 3, 3, 2]);
        assert_eq!(shares(Traffic::rate_of), [2, 2, 2, 1]);
    }

    #[test]
    fn pktgen_counts_to_ten_digits() {
        for (options, most) in [
            (&[][..], Some(9_999_999_999_u64)),
            (&["--threads", "3"], Some(29_999_999_997)),
            (&["--live"], None),
            (&["--fragments", "in-order"], None),
        ] {
            let with = |count: u64| traffic(&[options, &["--count", &count.to_string()]].concat(), true);
            let Some(most) = most else {
                with(u64::MAX).unwrap();
                continue;
            };
            with(most).unwrap();
            let refused = with(most + 1).unwrap_err();
            assert!(matches!(refused, Refusal::Invalid(_)), "{options:?}: {refused}");
        }
    }

    #[test]
    fn what_cannot_be_shared_or_counted_is_refused() {
        for options in [
            &["--count", "1", "--threads", "2"][..],
            &["--rate", "1", "--threads", "2"],
            &["--port", "1-65535"],
            &["--port", "1-3000", "--fragments", "in-order"],
            &["--port", "1-1024", "--threads", "5", "--live"],
        ] {
            assert!(matches!(traffic(options, true), Err(Refusal::Invalid(_))), "{options:?}");
        }
    }
}
