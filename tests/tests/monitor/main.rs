//! `fragwall monitor`, on a host with a neighbour that sends what is dropped.

mod flood;
mod lasting;
mod taken_over;
mod told;
mod watching;
