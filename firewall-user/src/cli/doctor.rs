//! `fragwall doctor`

use anyhow::bail;
use clap::Args;
use serde::Serialize;

use super::{Global, exit::Problems, output};
use crate::doctor::{self, Finding, Level};

/// Look for what is in the filter's way on this host, and say what to do about it.
///
/// Each line is `ok`, `note` (something to know) or `problem` (the filter, or a fragment that it lets in, comes to grief), with what
/// to do about it below. It looks at the kernel, the interfaces, other programs, the rules of iptables and nftables, and the filter in
/// force, and changes nothing.
///
/// Exit code 1: there is a problem.
#[derive(Args, Debug)]
pub(super) struct Doctor {
    /// The interfaces; if none is named those that are filtered, and if none is all Ethernet ones that are up.
    #[arg(value_name = "IFACE")]
    interfaces: Vec<String>,
}

#[derive(Serialize)]
struct Report {
    findings: Vec<Finding>,
}

impl Doctor {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let findings = doctor::examine(&global.bpffs, &self.interfaces)?;
        let count = findings.iter().filter(|finding| finding.level == Level::Problem).count();
        if global.json {
            output::json(&Report { findings })?;
        } else {
            findings.iter().try_for_each(|finding| output::line(&finding.to_string()))?;
        }
        if count > 0 {
            bail!(Problems { count });
        }
        Ok(())
    }
}
