//! Fragments that flood in, made inside the kernel.

pub mod attack;
pub mod kind;
