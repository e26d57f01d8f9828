//! `cargo xtask pktgen`: what it says was sent is what the filter counts, by the kernel's pktgen and by live frames, and what can't be sent is
//! refused.

mod documented;
mod ends;
mod live;
mod nics;
mod refused;
mod tool;
mod watch;
mod whole;
