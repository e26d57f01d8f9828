//! `fragwall attach`

use clap::{Args, ValueEnum};
use firewall_common::{rules::Action, stance::Stance};
use serde::Serialize;

use super::{
    Global, args::FilterArgs, change::Safety, exit::Invalid, output, status::ReportProgram, takeover,
};
use crate::{
    kernel::{
        Error,
        filter::{self, Attached, Filter, NewLink, Wanted, WantedMode},
    },
    ruleset::Config,
};

/// Attach the filter to interfaces.
///
/// It stays attached when the command ends, until it's detached, the interface is removed or the machine restarts. A new
/// filter takes its rules from the options and denies what they don't allow, but for replies to what this host sends, ARP,
/// neighbour discovery, multicast listeners and ICMP errors. If a filter is in force already, the interfaces are added to it.
///
/// An interface that another XDP program has is left alone, unless that one calls Fragwall's entry (`fragwall entry`): then the filter
/// gets its packets there.
#[derive(Args, Debug)]
pub(super) struct Attach {
    /// The interfaces; those of the config file if none is named.
    #[arg(value_name = "IFACE")]
    interfaces: Vec<String>,
    #[command(flatten)]
    filter: FilterArgs,
    /// Run in the driver (native), in the network stack (generic), or in the driver where it can (auto).
    #[arg(long, value_enum, default_value_t)]
    mode: Mode,
    /// Only judge and count packets, and pass them all, until `fragwall enforce`: for a new filter.
    #[arg(long)]
    observe: bool,
    #[command(flatten)]
    safety: Safety,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum Mode {
    #[default]
    Auto,
    Native,
    Generic,
}

impl Mode {
    pub(super) fn wanted(self) -> WantedMode {
        match self {
            Self::Auto => WantedMode::Auto,
            Self::Native => WantedMode::Native,
            Self::Generic => WantedMode::Generic,
        }
    }
}

#[derive(Serialize)]
struct Report<'a> {
    interfaces: Vec<ReportLink<'a>>,
    taken_over: Option<takeover::Report>,
}

#[derive(Serialize)]
pub(super) struct ReportLink<'a> {
    name: &'a str,
    mode: &'static str,
    not_native_because: Option<&'a str>,
    /// The program that calls the filter, if another one has the interface.
    called_by: Option<ReportProgram>,
}

impl Attach {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let config = self.filter.config()?;
        let mut interfaces = self.interfaces.clone();
        if interfaces.is_empty() {
            interfaces = config.as_ref().map(|config| config.interfaces.clone()).unwrap_or_default();
        }
        if interfaces.is_empty() {
            let problem =
                "attach: no interface: name one, or give a config file that does (`interfaces = [\"eth0\"]`)";
            return Err(Invalid(problem.to_owned()).into());
        }
        if let Some(twice) = (1..interfaces.len()).find(|&i| interfaces[..i].contains(&interfaces[i])) {
            return Err(Invalid(format!("attach: interface {:?} is named twice", interfaces[twice])).into());
        }
        let said_nothing = config.is_none();
        let wanted =
            Wanted { config, observe: self.observe, mode: self.mode.wanted(), otherwise: Config::default() };
        let attached = filter::attach(&global.bpffs, &interfaces, wanted, &self.safety.precautions())?;
        let Attached { links, takeover } = &attached;
        self.safety.remind();
        takeover::say(takeover.as_ref());
        if said_nothing && is_new_without_rules(&Filter::open(&global.bpffs), links) {
            output::say(
                "a new filter without rules was made: everything but replies to what this host sends, ARP, \
                 neighbour discovery, multicast listeners and ICMP errors is dropped; `fragwall allow` adds rules",
            );
        }
        if global.json {
            let taken_over = takeover::report(takeover.as_ref());
            return output::json(&Report { interfaces: links.iter().map(report).collect(), taken_over });
        }
        links.iter().for_each(say);
        Ok(())
    }
}

/// Says how an interface was attached to.
pub(super) fn say(link: &NewLink) {
    output::say(link);
}

/// Whether the filter in force was made for these links and lets nothing in. One that is gone again needs no words.
fn is_new_without_rules(filter: &Result<Filter, Error>, links: &[NewLink]) -> bool {
    filter.as_ref().is_ok_and(|filter| {
        let config = &filter.document().config;
        filter.links().len() == links.len()
            && config.rules.is_empty()
            && config.default == Action::Deny
            && filter.document().stance == Stance::Enforcing
    })
}

pub(super) fn report(link: &NewLink) -> ReportLink<'_> {
    ReportLink {
        name: &link.interface,
        mode: link.mode.name(),
        not_native_because: link.refusal.as_deref(),
        called_by: link.through.as_ref().map(ReportProgram::from),
    }
}
