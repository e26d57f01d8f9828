//! The command line: one file a command.
//!
//! Data goes to standard output, words to standard error. [`run`] turns what went wrong into one of the exit codes that
//! the help tells.

mod apply;
mod args;
mod attach;
mod change;
mod check;
mod completions;
mod confirm;
mod delete;
mod detach;
mod doctor;
mod enforce;
mod entry;
mod exit;
mod explain;
mod flush;
mod import;
mod list;
mod manual;
mod monitor;
mod output;
mod program;
mod rollback;
mod rule;
mod save;
mod serve;
mod stats;
mod status;
mod takeover;
mod top;
#[cfg(feature = "trace")]
mod trace;
mod upgrade;
mod wait;

use std::{path::PathBuf, process::ExitCode};

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::kernel::{lock, netns};

/// An XDP firewall that is right about IP fragments.
#[derive(Debug, Parser)]
#[command(name = "fragwall", version, max_term_width = 110, after_help = exit::HELP)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(clap::Args, Debug)]
struct Global {
    /// Act in the network namespace of this name, as `ip -n` does, from the caller's own mount namespace.
    #[arg(long, global = true, value_name = "NAME")]
    netns: Option<String>,
    /// The bpffs below which the filter is pinned.
    #[arg(long, global = true, value_name = "DIR", default_value = "/sys/fs/bpf")]
    bpffs: PathBuf,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Attach(attach::Attach),
    Detach(detach::Detach),
    Status(status::Status),
    Allow(rule::Allow),
    Deny(rule::Deny),
    Reject(rule::Reject),
    Delete(delete::Delete),
    List(list::List),
    Flush(flush::Flush),
    Check(check::Check),
    Apply(apply::Apply),
    Import(import::Import),
    Save(save::Save),
    Confirm(confirm::Confirm),
    Rollback(rollback::Rollback),
    Enforce(enforce::Enforce),
    Upgrade(upgrade::Upgrade),
    Stats(stats::Stats),
    Serve(serve::Serve),
    Monitor(monitor::Monitor),
    Top(top::Top),
    Explain(explain::Explain),
    Doctor(doctor::Doctor),
    Entry(entry::Entry),
    Completions(completions::Completions),
    #[command(hide = true)]
    Manual(manual::Manual),
}

impl Command {
    fn run(&self, global: &Global) -> anyhow::Result<()> {
        match self {
            Self::Attach(command) => command.run(global),
            Self::Detach(command) => command.run(global),
            Self::Status(command) => command.run(global),
            Self::Allow(command) => command.run(global),
            Self::Deny(command) => command.run(global),
            Self::Reject(command) => command.run(global),
            Self::Delete(command) => command.run(global),
            Self::List(command) => command.run(global),
            Self::Flush(command) => command.run(global),
            Self::Check(command) => command.run(global),
            Self::Apply(command) => command.run(global),
            Self::Import(command) => command.run(global),
            Self::Save(command) => command.run(global),
            Self::Confirm(command) => command.run(global),
            Self::Rollback(command) => command.run(global),
            Self::Enforce(command) => command.run(global),
            Self::Upgrade(command) => command.run(global),
            Self::Stats(command) => command.run(global),
            Self::Serve(command) => command.run(global),
            Self::Monitor(command) => command.run(global),
            Self::Top(command) => command.run(global),
            Self::Explain(command) => command.run(global),
            Self::Doctor(command) => command.run(global),
            Self::Entry(command) => command.run(global),
            Self::Completions(command) => command.run(global),
            Self::Manual(command) => command.run(global),
        }
    }
}

/// Runs the command line that the process was started with.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    lock::on_wait(|by| match by {
        Some(by) => output::say(format_args!("waiting for another fragwall command to end: {by}")),
        None => output::say("waiting for another fragwall command to end"),
    });
    let entered = cli.global.netns.as_deref().map_or(Ok(()), netns::enter);
    let result = entered.map_err(anyhow::Error::from).and_then(|()| cli.command.run(&cli.global));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::say(format_args!("fragwall: {error:#}"));
            exit::code(&error)
        }
    }
}

/// The whole command line, for who derives manual pages and completions from it.
pub fn command() -> clap::Command {
    Cli::command()
}
