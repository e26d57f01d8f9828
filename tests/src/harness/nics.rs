//! Two network cards that lead to each other and that nobody else uses, where a machine has such: a virtual machine is given them.

use std::env;
use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result, ensure};

use super::netns::Netns;
use super::process::{run_ok, tool};
use super::wait::wait_until;

/// What says which they are: their Ethernet addresses, with a space between.
const VARIABLE: &str = "FRAGWALL_NICS";
/// Where the kernel tells of the interfaces of the namespace that this process is in.
const INTERFACES: &str = "/sys/class/net";

/// Held by whoever has the two: there is one pair, and a process's tests run side by side.
static IN_USE: Mutex<()> = Mutex::new(());

/// The two, for one user at a time: keep it until the namespaces are gone that they were moved to.
#[derive(Debug)]
pub struct NicPair {
    /// Their Ethernet addresses, as the kernel writes them.
    addresses: [String; 2],
    _in_use: MutexGuard<'static, ()>,
}

impl NicPair {
    /// Those of this machine, once nobody else of this process has them; `None` if it's not said that it has any.
    ///
    /// # Errors
    /// What is said isn't two addresses.
    pub fn given() -> Result<Option<Self>> {
        let Ok(said) = env::var(VARIABLE) else { return Ok(None) };
        let addresses: Vec<String> = said.split_whitespace().map(str::to_owned).collect();
        let addresses = addresses.try_into().ok().with_context(|| format!("{VARIABLE} is {said:?}"))?;
        // A test that failed with them has given them back as any other.
        let in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Some(Self { addresses, _in_use: in_use }))
    }

    /// Moves each to a namespace, where it gets that name. When the namespace goes they come back, by whatever name is free.
    ///
    /// # Errors
    /// One isn't there, or `ip` fails.
    pub fn move_to(&self, namespaces: [&Netns; 2], name: &str) -> Result<()> {
        for (address, netns) in self.addresses.iter().zip(namespaces) {
            // The kernel takes its time to give back what was in a namespace that is gone.
            wait_until(|| Ok(find(address)?.is_some()))
                .with_context(|| format!("no interface has the address {address}"))?;
            let now = find(address)?.context("it was there a moment ago")?;
            run_ok(tool("ip").args(["link", "set", &now, "down"]))?;
            run_ok(tool("ip").args(["link", "set", &now, "netns", netns.name(), "name", name]))?;
        }
        Ok(())
    }
}

/// The name of the interface that has an address.
fn find(address: &str) -> Result<Option<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(INTERFACES).context(INTERFACES)? {
        let entry = entry?;
        // One may go while this looks.
        let of = fs::read_to_string(entry.path().join("address")).unwrap_or_default();
        if of.trim() == address {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    ensure!(found.len() < 2, "{found:?} have the same address");
    Ok(found.pop())
}
