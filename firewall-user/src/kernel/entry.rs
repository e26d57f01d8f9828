//! Entries: how the filter gets the packets of an interface that somebody else's program has.
//!
//! Others load Fragwall's own small program (`firewall-ebpf/src/bin/entry.rs`) where they have one, alone or among those that a dispatcher
//! calls. It calls what is in its array. The filter is put there, and what is pinned for the interface is that array in the place of a link.

use std::{fmt, io, os::fd::AsFd as _};

use aya::programs::{ProgramInfo, Xdp};

use super::{
    Error,
    array::Array,
    called::{called, maps},
    error::Holder,
    form::Form,
    layout::Layout,
    link::WantedMode,
    netlink::{Attached, Interface, Mode},
};

/// The kernel object, built for the BPF target by the build script.
pub static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/entry"));

/// The name of every entry's program.
const PROGRAM: &str = "fragwall_entry";

/// An entry on an interface.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) array: Array,
    mode: Mode,
}

/// By whose program an entry is called, as `status` and `doctor` tell it.
#[derive(Clone, Debug)]
pub struct Through {
    /// The program that the interface has: a dispatcher, or the entry itself.
    pub program: Holder,
}

impl Through {
    /// What an interface has.
    pub(super) fn of(attached: &Attached) -> Self {
        Self { program: Holder::of(attached.program) }
    }
}

impl fmt::Display for Through {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "called by {}", self.program)
    }
}

/// Why the filter can't be attached by an entry.
#[derive(Clone, Debug)]
pub enum EntryProblem {
    /// A program is in it already.
    InUse(Holder),
    /// It's in another mode than the one that is wanted.
    Mode(Mode),
    /// The kernel lets no program be called by it.
    Kernel,
    /// It takes only programs that were loaded in another way than those of other interfaces.
    OtherForm,
    /// Another interface, of that name, has the same one.
    Shared(String),
}

impl fmt::Display for EntryProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(holder) => write!(
                f,
                "a program is in it already, {holder}: a filter that is pinned elsewhere, perhaps; name its bpffs with `--bpffs DIR`"
            ),
            Self::Mode(mode) => write!(
                f,
                "it's in {} mode, as it was loaded; leave `--mode` out, or have it loaded in another one",
                mode.name()
            ),
            Self::Kernel => f.write_str(
                "this kernel lets no XDP program be called from one that a dispatcher calls (Linux 6.2 does, and Debian's 6.1)",
            ),
            Self::OtherForm => f.write_str(
                "programs that it calls have to be loaded in another way than the one that goes for the filter's other interfaces: detach \
                 those, and attach to all of them by one command; if that is refused, too, have entries loaded on all of them by the same \
                 loader",
            ),
            Self::Shared(other) => write!(
                f,
                "{other:?} has the same one, and neither could be filtered or left alone by itself: have one loaded for each"
            ),
        }
    }
}

impl Entry {
    /// The one that an interface has; `None` if it has none.
    ///
    /// # Errors
    /// The kernel refuses to tell: the process lacks `CAP_SYS_ADMIN`, say.
    pub(super) fn of(interface: &Interface) -> io::Result<Option<Self>> {
        let Some(attached) = interface.xdp.first() else { return Ok(None) };
        for program in called(interface)?.iter().filter(|program| is_entry(program)) {
            for map in maps(program)? {
                match Array::of_id(map) {
                    Ok(Some(array)) => return Ok(Some(Self { array, mode: attached.mode })),
                    Ok(None) => {}
                    // One that is gone meanwhile is none.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(None)
    }

    /// Has the filter get the interface's packets by it.
    ///
    /// # Errors
    /// The array isn't free, or the kernel refuses the program.
    pub(super) fn attach(
        &self,
        program: &Xdp,
        layout: &Layout,
        interface: &Interface,
        wanted: WantedMode,
    ) -> Result<Mode, Error> {
        self.must_be_in(interface, wanted)?;
        let holds = self.array.program().map_err(|error| failed(interface, error))?;
        if let Some(other) = holds {
            return Err(problem(interface, EntryProblem::InUse(Holder::of(other))));
        }
        let path = layout.link(interface.index);
        // First of all: what is in force and pinned nowhere couldn't be found again.
        self.array.pin(&path).map_err(|error| Error::os(format!("pinning {}", path.display()), error))?;
        let put = program
            .fd()
            .map_err(|error| Error::aya("opening the program", error))
            .and_then(|fd| self.array.put(fd.as_fd()).map_err(|error| failed(interface, error)));
        put.inspect_err(|_| {
            // Nothing is in it that isn't another's.
            let _ = std::fs::remove_file(&path);
        })?;
        Ok(self.mode)
    }

    /// That it's in the mode that is wanted: it was attached by others.
    fn must_be_in(&self, interface: &Interface, wanted: WantedMode) -> Result<(), Error> {
        let fits = match wanted {
            WantedMode::Auto => true,
            WantedMode::Native => self.mode == Mode::Native,
            WantedMode::Generic => self.mode == Mode::Generic,
        };
        if fits { Ok(()) } else { Err(problem(interface, EntryProblem::Mode(self.mode))) }
    }
}

/// Whether an interface has an entry, as far as this process may see. The array isn't opened: the kernel empties one that nobody has open any
/// more, and somebody may be about to put the filter into it.
pub fn is_on(interface: &Interface) -> bool {
    called(interface).is_ok_and(|programs| programs.iter().any(is_entry))
}

fn is_entry(program: &ProgramInfo) -> bool {
    program.name_as_str() == Some(PROGRAM)
}

/// The form in which a program is loaded for some interfaces, those that are free take any; and their entries, to be kept until the filter is in
/// them: the kernel empties an array that nobody has open any more, and takes its time for it.
///
/// # Errors
/// Another program has one of them and calls no entry, as far as this process may see; their entries take no program in common, or none of the
/// form that is `in_force`; another interface has the same entry; the kernel refuses to tell.
pub(super) fn form_for(
    interfaces: &[Interface],
    in_force: Option<Form>,
    all: &[Interface],
) -> Result<(Form, Vec<Entry>), Error> {
    let mut entries = Vec::new();
    let mut forms: Option<Vec<Form>> = in_force.map(|form| vec![form]);
    for interface in interfaces.iter().filter(|interface| !interface.xdp.is_empty()) {
        let entry = match Entry::of(interface) {
            Ok(Some(entry)) => entry,
            Ok(None) => return Err(super::link::held(&interface.name)),
            // Who may not look is told who holds the interface, and what it takes to see more.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(super::link::held(&interface.name));
            }
            Err(error) => return Err(failed(interface, error)),
        };
        must_be_alone(&entry, interface, all)?;
        let taken = entry.array.forms().map_err(|error| failed(interface, error))?;
        if taken.is_empty() {
            return Err(problem(interface, EntryProblem::Kernel));
        }
        let common = forms.unwrap_or_else(|| taken.clone());
        let common: Vec<Form> = common.into_iter().filter(|form| taken.contains(form)).collect();
        if common.is_empty() {
            return Err(problem(interface, EntryProblem::OtherForm));
        }
        forms = Some(common);
        entries.push(entry);
    }
    Ok((forms.and_then(|forms| forms.first().copied()).unwrap_or(Form::USUAL), entries))
}

/// That no other interface is filtered and left alone by the way.
fn must_be_alone(entry: &Entry, interface: &Interface, all: &[Interface]) -> Result<(), Error> {
    for other in all.iter().filter(|other| other.index != interface.index && !other.xdp.is_empty()) {
        let of = Entry::of(other).map_err(|error| failed(interface, error))?;
        if of.is_some_and(|of| of.array.id == entry.array.id) {
            return Err(problem(interface, EntryProblem::Shared(other.name.clone())));
        }
    }
    Ok(())
}

/// The error for an entry that is no use.
fn problem(interface: &Interface, problem: EntryProblem) -> Error {
    Error::Entry { interface: interface.name.clone(), problem }
}

fn failed(interface: &Interface, error: io::Error) -> Error {
    Error::os(format!("attaching to {:?} by its entry", interface.name), error)
}
