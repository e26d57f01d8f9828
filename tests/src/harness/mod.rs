//! What integration tests, the demonstration and the benchmarks stand on: namespaces, child processes, captures.

pub mod bpffs;
pub mod capture;
pub mod conntrack;
pub mod cpu;
pub mod entry;
pub mod flood;
pub mod foreign;
pub mod fragwall;
pub mod gro;
pub mod hex;
pub mod host;
pub mod interrupt;
pub mod kernel;
pub mod loaded;
pub mod minimise;
pub mod mounts;
pub mod native;
pub mod neighbour;
pub mod netns;
pub mod nft;
pub mod nics;
pub mod nobody;
pub mod packet;
pub mod pcap;
pub mod pinned;
pub mod process;
pub mod raw;
pub mod receiver;
pub mod requirements;
pub mod ruleset;
pub mod schema;
pub mod serving;
pub mod stepwise;
pub mod stream;
pub mod tap;
pub mod udp;
pub mod wait;
pub mod xdp_filter;

use anyhow::{Context, Result};
use tempfile::TempDir;

/// A temporary directory, removed on drop; its name tells the process and what it is for.
///
/// # Errors
/// It can't be made.
pub fn temporary_directory(label: &str) -> Result<TempDir> {
    tempfile::Builder::new()
        .prefix(&format!("fragwall-{}-{label}-", std::process::id()))
        .tempdir()
        .context("can't make a temporary directory")
}
