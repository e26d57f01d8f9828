//! What the tests share. `environment` and `invariants` are the fuzz target's too.

pub(crate) mod environment;
pub(crate) mod frame;
pub(crate) mod generate;
pub(crate) mod invariants;
pub(crate) mod parse;
pub(crate) mod reassembly;
