//! The logic of Fragwall, written once and run twice: by the XDP program in the kernel, and natively by the
//! loader, the tests and the fuzzers.
//!
//! Nothing here allocates, locks or calls the kernel. What a packet's judgement needs from outside comes in
//! through small traits: [`packet::Bytes`] for the packet, [`fragment::table::Sets`] for the fragment table,
//! [`fragment::source::Sources`] for the sources' budgets, [`reply::Flows`] for the flows that the host opened,
//! [`rules::RuleTables`] for the compiled ruleset, and [`judge::Environment`] for all of them together.
#![no_std]
#![cfg_attr(
    target_arch = "bpf",
    feature(asm_experimental_arch, core_intrinsics),
    expect(
        internal_features,
        reason = "the BPF target has no atomic types, although it has the instructions"
    )
)]

pub mod answer;
pub mod datagram;
pub mod essential;
pub mod event;
pub mod fragment;
pub mod judge;
pub mod opaque;
pub mod packet;
pub mod record;
pub mod reply;
pub mod rules;
pub mod stance;
pub mod tally;
pub mod verdict;
