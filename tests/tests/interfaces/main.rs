//! Each kind of interface: how the filter is attached to it, and that it filters there. What a kernel lacks is said by name.

mod kind;
mod lone;
mod traffic;
