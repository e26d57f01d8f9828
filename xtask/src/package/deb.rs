//! The Debian package.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{output, tree::Tree, version::Version};

const MAINTAINER: &str = "The Fragwall authors <fragwall@users.noreply.github.com>";
/// Where Debian has a package's documents.
const DOCUMENTS: &str = "usr/share/doc/fragwall";
/// The scripts that dpkg runs.
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];

/// Makes it in `out`, and says where it is. The tree is Debian's from then on.
///
/// # Errors
/// dpkg-deb fails, or a file can't be written.
pub(super) fn make(tree: &Tree<'_>, version: &Version, epoch: u64, out: &Path) -> Result<PathBuf> {
    copyright(tree)?;
    changelog(tree, version, epoch)?;
    let overrides = "usr/share/lintian/overrides/fragwall";
    tree.copy("deploy/debian/lintian-overrides", overrides, 0o644)?;

    let architecture = output(Command::new("dpkg").arg("--print-architecture"))?;
    let architecture = architecture.trim();
    let size = output(Command::new("du").args(["-sk", "--apparent-size"]).arg(tree.root()))?;
    let size = size.split_whitespace().next().context("`du` prints no size")?.to_owned();
    let control = format!(
        "Package: fragwall\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: {MAINTAINER}\nInstalled-Size: {size}\n\
         Section: net\nPriority: optional\nHomepage: https://github.com/fragwall/fragwall\n\
         Description: XDP firewall that is right about IP fragments\n \
         Fragwall replaces a host's stateless iptables or nftables rules at XDP's\n \
         speed, without connection tracking and without reassembly, and lets every\n \
         fragment of an allowed datagram through, in any order.\n"
    );
    tree.write("DEBIAN/control", control, 0o644)?;
    tree.write("DEBIAN/conffiles", "/etc/fragwall/fragwall.toml\n", 0o644)?;
    for script in SCRIPTS {
        tree.copy(&format!("deploy/debian/{script}"), &format!("DEBIAN/{script}"), 0o755)?;
    }
    let deb = out.join(format!("fragwall_{version}_{architecture}.deb"));
    output(
        Command::new("dpkg-deb")
            .args(["--root-owner-group", "-Zxz", "--build"])
            .args([tree.root(), &deb])
            .env("SOURCE_DATE_EPOCH", epoch.to_string()),
    )?;
    Ok(deb)
}

/// Debian has licences in one file, those that many packages have by reference.
fn copyright(tree: &Tree<'_>) -> Result<()> {
    let documents = tree.root().join(DOCUMENTS);
    let licence = fs::read_to_string(documents.join("LICENSE-MIT"))?;
    let terms: Vec<&str> = licence.lines().skip_while(|line| !line.starts_with("Permission")).collect();
    let copyright = tree.source("deploy/debian/copyright")?.replace("@MIT@", &terms.join("\n"));
    tree.write(&format!("{DOCUMENTS}/copyright"), copyright, 0o644)?;
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        fs::remove_file(documents.join(licence)).with_context(|| licence.to_owned())?;
    }
    Ok(())
}

fn changelog(tree: &Tree<'_>, version: &Version, epoch: u64) -> Result<()> {
    let date =
        output(Command::new("date").args(["-R", "-u", "-d", &format!("@{epoch}")]).env("LC_ALL", "C"))?;
    let text = format!(
        "fragwall ({version}) unstable; urgency=medium\n\n  * See /{DOCUMENTS}/CHANGELOG.md.gz.\n\n -- {MAINTAINER}  {date}"
    );
    // A version without a revision is a native package's, whose changelog has this name.
    tree.write_compressed(&format!("{DOCUMENTS}/changelog"), text)?;
    tree.write_compressed(&format!("{DOCUMENTS}/CHANGELOG.md"), tree.source("CHANGELOG.md")?)
}
