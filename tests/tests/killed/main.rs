//! Commands killed before each system call that changes the kernel's state, or refused it, or forestalled by an interface that goes: what is in force is the old filter or the
//! new one, whole; `status` tells it; the next command finds its way, and leaves nothing behind.
//!
//! `FRAGWALL_EVERY_STEP=1` has none of these left out, which takes a quarter of an hour; else some stand for others (`stepwise/choice.rs`).

mod attach;
mod change;
mod detach;
mod each_step;
mod gone;
mod refused;
mod scene;
mod upgrade;
mod waiting;
