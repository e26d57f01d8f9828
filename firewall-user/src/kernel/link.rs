//! XDP links: what ties a program to an interface.

use std::{fs, io, os::fd::AsFd as _, path::Path};

use aya::programs::{
    ProgramError, ProgramInfo, Xdp, XdpMode,
    links::{FdLink, PinnedLink},
    xdp::XdpLink,
};

use super::{
    Error,
    array::Array,
    called, egress,
    entry::Entry,
    error::{Holder, io_error},
    generation,
    held_by::HeldBy,
    layout::Layout,
    netlink::{self, Interface, Mode},
    syscall::{self, LinkInfo},
};

/// Which mode to attach in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum WantedMode {
    /// Native where the driver has it, generic otherwise.
    #[default]
    Auto,
    /// Native or not at all.
    Native,
    /// Generic.
    Generic,
}

/// Attaches the program to an interface and pins the link, or the array of its entry if others have the interface. Returns the mode,
/// and why it isn't native if that was tried.
pub(super) fn attach(
    program: &mut Xdp,
    layout: &Layout,
    interface: &Interface,
    wanted: WantedMode,
) -> Result<(Mode, Option<String>), Error> {
    match Entry::of(interface) {
        Ok(Some(entry)) => {
            return entry.attach(program, layout, interface, wanted).map(|mode| (mode, None));
        }
        Ok(None) => {}
        // Who may not look is told who holds the interface.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
        Err(error) => {
            return Err(Error::os(format!("attaching to {:?} by its entry", interface.name), error));
        }
    }
    let mut refusal = None;
    if wanted != WantedMode::Generic {
        match create(program, interface, XdpMode::Driver) {
            Ok(link) => return pin(link, layout, interface).map(|()| (Mode::Native, None)),
            Err(problem) => match problem.kind() {
                Refusal::Native if wanted == WantedMode::Auto => refusal = Some(problem.source.to_string()),
                Refusal::Native => {
                    let (interface, cause) = (interface.name.clone(), problem.source);
                    return Err(Error::NoNativeMode { interface, cause });
                }
                Refusal::Any => return Err(problem.explain(interface, "native")),
            },
        }
    }
    let link =
        create(program, interface, XdpMode::Skb).map_err(|problem| problem.explain(interface, "generic"))?;
    pin(link, layout, interface).map(|()| (Mode::Generic, refusal))
}

/// Why the kernel didn't make a link.
struct Problem {
    source: io::Error,
}

enum Refusal {
    /// The driver has no native mode, or not for this interface as it's set up: generic mode may do.
    Native,
    /// It wouldn't be otherwise in another mode.
    Any,
}

impl Problem {
    fn kind(&self) -> Refusal {
        match self.source.raw_os_error() {
            // EBUSY is another program, ENODEV an interface that has just gone; drivers refuse with any other.
            Some(nix::libc::EBUSY | nix::libc::ENODEV | nix::libc::EPERM | nix::libc::EACCES) => Refusal::Any,
            _ => Refusal::Native,
        }
    }

    fn explain(self, interface: &Interface, mode: &'static str) -> Error {
        let name = &interface.name;
        match self.source.raw_os_error() {
            Some(nix::libc::EBUSY | nix::libc::EEXIST) => held(name),
            Some(nix::libc::EPERM | nix::libc::EACCES) => {
                Error::os(format!("attaching to {name:?}"), self.source)
            }
            // It was there when the command began.
            Some(nix::libc::ENODEV) if netlink::has_gone(interface) => {
                netlink::unknown(name, &netlink::interfaces().unwrap_or_default())
            }
            _ => Error::Attach { interface: name.clone(), mode, problem: self.source.to_string() },
        }
    }
}

/// The error for an interface that another program holds.
pub(super) fn held(name: &str) -> Error {
    match netlink::interface(name) {
        Err(error) => error,
        Ok(interface) => match interface.xdp.first() {
            Some(attached) => {
                let holder = Holder::of(attached.program);
                let by = HeldBy::of(&interface, &holder).into();
                Error::Held { interface: name.to_owned(), holder, mode: attached.mode, by }
            }
            None => Error::Attach {
                interface: name.to_owned(),
                mode: "any",
                problem: "the kernel says that it's busy, yet shows no program on it; try again".to_owned(),
            },
        },
    }
}

impl Holder {
    /// The program of that id. Its name is told only to those who may list programs.
    pub(crate) fn of(id: u32) -> Self {
        let program = aya::programs::loaded_programs().filter_map(Result::ok).find(|info| info.id() == id);
        let name = program.as_ref().and_then(ProgramInfo::name_as_str).map(str::to_owned);
        Self { id, name }
    }
}

fn create(program: &mut Xdp, interface: &Interface, mode: XdpMode) -> Result<FdLink, Problem> {
    let mut attempt = || -> Result<FdLink, ProgramError> {
        let id = program.attach_to_if_index(interface.index, mode)?;
        let link = program.take_link(id)?;
        // aya attaches by netlink if the kernel says EINVAL to a link. Such an attachment can't be pinned, and ends with
        // whoever detaches first: better none. Dropping the link detaches it.
        FdLink::try_from(link).map_err(|_| io::Error::from_raw_os_error(nix::libc::EINVAL).into())
    };
    attempt().map_err(|error| {
        let source = match io_error(&error).and_then(io::Error::raw_os_error) {
            Some(number) => io::Error::from_raw_os_error(number),
            None => io::Error::other(error.to_string()),
        };
        Problem { source }
    })
}

fn pin(link: FdLink, layout: &Layout, interface: &Interface) -> Result<(), Error> {
    let path = layout.link(interface.index);
    match link.pin(&path) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::aya(format!("pinning {}", path.display()), error)),
    }
}

/// A pinned link, as the kernel shows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pinned {
    /// What it's pinned by: the index that its interface had when it was made.
    pub(super) name: u32,
    /// What it ties together. Of an entry's array, the program in it; and no interface if none is filtered by it any more.
    pub(super) info: LinkInfo,
    /// The id of the entry's array, if it's one.
    pub(super) entry: Option<u32>,
}

/// The links that are pinned, and the arrays of entries.
pub(super) fn pinned(layout: &Layout) -> Result<Vec<Pinned>, Error> {
    let mut links = Vec::new();
    for name in super::layout::numbered(&layout.links())? {
        let path = layout.link(name);
        let opening = |error| Error::os(format!("opening {}", path.display()), error);
        if let Some(array) = Array::from_pin(&path).map_err(opening)? {
            links.push(pinned_array(layout, name, &array)?);
            continue;
        }
        let info = syscall::Link::open(&path).and_then(|link| link.info()).map_err(opening)?;
        links.push(Pinned { name, info, entry: None });
    }
    Ok(links)
}

/// What is pinned for an interface that has an entry.
fn pinned_array(layout: &Layout, name: u32, array: &Array) -> Result<Pinned, Error> {
    let program = array.program().map_err(|error| Error::os("asking an entry for its program", error))?;
    // Only its own namespace can tell whether an interface still has it.
    let here = if layout.is_current() { netlink::interfaces()? } else { Vec::new() };
    let is_filtered = match here.iter().find(|interface| interface.index == name) {
        Some(interface) => called::is_reached(interface, array.id),
        // It's gone, or was moved: then it's filtered as long as there's anything that calls it.
        None => called::is_used(array.id),
    };
    // A program that isn't the filter's was put there by somebody else, and stays.
    let holds = program.map_or(Ok(false), |program| is_own(layout, program))?;
    let interface = (holds && is_filtered).then_some(name);
    let info = LinkInfo { program: program.unwrap_or_default(), interface };
    Ok(Pinned { name, info, entry: Some(array.id) })
}

/// The array that is pinned for an interface; `None` if it has a link.
fn array(layout: &Layout, name: u32) -> Result<Option<Array>, Error> {
    let path = layout.link(name);
    Array::from_pin(&path).map_err(|error| Error::os(format!("opening {}", path.display()), error))
}

fn open(path: &Path) -> Result<FdLink, Error> {
    match PinnedLink::from_pin(path) {
        Ok(link) => Ok(link.into()),
        Err(error) => Err(Error::aya(format!("opening {}", path.display()), error)),
    }
}

/// Exchanges the program in the link of that name for another, atomically.
pub(super) fn exchange(program: &mut Xdp, layout: &Layout, name: u32) -> Result<(), Error> {
    if let Some(array) = array(layout, name)? {
        let doing = "exchanging the program of an entry";
        let program = program.fd().map_err(|error| Error::aya(doing, error))?;
        return array.put(program.as_fd()).map_err(|error| Error::os(doing, error));
    }
    let link = open(&layout.link(name))?;
    let exchanged =
        XdpLink::try_from(link).map_err(|error| Error::aya("opening a link", error)).and_then(|link| {
            program
                .attach_to_link(link)
                .and_then(|id| program.take_link(id))
                .map_err(|error| Error::aya("exchanging the program in a link", error))
        })?;
    drop(exchanged);
    Ok(())
}

/// Takes the filter off the interface of the link of that name, and removes the link.
pub(super) fn remove(layout: &Layout, name: u32) -> Result<(), Error> {
    let path = layout.link(name);
    if let Some(array) = array(layout, name)? {
        clear(layout, &array)?;
        egress::remove(layout, name)?;
        return fs::remove_file(&path)
            .map_err(|error| Error::os(format!("removing {}", path.display()), error));
    }
    // Removing the pin alone would leave the filter on for a grace period, and for as long as anyone else holds the link.
    syscall::Link::open(&path)
        .and_then(|link| link.detach())
        .map_err(|error| Error::os(format!("detaching {}", path.display()), error))?;
    egress::remove(layout, name)?;
    fs::remove_file(&path).map_err(|error| Error::os(format!("removing {}", path.display()), error))
}

/// Takes the filter's program out of an entry. What is no program of the filter's stays.
fn clear(layout: &Layout, array: &Array) -> Result<(), Error> {
    let failed = |error| Error::os("taking the filter out of an entry", error);
    let Some(program) = array.program().map_err(failed)? else { return Ok(()) };
    if is_own(layout, program)? { array.clear().map_err(failed) } else { Ok(()) }
}

/// Whether a program is the filter's.
fn is_own(layout: &Layout, program: u32) -> Result<bool, Error> {
    Ok(generation::all(layout)?.iter().any(|of| of.program == program))
}
