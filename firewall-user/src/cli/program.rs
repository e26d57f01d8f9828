//! What `fragwall status` says of the program in force: which version of Fragwall it is of.

use serde::Serialize;

use super::output;
use crate::kernel::{Error, filter::Filter, release::Release, takeover::Anew};

/// In JSON.
#[derive(Serialize)]
pub(super) struct Report {
    /// The version that loaded it.
    version: String,
    /// That of what it has pinned.
    layout: u32,
    /// Whether it's the very program of this version.
    is_own: bool,
    /// Whether its version is newer than this one, which changes nothing then.
    is_newer: bool,
    /// The tables that would start anew if this version took it over.
    starts_anew: Vec<&'static str>,
    #[serde(skip)]
    release: Release,
    #[serde(skip)]
    anew: Vec<Anew>,
}

/// What there is to say of the program of a filter.
pub(super) fn report(filter: &Filter) -> Result<Report, Error> {
    Ok(of(filter.document().release.clone(), filter.starts_anew()?))
}

/// The same of one that only tells who loaded it.
pub(super) fn of(release: Release, anew: Vec<Anew>) -> Report {
    Report {
        version: release.version.clone(),
        layout: release.layout,
        is_own: release.is_own(),
        is_newer: release.is_newer(),
        starts_anew: anew.iter().map(|anew| anew.table).collect(),
        release,
        anew,
    }
}

impl Report {
    /// Prints it.
    pub(super) fn print(&self) -> anyhow::Result<()> {
        let Self { version, is_own, is_newer, release, anew, .. } = self;
        let own = Release::own();
        if *is_own {
            return output::line(&format!("program: of version {version}, as this is"));
        }
        if *is_newer {
            return output::line(&format!(
                "program: of {release}; this is an older one, {own}, and changes nothing"
            ));
        }
        let whose = if *version == own.version {
            format!("of another build of version {version}")
        } else {
            format!("of {release}; this is {own}")
        };
        output::line(&format!("program: {whose}; `fragwall upgrade` has this one's take over"))?;
        anew.iter().try_for_each(|anew| output::line(&format!("  then {anew}")))
    }
}
