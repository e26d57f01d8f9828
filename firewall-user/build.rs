//! Builds the kernel programs for the BPF target and leaves them in `$OUT_DIR`: `fragwall` and `egress`, which are Fragwall;
//! `entry`, which others load to have it called; `clock`, which tells the kernel's clock; `noop` and `idle`, which their
//! cost is measured against; and those that tests and benchmarks need.
//!
//! aya-build does the like, but it sets `CARGO_ENCODED_RUSTFLAGS` itself and has no way to name a target CPU or
//! target feature, and the program needs both; so this script calls cargo on its own.

#[path = "../xtask/src/ebpf_toolchain.rs"]
mod ebpf_toolchain;

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, ExitCode},
};

use ebpf_toolchain::{LIBRARIES_VAR, RustToolchain, TOOLCHAIN_VAR};

const PACKAGE: &str = "firewall-ebpf";
const PROGRAMS: [&str; 10] =
    ["fragwall", "egress", "entry", "clock", "noop", "idle", "dispatcher", "generate", "prefixes", "tables"];

/// Those that stay in the kernel: by them one Fragwall is told from another (`src/kernel/release.rs`).
const SHIPPED: [&str; 2] = ["fragwall", "egress"];

/// What the outer cargo, clippy or the user set for the outer build, and would steer the inner one astray.
const OUTER_ONLY: [&str; 9] = [
    LIBRARIES_VAR,
    "RUSTC",
    "RUSTDOC",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_TARGET_DIR",
    "RUSTUP_TOOLCHAIN",
];

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    // Asked for at run time: the folder may be a copy of the one that this script was compiled in.
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("..");
    let out: PathBuf = variable("OUT_DIR")?.into();

    println!("cargo:rerun-if-env-changed={TOOLCHAIN_VAR}");
    for input in [
        "Cargo.toml",
        "Cargo.lock",
        "firewall-common/Cargo.toml",
        "firewall-common/src",
        "firewall-ebpf/Cargo.toml",
        "firewall-ebpf/src",
        "xtask/src/ebpf_toolchain.rs",
    ] {
        println!("cargo:rerun-if-changed={}", root.join(input).display());
    }

    let unready = |why| {
        format!("{why}: run `cargo xtask setup`, which installs what building the kernel program needs")
    };
    let rust = RustToolchain::find().map_err(unready)?;
    let linker = ebpf_toolchain::find_linker().map_err(unready)?;
    println!("cargo:rerun-if-changed={}", rust.rustc.display());
    println!("cargo:rerun-if-changed={}", linker.display());

    let target = match variable("CARGO_CFG_TARGET_ENDIAN")?.as_str() {
        "big" => "bpfeb-unknown-none",
        _ => "bpfel-unknown-none",
    };
    let target_dir = out.join("ebpf");

    let mut cargo = Command::new(&rust.cargo);
    for name in OUTER_ONLY {
        cargo.env_remove(name);
    }
    cargo
        .current_dir(&root)
        .args(["build", "--release", "--package", PACKAGE, "--bins"])
        .args(["-Z", "build-std=core", "--target", target, "--target-dir"])
        .arg(&target_dir)
        .env("RUSTC", &rust.rustc)
        // Lets a stable toolchain take `-Z`. It must not reach beyond this one build.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", rustflags()?)
        // The target's own linker is a bare `bpf-linker`, which cargo's bin folder need not have on PATH.
        .env(format!("CARGO_TARGET_{}_LINKER", target.replace('-', "_").to_uppercase()), &linker);
    if env::var_os("CARGO_FEATURE_TRACE").is_some() {
        cargo.args(["--features", "trace"]);
    }

    let status =
        cargo.status().map_err(|error| format!("{} does not start: {error}", rust.cargo.display()))?;
    if !status.success() {
        return Err(format!(
            "the kernel program ({PACKAGE}) does not build with {rust}: see cargo's messages above"
        ));
    }
    let mut hash = Fnv::default();
    for program in PROGRAMS {
        let object = target_dir.join(target).join("release").join(program);
        let shipped = out.join(program);
        fs::copy(&object, &shipped)
            .map_err(|error| format!("can't copy {} to {}: {error}", object.display(), shipped.display()))?;
        if SHIPPED.contains(&program) {
            hash.add(
                &fs::read(&shipped).map_err(|error| format!("can't read {}: {error}", shipped.display()))?,
            );
        }
    }
    println!("cargo:rustc-env=FRAGWALL_PROGRAM={:016x}", hash.0);
    Ok(())
}

/// The 64-bit FNV-1a hash, to tell one build of the programs from another.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

/// The kernel program's compiler flags, as cargo takes them in one variable.
fn rustflags() -> Result<String, String> {
    let arch = variable("CARGO_CFG_TARGET_ARCH")?;
    // aya-ebpf reads a traced program's registers by the architecture's name, and has one name for both RISC-Vs.
    let arch = if arch.starts_with("riscv64") { "riscv64" } else { &arch };
    Ok([
        &format!("--cfg=bpf_target_arch=\"{arch}\""),
        // BTF is made from the debug information.
        "-Cdebuginfo=2",
        "-Clink-arg=--btf",
        // 32-bit instructions, which the kernel has since 5.1. Which CPU is the default depends on LLVM's version.
        "-Ctarget-cpu=v3",
        // A packet's headers have no alignment; the kernel allows such loads where the hardware does. Without this,
        // which LLVM has since 21, each field is put together from bytes.
        "-Ctarget-feature=+allows-misaligned-mem-access",
    ]
    .join("\x1f"))
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| format!("cargo set no usable {name} for the build script: {error}"))
}
