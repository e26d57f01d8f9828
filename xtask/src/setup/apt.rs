//! Debian's packages.

use std::{
    ffi::OsString,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use super::needs::program;
use crate::suite::Suite;

/// A Debian package.
pub(crate) struct Package {
    pub(crate) name: &'static str,
    oldest: Option<&'static str>,
}

impl Package {
    /// The package, in whichever version there is.
    pub(crate) const fn any(name: &'static str) -> Self {
        Self { name, oldest: None }
    }

    /// The package, from version `oldest` on.
    pub(crate) const fn since(name: &'static str, oldest: &'static str) -> Self {
        Self { name, oldest: Some(oldest) }
    }

    /// Whether it is installed, and new enough.
    ///
    /// # Errors
    ///
    /// dpkg doesn't start.
    pub(crate) fn installed(&self) -> Result<bool> {
        let text = stdout(Command::new("dpkg-query").args([
            "--show",
            "--showformat=${db:Status-Status} ${Version}",
            self.name,
        ]))?;
        match text.strip_prefix("installed ") {
            Some(version) => self.takes(version),
            None => Ok(false),
        }
    }

    /// Whether a configured source has it, new enough.
    ///
    /// # Errors
    ///
    /// apt-cache or dpkg doesn't start.
    pub(crate) fn offered(&self) -> Result<bool> {
        let text = stdout(Command::new("apt-cache").args(["policy", self.name]).env("LC_ALL", "C"))?;
        match text.lines().find_map(|line| line.trim().strip_prefix("Candidate: ")) {
            None | Some("(none)") => Ok(false),
            Some(version) => self.takes(version),
        }
    }

    /// Its name, and the oldest version that will do.
    pub(crate) fn wanted(&self) -> String {
        match self.oldest {
            None => self.name.to_owned(),
            Some(oldest) => format!("{} {oldest} or newer", self.name),
        }
    }

    fn takes(&self, version: &str) -> Result<bool> {
        let Some(oldest) = self.oldest else {
            return Ok(true);
        };
        let status = Command::new("dpkg")
            .args(["--compare-versions", version, "ge", oldest])
            .status()
            .context("can't start dpkg")?;
        Ok(status.success())
    }
}

/// Whether this machine installs by apt-get.
pub(crate) fn is_here() -> bool {
    program("apt-get").is_some()
}

/// The packages' names, as apt-get takes them.
pub(crate) fn names(packages: &[&Package]) -> String {
    let names: Vec<_> = packages.iter().map(|package| package.name).collect();
    names.join(" ")
}

/// What to type to install `packages` by hand.
pub(crate) fn command_line(packages: &[&Package]) -> String {
    format!("apt-get update && apt-get install --no-install-recommends {}", names(packages))
}

/// Fetches the lists of packages. Tells whether all of them came: one dead source need not matter.
///
/// # Errors
///
/// apt-get doesn't start.
pub(crate) fn update() -> Result<bool> {
    let status = Command::new("apt-get")
        .args(["-qq", "--option", "APT::Update::Error-Mode=any", "update"])
        .stdin(Stdio::null())
        .status()
        .context("can't start apt-get")?;
    Ok(status.success())
}

/// How a set of packages comes onto this machine.
pub(crate) enum Source {
    /// From the sources that it's configured for.
    Configured,
    /// From the sources that it's configured for and a suite beside, whose packages come before others.
    Also(Suite),
}

impl Source {
    /// The options that tell apt-get.
    fn options(&self) -> Vec<OsString> {
        match self {
            Self::Configured => Vec::new(),
            Self::Also(suite) => suite.preferred().collect(),
        }
    }

    /// Whether `packages` can be installed together with what is here, and nothing has to go for them.
    ///
    /// # Errors
    ///
    /// apt-get doesn't start.
    pub(crate) fn can_install(&self, packages: &[&Package]) -> Result<bool> {
        let output = Command::new("apt-get")
            .args(self.options())
            .args(["--simulate", "-qq", "--no-remove", "--no-install-recommends", "install"])
            .args(packages.iter().map(|package| package.name))
            .stdin(Stdio::null())
            .output()
            .context("can't start apt-get")?;
        Ok(output.status.success())
    }

    /// Installs `packages`, none of which starts a service.
    ///
    /// # Errors
    ///
    /// apt-get fails; it has said why on stderr.
    pub(crate) fn install(&self, packages: &[&Package]) -> Result<()> {
        let status = Command::new("sh")
            .args(["-c", include_str!("install.sh"), "install.sh"])
            .args(self.options())
            .args(packages.iter().map(|package| package.name))
            .stdin(Stdio::null())
            .status()
            .context("can't start sh")?;
        if !status.success() {
            bail!("apt-get could not install the packages: its messages above say which one and why");
        }
        Ok(())
    }
}

/// A service that a package has started at boot, of its own accord.
pub(crate) struct Service {
    /// Its name to systemd.
    pub(crate) unit: &'static str,
    /// Its name to System V's init.
    pub(crate) script: &'static str,
}

impl Service {
    /// Takes back that it is started at boot, so that only the package's programs are left of it.
    ///
    /// # Errors
    ///
    /// One of Debian's helpers for that doesn't start or fails.
    pub(crate) fn keep_off(&self) -> Result<()> {
        let Self { unit, script } = self;
        let mut systemd = Command::new("deb-systemd-helper");
        // The helper, which unlike systemctl is there without systemd too, obeys packages alone. It also notes that the
        // unit is off, so that the package's next version leaves it off.
        systemd.args(["disable", unit]).env("DPKG_MAINTSCRIPT_PACKAGE", "fragwall");
        let mut system_v = Command::new("update-rc.d");
        system_v.args([script, "disable"]).env("_SKIP_SYSTEMD_NATIVE", "1");
        for mut command in [systemd, system_v] {
            let output =
                command.stdin(Stdio::null()).output().with_context(|| format!("can't start {command:?}"))?;
            if !output.status.success() {
                bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
            }
        }
        Ok(())
    }
}

/// What a query prints; a query that fails has no answer.
fn stdout(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("can't start {command:?}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
