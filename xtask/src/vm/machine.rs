//! A virtual machine, from its start to its end.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use super::{
    kernels::{Files, tool},
    program::{Program, quoted},
    report::Outcome,
    shown::Shown,
    workspace,
};

/// What a virtual machine is made of, and what it does.
pub(crate) struct Machine<'a> {
    pub(crate) files: &'a Files,
    pub(crate) initramfs: &'a Path,
    pub(crate) programs: &'a [&'a Program],
}

/// The Ethernet addresses of two network cards that lead to each other.
const NICS: [&str; 2] = ["52:54:00:f0:a6:01", "52:54:00:f0:a6:02"];

/// A process of ours, which doesn't outlive us.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended by itself, mostly.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Machine<'_> {
    /// Boots it, waits until all tests have ended, and tells how each did.
    ///
    /// # Errors
    ///
    /// QEMU doesn't start, or the guest doesn't boot.
    pub(crate) fn run(&self, limit: Duration) -> Result<Vec<Outcome>> {
        let (results, codes) = self.boot(limit, &mut || Ok(()))?;
        Ok(self.programs.iter().map(|test| Outcome::read(&test.name, &codes, &results)).collect())
    }

    /// Boots it, and shows what a program prints while it runs. Its exit code; `None` if it didn't end.
    ///
    /// # Errors
    ///
    /// As [`Machine::run`].
    pub(crate) fn show(&self, limit: Duration) -> Result<Option<u8>> {
        let results = self.results();
        let shown =
            |name: &str, ending: &str, is_data| Shown::new(results.join(format!("{name}.{ending}")), is_data);
        let of =
            |program: &&Program| [shown(&program.name, "log", true), shown(&program.name, "stderr", false)];
        let mut outputs: Vec<_> = self.programs.iter().flat_map(of).collect();
        let mut show = || outputs.iter_mut().try_for_each(Shown::go_on);
        let (_, codes) = self.boot(limit, &mut show)?;
        show()?;
        let code = codes.lines().last().and_then(|line| line.split_once(' ')?.1.parse().ok());
        Ok(code)
    }

    /// Boots it, and waits until it ends. Where what was printed is, and the exit codes.
    fn boot(&self, limit: Duration, meanwhile: &mut dyn FnMut() -> Result<()>) -> Result<(PathBuf, String)> {
        let results = self.results();
        if results.exists() {
            fs::remove_dir_all(&results).with_context(|| format!("can't remove {}", results.display()))?;
        }
        fs::create_dir_all(&results).with_context(|| format!("can't make {}", results.display()))?;
        fs::write(results.join("guest.sh"), self.script()).context("can't write what the guest does")?;
        let commands: String =
            self.programs.iter().map(|program| format!("{} {}\n", program.name, program.command())).collect();
        fs::write(results.join("commands"), commands).context("can't write what the guest runs")?;
        let console = results.join("console");
        let log = File::create(&console).with_context(|| format!("can't write {}", console.display()))?;
        let mut command = self.command(&results)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut qemu = Running(command.spawn().with_context(|| format!("can't start {command:?}"))?);
        let until = Instant::now() + limit;
        while qemu.0.try_wait().context("can't wait for QEMU")?.is_none() && Instant::now() < until {
            meanwhile()?;
            thread::sleep(Duration::from_millis(200));
        }
        drop(qemu);
        let codes = fs::read_to_string(results.join("codes")).unwrap_or_default();
        let has_log = |program: &&Program| results.join(format!("{}.log", program.name)).exists();
        if codes.is_empty() && !self.programs.iter().any(has_log) {
            let said = fs::read_to_string(&console).unwrap_or_default();
            bail!("Linux {} ran nothing; its console said:\n{}", self.files.release, tail(&said, 20));
        }
        Ok((results, codes))
    }

    /// Where the guest writes.
    fn results(&self) -> PathBuf {
        self.files.folder.join("results")
    }

    /// What the guest does.
    fn script(&self) -> String {
        let modules = self.files.folder.join("root/lib/modules").join(&self.files.release);
        format!(
            "RELEASE={} MODULES={} FOLDER={} FRAGWALL_NICS={}\n{}",
            quoted(&self.files.release),
            quoted(&modules.to_string_lossy()),
            quoted(&workspace().join("tests").to_string_lossy()),
            quoted(&NICS.join(" ")),
            include_str!("guest.sh")
        )
    }

    fn command(&self, results: &Path) -> Result<Command> {
        // A machine ends with whoever started it, also if that one is killed.
        let mut command = Command::new(tool("setpriv")?);
        command.args(["--pdeathsig", "KILL"]).arg(tool("qemu-system-x86_64")?);
        command.args(["-nodefaults", "-display", "none", "-no-reboot", "-machine", "q35"]);
        // Emulation: not every machine lets its guests have guests.
        command.args([
            "-accel",
            "tcg,thread=multi",
            "-cpu",
            "max",
            "-smp",
            "2",
            "-m",
            "3072",
            "-serial",
            "stdio",
        ]);
        command.arg("-kernel").arg(&self.files.image).arg("-initrd").arg(self.initramfs);
        command.args(["-append", "console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off"]);
        command.args(["-device", "virtio-rng-pci"]);
        // The sockets between the cards are there: a socket's path must be short.
        command.current_dir(results);
        for (own, other) in [(0, 1), (1, 0)] {
            command.arg("-netdev").arg(format!(
                "dgram,id=nic{own},local.type=unix,local.path=nic{own},remote.type=unix,remote.path=nic{other}"
            ));
            command.args(["-device", &format!("virtio-net-pci,netdev=nic{own},mac={}", NICS[own])]);
        }
        command
            .args(["-virtfs", "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap"]);
        command
            .arg("-virtfs")
            .arg(format!("local,path={},mount_tag=results,security_model=none", results.display()));
        Ok(command)
    }
}

/// The last lines of a text.
pub(super) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<_> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
