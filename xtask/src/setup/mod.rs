//! `cargo xtask setup`: finds what building and testing need, and installs what isn't there.

mod apt;
mod backports;
mod needs;
mod toolchain;

use std::{env, fmt::Write as _, fs, os::unix::fs::MetadataExt as _};

use anyhow::{Context as _, Result, anyhow, bail};

pub(crate) use self::needs::program;
use self::{
    apt::{Package, Source},
    backports::Backported,
    needs::{Detect, NEEDS, Need},
};
use crate::ebpf_toolchain::TOOLCHAIN_VAR;

/// What to say of the needs that are met.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// A line for each.
    Say,
    /// Nothing: setting up is the first step of another task.
    Keep,
}

/// A need that isn't met, and what its detection said.
type Missing = (&'static Need, String);

/// A need that isn't met, and its packages that have to be installed, which a configured source has.
type Offered = (&'static Need, Vec<&'static Package>);

/// Makes sure that everything that is needed is there.
///
/// # Errors
///
/// Something is missing and can't be installed: the sentence says what, and how to get it.
pub(crate) fn run(found: Found) -> Result<()> {
    let missing = missing(found);
    if missing.is_empty() {
        if found == Found::Say {
            eprintln!("everything is there; nothing was changed");
        }
        return Ok(());
    }
    if let Some((_, why)) = missing.iter().find(|(need, _)| need.detect == Detect::RustToolchain)
        && env::var_os(TOOLCHAIN_VAR).is_some()
    {
        bail!("{why}: unset it, or set it to a toolchain that has the rust-src component");
    }
    if !apt::is_here() {
        bail!(by_hand(&missing));
    }
    let mut packages = Vec::new();
    for (need, _) in &missing {
        packages.extend(lacking(need)?);
    }
    if !packages.is_empty() {
        if !is_root()? {
            let what: Vec<_> = missing.iter().map(|(need, _)| need.what).collect();
            bail!(
                "{} missing, and only root can install packages: run `cargo xtask setup` as root, or `{}`, then cargo xtask \
                 again",
                listed(&what),
                apt::command_line(&packages)
            );
        }
        install_packages(&missing)?;
    }
    if let Some((need, _)) = missing.iter().find(|(need, _)| need.detect == Detect::BpfLinker) {
        announce(need, &format!("cargo {}", toolchain::linker_command().join(" ")));
        toolchain::install_linker()?;
    }
    for (need, _) in &missing {
        let place = need.detect.find().map_err(|why| {
            anyhow!("{} is still missing after its packages were installed: {why}", need.what)
        })?;
        eprintln!("installed {}: {place}", need.what);
    }
    Ok(())
}

/// The needs that aren't met.
fn missing(found: Found) -> Vec<Missing> {
    let mut missing = Vec::new();
    for need in NEEDS {
        match need.detect.find() {
            Ok(place) if found == Found::Say => eprintln!("found {}: {place}", need.what),
            Ok(_) => {}
            Err(why) => missing.push((need, why)),
        }
    }
    missing
}

/// The packages of a need that aren't installed.
fn lacking(need: &Need) -> Result<Vec<&'static Package>> {
    let mut packages = Vec::new();
    for package in need.packages {
        if !package.installed()? {
            packages.push(package);
        }
    }
    Ok(packages)
}

fn install_packages(missing: &[Missing]) -> Result<()> {
    eprintln!("fetching the lists of packages");
    let up_to_date = apt::update()?;
    let (mut offered, mut withheld) = (Vec::new(), Vec::new());
    for (need, _) in missing {
        let lacking = lacking(need)?;
        let mut unknown = Vec::new();
        for package in &lacking {
            if !package.offered()? {
                unknown.push(package.wanted());
            }
        }
        if unknown.is_empty() {
            offered.push((*need, lacking));
        } else {
            withheld.push((*need, unknown));
        }
    }
    match withheld.as_slice() {
        [] => {}
        [(rust, _)] if rust.detect == Detect::RustToolchain && toolchain::has_rustup() => {
            announce(rust, &toolchain::RUSTUP.join(" "));
            toolchain::install_rust()?;
        }
        _ => bail!(not_offered(&withheld, up_to_date)),
    }
    offered.retain(|(_, packages)| !packages.is_empty());
    let backported = Backported::take_from(&mut offered)?;
    for (need, packages) in &offered {
        announce(need, &apt::names(packages));
    }
    let packages = together(&offered);
    if !packages.is_empty() {
        Source::Configured.install(&packages).with_context(|| {
            if up_to_date {
                "setting up"
            } else {
                "the package sources can't be reached (is there a network?)"
            }
        })?;
    }
    if let Some(backported) = &backported {
        backported.install()?;
    }
    let backported = backported.iter().flat_map(|backported| &backported.needs);
    for service in offered.iter().chain(backported).flat_map(|(need, _)| need.services) {
        if let Err(error) = service.keep_off() {
            eprintln!("warning: {} may start at boot: {error:#}", service.unit);
        }
    }
    Ok(())
}

/// All packages of some needs.
fn together(offered: &[Offered]) -> Vec<&'static Package> {
    offered.iter().flat_map(|(_, packages)| packages.iter().copied()).collect()
}

/// The sentence on packages that no source has.
fn not_offered(withheld: &[(&Need, Vec<String>)], up_to_date: bool) -> String {
    let wanted: Vec<_> = withheld
        .iter()
        .map(|(need, unknown)| {
            format!("{} (for {}; Debian 12 has it in {})", unknown.join(", "), need.what, need.suite)
        })
        .collect();
    let wanted = wanted.join(", ");
    if up_to_date {
        format!(
            "no configured package source has {wanted}: add that suite to the apt sources, then run cargo xtask again"
        )
    } else {
        format!(
            "apt-get could not fetch the lists of packages (its messages are above), and the lists it has don't name \
             {wanted}: connect this machine to the network, then run cargo xtask again"
        )
    }
}

fn announce(need: &Need, how: &str) {
    eprintln!("installing {} ({how}): {}", need.what, need.why);
}

/// What to install where there is no apt-get.
fn by_hand(missing: &[Missing]) -> String {
    let mut text =
        "this machine has no apt-get, so install these by its own means, then run cargo xtask again \
                    (in brackets, the Debian packages):"
            .to_owned();
    for (need, why) in missing {
        let how = match need.detect {
            Detect::RustToolchain => format!("`{}`", toolchain::RUSTUP.join(" ")),
            Detect::BpfLinker => {
                format!(
                    "`LLVM_PREFIX={} cargo {}`",
                    toolchain::llvm_prefix(),
                    toolchain::linker_command().join(" ")
                )
            }
            Detect::Programs(names) => names.join(", "),
        };
        let packages: Vec<_> = need.packages.iter().collect();
        // Writing to a string can't fail.
        let _ =
            write!(text, "\n  {}: {how} ({}), because {why}: {}", need.what, apt::names(&packages), need.why);
    }
    text
}

fn listed(names: &[&str]) -> String {
    match names {
        [one] => format!("{one} is"),
        [rest @ .., last] => format!("{} and {last} are", rest.join(", ")),
        [] => String::new(),
    }
}

/// Whether root runs this.
///
/// # Errors
///
/// /proc isn't there to tell.
pub(crate) fn is_root() -> Result<bool> {
    Ok(fs::metadata("/proc/self").context("can't read /proc/self, which tells who runs this")?.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(what: &str) -> &'static Need {
        NEEDS.iter().find(|need| need.what == what).unwrap()
    }

    #[test]
    fn without_apt_get_each_missing_thing_is_named_with_its_means() {
        let missing = [
            (need("bpf-linker"), "bpf-linker is not on PATH".to_owned()),
            (need("strongSwan"), "there is no `swanctl`".to_owned()),
        ];
        let text = by_hand(&missing);
        for part in [
            "cargo install bpf-linker --version=0.13.0",
            "llvm-22-dev",
            "swanctl",
            "strongswan-swanctl",
            "there is no `swanctl`",
        ] {
            assert!(text.contains(part), "no `{part}` in: {text}");
        }
        assert!(!text.contains("tcpdump"), "{text}");
    }

    #[test]
    fn a_package_that_no_source_has_is_named_with_its_suite() {
        let withheld = [(need("the eBPF Rust toolchain"), vec!["rustc-web 1.95 or newer".to_owned()])];
        let fetched = not_offered(&withheld, true);
        assert!(
            fetched.contains("rustc-web 1.95 or newer") && fetched.contains("bookworm-security"),
            "{fetched}"
        );
        let offline = not_offered(&withheld, false);
        assert!(offline.contains("rustc-web 1.95 or newer") && offline.contains("network"), "{offline}");
    }

    #[test]
    fn names_are_listed_as_a_person_would() {
        assert_eq!(listed(&["tcpdump"]), "tcpdump is");
        assert_eq!(listed(&["tcpdump", "ping"]), "tcpdump and ping are");
        assert_eq!(listed(&["tcpdump", "ping", "iperf3"]), "tcpdump, ping and iperf3 are");
    }
}
