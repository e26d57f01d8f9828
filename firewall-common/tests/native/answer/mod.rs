//! Answers to rejected packets, against packets put together from the RFCs' diagrams.

mod checksum;
mod frame;
mod rate;
mod reset;
mod silence;
mod unreachable;
