//! What senders of rejected packets are told: beside the kernel's own REJECT, by sockets, never, so often and no more.

mod differential;
mod pair;
mod rate;
mod same_as_kernel;
mod silence;
mod sockets;
mod status;
