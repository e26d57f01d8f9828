//! `fragwall serve`, on a host with a neighbour.

mod deploy;
mod ends;
mod events;
mod formats;
mod hostile;
mod interfaces;
mod kubernetes;
mod manager;
mod metrics;
mod places;
mod refused;
mod reload;
mod taken_over;
mod watch;
