//! Network namespaces of the process's own, and links between them.

use std::fs::File;
use std::net::IpAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use nix::sched::{CloneFlags, setns};
use serde_json::Value;

use super::interrupt;
use super::process::{find_program, run_cleanup, run_ok, tool};

/// Where iproute2 keeps the named network namespaces.
const DIRECTORY: &str = "/run/netns";
/// How long a link may take until the kernel reports it as operational; on an idle machine it is a second at most.
const OPERATIONAL_LIMIT: Duration = Duration::from_secs(15);

/// A named network namespace with its loopback up, removed on drop.
///
/// Processes in it are their own guards' to end ([`super::process::Daemon`]): drop these first.
#[derive(Debug)]
pub struct Netns {
    name: String,
}

impl Netns {
    /// Makes a namespace whose name holds the process's id and a running number, so that tests can run side by side.
    ///
    /// # Errors
    /// `ip netns add` fails; for anyone but root it does.
    pub fn new(label: &str) -> Result<Self> {
        static INSTANCE: AtomicU32 = AtomicU32::new(0);
        let instance = INSTANCE.fetch_add(1, Ordering::Relaxed);
        // The guard comes first, so that an `ip` stopped halfway leaves no namespace either.
        let netns = Self { name: format!("fw{}-{instance}-{label}", std::process::id()) };
        run_ok(tool("ip").args(["netns", "add", &netns.name]))?;
        netns.ip(&["link", "set", "lo", "up"])?;
        Ok(netns)
    }

    /// Its name, as `ip netns list` shows it and `fragwall --netns` takes it.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn path(&self) -> PathBuf {
        PathBuf::from(DIRECTORY).join(&self.name)
    }

    fn open(&self) -> Result<File> {
        let path = self.path();
        File::open(&path).with_context(|| format!("can't open the network namespace {}", path.display()))
    }

    /// Runs `ip` on the namespace.
    ///
    /// # Errors
    /// It fails; the command and what it said are named.
    pub fn ip(&self, arguments: &[&str]) -> Result<()> {
        run_ok(tool("ip").args(["-n", &self.name]).args(arguments)).map(drop)
    }

    /// Sets a parameter of the network namespace, named by its path below /proc/sys/net.
    ///
    /// # Errors
    /// There's no such parameter, or the kernel refuses the value.
    pub fn set_parameter(&self, name: &str, value: &str) -> Result<()> {
        let path = Path::new("/proc/sys/net").join(name);
        self.enter(|| {
            std::fs::write(&path, value)
                .with_context(|| format!("can't set {} to {value} in {}", path.display(), self.name))
        })
    }

    /// An interface of the namespace, as the kernel knows it.
    ///
    /// # Errors
    /// There's none of that name.
    pub fn interface(&self, name: &str) -> Result<Interface> {
        let link = self.link(name)?;
        let index = link["ifindex"].as_u64().context("an interface without index")?;
        let address = link["address"].as_str().context("an interface without address")?;
        let bytes: Vec<u8> =
            address.split(':').map(|byte| u8::from_str_radix(byte, 16)).collect::<Result<_, _>>()?;
        let address = bytes.try_into().map_err(|_| anyhow!("{address:?} is no Ethernet address"))?;
        Ok(Interface { index: u32::try_from(index)?, address })
    }

    /// Whether an interface can send, for all that the kernel has noticed by now.
    ///
    /// # Errors
    /// There's none of that name.
    pub fn is_operational(&self, interface: &str) -> Result<bool> {
        Ok(self.link(interface)?["operstate"] == "UP")
    }

    /// What `ip` says of an interface.
    fn link(&self, name: &str) -> Result<Value> {
        let output = run_ok(tool("ip").args(["-n", &self.name, "-j", "link", "show", "dev", name]))?;
        let mut links: Vec<Value> =
            serde_json::from_slice(&output.stdout).context("`ip -j link show` prints no JSON")?;
        links.pop().with_context(|| format!("`ip -j link show` says nothing of {name}"))
    }

    /// A command that enters the network namespace alone before it runs; `ip netns exec` would also remount /sys
    /// and so hide every bpffs.
    ///
    /// # Errors
    /// The namespace can't be opened.
    pub fn command(&self, program: &str) -> Result<Command> {
        let netns = self.open()?;
        let mut command = Command::new(find_program(program).unwrap_or_else(|| PathBuf::from(program)));
        // SAFETY: the closure makes one system call between fork and exec, on a descriptor that it owns.
        unsafe {
            command.pre_exec(move || Ok(setns(&netns, CloneFlags::CLONE_NEWNET)?));
        }
        Ok(command)
    }

    /// Starts a thread inside the namespace.
    ///
    /// # Errors
    /// The namespace can't be opened; that it can't be entered is the thread's error.
    pub fn spawn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<thread::JoinHandle<Result<T>>> {
        let netns = self.open()?;
        Ok(thread::spawn(move || {
            setns(&netns, CloneFlags::CLONE_NEWNET).context("can't enter the network namespace")?;
            work()
        }))
    }

    /// Runs a closure on a thread of its own inside the namespace: sockets it opens belong to the namespace for good.
    ///
    /// # Errors
    /// The namespace can't be entered, or the closure's own.
    ///
    /// # Panics
    /// The closure panics.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let netns = self.open()?;
        let outcome = thread::scope(|scope| {
            scope
                .spawn(|| {
                    setns(&netns, CloneFlags::CLONE_NEWNET)
                        .with_context(|| format!("can't enter the network namespace {}", self.name))?;
                    work()
                })
                .join()
        });
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        if !self.path().exists() {
            return;
        }
        if let Err(error) = run_cleanup(tool("ip").args(["netns", "del", &self.name])) {
            eprintln!("the network namespace {} is left: {error:#}", self.name);
        }
    }
}

/// An interface as the kernel knows it.
#[derive(Clone, Copy, Debug)]
pub struct Interface {
    /// Its index, in its namespace.
    pub index: u32,
    /// Its Ethernet address.
    pub address: [u8; 6],
}

/// One end of a link: an interface to be made in a namespace.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// Where the interface is made.
    pub netns: &'a Netns,
    /// Its name, 15 bytes at most.
    pub interface: &'a str,
    /// How many receive queues it has.
    pub receive_queues: usize,
    /// Its addresses with their prefix lengths, used at once (without duplicate address detection).
    pub addresses: &'a [(IpAddr, u8)],
}

/// Joins two namespaces by a veth pair of an MTU in bytes, and waits until both ends are operational. It goes with either namespace.
///
/// # Errors
/// `ip` fails; the command and what it said are named.
pub fn veth(one: &End<'_>, other: &End<'_>, mtu: u32) -> Result<()> {
    let mtu = mtu.to_string();
    let queues = [one, other].map(|end| end.receive_queues.to_string());
    let [one_queues, other_queues] = &queues;
    // From within: some kernels want the name to be free in the namespace of who asks, too.
    let peer = ["peer", "name", other.interface, "netns", other.netns.name()];
    let sized = |queues| ["mtu", &mtu, "numrxqueues", queues];
    let add = [
        &["link", "add", one.interface][..],
        &sized(one_queues),
        &["type", "veth"],
        &peer,
        &sized(other_queues),
    ];
    one.netns.ip(&add.concat())?;
    bring_up([one, other])
}

/// Sets the two ends of a link up, waits until both are operational, and gives them their addresses.
///
/// # Errors
/// `ip` fails; the command and what it said are named.
pub fn bring_up(ends: [&End<'_>; 2]) -> Result<()> {
    for end in ends {
        end.netns.ip(&["link", "set", end.interface, "up"])?;
    }
    for end in ends {
        wait_until_operational(end)?;
        // Only now: to an IPv6 address given before, the kernel doesn't deliver multicast, and so no neighbour
        // solicitation either, until it gets to the link's event, up to a second later.
        for (address, prefix) in end.addresses {
            let address = format!("{address}/{prefix}");
            end.netns.ip(&["address", "add", &address, "dev", end.interface, "nodad"])?;
        }
    }
    Ok(())
}

/// Waits until the kernel has noticed the carrier, up to a second after the link is set up: before that, whatever is
/// sent is lost without a sign.
///
/// # Errors
/// There's no such interface, or it has no carrier for very long.
pub fn wait_until_operational(end: &End<'_>) -> Result<()> {
    let start = Instant::now();
    loop {
        interrupt::check()?;
        if end.netns.is_operational(end.interface)? {
            return Ok(());
        }
        if start.elapsed() > OPERATIONAL_LIMIT {
            bail!(
                "{} in {} isn't up after {} s",
                end.interface,
                end.netns.name(),
                OPERATIONAL_LIMIT.as_secs()
            );
        }
        thread::sleep(Duration::from_millis(10));
    }
}
