//! What the threads tell the loop.

use std::{
    io::{self, PipeReader, PipeWriter, Read as _, Write as _, pipe},
    os::fd::{AsFd, BorrowedFd},
    sync::mpsc::{Receiver, Sender, channel},
};

use ratatui::crossterm::event::KeyEvent;

use super::{
    model::{Line, Watching},
    sampler::Snapshot,
};
use crate::kernel;

/// What one of them has to tell.
#[derive(Debug)]
pub(super) enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// No more keys can be read.
    NoKeys(io::Error),
    /// What was asked for.
    Sample(Result<Box<Snapshot>, kernel::Error>),
    /// Packets that were dropped or rejected, the latest last; how many were left out so far, and how it is going.
    Drops(Vec<Line>, u64, Watching),
}

/// Where they put it.
#[derive(Debug)]
pub(super) struct Post {
    messages: Sender<Message>,
    bell: PipeWriter,
}

/// Where the loop finds it: readable when there's something.
#[derive(Debug)]
pub(super) struct Inbox {
    messages: Receiver<Message>,
    bell: PipeReader,
}

/// Both ends.
///
/// # Errors
/// There are no more file descriptors.
pub(super) fn post() -> io::Result<(Post, Inbox)> {
    let ((send, receive), (reader, writer)) = (channel(), pipe()?);
    Ok((Post { messages: send, bell: writer }, Inbox { messages: receive, bell: reader }))
}

impl Post {
    /// The same for another thread.
    ///
    /// # Errors
    /// There are no more file descriptors.
    pub(super) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { messages: self.messages.clone(), bell: self.bell.try_clone()? })
    }

    /// Tells something; says whether anybody listens.
    pub(super) fn tell(&mut self, message: Message) -> bool {
        self.messages.send(message).is_ok() && self.bell.write_all(&[0]).is_ok()
    }
}

impl Inbox {
    /// What was told. Called when it's readable, it doesn't wait.
    ///
    /// # Errors
    /// The pipe can't be read.
    pub(super) fn take(&mut self) -> io::Result<Vec<Message>> {
        // As many as there are at most; more of them make it readable again.
        self.bell.read(&mut [0; 64]).map(drop)?;
        Ok(self.messages.try_iter().collect())
    }
}

impl AsFd for Inbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}
