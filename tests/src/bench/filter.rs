//! Fragwall on a host that is measured, put there as its commands would, but in this process.

use anyhow::Result;
use fragwall::{
    kernel::{
        change::Precautions,
        filter::{self, Wanted, WantedMode},
    },
    ruleset::Config,
};

use crate::harness::host::Host;

/// Attaches it in native mode.
///
/// # Errors
/// The kernel refuses it.
pub fn attach(host: &Host, interface: &str, config: Config) -> Result<()> {
    let wanted = Wanted { config: Some(config), mode: WantedMode::Native, ..Wanted::default() };
    host.netns.enter(|| {
        let precautions = Precautions { confirm: None, guard: &|_| Ok(()) };
        filter::attach(host.bpffs.path(), &[interface.to_owned()], wanted, &precautions)?;
        Ok(())
    })
}

/// Detaches it from everything.
///
/// # Errors
/// The kernel refuses to.
pub fn detach(host: &Host) -> Result<()> {
    host.netns.enter(|| Ok(filter::detach(host.bpffs.path(), &[])?)).map(drop)
}
