//! A change that goes back by itself unless it's confirmed.
//!
//! The program does it alone: past its deadline it calls the one before it (`firewall-ebpf/src/main.rs`). So it needs no
//! process, which could be killed, and no terminal. The next command then puts the program before back into the links.

use serde::{Deserialize, Serialize};

/// What a generation goes back to, and when.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Pending {
    /// When, by the kernel's count of jiffies; never 0.
    pub(super) deadline: u64,
    /// The number of the generation before, which has no deadline; `None` if nothing was filtered.
    pub(super) previous: Option<u32>,
}
