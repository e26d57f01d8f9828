//! The kernel's side of things: loading the XDP program, attaching it, pinning it, finding it again.
//!
//! This is the only place that names aya. Nothing runs in the background: what is in force is what is pinned below one
//! directory of a bpffs, in this shape ([`layout`]):
//!
//! ```text
//! BPFFS/fragwall/net-INODE/       one filter a network namespace, since interface indexes repeat in each
//!     tables/N/                   what is shared by all generations of the program that name it ([`shared`]):
//!         fragments  sources  pools  buckets  source-buckets  counters  interfaces
//!         watch  event-buckets  left-out  events    what whoever watches is told ([`watch`])
//!         flows                   the flows that the host opened, if replies are accepted ([`egress`])
//!     links/INTERFACE-INDEX       one XDP link an interface; what it holds is in force. Behind another program's entry,
//!                                 that one's array ([`entry`])
//!     generations/N/program       a program with its ruleset compiled in
//!     egress/INTERFACE-INDEX      what looks at what goes out by that interface
//!     generations/N/egress        the program that does
//!     generations/N/source        the ruleset it was compiled from
//!     generations/N/previous      the program that it goes back to, while it awaits confirmation ([`pending`])
//! ```
//!
//! A change of the ruleset loads a new generation beside the old one, pins it, and then exchanges the program in each
//! link, which is atomic. Whatever moment a process is killed at, each link holds one whole program or the other, and the
//! next command that changes something finishes the exchange or clears away what came to nothing. That is also how another version of
//! Fragwall takes a filter over ([`takeover`]).

mod apply;
mod array;
mod attach;
mod attachments;
mod batch;
mod beside;
mod called;
pub mod capabilities;
pub mod change;
pub mod clock;
mod confirm;
pub mod counters;
pub mod dispatcher;
pub mod document;
pub mod egress;
mod element;
pub mod entry;
pub mod error;
pub mod ethtool;
pub mod filter;
pub mod flows;
pub mod form;
mod generation;
pub mod generator;
pub mod held_by;
pub mod instance;
pub mod layout;
mod leftover;
mod link;
pub mod link_events;
mod load;
mod loaded;
mod loader;
pub mod lock;
pub mod locked_by;
pub mod netdev;
pub mod netlink;
pub mod netns;
mod object;
pub mod openers;
pub mod pending;
pub mod probe;
mod program;
pub mod reassembly;
mod refusal;
pub mod release;
mod rules;
pub mod run;
pub(crate) mod scratch;
mod shared;
pub mod size;
pub(crate) mod sockets;
mod state;
mod stored;
mod syscall;
pub mod table;
mod tables;
pub mod takeover;
mod tallies;
pub mod tc;
pub mod transmit;
mod upgrade;
pub mod watch;
mod yardsticks;

pub use error::Error;
