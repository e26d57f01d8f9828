//! What becomes of packets: the counters of a filter, and the program run on packets from a file.

pub mod capture;
pub mod explain;
pub mod last_hit;
pub mod stats;
