//! The logic of Fragwall, written once and run twice: by the XDP program in the kernel, and natively by the
//! loader, the tests and the fuzzers.
//!
//! Nothing here allocates, locks or calls the kernel. What a packet's judgement needs from outside comes in
//! through small traits: [`packet::Bytes`] for the packet, [`fragment::Sets`] for the fragment table and
//! [`rules::RuleTables`] for the compiled ruleset.
#![no_std]

pub mod rules;
