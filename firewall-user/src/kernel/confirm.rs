//! Confirming a change that would go back by itself, or having it go back at once.

use std::path::Path;

use super::{
    Error,
    filter::{clear_away, expire, must_not_be_newer, remove_state},
    generation,
    layout::Layout,
    lock::Lock,
    pending::Pending,
    state::{State, links, newest},
    takeover::Takeover,
};

/// What the last change is.
enum Last {
    /// It awaits confirmation; this is what is in force.
    Awaits(Box<State>, Pending),
    /// It wasn't confirmed in time.
    Undone,
    /// There's nothing to confirm.
    Done,
}

/// Keeps the last change in force. Returns what is taken over of another Fragwall, if that had made it.
///
/// # Errors
/// It doesn't await confirmation, or no longer: what was in force before it is again. A newer version made it. The kernel refuses.
pub fn confirm(bpffs: &Path) -> Result<Option<Takeover>, Error> {
    let layout = Layout::new(bpffs)?;
    let _lock = Lock::exclusive(&layout)?;
    let confirmed = match last(&layout)? {
        Last::Awaits(mut state, _) => {
            // The rules are the same, and so are their slots.
            let document = state.document.clone().with_pending(None);
            must_not_be_newer(&document).and_then(|()| {
                let takeover = state.load(document)?;
                state.settle()?;
                Ok(takeover)
            })
        }
        Last::Undone => Err(Error::TooLate),
        Last::Done => Err(Error::NothingAwaits),
    };
    clear_away(&layout);
    confirmed
}

/// Undoes the last change at once; returns whether it was still to be done.
///
/// # Errors
/// It doesn't await confirmation. The kernel refuses.
pub fn rollback(bpffs: &Path) -> Result<bool, Error> {
    let layout = Layout::new(bpffs)?;
    let _lock = Lock::exclusive(&layout)?;
    let undone = match last(&layout)? {
        Last::Awaits(mut state, Pending { previous: Some(previous), .. }) => {
            state.document = generation::document(&layout, previous)?;
            state.current = previous;
            state.settle().map(|()| true)
        }
        Last::Awaits(_, Pending { previous: None, .. }) => remove_state(&layout).map(|()| true),
        Last::Undone => Ok(false),
        Last::Done => Err(Error::NothingAwaits),
    };
    clear_away(&layout);
    undone
}

/// What the last change is, with all that was interrupted mended.
fn last(layout: &Layout) -> Result<Last, Error> {
    let newest = newest(layout, &links(layout)?)?.ok_or(Error::NotAttached)?;
    expire(layout)?;
    let state = match State::find(layout.clone()) {
        // It was attached until now: that was the change.
        Err(Error::NotAttached) => return Ok(Last::Undone),
        state => state?,
    };
    state.mend()?;
    Ok(match state.document.pending {
        Some(pending) => Last::Awaits(Box::new(state), pending),
        None if state.current != newest => Last::Undone,
        None => Last::Done,
    })
}
