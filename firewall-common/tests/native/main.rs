//! The logic of the firewall, tested natively: packets against an independent builder, the fragment table against an
//! obvious model, and judgements against a reference reassembler.

mod adversary;
mod answer;
mod budget;
mod cells;
mod corpus;
mod datagram;
mod essential;
mod fragment;
mod invariants;
mod judge;
mod malformed;
mod malformed_fragments;
mod meeting;
mod parser;
mod progress;
mod promises;
mod reasons;
mod reply;
mod support;
mod table;
mod table_threads;
