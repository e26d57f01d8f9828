//! Random rulesets, and random packets aimed at them: the same from a seed on every machine.
//!
//! Rules are made of few values that lie close together ([`Crowd`]), so that they overlap, nest and hide each other. A
//! packet takes one rule for its aim, has what that rule asks for, and lies on the edges of it or right beside one of them.

mod crowd;
mod packets;
mod probe;
mod rules;

pub use crowd::Crowd;
pub use packets::packet;
pub use probe::{Probe, Shape};
pub use rules::rules;
