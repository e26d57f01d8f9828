//! Fragwall's integration tests: the harness they stand on, what the demonstration shows, and what a soak does.

pub mod bench;
pub mod harness;
pub mod ike;
pub mod soak;
