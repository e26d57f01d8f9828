//! A host of its own for each contender, which is in force there all along. What one of them leaves in the kernel's stack (datagrams whose other
//! fragments it has dropped hold the memory for reassembly for a minute) is then no matter of another's figures, and all can come in turn for
//! each kind of traffic.

use std::thread;

use anyhow::{Result, anyhow};

use super::{super::live::LeftOut, Contender, INTERFACE, Installed};
use crate::harness::{gro, host::Host};

/// A host with its contender.
#[derive(Debug)]
pub struct Stand {
    /// Who is in force there.
    pub contender: Contender,
    // What is attached goes before the host does.
    _installed: Installed,
    /// The host.
    pub host: Host,
}

/// The link that each host has.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// Its MTU, in bytes.
    pub mtu: u32,
    /// How many receive queues each end has.
    pub receive_queues: usize,
    /// Whether XDP frames can be sent over it to an interface without an XDP program.
    pub takes_frames: bool,
}

/// A host for each contender; those that can't be had here, with the reason.
///
/// # Errors
/// Fragwall, or what needs nothing but the kernel, can't be had.
pub fn all(label: &str, link: Link, contenders: &[Contender]) -> Result<(Vec<Stand>, Vec<LeftOut>)> {
    // A link takes a moment until it's up.
    let outcomes: Vec<_> = thread::scope(|scope| {
        let stand = |contender| scope.spawn(move || Stand::new(label, link, contender));
        let stands: Vec<_> = contenders.iter().copied().map(stand).collect();
        stands
            .into_iter()
            .map(|stand| stand.join().unwrap_or_else(|_| Err(anyhow!("a thread has panicked"))))
            .collect()
    });
    let (mut stands, mut left_out) = (Vec::new(), Vec::new());
    for (contender, outcome) in contenders.iter().zip(outcomes) {
        match outcome {
            Ok(stand) => stands.push(stand),
            Err(error) if contender.may_be_missing() => {
                left_out.push(LeftOut { contender: contender.to_string(), reason: format!("{error:#}") });
            }
            Err(error) => return Err(error),
        }
    }
    Ok((stands, left_out))
}

impl Stand {
    fn new(label: &str, link: Link, contender: Contender) -> Result<Self> {
        let Link { mtu, receive_queues, takes_frames } = link;
        let host = Host::with_link(label, mtu, receive_queues)?;
        if takes_frames {
            gro::enable(&host.netns, INTERFACE)?;
        }
        Ok(Self { contender, _installed: contender.install(&host)?, host })
    }
}
