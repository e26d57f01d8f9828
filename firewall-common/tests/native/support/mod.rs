//! What the tests share; the fuzz targets include some of it.

pub(crate) mod answers;
pub(crate) mod environment;
pub(crate) mod flows;
pub(crate) mod frame;
pub(crate) mod generate;
pub(crate) mod invariants;
pub(crate) mod parse;
pub(crate) mod parsing;
pub(crate) mod reassembly;
pub(crate) mod reference;
pub(crate) mod seed_frames;
pub(crate) mod seed_sequences;
pub(crate) mod sequence;
