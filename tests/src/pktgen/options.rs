//! What can be asked for on the command line.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Sends UDP packets as fast as the kernel makes them, by its pktgen, or fragments by a BPF program on live frames, and tells what came of them:
/// rates on both sides, and what the filter counted.
///
/// Without --dev it makes two network namespaces joined by a veth, attaches Fragwall in one of them, sends from the other, and leaves nothing
/// behind. With --dev it sends by that interface, and `cargo xtask pktgen watch IFACE` on the receiving host tells the other side.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask pktgen",
    bin_name = "cargo xtask pktgen",
    args_conflicts_with_subcommands = true
)]
#[command(
    after_help = "Exit codes: 0 done; 1 failed, or less was sent than was asked for; 2 usage or invalid input; 3 the kernel or the driver lacks \
                        what is needed; 4 somebody else is using pktgen."
)]
pub struct Cli {
    /// What else than to send.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What to send.
    #[command(flatten)]
    pub send: Send,
}

/// What else there is to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// On the receiving host: tells every second what comes in by an interface, and what the filter makes of it.
    ///
    /// What the filter has passed, dropped and rejected is the sum of all its interfaces; attach it to one alone to have that one's.
    Watch(Watch),
}

/// What to look at.
#[derive(Args, Debug)]
pub struct Watch {
    /// The interface that packets come by.
    #[arg(value_name = "IFACE")]
    pub interface: String,
    /// How long, in seconds [default: until it's stopped].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: Option<u64>,
    /// The BPF filesystem that the filter is pinned on.
    #[arg(long, value_name = "DIR", default_value = "/sys/fs/bpf")]
    pub bpffs: PathBuf,
    /// Act in the network namespace of that name.
    #[arg(long, value_name = "NAME")]
    pub netns: Option<String>,
    /// Print the sum at the end for programs.
    #[arg(long)]
    pub json: bool,
}

/// What to send, and by what.
#[derive(Args, Debug)]
pub struct Send {
    /// The interface to send by, of Ethernet [default: two namespaces and a veth between them, made for this].
    #[arg(long, value_name = "IFACE", requires = "to")]
    pub dev: Option<String>,
    /// The address to send to, of IPv4 or IPv6.
    #[arg(long, value_name = "ADDRESS", requires = "dev")]
    pub to: Option<IpAddr>,
    /// The Ethernet address to send to [default: that of --to or of the router to it, as the kernel finds it].
    #[arg(long, value_name = "MAC", requires = "dev")]
    pub to_mac: Option<Mac>,
    /// The address to send from [default: the one that the kernel would].
    #[arg(long, value_name = "ADDRESS", requires = "dev")]
    pub from: Option<IpAddr>,
    /// The UDP port to send to, or a range of which each has its turn.
    #[arg(long, value_name = "PORT[-PORT]", default_value = "4500")]
    pub port: Ports,
    /// The UDP port to send from.
    #[arg(long, value_name = "PORT", default_value_t = 4500)]
    pub from_port: u16,
    /// How long a frame is, in bytes, from the Ethernet header on and without the checksum behind it; with --fragments, how long it would be if the
    /// datagram were whole [default: one of 100 bytes in a datagram, or of 1600 with --fragments].
    #[arg(long, value_name = "BYTES")]
    pub size: Option<usize>,
    /// How many datagrams.
    #[arg(long, value_name = "NUMBER", conflicts_with = "seconds", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// How long, in seconds [default: 5, unless --count tells how many].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: Option<u64>,
    /// How many datagrams a second at most, all threads together [default: as many as can be made].
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub rate: Option<u64>,
    /// The VLAN of a tag that frames bear.
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u16).range(1..=4094))]
    pub vlan: Option<u16>,
    /// How many CPUs send, a thread on each.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: u16,
    /// Cut every datagram into fragments, sent in this order.
    #[arg(long, value_name = "ORDER")]
    pub fragments: Option<Order>,
    /// What fragments fit into, in bytes from the IP header on [default: 1280].
    #[arg(long, value_name = "BYTES", requires = "fragments")]
    pub mtu: Option<usize>,
    /// Make whole packets on live frames as well: it needs no module.
    #[arg(long)]
    pub live: bool,
    /// Act in the network namespace of that name.
    #[arg(long, value_name = "NAME", requires = "dev")]
    pub netns: Option<String>,
    /// Send IPv4, where --to doesn't tell.
    #[arg(long, conflicts_with = "dev")]
    pub ipv4: bool,
    /// What the filter allows that is attached for this; may be given again.
    #[arg(long, value_name = "RULE", conflicts_with = "dev", default_value = "@ike")]
    pub allow: Vec<String>,
    /// Print the result for programs.
    #[arg(long)]
    pub json: bool,
}

/// In which order the fragments of a datagram are sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Order {
    /// As they were cut.
    InOrder,
    /// The last one first, and the first one last.
    OutOfOrder,
}

impl Order {
    /// Its name on the command line and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InOrder => "in-order",
            Self::OutOfOrder => "out-of-order",
        }
    }
}

/// UDP ports, from one to another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ports {
    /// The lowest.
    pub first: u16,
    /// The highest.
    pub last: u16,
}

impl FromStr for Ports {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let port = |text: &str| text.parse().map_err(|_| format!("{text:?} is no port from 0 to 65535"));
        let ports = Self { first: port(first)?, last: port(last)? };
        if ports.first > ports.last {
            return Err(format!("the range begins at {}, above its end, {}", ports.first, ports.last));
        }
        Ok(ports)
    }
}

/// An Ethernet address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Mac(pub [u8; 6]);

impl FromStr for Mac {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes: Option<Vec<u8>> = text
            .split(':')
            .map(|byte| (byte.len() == 2).then(|| u8::from_str_radix(byte, 16).ok()).flatten())
            .collect();
        let mac = bytes.and_then(|bytes| bytes.try_into().ok());
        mac.map(Self).ok_or_else(|| format!("{text:?} is no Ethernet address such as 02:00:00:00:00:01"))
    }
}

impl std::fmt::Display for Mac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_options_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn ports_are_one_or_a_range() {
        let ports = |text: &str| text.parse::<Ports>();
        assert_eq!(ports("4500"), Ok(Ports { first: 4500, last: 4500 }));
        assert_eq!(ports("0-65535"), Ok(Ports { first: 0, last: 65535 }));
        for wrong in ["", "-", "1-", "65536", "2-1", "a", "1-2-3"] {
            ports(wrong).unwrap_err();
        }
    }

    #[test]
    fn an_ethernet_address_has_six_bytes() {
        assert_eq!("02:00:00:00:00:ff".parse(), Ok(Mac([2, 0, 0, 0, 0, 255])));
        for wrong in [
            "",
            "02:00:00:00:00",
            "02:00:00:00:00:00:00",
            "2:0:0:0:0:1",
            "02:00:00:00:00:fg",
            "020:0:00:00:00:00",
        ] {
            wrong.parse::<Mac>().unwrap_err();
        }
        let mac: Mac = "0a:1b:2c:3d:4e:5f".parse().unwrap();
        assert_eq!(mac.to_string(), "0a:1b:2c:3d:4e:5f");
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for wrong in [
            &["--count", "1", "--seconds", "1"][..],
            &["--dev", "eth0"],
            &["--to", "192.0.2.1"],
            &["--mtu", "1280"],
            &["--vlan", "4095"],
            &["--vlan", "0"],
            &["--threads", "0"],
            &["--dev", "eth0", "--to", "192.0.2.1", "--ipv4"],
            &["--fragments", "shuffled"],
            &["watch"],
        ] {
            Cli::try_parse_from([&["pktgen"], wrong].concat()).unwrap_err();
        }
    }
}
