//! The project's tasks: `cargo xtask setup | demo | test | fuzz | bench | soak | pktgen | vm | package`.

mod ebpf_toolchain;
mod fuzz;
mod mount_root;
mod package;
mod setup;
mod suite;
mod vm;

use std::{
    env,
    ffi::OsString,
    os::unix::process::CommandExt as _,
    process::{Command, ExitCode, ExitStatus},
};

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

use crate::setup::Found;

/// Sets up, shows, tests, fuzzes and measures Fragwall.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Finds or installs what building and testing need; changes nothing that is there already.
    Setup,
    /// Sets up, then shows a fragmented IKE exchange between two real daemons behind several filters.
    Demo {
        /// Passed on to the demonstration.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Sets up, then runs the tests.
    Test {
        /// Passed on to `cargo test`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Sets up, then looks for inputs that break what holds of every packet, rule and config file.
    Fuzz(fuzz::Fuzz),
    /// Sets up, then runs the integration tests on Debian's kernels, in virtual machines.
    Vm(vm::Vm),
    /// Sets up, then measures what filtering costs.
    Bench {
        /// Passed on to the benchmark.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Sets up, then does to a filter and its daemon all that happens to them, over and over: nothing may be lost, and nothing may grow.
    Soak {
        /// Passed on to the soak.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Sets up, then sends packets by the kernel's pktgen, or fragments, as fast as it goes, and tells what becomes of them on both sides.
    Pktgen {
        /// Do it in a virtual machine with that kernel, by Linux's version or Debian's suite.
        #[arg(long, value_name = "KERNEL", value_parser = vm::named)]
        kernel: Option<&'static vm::Kernel>,
        /// Passed on: `cargo xtask pktgen -- --help` tells what there is.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Makes a Debian package and a tarball of the release build.
    Package(package::Package),
}

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    match task {
        Task::Setup => setup::run(Found::Say).map(|()| ExitCode::SUCCESS),
        Task::Demo { args } => run_binary("demo", Profile::Release, &args),
        // What only looks whether all can be measured does with the build that the tests use.
        Task::Bench { args } if args.iter().any(|arg| arg == "--quick") => {
            run_binary("bench", Profile::Dev, &args)
        }
        Task::Bench { args } => run_binary("bench", Profile::Release, &args),
        Task::Soak { args } => run_binary("soak", Profile::Release, &args),
        Task::Pktgen { kernel: Some(kernel), args } => vm::run_binary(kernel, "pktgen", &args),
        Task::Pktgen { kernel: None, args } => run_binary("pktgen", Profile::Release, &args),
        Task::Fuzz(fuzz) => fuzz::run(&fuzz),
        Task::Vm(vm) => vm::run(&vm),
        Task::Package(package) => {
            setup::run(Found::Keep)?;
            package::run(&package)?;
            Ok(ExitCode::SUCCESS)
        }
        // The examples in the documentation first: a run ends on the line of those who have the most to say.
        Task::Test { args } if args.is_empty() => {
            let mut examples = cargo();
            examples.args(["test", "--doc"]);
            let code = after_setup(examples)?;
            if code != ExitCode::SUCCESS {
                return Ok(code);
            }
            let mut tests = cargo();
            tests.args(["test", "--lib", "--bins", "--tests"]);
            after_setup(tests)
        }
        Task::Test { args } => {
            let mut test = cargo();
            test.arg("test").args(args);
            after_setup(test)
        }
    }
}

/// How a binary is built.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Profile {
    /// As the tests are.
    Dev,
    /// As it's meant to be run.
    Release,
}

fn run_binary(name: &str, profile: Profile, args: &[OsString]) -> Result<ExitCode> {
    let profile = match profile {
        Profile::Dev => "dev",
        Profile::Release => "release",
    };
    let mut run = cargo();
    run.args(["run", "--profile", profile, "--package", "firewall-tests", "--bin", name, "--"]).args(args);
    setup::run(Found::Keep)?;
    let mut run = mount_root::ensure(run)?;
    // In place of this process, as cargo does: what a terminal's ^C ends is waited for until it has cleaned up.
    let error = run.exec();
    Err(error).with_context(|| format!("can't start {run:?}"))
}

fn after_setup(command: Command) -> Result<ExitCode> {
    setup::run(Found::Keep)?;
    let mut command = mount_root::ensure(command)?;
    let status = command.status().with_context(|| format!("can't start {command:?}"))?;
    Ok(exit_code(status))
}

/// The code that a command ended with, as this task's own.
fn exit_code(status: ExitStatus) -> ExitCode {
    status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// The cargo that runs this task, in the workspace's folder wherever the task was typed.
fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    cargo
}
