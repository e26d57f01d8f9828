//! Whether connection tracking works in a network namespace.

use anyhow::{Context, Result};

use super::netns::Netns;

/// The entries of a namespace's connection tracking table.
///
/// Tracking hooks a namespace only while a rule there asks for it, and then every packet that comes in or goes out
/// makes or refreshes an entry, which lasts 30 s for UDP: zero right after an exchange means that nothing was tracked.
/// A kernel without connection tracking counts zero too.
///
/// # Errors
/// The namespace can't be entered, or the kernel's count can't be read.
pub fn entries(netns: &Netns) -> Result<u64> {
    const PATH: &str = "/proc/sys/net/netfilter/nf_conntrack_count";
    netns.enter(|| {
        // The kernel answers for the namespace of the thread that opens the file.
        let count = match std::fs::read_to_string(PATH) {
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error).with_context(|| format!("can't read {PATH}")),
        };
        count.trim().parse().with_context(|| format!("{PATH} holds {count:?}, which is no number"))
    })
}
