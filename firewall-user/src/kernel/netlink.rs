//! Which interfaces there are, which XDP program each has, and which addresses.

use std::{io, net::IpAddr};

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::{
    RouteNetlinkMessage,
    address::{AddressAttribute, AddressMessage},
    link::{InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkMessage, LinkXdp, Prop},
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use super::Error;

/// A network interface.
#[derive(Clone, Debug)]
pub struct Interface {
    /// Its index in this network namespace.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its alternative names (Linux 5.5).
    pub alternative_names: Vec<String>,
    /// Its link type (`ARPHRD_*` of `linux/if_arp.h`).
    pub link_type: u16,
    /// The XDP programs attached to it: one at most, but for hardware that runs one of its own.
    pub xdp: Vec<Attached>,
    /// The index of the bridge, bond or other interface that it's a port of.
    pub master: Option<u32>,
    /// The index of the interface on which its packets come in first, as with a VLAN.
    pub lower: Option<u32>,
    /// Whether it's one end of a virtual link.
    pub is_veth: bool,
    /// Whether it's a VLAN on another one.
    pub is_vlan: bool,
    /// Whether it's set up.
    pub is_up: bool,
    /// The largest packet that it sends, in bytes without the Ethernet header.
    pub mtu: u32,
}

/// An XDP program on an interface.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Attached {
    /// The program's id.
    pub program: u32,
    /// How it's attached.
    pub mode: Mode,
}

/// How an XDP program is attached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// Run by the driver.
    Native,
    /// Run by the network stack, on any interface.
    Generic,
    /// Run by the hardware: never Fragwall's doing.
    Hardware,
}

impl Mode {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
            Self::Hardware => "hardware",
        }
    }
}

/// `ARPHRD_ETHER`.
const ETHERNET: u16 = 1;
/// `ARPHRD_LOOPBACK`, whose packets have an Ethernet header too.
const LOOPBACK: u16 = 772;

impl Interface {
    /// An Ethernet interface of which no more is known.
    pub(crate) fn of(index: u32, name: &str) -> Self {
        Self {
            index,
            name: name.to_owned(),
            alternative_names: Vec::new(),
            link_type: ETHERNET,
            xdp: Vec::new(),
            master: None,
            lower: None,
            is_veth: false,
            is_vlan: false,
            is_up: false,
            mtu: 1500,
        }
    }

    /// Whether this is its name, or one of its alternative names.
    pub fn is_named(&self, name: &str) -> bool {
        self.name == name || self.alternative_names.iter().any(|other| other == name)
    }

    /// Its name, and its alternative names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name).chain(&self.alternative_names).map(String::as_str)
    }

    /// Whether it's a loopback, by which packets come from this host alone.
    pub const fn is_loopback(&self) -> bool {
        self.link_type == LOOPBACK
    }

    /// Whether its packets begin with an Ethernet header.
    pub const fn is_ethernet(&self) -> bool {
        matches!(self.link_type, ETHERNET | LOOPBACK)
    }
}

/// The interfaces of the current network namespace (rtnetlink `RTM_GETLINK`).
///
/// # Errors
/// Netlink fails.
pub fn interfaces() -> Result<Vec<Interface>, Error> {
    let list = list(&RouteNetlinkMessage::GetLink(LinkMessage::default()), |message| match message {
        RouteNetlinkMessage::NewLink(link) => interface_of(link),
        _ => None,
    });
    list.map_err(|error| Error::os("asking the kernel for its interfaces (netlink)", error))
}

/// The addresses of the current network namespace, each with the index of the interface that has it (rtnetlink
/// `RTM_GETADDR`).
///
/// # Errors
/// Netlink fails.
pub fn addresses() -> Result<Vec<(IpAddr, u32)>, Error> {
    let list = list(&RouteNetlinkMessage::GetAddress(AddressMessage::default()), |message| match message {
        RouteNetlinkMessage::NewAddress(address) => address_of(&address),
        _ => None,
    });
    list.map_err(|error| Error::os("asking the kernel for its addresses (netlink)", error))
}

/// The interface of that name, or alternative name.
///
/// # Errors
/// There's none, or netlink fails.
pub fn interface(name: &str) -> Result<Interface, Error> {
    let interfaces = interfaces()?;
    match interfaces.iter().find(|interface| interface.is_named(name)) {
        Some(interface) => Ok(interface.clone()),
        None => Err(unknown(name, &interfaces)),
    }
}

/// The error for a name that none of these interfaces has.
pub(super) fn unknown(name: &str, interfaces: &[Interface]) -> Error {
    let known = interfaces.iter().map(|interface| interface.name.clone()).collect();
    Error::UnknownInterface { name: name.to_owned(), known }
}

/// Whether an interface that was there isn't any more. If nobody can tell, it isn't said to be gone.
pub(super) fn has_gone(interface: &Interface) -> bool {
    interfaces().is_ok_and(|all| all.iter().all(|other| other.index != interface.index))
}

/// The interfaces of those names, each once, which must be there and be Ethernet.
///
/// # Errors
/// One isn't, or netlink fails.
pub fn ethernet(names: &[String]) -> Result<Vec<Interface>, Error> {
    let mut interfaces: Vec<Interface> = Vec::new();
    for name in names {
        let interface = interface(name)?;
        if !interface.is_ethernet() {
            let Interface { name, link_type, .. } = interface;
            return Err(Error::NotEthernet { name, link_type });
        }
        if interfaces.iter().all(|other| other.index != interface.index) {
            interfaces.push(interface);
        }
    }
    Ok(interfaces)
}

/// What the kernel lists in answer to a request.
pub(super) fn list<T>(
    request: &RouteNetlinkMessage,
    take: impl Fn(RouteNetlinkMessage) -> Option<T>,
) -> io::Result<Vec<T>> {
    // The list changed while it was read: what was read may lack something that was there all along.
    const TRIES: u32 = 10;
    (0..TRIES).find_map(|_| dump(request, &take).transpose()).unwrap_or_else(|| {
        Err(io::Error::other(format!("they changed {TRIES} times while they were listed")))
    })
}

/// The whole list; `None` if it changed meanwhile.
fn dump<T>(
    request: &RouteNetlinkMessage,
    take: impl Fn(RouteNetlinkMessage) -> Option<T>,
) -> io::Result<Option<Vec<T>>> {
    let invalid = |problem: &dyn std::fmt::Display| io::Error::other(problem.to_string());
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;

    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_DUMP | NLM_F_REQUEST;
    let mut request = NetlinkMessage::new(header, NetlinkPayload::from(request.clone()));
    request.finalize();
    let mut bytes = vec![0; request.buffer_len()];
    request.serialize(&mut bytes);
    socket.send(&bytes, 0)?;

    let mut items = Vec::new();
    let mut interrupted = false;
    loop {
        let (datagram, _) = socket.recv_from_full()?;
        let mut rest = datagram.as_slice();
        while !rest.is_empty() {
            let message =
                NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest).map_err(|error| invalid(&error))?;
            interrupted |= message.header.flags & NLM_F_DUMP_INTR != 0;
            match message.payload {
                NetlinkPayload::Done(_) => return Ok((!interrupted).then_some(items)),
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                NetlinkPayload::InnerMessage(message) => items.extend(take(message)),
                _ => {}
            }
            // Messages are aligned to 4 bytes.
            let length = (message.header.length as usize).next_multiple_of(4);
            rest = rest.get(length..).unwrap_or_default();
        }
    }
}

/// An address that this host has, and the index of its interface. Of a point-to-point interface, the other end's stands
/// beside it.
fn address_of(message: &AddressMessage) -> Option<(IpAddr, u32)> {
    let find = |wanted: fn(&AddressAttribute) -> Option<IpAddr>| message.attributes.iter().find_map(wanted);
    let local = find(|attribute| match attribute {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    let address = find(|attribute| match attribute {
        AddressAttribute::Address(address) => Some(*address),
        _ => None,
    });
    Some((local.or(address)?, message.header.index))
}

fn interface_of(message: LinkMessage) -> Option<Interface> {
    let mut interface = Interface::of(message.header.index, "");
    interface.link_type = message.header.link_layer_type.into();
    interface.is_up = message.header.flags.contains(LinkFlags::Up);
    let (mut link, mut stands_on_it) = (None, false);
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(given) => interface.name = given,
            LinkAttribute::PropList(properties) => {
                interface.alternative_names.extend(properties.into_iter().filter_map(
                    |property| match property {
                        Prop::AltIfName(name) => Some(name),
                        _ => None,
                    },
                ));
            }
            LinkAttribute::Xdp(attributes) => interface.xdp = attached(&attributes),
            LinkAttribute::Controller(index) => interface.master = Some(index),
            LinkAttribute::Link(index) => link = Some(index),
            LinkAttribute::Mtu(mtu) => interface.mtu = mtu,
            LinkAttribute::LinkInfo(infos) => {
                stands_on_it |= infos.iter().any(stands_on_another);
                interface.is_veth |= infos.contains(&LinkInfo::Kind(InfoKind::Veth));
                interface.is_vlan |= infos.contains(&LinkInfo::Kind(InfoKind::Vlan));
            }
            _ => {}
        }
    }
    interface.lower = link.filter(|_| stands_on_it);
    (!interface.name.is_empty()).then_some(interface)
}

/// Whether packets of an interface of that kind come in on the one that it's linked to. A veth's, say, go out there.
fn stands_on_another(info: &LinkInfo) -> bool {
    use InfoKind::{IpVlan, IpVtap, MacSec, MacVlan, MacVtap, Vlan};
    matches!(info, LinkInfo::Kind(Vlan | MacVlan | MacVtap | IpVlan | IpVtap | MacSec))
}

/// The kernel names the program of each mode by itself (Linux 4.19).
fn attached(attributes: &[LinkXdp]) -> Vec<Attached> {
    let attached = attributes.iter().map(|attribute| match *attribute {
        LinkXdp::DrvProgId(program) => Some(Attached { program, mode: Mode::Native }),
        LinkXdp::SkbProgId(program) => Some(Attached { program, mode: Mode::Generic }),
        LinkXdp::HwProgId(program) => Some(Attached { program, mode: Mode::Hardware }),
        _ => None,
    });
    attached.flatten().collect()
}
