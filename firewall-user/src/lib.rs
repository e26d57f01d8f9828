//! Fragwall's library: what the `fragwall` command line is made of.
//!
//! [`ruleset`] knows how rules are written and compiled, [`kernel`] puts them into force, [`observe`] reads back what
//! became of packets, [`guard`] keeps changes from locking anyone out, [`import`] carries over the rules of iptables and
//! nftables, [`doctor`] looks for what is in the filter's way, [`serve`] tells metrics and events for as long as it runs, [`top`] shows on a
//! terminal what becomes of packets, and [`cli`] is the command line.

#![warn(clippy::print_stderr, clippy::print_stdout)]

pub mod cli;
pub mod doctor;
pub mod guard;
pub mod import;
mod json;
pub mod kernel;
pub mod observe;
pub mod ruleset;
pub mod serve;
pub mod top;

#[cfg(test)]
mod written;
