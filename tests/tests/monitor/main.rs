//! `fragwall monitor`, on a host with a neighbour that sends what is dropped.

mod flood;
mod lasting;
mod told;
mod watching;
