//! Having this Fragwall's program take over a filter that another one loaded.

use std::path::Path;

use super::{
    Error,
    change::Precautions,
    filter::{clear_away, expire, must_be_confirmed, must_not_be_newer},
    layout::Layout,
    lock::Lock,
    state::State,
    takeover::Takeover,
};

/// Puts this Fragwall's program in place of the one in force, for every packet from one moment on. The rules, the settings and the
/// interfaces stay. Returns what was taken over; `None` if the program was this one's already.
///
/// # Errors
/// No filter is in force, or its last change awaits confirmation. A newer version has it, unless it `may_be_newer`; if its layout
/// isn't known here, it can't be taken over in any case. The kernel refuses the program: the old one stays in force then.
pub fn upgrade(
    bpffs: &Path,
    may_be_newer: bool,
    precautions: &Precautions<'_>,
) -> Result<Option<Takeover>, Error> {
    let layout = Layout::new(bpffs)?;
    let _lock = Lock::exclusive(&layout)?;
    let taken_over = upgrade_locked(&layout, may_be_newer, precautions);
    clear_away(&layout);
    taken_over
}

fn upgrade_locked(
    layout: &Layout,
    may_be_newer: bool,
    precautions: &Precautions<'_>,
) -> Result<Option<Takeover>, Error> {
    expire(layout)?;
    let mut state = State::find(layout.clone())?;
    state.mend()?;
    must_be_confirmed(&state.document)?;
    if state.is_own()? {
        return Ok(None);
    }
    if !may_be_newer {
        must_not_be_newer(&state.document)?;
    }
    let pending = precautions.pending(Some(state.current))?;
    let document = state.document.clone().with_pending(pending);
    let takeover = state.load(document)?;
    state.settle()?;
    Ok(takeover)
}
