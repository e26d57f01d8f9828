//! What becomes of rulesets of iptables and nftables: those in `corpus`, small ones that say a thing each, and what is malformed.
//!
//! Each folder of the corpus holds what the tools print, the config that is made of it, `fragwall.toml`, and what is said of it,
//! `warnings.txt`. `FRAGWALL_WRITE_IMPORTS=1 cargo test -p firewall-user --test import` writes the latter two.

mod answers;
mod chains;
mod corpus;
mod iptables;
mod malformed;
mod merged;
mod nftables;
mod promises;
mod small;
mod states;

// The fuzz target has the modules themselves there.
use fragwall::{import, ruleset};
