//! A filter's life: attached, changed, killed amid a command, taken off; by the real binary, on real interfaces.

mod attach;
mod interfaces;
mod killed;
mod leaves_nothing;
mod namespaces;
mod together;
mod traffic;
