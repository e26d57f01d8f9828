//! Replies to what the host sent.

mod accepted;
mod lifetime;
mod related;
mod room;
mod table;
