//! The program on egress, which remembers the flows that the host opens: in a tcx link where the kernel has them (Linux 6.6), as a
//! classifier of the clsact qdisc otherwise.
//!
//! ```text
//! tables/N/flows           the flow table
//! generations/N/egress     the program of a generation that accepts replies
//! egress/INTERFACE-INDEX   the tcx link of an interface; where there are none, the program that its qdisc has
//! ```

use std::{fs, io, path::Path, time::Duration};

use aya::programs::{
    LinkOrder, ProgramError, ProgramInfo, SchedClassifier, TcAttachType, TestRun as _, TestRunOptions,
    links::{FdLink, PinnedLink},
    tc::{self, NlOptions, SchedClassifierLink, TcAttachOptions, TcHandle},
};
use firewall_common::fragment::identity::HashKey;

use super::{
    Error,
    document::Document,
    error::io_error,
    flows::FlowSettings,
    instance::names,
    layout::{self, Layout},
    loader::Loader,
    netlink::{self, Interface},
    program::{Input, Program},
    shared::FLOWS,
    sockets,
    syscall::{self, LinkInfo},
    tc::{Classifier, Direction},
};
use crate::ruleset::Config;

/// The kernel object, built for the BPF target by the build script.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/egress"));

/// A program that does nothing.
static IDLE: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/idle"));

/// Where the classifier stands among those of a clsact qdisc, by which it's found again.
const PRIORITY: u16 = 0xf0a6;
const HANDLE: TcHandle = TcHandle::new(0, 1);

/// How a program is tied to egress.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hook {
    /// By a tcx link, Linux 6.6.
    Tcx,
    /// As a classifier of the clsact qdisc.
    Clsact,
}

impl Hook {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcx => "tcx",
            Self::Clsact => "clsact",
        }
    }
}

/// A loaded program on egress. It's gone when this is dropped, unless it's pinned or attached.
#[derive(Debug)]
pub struct Egress {
    program: Program,
}

impl Egress {
    /// Loads the program; the flow table is the one that is pinned at `flows`, which is made if it isn't there.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn load(settings: &FlowSettings, hash_key: &HashKey, flows: &Path) -> Result<Self, Error> {
        let mut loader = Loader::new(OBJECT);
        loader.set_all("HASH_KEY", &hash_key.0).pin(names::FLOWS, flows.to_owned());
        settings.prepare(&mut loader);
        Ok(Self { program: loader.load()?.program })
    }

    /// Loads the program that a document says, likewise; `None` if it accepts no replies.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn of_document(document: &Document, flows: &Path) -> Result<Option<Self>, Error> {
        let Some(replies) = &document.config.replies else { return Ok(None) };
        Self::load(&FlowSettings::new(replies)?, &document.hash_key, flows).map(Some)
    }

    /// Loads a program that only lets packets through, to measure this one against.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn idle() -> Result<Self, Error> {
        Ok(Self { program: Loader::new(IDLE).load()?.program })
    }

    /// Runs the program on a frame as if it were sent, `repeat` times over, and returns how long it took on average.
    ///
    /// # Errors
    /// The kernel refuses the frame.
    pub fn run(&self, frame: &[u8], repeat: u32) -> Result<Duration, Error> {
        let ran = self.program.run(&Input { frame, repeat, ..Input::default() }, &mut []);
        ran.map(|ran| ran.duration).map_err(|error| Error::os("running the program on egress", error))
    }
}

fn send(program: &SchedClassifier, frame: &[u8]) -> Result<(), ProgramError> {
    let mut options = TestRunOptions::new();
    options.data_in = Some(frame);
    options.repeat = 1;
    program.test_run(options).map(drop)
}

/// Pins the program that a document says in a generation's directory; none if it accepts no replies. It's the one of the generation before
/// if that would do the same, since the kernel takes its time to verify another.
pub(super) fn make(
    layout: &Layout,
    directory: &Path,
    document: &Document,
    before: Option<(u32, &Document)>,
) -> Result<(), Error> {
    let path = directory.join("egress");
    let kept = match before {
        Some((number, before)) if is_the_same(before, document) => program(layout, number)?,
        _ => None,
    };
    if let Some(mut kept) = kept {
        return pin(&mut kept, &path);
    }
    let flows = layout.tables(document.tables).pin(&FLOWS);
    let Some(loaded) = Egress::of_document(document, &flows)? else { return Ok(()) };
    let pinned = loaded.program.pin(&path);
    pinned.map_err(|error| Error::os(format!("pinning {}", path.display()), error))
}

fn pin(program: &mut SchedClassifier, path: &Path) -> Result<(), Error> {
    program.pin(path).map_err(|error| Error::aya(format!("pinning {}", path.display()), error))
}

/// Whether the programs of two documents do the same, with the same flow table.
fn is_the_same(one: &Document, other: &Document) -> bool {
    let of = |document: &Document| {
        (document.tables, document.hash_key.0, document.config.replies, document.release.clone())
    };
    of(one) == of(other)
}

/// That a configuration wants no other flow table than the one in force.
pub(super) fn check_size(document: &Document, config: &Config) -> Result<(), Error> {
    match (document.config.replies, config.replies) {
        (Some(in_force), Some(wanted)) if in_force.table != wanted.table => {
            Err(Error::FlowTableSize { in_force: in_force.table, wanted: wanted.table })
        }
        _ => Ok(()),
    }
}

/// The program of generation `number`; `None` if it accepts no replies.
fn program(layout: &Layout, number: u32) -> Result<Option<SchedClassifier>, Error> {
    let path = layout.generation(number).join("egress");
    match SchedClassifier::from_pin(&path) {
        Ok(program) => Ok(Some(program)),
        Err(error) if io_error(&error).is_some_and(|error| error.kind() == io::ErrorKind::NotFound) => {
            Ok(None)
        }
        Err(error) => Err(opening(&path, error)),
    }
}

/// Has generation `number` look at what goes out by some interfaces, if it accepts replies. Where it's the first to do so, the
/// connections that there are already are remembered.
pub(super) fn put<'a>(
    layout: &Layout,
    number: u32,
    interfaces: impl IntoIterator<Item = &'a Interface>,
) -> Result<(), Error> {
    let Some(mut program) = program(layout, number)? else { return Ok(()) };
    layout::make(&layout.egress())?;
    let mut is_new = false;
    for interface in interfaces {
        match exchange(&mut program, layout, interface) {
            Ok(is_first) => is_new |= is_first,
            // Nothing goes out by it any more.
            Err(_) if netlink::has_gone(interface) => {}
            Err(error) => return Err(error),
        }
    }
    if is_new { remember_by(&program) } else { Ok(()) }
}

/// Has the connections that there are remembered in the flow table of generation `number`, if it accepts replies.
pub(super) fn remember(layout: &Layout, number: u32) -> Result<(), Error> {
    program(layout, number)?.map_or(Ok(()), |program| remember_by(&program))
}

/// Has the flows of the sockets that are connected remembered, as if a packet had just been sent on each.
fn remember_by(program: &SchedClassifier) -> Result<(), Error> {
    let sockets = sockets::connected();
    let sent = sockets.iter().try_for_each(|socket| send(program, &socket.frame()));
    sent.map_err(|error| Error::aya("remembering the connections that there are", error))
}

fn attach(program: &mut SchedClassifier, layout: &Layout, interface: &Interface) -> Result<(), Error> {
    let tcx = TcAttachOptions::TcxOrder(LinkOrder::default());
    let attached = program
        .attach_with_options(&interface.name, TcAttachType::Egress, tcx)
        .and_then(|id| program.take_link(id));
    let path = layout.egress_link(interface.index);
    match attached {
        Ok(link) => {
            let link: FdLink = link.try_into().map_err(|error| attaching(interface, error))?;
            link.pin(&path)
                .map(drop)
                .map_err(|error| Error::aya(format!("pinning {}", path.display()), error))
        }
        // What a kernel without tcx says to a link of that kind.
        Err(error)
            if io_error(&error).is_some_and(|error| error.raw_os_error() == Some(nix::libc::EINVAL)) =>
        {
            attach_to_qdisc(program, layout, interface)
        }
        Err(error) => Err(attaching(interface, error)),
    }
}

/// Attaches the program as a classifier, and pins it in place of a link.
fn attach_to_qdisc(
    program: &mut SchedClassifier,
    layout: &Layout,
    interface: &Interface,
) -> Result<(), Error> {
    match tc::qdisc_add_clsact(&interface.name) {
        Err(error) if !is_there(&error) => return Err(attaching(interface, error)),
        _ => {}
    }
    // A command that was killed before it pinned its program left it there.
    take_off_qdisc(interface);
    let options = NlOptions { priority: PRIORITY, handle: HANDLE, classid: None };
    let attached = program
        .attach_with_options(&interface.name, TcAttachType::Egress, TcAttachOptions::Netlink(options))
        .and_then(|id| program.take_link(id));
    // Dropping it would take the program off again.
    std::mem::forget(attached.map_err(|error| attaching(interface, error))?);
    let path = layout.egress_link(interface.index);
    pin(program, &path)
}

fn is_there(error: &tc::TcError) -> bool {
    matches!(error, tc::TcError::AlreadyAttached)
        || io_error(error).is_some_and(|error| error.raw_os_error() == Some(nix::libc::EEXIST))
}

/// Takes the classifier off an interface's qdisc. There may be none: someone else may have taken it off.
fn take_off_qdisc(interface: &Interface) {
    let attached =
        SchedClassifierLink::attached(&interface.name, TcAttachType::Egress, PRIORITY, HANDLE, None);
    let _ = attached.map(aya::programs::Link::detach);
}

/// Whether an interface's qdisc has the classifier that is a program: whoever removes the qdisc takes it off.
fn is_on_qdisc(interface: &Interface, program: u32) -> bool {
    let is_it = |of: &Classifier| {
        (of.direction, of.hook, of.program.id) == (Direction::Egress, Hook::Clsact, program)
    };
    super::tc::programs(interface).iter().any(is_it)
}

/// What is pinned for an interface.
enum Pinned {
    /// A link; this is what it ties together.
    Link(syscall::Link, LinkInfo),
    /// The program that the interface's qdisc has: its id.
    Program(u32),
}

impl Pinned {
    /// What is pinned for the interface of that index; `None` if nothing is.
    fn of(layout: &Layout, interface: u32) -> Result<Option<Self>, Error> {
        let path = layout.egress_link(interface);
        let link = match syscall::Link::open(&path) {
            Ok(link) => link,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::os(format!("opening {}", path.display()), error)),
        };
        // The kernel opens whatever is pinned. A program tells no interface.
        if let Ok(info) = link.info() {
            return Ok(Some(Self::Link(link, info)));
        }
        let program = ProgramInfo::from_pin(&path).map_err(|error| opening(&path, error))?;
        Ok(Some(Self::Program(program.id())))
    }
}

/// How the egress of an interface is looked at; `None` if it isn't.
pub(super) fn hook(layout: &Layout, interface: u32) -> Result<Option<Hook>, Error> {
    Ok(Pinned::of(layout, interface)?.map(|pinned| match pinned {
        Pinned::Link(..) => Hook::Tcx,
        Pinned::Program(_) => Hook::Clsact,
    }))
}

/// The id of the program that looks at what goes out by an interface.
pub(super) fn program_id(layout: &Layout, interface: u32) -> Result<Option<u32>, Error> {
    Ok(Pinned::of(layout, interface)?.map(|pinned| match pinned {
        Pinned::Link(_, info) => info.program,
        Pinned::Program(id) => id,
    }))
}

/// Has the program look at what goes out by an interface, in place of the one that does, if one does. Says whether none did.
fn exchange(program: &mut SchedClassifier, layout: &Layout, interface: &Interface) -> Result<bool, Error> {
    let info = program.info().map_err(|error| Error::aya("asking the kernel about the program", error))?;
    let path = layout.egress_link(interface.index);
    match Pinned::of(layout, interface.index)? {
        Some(Pinned::Link(_, LinkInfo { interface: Some(_), program: holds })) => {
            if holds != info.id() {
                exchange_in_link(program, &path)?;
            }
            Ok(false)
        }
        Some(Pinned::Program(holds)) if holds == info.id() && is_on_qdisc(interface, holds) => Ok(false),
        Some(Pinned::Program(_)) => {
            remove(layout, interface.index)?;
            attach_to_qdisc(program, layout, interface).map(|()| false)
        }
        // Of an interface that is gone, whose index another has now.
        Some(Pinned::Link(..)) => {
            remove(layout, interface.index)?;
            attach(program, layout, interface).map(|()| true)
        }
        None => attach(program, layout, interface).map(|()| true),
    }
}

fn exchange_in_link(program: &mut SchedClassifier, path: &Path) -> Result<(), Error> {
    let link: FdLink = PinnedLink::from_pin(path).map_err(|error| opening(path, error))?.into();
    let link = SchedClassifierLink::try_from(link).map_err(|error| opening(path, error))?;
    let exchanged = program.attach_to_link(link).and_then(|id| program.take_link(id));
    exchanged.map(drop).map_err(|error| Error::aya("exchanging the program on egress", error))
}

/// No longer looks at what goes out by an interface. It's no error if nothing did.
pub(super) fn remove(layout: &Layout, index: u32) -> Result<(), Error> {
    let path = layout.egress_link(index);
    let failed = |error| Error::os(format!("removing {}", path.display()), error);
    match Pinned::of(layout, index)? {
        None => return Ok(()),
        Some(Pinned::Link(link, _)) => link.detach().map_err(failed)?,
        Some(Pinned::Program(_)) if layout.is_current() => {
            let interfaces = netlink::interfaces()?;
            interfaces.iter().filter(|interface| interface.index == index).for_each(take_off_qdisc);
        }
        // The interface went with its namespace.
        Some(Pinned::Program(_)) => {}
    }
    fs::remove_file(&path).map_err(failed)
}

/// No longer looks at what goes out by any interface but these.
pub(super) fn keep_only(layout: &Layout, keep: &[u32]) -> Result<(), Error> {
    for index in layout::numbered(&layout.egress())? {
        if !keep.contains(&index) {
            remove(layout, index)?;
        }
    }
    if !keep.is_empty() {
        return Ok(());
    }
    layout::remove(&layout.egress())
}

/// Whether generation `number` accepts replies.
pub(super) fn is_wanted(layout: &Layout, number: u32) -> bool {
    layout.generation(number).join("egress").exists()
}

fn opening(path: &Path, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::aya(format!("opening {}", path.display()), error)
}

fn attaching(interface: &Interface, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::aya(format!("looking at what goes out by {:?}", interface.name), error)
}
