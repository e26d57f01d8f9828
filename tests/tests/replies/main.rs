//! A host behind a filter that allows nothing: what it asks for itself comes back, and nobody else gets in.

mod clsact;
mod flood;
mod lasting;
mod service;
mod traffic;
