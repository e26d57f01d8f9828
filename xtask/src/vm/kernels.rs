//! Debian's kernels: which there are, and how they come from its package sources without any of this machine's own being
//! changed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use super::{claim::Claim, succeed};
use crate::suite::{Own, Suite, entries};

/// A kernel of Debian's.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Kernel {
    /// Linux's version, as far as a suite keeps to it.
    pub(crate) version: &'static str,
    /// The Debian suite that has it.
    pub(crate) suite: &'static str,
    /// Whether Fragwall runs on it. If not, nothing but that this is said there can be tested.
    pub(crate) is_supported: bool,
}

/// Those that are booted: one that is too old, the oldest that Fragwall runs on, the one between, and the newest that Debian has.
pub(crate) const KERNELS: [Kernel; 4] = [
    Kernel { version: "5.10", suite: "bullseye", is_supported: false },
    Kernel { version: "6.1", suite: "bookworm", is_supported: true },
    Kernel { version: "6.12", suite: "bookworm-backports", is_supported: true },
    Kernel { version: "newest", suite: "sid", is_supported: true },
];

/// The kernel of a name that a person types.
///
/// # Errors
///
/// There's none: the sentence names those that there are.
pub(crate) fn named(name: &str) -> Result<&'static Kernel, String> {
    KERNELS.iter().find(|kernel| kernel.version == name || kernel.suite == name).ok_or_else(|| {
        let names: Vec<_> =
            KERNELS.iter().map(|kernel| format!("{} ({})", kernel.version, kernel.suite)).collect();
        format!("the kernels are {}", names.join(", "))
    })
}

/// A kernel's files, which no other command uses while this is kept.
pub(crate) struct Files {
    /// The folder that all of them are in.
    pub(crate) folder: PathBuf,
    /// The kernel itself.
    pub(crate) image: PathBuf,
    /// Its release, as `uname -r` prints it.
    pub(crate) release: String,
    _claim: Claim,
}

impl Kernel {
    /// Fetches and unpacks the kernel, unless that was done before, as soon as no other command uses it.
    ///
    /// # Errors
    ///
    /// The package sources can't be reached or don't have it, or it can't be written to `home`.
    pub(crate) fn fetch(&self, home: &Path) -> Result<Files> {
        let folder = home.join(self.suite);
        let root = folder.join("root");
        let claim = Claim::on(&folder, &format!("Linux {}", self.version))?;
        if !folder.join("complete").exists() {
            self.unpack(&folder, &root)?;
            fs::write(folder.join("complete"), "")
                .with_context(|| format!("can't write to {}", folder.display()))?;
        }
        let release = only_entry(&root.join("lib/modules"))?;
        let image = [
            root.join(format!("boot/vmlinuz-{release}")),
            root.join("lib/modules").join(&release).join("vmlinuz"),
        ];
        let image = image
            .into_iter()
            .find(|file| file.exists())
            .with_context(|| format!("there is no vmlinuz of {release} below {}", root.display()))?;
        Ok(Files { folder, image, release, _claim: claim })
    }

    fn unpack(&self, folder: &Path, root: &Path) -> Result<()> {
        if folder.exists() {
            fs::remove_dir_all(folder).with_context(|| format!("can't remove {}", folder.display()))?;
        }
        for below in ["packages", "root/usr/lib"] {
            let below = folder.join(below);
            fs::create_dir_all(&below).with_context(|| format!("can't make {}", below.display()))?;
        }
        // Since 7.0 the packages have their modules there; the older ones' are unpacked through the link.
        std::os::unix::fs::symlink("usr/lib", root.join("lib"))
            .with_context(|| format!("can't make {}/lib", root.display()))?;
        let apt = Suite::new(folder, self.suite, Own::None)?;
        apt.update()?;
        let packages = kernel_packages(&apt)?;
        succeed(
            apt.command("apt-get")
                .args(["-qq", "download"])
                .args(&packages)
                .current_dir(folder.join("packages")),
        )?;
        for package in entries(&folder.join("packages"))? {
            let script =
                "dpkg-deb --fsys-tarfile \"$0\" | tar --extract --keep-directory-symlink --directory \"$1\"";
            succeed(Command::new("sh").args(["-ec", script]).arg(&package).arg(root))?;
        }
        let release = only_entry(&root.join("lib/modules"))?;
        succeed(Command::new(tool("depmod")?).arg("-b").arg(root).arg(release))?;
        for done in ["lists", "cache", "sources", "packages"] {
            fs::remove_dir_all(folder.join(done)).with_context(|| format!("can't remove {done}"))?;
        }
        Ok(())
    }
}

/// The packages of the kernel that `linux-image-amd64` stands for.
fn kernel_packages(apt: &Suite) -> Result<Vec<String>> {
    let image = depends(apt, "linux-image-amd64")?;
    let [image] = image.as_slice() else { bail!("linux-image-amd64 stands for no kernel there") };
    let mut packages = depends(apt, image)?;
    packages.push(image.clone());
    Ok(packages)
}

/// The packages of a kernel that a package depends on.
fn depends(apt: &Suite, package: &str) -> Result<Vec<String>> {
    let mut show = apt.command("apt-cache");
    show.args(["show", "--no-all-versions", package]);
    let output = show.output().with_context(|| format!("can't start {show:?}"))?;
    if !output.status.success() {
        bail!("{show:?} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(parts_of_a_kernel(&String::from_utf8_lossy(&output.stdout)))
}

/// Those packages of a `Depends:` line that are of one version of a kernel.
fn parts_of_a_kernel(shown: &str) -> Vec<String> {
    let depends = shown.lines().find_map(|line| line.strip_prefix("Depends: ")).unwrap_or_default();
    depends
        .split(", ")
        .filter_map(|one| one.split(' ').next())
        .filter(|name| {
            ["linux-image-", "linux-base-", "linux-binary-", "linux-modules-"].iter().any(|kind| {
                name.strip_prefix(kind)
                    .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
            })
        })
        .map(str::to_owned)
        .collect()
}

/// A program of this machine's.
pub(crate) fn tool(name: &str) -> Result<PathBuf> {
    crate::setup::program(name).with_context(|| format!("there is no `{name}`"))
}

/// The name of the one thing in a folder.
fn only_entry(folder: &Path) -> Result<String> {
    match entries(folder)?.as_slice() {
        [one] => Ok(one.file_name().unwrap_or_default().to_string_lossy().into_owned()),
        several => {
            bail!("there should be one kernel's modules in {}, and are {}", folder.display(), several.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_kernel_are_told_from_what_else_it_needs() {
        let shown = "Package: linux-image-7.2.13-amd64\n\
                     Depends: dracut | initramfs-tools (>= 0.120), linux-base-7.2.13-amd64 (= 7.2.13-1), linux-base (>= 4.3~), \
                     linux-binary-7.2.13-amd64 (= 7.2.13-1), linux-modules-7.2.13-amd64 (= 7.2.13-1)\n";
        assert_eq!(
            parts_of_a_kernel(shown),
            ["linux-base-7.2.13-amd64", "linux-binary-7.2.13-amd64", "linux-modules-7.2.13-amd64"]
        );
        assert!(parts_of_a_kernel("Package: linux-image-amd64\n").is_empty());
    }

    #[test]
    fn a_kernel_has_two_names() {
        assert_eq!(named("6.12").unwrap().suite, named("bookworm-backports").unwrap().suite);
        assert!(named("6.13").unwrap_err().contains("6.1 (bookworm)"));
    }
}
