//! Rules that come and go: by commands, and by the config file.

use anyhow::{Context as _, Result};
use nix::sys::signal::Signal;

use super::scene::{RULES, Scene};
use crate::harness::serving::Serving;
use crate::harness::wait::wait_until;

/// How many rules the larger config file has beside the usual ones.
const MANY: u16 = 200;

/// Adds rules and deletes them, one by one; some await confirmation for a while.
pub(super) fn change(scene: &Scene, note: &dyn Fn() -> Result<()>) -> Result<()> {
    for command in [
        &["allow", "udp", "9000"][..],
        &["deny", "udp", "9001", "from", "198.51.100.7"],
        &["reject", "tcp", "9002"],
        &["allow", "udp", "9003", "--confirm", "1h"],
        &["rollback"],
        &["allow", "udp", "9004", "limit", "100/second", "--confirm", "1h"],
        &["confirm"],
        &["delete", "allow udp 9000"],
        &["delete", "deny udp 9001 from 198.51.100.7"],
        &["delete", "reject tcp 9002"],
        &["delete", "allow udp 9004 limit 100/second"],
    ] {
        scene.host.ok(command)?;
        note()?;
    }
    Ok(())
}

/// Writes a file with many rules and then the usual one; the daemon has to put either into force.
pub(super) fn reload(scene: &Scene, serving: &Serving<'_>, note: &dyn Fn() -> Result<()>) -> Result<()> {
    for further in [many(), Vec::new()] {
        scene.configure(&further)?;
        serving.daemon.signal(Signal::SIGHUP)?;
        wait_until(|| Ok(scene.host.rules()?.len() == RULES.len() + further.len()))
            .with_context(|| format!("{} rules are in the file:\n{}", further.len(), serving.daemon.log()))?;
        note()?;
    }
    Ok(())
}

/// Has a command put a config file into force, with a further rule and without.
pub(super) fn apply(scene: &Scene, note: &dyn Fn() -> Result<()>) -> Result<()> {
    for further in [vec!["reject udp 9005".to_owned()], Vec::new()] {
        let config = scene.configure_another(&further)?;
        scene.host.ok(&["apply", &config])?;
        note()?;
    }
    Ok(())
}

/// Many rules, about addresses and ports.
fn many() -> Vec<String> {
    (0..MANY).map(|n| format!("allow tcp {} from 2001:db8:{n:x}::/48", 10_000 + n)).collect()
}
