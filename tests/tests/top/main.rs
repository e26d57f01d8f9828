//! `fragwall top` on a real terminal: one that tmux keeps, with a shell on it that starts and waits for it.

mod changes;
mod gives_back;
mod keys;
mod refuses;
mod shows;
mod terminal;
mod traffic;
