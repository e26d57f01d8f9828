//! The initramfs: busybox, and the modules that reach this machine's root directory.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use super::{
    kernels::{Files, tool},
    succeed,
};

/// What the guest needs to see the host's files, below something that can be written to.
const MODULES: [&str; 4] = ["virtio_pci", "9pnet_virtio", "9p", "overlay"];

/// Makes a kernel's initramfs.
///
/// # Errors
///
/// The kernel lacks a module, a program for making it is missing, or it can't be written.
pub(crate) fn make(files: &Files) -> Result<PathBuf> {
    let folder = files.folder.join("initramfs");
    let image = files.folder.join("initramfs.cpio");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("can't remove {}", folder.display()))?;
    }
    fs::create_dir_all(folder.join("modules")).with_context(|| format!("can't make {}", folder.display()))?;
    let busybox = tool("busybox")?;
    fs::copy(&busybox, folder.join("busybox"))
        .with_context(|| format!("can't copy {}", busybox.display()))?;
    let init = folder.join("init");
    fs::write(&init, include_str!("init.sh")).with_context(|| format!("can't write {}", init.display()))?;
    fs::set_permissions(&init, Permissions::from_mode(0o755))
        .with_context(|| format!("can't make {} executable", init.display()))?;
    for (number, module) in modules(files)?.iter().enumerate() {
        place(module, &folder.join("modules").join(format!("{number:02}.ko")))?;
    }
    let script = "cd \"$0\" && find . | \"$2\" cpio -o -H newc >\"$1\" 2>/dev/null";
    succeed(Command::new("sh").args(["-ec", script]).arg(&folder).arg(&image).arg(&busybox))?;
    Ok(image)
}

/// The modules' files, each behind those that it needs.
fn modules(files: &Files) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for module in MODULES {
        let mut show = Command::new(tool("modprobe")?);
        show.arg("-d").arg(files.folder.join("root")).args(["-S", &files.release, "--show-depends", module]);
        let output = show.output().with_context(|| format!("can't start {show:?}"))?;
        if !output.status.success() {
            bail!(
                "Linux {} lacks {module}: {}",
                files.release,
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        // "insmod FILE [OPTION…]" for each, or "builtin NAME".
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            if let Some(file) = line.strip_prefix("insmod ").and_then(|rest| rest.split(' ').next()) {
                let file = PathBuf::from(file);
                if !found.contains(&file) {
                    found.push(file);
                }
            }
        }
    }
    Ok(found)
}

/// Copies a module, unpacked: busybox loads no other.
fn place(module: &Path, to: &Path) -> Result<()> {
    if module.extension().is_some_and(|extension| extension == "xz") {
        succeed(Command::new("sh").args(["-ec", "xz -dc \"$0\" >\"$1\""]).arg(module).arg(to))
    } else {
        fs::copy(module, to).map(drop).with_context(|| format!("can't copy {}", module.display()))
    }
}
