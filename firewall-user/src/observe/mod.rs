//! What becomes of packets: the counters of a filter, the packets that it tells of, and the program run on packets from a file.

pub mod capture;
pub mod event;
pub mod explain;
pub mod headers;
pub mod last_hit;
pub mod metrics;
pub mod near;
pub mod rates;
pub mod stages;
pub mod stats;
pub mod summary;
#[cfg(all(test, feature = "trace"))]
mod trace_tests;
