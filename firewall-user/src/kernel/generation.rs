//! A generation: one program with the ruleset compiled into it, pinned with its source.

use aya::{
    maps::MapType,
    programs::{ProgramInfo, Xdp},
};
use aya_obj::programs::XdpAttachType;
use firewall_common::{
    fragment::table::{Set, WAYS},
    record::Count,
    verdict::CELLS,
};

use super::{
    Error,
    document::Document,
    instance::{Instance, Settings, names},
    layout::{self, Layout},
};
use crate::ruleset::Compiled;

/// A pinned generation.
#[derive(Debug)]
pub(super) struct Generation {
    /// Its number; the newest has the highest.
    pub(super) number: u32,
    /// The id of its program.
    pub(super) program: u32,
}

/// Loads the program for a document and pins it as generation `number`.
pub(super) fn make(layout: &Layout, number: u32, document: &Document) -> Result<Xdp, Error> {
    check_shared(layout, document)?;
    let compiled = Compiled::new(&document.rules(), document.config.default)?;
    let settings = Settings::of_document(document, &compiled, false)?;
    let encoded = document.encode();
    let mut instance = Instance::load_with(&settings, Some(layout), Document::chunks(&encoded))?;

    let directory = layout.generation(number);
    layout::make(&directory)?;
    let source = instance
        .ebpf
        .map_mut(names::SOURCE)
        .ok_or(aya::maps::MapError::InvalidName { name: names::SOURCE.to_owned() });
    source
        .and_then(|map| {
            Document::write(&encoded, map)?;
            Ok(map)
        })
        .map_err(|error| Error::aya("writing the ruleset's source", error))?
        .pin(directory.join("source"))
        .map_err(|error| Error::aya(format!("pinning {}", directory.join("source").display()), error))?;
    // The program comes last: a generation that has one is complete.
    instance.pin(&directory.join("program"))?;
    program(layout, number)
}

/// The program of generation `number`.
pub(super) fn program(layout: &Layout, number: u32) -> Result<Xdp, Error> {
    let path = layout.generation(number).join("program");
    Xdp::from_pin(&path, XdpAttachType::Interface)
        .map_err(|error| Error::aya(format!("opening {}", path.display()), error))
}

/// The document of generation `number`.
pub(super) fn document(layout: &Layout, number: u32) -> Result<Document, Error> {
    Document::read(&layout.generation(number).join("source"))
}

/// The complete generations that are pinned, oldest first.
pub(super) fn all(layout: &Layout) -> Result<Vec<Generation>, Error> {
    let mut generations = Vec::new();
    for number in layout::numbered(&layout.generations())? {
        let path = layout.generation(number).join("program");
        match ProgramInfo::from_pin(&path) {
            Ok(info) => generations.push(Generation { number, program: info.id() }),
            Err(error) => {
                let io = super::error::io_error(&error).map(std::io::Error::kind);
                if io != Some(std::io::ErrorKind::NotFound) {
                    return Err(Error::aya(format!("opening {}", path.display()), error));
                }
            }
        }
    }
    Ok(generations)
}

/// aya takes a pinned map of another shape without a word: makes sure that what is there is what the program expects.
pub(super) fn check_shared(layout: &Layout, document: &Document) -> Result<(), Error> {
    let sets = document.config.fragments.table / WAYS as u32;
    check_map(&layout.fragments(), MapType::Array, size_of::<Set>(), sets)?;
    check_map(&layout.counters(), MapType::PerCpuArray, size_of::<Count>(), CELLS as u32)
}

fn check_map(path: &std::path::Path, kind: MapType, value: usize, entries: u32) -> Result<(), Error> {
    if !path.exists() {
        return Ok(());
    }
    let doing = || format!("opening {}", path.display());
    let info = aya::maps::MapInfo::from_pin(path).map_err(|error| Error::aya(doing(), error))?;
    let found = (info.map_type().ok(), info.key_size(), info.value_size(), info.max_entries());
    let expected = (Some(kind), 4, value as u32, entries);
    if found == expected {
        return Ok(());
    }
    Err(Error::Incompatible {
        path: path.to_owned(),
        what: format!(
            "a map with {} entries of {} bytes where {} of {} are expected",
            found.3, found.2, expected.3, expected.2
        ),
    })
}
