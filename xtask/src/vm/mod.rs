//! `cargo xtask vm`: the integration tests on Debian's kernels, in virtual machines; and one program there, for `cargo xtask pktgen --kernel`.
//!
//! Each kernel boots in QEMU under software emulation, to a small initramfs made on the spot, with this machine's root
//! directory below an overlay as its own: programs and tests are the very files that were built here.

mod claim;
mod initramfs;
mod kernels;
mod machine;
mod program;
mod report;
mod shown;

use std::{
    ffi::OsString,
    fs,
    num::NonZeroUsize,
    panic::resume_unwind,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::{Value, json};

pub(crate) use self::kernels::{Kernel, named};
use self::{
    kernels::{Files, KERNELS},
    machine::Machine,
    program::{Errors, Program},
    report::{Outcome, Report},
};
use crate::{
    cargo,
    setup::{self, Found, is_root},
};

/// What is asked for.
#[derive(Args)]
pub(crate) struct Vm {
    /// The kernel to boot, by Linux's version or Debian's suite; may be given again [default: all].
    #[arg(long = "kernel", value_name = "KERNEL", value_parser = named)]
    kernels: Vec<&'static Kernel>,
    /// How long a machine may run, in minutes.
    #[arg(long, value_name = "MINUTES", default_value_t = 15)]
    minutes: u64,
    /// How many machines run side by side, each with 3 GiB of memory at most [default: one for each CPU].
    #[arg(long, value_name = "MACHINES")]
    at_once: Option<NonZeroUsize>,
    /// The integration tests to run, by the names of tests/tests; TEST::CASES are those cases of one whose names contain CASES.
    #[arg(default_values = TESTS)]
    tests: Vec<String>,
}

/// Those that are run unless others are named: that a kernel takes the programs, filters and counts by them as on the host, on every kind of
/// interface and beside other programs; and what its pktgen, which the host needn't have, sends.
const TESTS: [&str; 7] =
    [ANYWHERE, "counters", "fragments", "generator", "interfaces", "coexist::dispatcher", "pktgen::whole"];

/// The one test that is of use where Fragwall doesn't run.
const ANYWHERE: &str = "kernels";

/// Boots the kernels, and runs the tests in each.
///
/// # Errors
///
/// A kernel can't be fetched or doesn't boot, or the tests can't be built.
pub(crate) fn run(vm: &Vm) -> Result<ExitCode> {
    prepare()?;
    let tests = build(vm.tests.clone())?;
    let boots: Vec<Boot<'_>> =
        asked_for(&vm.kernels).map(|kernel| Boot::prepare(kernel, &tests)).collect::<Result<_>>()?;
    let at_once = vm.at_once.map_or_else(thread::available_parallelism, Ok);
    let limit = Duration::from_secs(60 * vm.minutes);
    // A boot that has ended is dropped, and with it the claim on its kernel.
    let results =
        side_by_side(boots, at_once.map_or(1, NonZeroUsize::get), |boot| (boot.kernel, boot.run(limit)));
    let (mut report, mut errors) = (Report::default(), Vec::new());
    for (kernel, result) in results {
        match result {
            Ok(outcomes) => report.add(kernel, outcomes),
            Err(error) => errors.push(error),
        }
    }
    print!("{report}");
    let mut errors = errors.into_iter();
    if let Some(first) = errors.next() {
        for error in errors {
            eprintln!("{error:#}");
        }
        return Err(first);
    }
    Ok(if report.all_passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Each kernel that is asked for, once, by whatever name and however often, or all; always in the same order, so that no two commands wait for each
/// other's.
fn asked_for(named: &[&'static Kernel]) -> impl Iterator<Item = &'static Kernel> {
    KERNELS.iter().filter(|kernel| named.is_empty() || named.contains(kernel))
}

/// A kernel that is ready to boot, and what is run on it.
struct Boot<'a> {
    kernel: &'static Kernel,
    files: Files,
    initramfs: PathBuf,
    tests: Vec<&'a Program>,
}

impl<'a> Boot<'a> {
    fn prepare(kernel: &'static Kernel, tests: &'a [Program]) -> Result<Self> {
        let fit = |test: &&Program| kernel.is_supported || parts(&test.name).0 == ANYWHERE;
        let tests: Vec<&Program> = tests.iter().filter(fit).collect();
        if tests.is_empty() {
            bail!("Linux {} is too old for Fragwall: only `{ANYWHERE}` can be run there", kernel.version);
        }
        let (files, initramfs) = bootable(kernel)?;
        Ok(Self { kernel, files, initramfs, tests })
    }

    fn run(&self, limit: Duration) -> Result<Vec<Outcome>> {
        eprintln!("Linux {}: booting", self.kernel.version);
        Machine { files: &self.files, initramfs: &self.initramfs, programs: &self.tests }.run(limit)
    }
}

/// Does something with each of some things, so many at once, and returns what came of them in their order.
fn side_by_side<T: Send, R: Send>(things: Vec<T>, at_once: usize, act: impl Fn(T) -> R + Sync) -> Vec<R> {
    let next = Mutex::new(things.into_iter().enumerate());
    let take = || next.lock().unwrap_or_else(PoisonError::into_inner).next();
    let mut done: Vec<(usize, R)> = thread::scope(|scope| {
        let work = || {
            let mut own = Vec::new();
            while let Some((place, thing)) = take() {
                own.push((place, act(thing)));
            }
            own
        };
        let threads: Vec<_> = (0..at_once).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    });
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Boots a kernel and runs a binary of the tests' crate there; what it prints is printed. Its exit code.
///
/// # Errors
///
/// The kernel can't be fetched or doesn't boot, the binary can't be built, or it doesn't end in time.
pub(crate) fn run_binary(kernel: &Kernel, name: &str, arguments: &[OsString]) -> Result<ExitCode> {
    /// How long it may run, in seconds; whoever has enough of it ends it before.
    const LIMIT: Duration = Duration::from_secs(24 * 3600);
    if !kernel.is_supported {
        bail!("Linux {} is too old for Fragwall", kernel.version);
    }
    prepare()?;
    // As the tests are built: emulation tells nothing of speed.
    for (package, binary) in [("firewall-user", "fragwall"), ("firewall-tests", name)] {
        succeed(cargo().args(["build", "--package", package, "--bin", binary]))?;
    }
    let file = workspace().join("target/debug").join(name);
    let arguments = arguments.iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let program = Program { name: name.to_owned(), file, arguments, errors: Errors::Apart };
    let (files, initramfs) = bootable(kernel)?;
    let machine = Machine { files: &files, initramfs: &initramfs, programs: &[&program] };
    eprintln!("Linux {}: booting", kernel.version);
    let code = machine.show(LIMIT)?.with_context(|| format!("`{name}` didn't end in the virtual machine"))?;
    Ok(ExitCode::from(code))
}

/// Looks whether virtual machines can be made, and installs what is missing.
fn prepare() -> Result<()> {
    if !is_root()? {
        bail!(
            "a virtual machine has this machine's root directory, all of which only root can read: run this as root"
        );
    }
    setup::run(Found::Keep)
}

/// A kernel's files and its initramfs.
fn bootable(kernel: &Kernel) -> Result<(Files, PathBuf)> {
    eprintln!("Linux {}: fetching it, if it isn't there", kernel.version);
    let files = kernel
        .fetch(&home())
        .with_context(|| format!("Linux {} can't be had from {}", kernel.version, kernel.suite))?;
    let initramfs = initramfs::make(&files)?;
    Ok((files, initramfs))
}

/// Where kernels, initramfs and results are kept.
fn home() -> PathBuf {
    workspace().join("target/vm")
}

/// The project's folder.
fn workspace() -> PathBuf {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned())
}

/// Builds the command and the integration tests of those names.
fn build(names: Vec<String>) -> Result<Vec<Program>> {
    let mut build = cargo();
    build.args(["build", "--package", "firewall-user"]);
    succeed(&mut build)?;
    let program = |name: String| {
        let (test, cases) = parts(&name);
        let (file, arguments) = (self::test(test)?, cases.map(str::to_owned).into_iter().collect());
        Ok(Program { name, file, arguments, errors: Errors::Between })
    };
    names.into_iter().map(program).collect()
}

/// The integration test of a name, and which of its cases are meant.
fn parts(name: &str) -> (&str, Option<&str>) {
    match name.split_once("::") {
        Some((test, cases)) => (test, Some(cases)),
        None => (name, None),
    }
}

/// Builds an integration test, and tells where it is.
fn test(name: &str) -> Result<PathBuf> {
    let mut build = cargo();
    build.args([
        "test",
        "--no-run",
        "--message-format=json-render-diagnostics",
        "--package",
        "firewall-tests",
    ]);
    build.args(["--test", name]).stderr(Stdio::inherit());
    let output = build.output().with_context(|| format!("can't start {build:?}"))?;
    if !output.status.success() {
        bail!("there is no integration test `{name}`, or it doesn't build: cargo's messages above say which");
    }
    executable(&String::from_utf8_lossy(&output.stdout), name)
        .with_context(|| format!("cargo doesn't say where `{name}` is"))
}

/// The program of an integration test, by cargo's messages, a JSON object a line: they tell of the package's other programs as well,
/// in any order.
fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find_map(|message| {
        let target = &message["target"];
        let is_it = target["name"] == name && target["kind"] == json!(["test"]);
        message["executable"].as_str().filter(|_| is_it).map(PathBuf::from)
    })
}

/// Runs a command to its end.
fn succeed(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("can't start {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed: its messages above say why");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn the_program_is_found_in_cargos_messages() {
        let messages = r#"
            {"reason":"compiler-artifact","target":{"kind":["lib"],"name":"live"},"executable":null}
            {"reason":"compiler-artifact","target":{"kind":["test"],"name":"live"},"executable":"/deps/live-1"}
            {"reason":"compiler-artifact","target":{"kind":["bin"],"name":"live"},"executable":"/debug/live"}
            {"reason":"compiler-artifact","target":{"kind":["bin"],"name":"demo"},"executable":"/debug/demo"}
            {"reason":"build-finished","success":true}"#;
        assert_eq!(executable(messages, "live"), Some(PathBuf::from("/deps/live-1")));
        assert_eq!(executable(messages, "demo"), None);
    }

    #[test]
    fn some_cases_of_a_test_can_be_meant() {
        assert_eq!(parts("coexist"), ("coexist", None));
        assert_eq!(parts("coexist::held::a_case"), ("coexist", Some("held::a_case")));
    }

    #[test]
    fn a_kernel_is_booted_once_however_it_is_named() {
        let versions = |names: &[&str]| {
            let kernels: Vec<_> = names.iter().map(|name| named(name).unwrap()).collect();
            asked_for(&kernels).map(|kernel| kernel.version).collect::<Vec<_>>()
        };
        assert_eq!(versions(&["sid", "6.12", "bookworm-backports", "newest"]), ["6.12", "newest"]);
        assert_eq!(versions(&["6.1"]), ["6.1"]);
        assert_eq!(versions(&[]), KERNELS.map(|kernel| kernel.version));
    }

    #[test]
    fn what_is_done_side_by_side_keeps_its_order() {
        let running = AtomicUsize::new(0);
        let most = AtomicUsize::new(0);
        let things: Vec<u32> = (0..20).collect();
        let doubled = side_by_side(things.clone(), 3, |thing| {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            thread::yield_now();
            running.fetch_sub(1, Ordering::SeqCst);
            thing * 2
        });
        assert_eq!(doubled, things.iter().map(|thing| thing * 2).collect::<Vec<_>>());
        assert!((1..=3).contains(&most.into_inner()));
    }
}
