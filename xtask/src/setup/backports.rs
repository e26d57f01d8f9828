//! Packages from bookworm-backports: for needs whose packages in bookworm don't go with newer ones that are here.

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use super::{
    Offered, announce,
    apt::{self, Source},
    needs::BACKPORTS,
    together,
};
use crate::suite::{self, Own, Suite};

/// Needs whose packages come from there.
pub(super) struct Backported {
    pub(super) needs: Vec<Offered>,
    source: Source,
    _lists: TempDir,
}

impl Backported {
    /// Takes those needs out of `offered` whose packages can't be installed from the configured sources, but from backports. What can't be
    /// installed from there either stays: apt says why when it's tried.
    ///
    /// # Errors
    ///
    /// apt-get doesn't start, or there's no place for lists of packages.
    pub(super) fn take_from(offered: &mut Vec<Offered>) -> Result<Option<Self>> {
        if Source::Configured.can_install(&together(offered))? || !suite::is_bookworm()? {
            return Ok(None);
        }
        let lists = tempfile::tempdir().context("can't make a temporary folder")?;
        let suite = Suite::new(lists.path(), BACKPORTS, Own::All)?;
        if let Err(error) = suite.update() {
            eprintln!("warning: some packages might be had from {BACKPORTS}, but {error:#}");
            return Ok(None);
        }
        let source = Source::Also(suite);
        let mut needs = Vec::new();
        for (need, packages) in std::mem::take(offered) {
            let is_backported =
                !Source::Configured.can_install(&packages)? && source.can_install(&packages)?;
            if is_backported { &mut needs } else { &mut *offered }.push((need, packages));
        }
        Ok((!needs.is_empty()).then_some(Self { needs, source, _lists: lists }))
    }

    /// Installs them.
    ///
    /// # Errors
    ///
    /// As [`Source::install`].
    pub(super) fn install(&self) -> Result<()> {
        for (need, packages) in &self.needs {
            announce(need, &format!("{} from {BACKPORTS}", apt::names(packages)));
        }
        self.source.install(&together(&self.needs)).with_context(|| {
            let what: Vec<_> = self.needs.iter().map(|(need, _)| need.what).collect();
            format!(
                "setting up {} from {BACKPORTS}, since it can't be from the configured sources",
                what.join(" and ")
            )
        })
    }
}
