//! The main job, with real daemons: two hosts set up IPsec by IKEv2, and an IKE_AUTH larger than the MTU has to get
//! through whatever filters them.

pub mod certificates;
pub mod charon;
pub mod hosts;
pub mod ruleset;
pub mod scenario;
pub mod wire;

use anyhow::Result;

use crate::harness::requirements::require;

/// The programs that a scenario runs, apart from charon, which strongSwan keeps outside of PATH.
const PROGRAMS: [&str; 7] =
    ["ip", "iptables", "iptables-save", "ip6tables", "ip6tables-save", "pki", "swanctl"];

/// Checks that this process is root's and that what a scenario runs is installed.
///
/// # Errors
/// One sentence that names what is missing and how to get it.
pub fn require_tools() -> Result<()> {
    require(&PROGRAMS)?;
    charon::locate().map(drop)
}
