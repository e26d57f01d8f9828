//! The programs on traffic control's hooks of an interface: in tcx links, and as classifiers of its clsact qdisc.

use aya::programs::{SchedClassifier, TcAttachType};
use netlink_packet_route::{
    RouteNetlinkMessage,
    tc::{TcAttribute, TcFilterBpfOption, TcHandle, TcMessage, TcOption},
};

use super::{
    egress::Hook,
    error::Holder,
    netlink::{self, Interface},
};

/// A program on such a hook.
#[derive(Debug)]
pub struct Classifier {
    /// Which packets it sees.
    pub direction: Direction,
    /// How it's tied to the interface.
    pub hook: Hook,
    /// The program.
    pub program: Holder,
}

/// Which packets a hook sees.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Direction {
    /// Those that come in.
    Ingress,
    /// Those that go out.
    Egress,
}

impl Direction {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }

    const fn attach_type(self) -> TcAttachType {
        match self {
            Self::Ingress => TcAttachType::Ingress,
            Self::Egress => TcAttachType::Egress,
        }
    }

    const fn parent(self) -> TcHandle {
        let minor = match self {
            Self::Ingress => TcHandle::MIN_INGRESS,
            Self::Egress => TcHandle::MIN_EGRESS,
        };
        TcHandle { major: TcHandle::CLSACT.major, minor }
    }
}

/// The programs on an interface. What the kernel doesn't tell, or doesn't have, isn't among them.
pub fn programs(interface: &Interface) -> Vec<Classifier> {
    let mut programs = Vec::new();
    for direction in [Direction::Ingress, Direction::Egress] {
        let linked = SchedClassifier::query_tcx(&interface.name, direction.attach_type());
        programs.extend(linked.into_iter().flat_map(|(_, linked)| linked).map(|info| {
            let name = info.name_as_str().map(str::to_owned);
            Classifier { direction, hook: Hook::Tcx, program: Holder { id: info.id(), name } }
        }));
        let attached = of_qdisc(interface, direction).unwrap_or_default();
        programs.extend(attached.into_iter().map(|program| Classifier {
            direction,
            hook: Hook::Clsact,
            program,
        }));
    }
    programs
}

/// The classifiers of an interface's clsact qdisc (rtnetlink `RTM_GETTFILTER`).
fn of_qdisc(interface: &Interface, direction: Direction) -> std::io::Result<Vec<Holder>> {
    let mut request = TcMessage::default();
    request.header.index = interface.index.cast_signed();
    request.header.parent = direction.parent();
    netlink::list(&RouteNetlinkMessage::GetTrafficFilter(request), |message| match message {
        RouteNetlinkMessage::NewTrafficFilter(filter) => program_of(&filter),
        _ => None,
    })
}

/// The program of a classifier; `None` if it's none, or if this is the head of a list of them.
fn program_of(filter: &TcMessage) -> Option<Holder> {
    let options = filter.attributes.iter().find_map(|attribute| match attribute {
        TcAttribute::Options(options) => Some(options),
        _ => None,
    })?;
    let mut program = None;
    let mut name = None;
    for option in options {
        match option {
            TcOption::Bpf(TcFilterBpfOption::ProgId(id)) => program = Some(*id),
            TcOption::Bpf(TcFilterBpfOption::ProgName(given)) => name = Some(given.clone()),
            _ => {}
        }
    }
    Some(Holder { id: program?, name })
}
