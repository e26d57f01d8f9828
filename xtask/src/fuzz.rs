//! Coverage-guided fuzzing of the packet logic, of the grammar of rules and of imports with LLVM's libFuzzer, on the toolchain that builds everything else.

use std::{
    env,
    ffi::OsString,
    fs,
    hash::{BuildHasher as _, RandomState},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    slice,
};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};

use crate::{
    cargo, exit_code,
    setup::{self, Found},
};

/// What LLVM puts into the code for libFuzzer: a counter for each edge, where each lies, and what is compared with what.
/// Branches stay apart that could be folded into one, so that each is seen to be taken.
const INSTRUMENTATION: [&str; 8] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "-Cforce-frame-pointers=yes",
];

/// What is asked of the fuzzer.
#[derive(Args)]
pub(crate) struct Fuzz {
    /// What to fuzz; one after the other if it isn't named.
    target: Option<Target>,
    /// How long, for each target.
    #[arg(long, value_name = "N", default_value_t = 60, conflicts_with = "runs")]
    seconds: u32,
    /// How many inputs, for each target, instead of how long.
    #[arg(long, value_name = "N")]
    runs: Option<u32>,
    /// Passed on to libFuzzer. Files among them are inputs, and are run instead of the corpus.
    #[arg(last = true)]
    args: Vec<OsString>,
}

/// A program in fuzz/fuzz_targets, and its corpus in fuzz/corpus.
#[derive(Clone, Copy, ValueEnum)]
enum Target {
    /// One frame, which is parsed.
    Parser,
    /// Frames that are judged one after the other.
    Sequence,
    /// A rule's text.
    Rule,
    /// A config file's text.
    Config,
    /// What iptables or nftables prints.
    Import,
}

impl Target {
    const fn name(self) -> &'static str {
        match self {
            Self::Parser => "parser",
            Self::Sequence => "sequence",
            Self::Rule => "rule",
            Self::Config => "config",
            Self::Import => "import",
        }
    }

    /// The folders, in the workspace's, of what there is to start from.
    const fn corpora(self) -> &'static [&'static str] {
        match self {
            Self::Parser => &["fuzz/corpus/parser"],
            Self::Sequence => &["fuzz/corpus/sequence"],
            Self::Rule => &["fuzz/corpus/rule"],
            Self::Config => &["fuzz/corpus/config", "firewall-user/tests/malformed"],
            Self::Import => &["fuzz/corpus/import", "firewall-user/tests/import/corpus"],
        }
    }
}

/// Sets up, builds the targets and runs them, up to the first that fails.
///
/// # Errors
///
/// A target can't be built or started.
pub(crate) fn run(fuzz: &Fuzz) -> Result<ExitCode> {
    setup::run(Found::Keep)?;
    let targets = match &fuzz.target {
        Some(target) => slice::from_ref(target),
        None => Target::value_variants(),
    };
    let programs = build(targets)?;
    for target in targets.iter().copied() {
        let mut command = command(&programs, target, fuzz)?;
        let status = command.status().with_context(|| format!("can't start {command:?}"))?;
        if !status.success() {
            eprintln!("error: {}", failed(target.name()));
            return Ok(exit_code(status));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What to do about a target that failed.
fn failed(name: &str) -> String {
    format!(
        "{name} failed; if the lines above name an artifact, that's the input: `cargo xtask fuzz {name} -- FILE` runs it \
         again, and as fuzz/corpus/{name}/found-WHAT it's among the tests from now on"
    )
}

/// Builds the targets. Gives back the folder that they are in.
fn build(targets: &[Target]) -> Result<PathBuf> {
    let host = rustc(&["-vV"])?;
    let host =
        host.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc -vV names no host")?;
    let mut flags = INSTRUMENTATION.to_vec();
    if has_address_sanitizer(Path::new(rustc(&["--print=target-libdir"])?.trim())) {
        flags.push("-Zsanitizer=address");
    } else {
        eprintln!("fuzzing without AddressSanitizer: this Rust toolchain lacks its library");
    }
    let folder = root().join("target/fuzz");
    let mut build = cargo();
    // With --target the flags are the target's own: what runs while building is built without them.
    build.args(["build", "--release", "--manifest-path=fuzz/Cargo.toml", "--target", host, "--target-dir"]);
    build.arg(&folder);
    for target in targets {
        build.args(["--bin", target.name()]);
    }
    build.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    // Sanitizers are an unstable option, which otherwise only a nightly compiler takes.
    build.env("RUSTC_BOOTSTRAP", "1");
    let status = build.status().with_context(|| format!("can't start {build:?}"))?;
    if !status.success() {
        bail!("the fuzz targets can't be built: the messages above say why");
    }
    Ok(folder.join(host).join("release"))
}

/// The command that runs a target, with the folders it needs.
fn command(programs: &Path, target: Target, fuzz: &Fuzz) -> Result<Command> {
    let name = target.name();
    let found = root().join("target/fuzz/corpus").join(name);
    let artifacts = root().join("fuzz/artifacts").join(name);
    for folder in [&found, &artifacts] {
        fs::create_dir_all(folder).with_context(|| format!("can't make {}", folder.display()))?;
    }
    let mut command = Command::new(programs.join(name));
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    // Looking for leaks takes ptrace, which containers often forbid; and nothing that is fuzzed allocates.
    command.arg("-detect_leaks=0");
    if !fuzz.args.iter().any(|arg| Path::new(arg).is_file()) {
        let seed = RandomState::new().hash_one(name) as u32;
        eprintln!("fuzzing {name} with seed {seed}");
        command.arg(format!("-seed={seed}"));
        match fuzz.runs {
            // Nobody waits for news of each input.
            Some(runs) => command.arg(format!("-runs={runs}")).args(["-verbosity=0", "-print_final_stats=1"]),
            None => command.arg(format!("-max_total_time={}", fuzz.seconds)),
        };
        // New inputs go into the first of the folders.
        command.arg(found).args(target.corpora().iter().map(|folder| root().join(folder)));
    }
    command.args(&fuzz.args);
    Ok(command)
}

/// The workspace's folder.
fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// Whether a folder of Rust's libraries has AddressSanitizer's: rustup's toolchains for Linux do, others may not.
fn has_address_sanitizer(folder: &Path) -> bool {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .any(|entry| entry.file_name().to_string_lossy().ends_with("_rt.asan.a"))
}

/// What the rustc that cargo uses here prints.
fn rustc(args: &[&str]) -> Result<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).args(args).output().context("can't start rustc")?;
    if !output.status.success() {
        bail!("rustc {} failed: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
