//! Fragwall's integration tests: the harness they stand on, and what the demonstration shows.

pub mod bench;
pub mod harness;
pub mod ike;
