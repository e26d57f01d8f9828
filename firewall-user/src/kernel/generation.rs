//! A generation: one program with the ruleset compiled into it, pinned with its source.

use std::path::Path;

use aya::{
    maps::ProgramArray,
    programs::{ProgramInfo, Xdp},
};
use aya_obj::programs::XdpAttachType;

use super::{
    Error,
    document::Document,
    egress,
    instance::{Instance, Pins, Settings, host, names},
    layout::{self, Layout},
    pending::Pending,
    shared::FLOWS,
    stored,
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

/// Loads the program for a document, with the tables that it names, and pins it as generation `number`. `before` is the generation in
/// force, and its document.
pub(super) fn make(
    layout: &Layout,
    number: u32,
    document: &Document,
    before: Option<(u32, &Document)>,
) -> Result<Xdp, Error> {
    let tables = layout.tables(document.tables);
    tables.check(&document.config)?;
    let host = host()?;
    let document = &document.clone().named_on(&host);
    let compiled = Compiled::new(&document.rules(), document.config.default, &host)?;
    let settings = Settings::of_document(document, &compiled, false)?;
    let encoded = document.encode();
    let flows = tables.pin(&FLOWS);
    let pins = Pins { shared: Some(&tables), flows: Some(&flows) };
    layout::make(tables.directory())?;
    let mut instance = Instance::load_with(&settings, pins, Document::chunks(&encoded))?;

    let directory = layout.generation(number);
    layout::make(&directory)?;
    instance
        .loaded
        .map_mut(names::SOURCE)
        .and_then(|map| {
            Document::write(&encoded, map)?;
            Ok(map)
        })
        .map_err(|error| Error::aya("writing the ruleset's source", error))?
        .pin(directory.join("source"))
        .map_err(|error| Error::aya(format!("pinning {}", directory.join("source").display()), error))?;
    if let Some(previous) = document.pending.and_then(|pending| pending.previous) {
        keep(layout, &mut instance, &directory.join("previous"), previous)?;
    }
    egress::make(layout, &directory, document, before)?;
    // The program comes last: a generation that has one is complete. (What is emptied for it in tables that it shares with others comes behind that:
    // of one that is never put into force, nothing is lost.)
    instance.pin(&directory.join("program"))?;
    program(layout, number)
}

/// Gives an instance the generation that it goes back to. The kernel empties a map of programs when nothing but a program
/// refers to it any more, so it's pinned.
fn keep(layout: &Layout, instance: &mut Instance, pin: &Path, previous: u32) -> Result<(), Error> {
    let doing = || format!("giving the program the one before it, generation {previous}");
    let previous = program(layout, previous)?;
    let previous = previous.fd().map_err(|error| Error::aya(doing(), error))?;
    let map = instance.loaded.map_mut(names::PREVIOUS).map_err(|error| Error::aya(doing(), error))?;
    ProgramArray::try_from(&mut *map)
        .and_then(|mut array| array.set(0, previous, 0))
        .map_err(|error| Error::aya(doing(), error))?;
    map.pin(pin).map_err(|error| Error::aya(format!("pinning {}", pin.display()), error))
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

/// What generation `number` goes back to unless it's confirmed; `None` also where this version can't read its document.
pub(super) fn pending(layout: &Layout, number: u32) -> Option<Pending> {
    stored::pending(&layout.generation(number).join("source"))
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
