//! What becomes of rulesets of iptables and nftables: those in `corpus`, and what is malformed.
//!
//! Each folder of the corpus holds what the tools print, the config that is made of it, `fragwall.toml`, and what is said of it,
//! `warnings.txt`. `FRAGWALL_WRITE_IMPORTS=1 cargo test -p firewall-user --test import` writes the latter two.

mod corpus;
mod malformed;
mod promises;

// The fuzz target has the modules themselves there.
use fragwall::{import, ruleset};
