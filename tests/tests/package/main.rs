//! The Debian package, installed in a clean root that is booted.

mod booted;
mod cgroup;
mod machine;
mod packages;
mod root;
mod stream;
