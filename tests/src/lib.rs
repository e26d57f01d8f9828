//! Fragwall's integration tests: the harness they stand on, what the demonstration shows, what a soak does, and what generators send.

pub mod bench;
pub mod harness;
pub mod ike;
pub mod pktgen;
pub mod soak;
