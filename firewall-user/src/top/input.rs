//! Reading keys, in a thread: what begins like the sequence of a key and doesn't go on is waited for, which nothing else should be.

use std::{io, thread};

use nix::sys::signal::{SigSet, Signal};
use ratatui::crossterm::event::{self, Event, KeyEventKind};

use super::post::{Message, Post};

/// Tells of each key, as long as anybody listens and there's a terminal.
///
/// # Errors
/// The thread can't be started.
pub(super) fn spawn(mut post: Post) -> io::Result<()> {
    let work = move || {
        // One that reads in the background would be stopped. Whether it's to stop there, or to end, is for the loop to find out.
        let _ = SigSet::from(Signal::SIGTTIN).thread_block();
        loop {
            let message = match event::read() {
                Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => Message::Key(key),
                Ok(_) => continue,
                Err(error) => {
                    post.tell(Message::NoKeys(error));
                    return;
                }
            };
            if !post.tell(message) {
                return;
            }
        }
    };
    // Nobody waits for it to end: it reads for as long as the process lives.
    thread::Builder::new().name("input".to_owned()).spawn(work).map(drop)
}
