//! What the commands that load a program say of having taken a filter over from another version.

use serde::Serialize;

use super::output;
use crate::kernel::takeover::Takeover;

/// The same in JSON: `null` if the program in force was of this version, or none was.
#[derive(Serialize)]
pub(super) struct Report {
    /// The version that had the filter.
    version: String,
    /// That of what it had pinned.
    layout: u32,
    /// The tables that start anew.
    anew: Vec<&'static str>,
}

/// What there is to print of it.
pub(super) fn report(takeover: Option<&Takeover>) -> Option<Report> {
    takeover.map(|Takeover { from, anew }| Report {
        version: from.version.clone(),
        layout: from.layout,
        anew: anew.iter().map(|anew| anew.table).collect(),
    })
}

/// Says it, if there's something to say.
pub(super) fn say(takeover: Option<&Takeover>) {
    if let Some(takeover) = takeover {
        output::say(takeover);
    }
}
