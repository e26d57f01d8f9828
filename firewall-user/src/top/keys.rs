//! What keys do.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What a key asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Action {
    /// To end.
    Quit,
    /// To stop the process, as ^Z does anywhere.
    Suspend,
    /// To draw all of it anew.
    Redraw,
    /// To let what is shown stay as it is, or go on.
    Pause,
    /// To sort by the next column.
    Sort,
    /// To type a filter.
    Filter,
    /// The panel behind, or before.
    Panel(isize),
    /// So many lines down, or up.
    Scroll(isize),
    /// The interval above, or below.
    Interval(isize),
    /// What was enforced or what was observed, in turn.
    Side,
    /// The list of keys.
    Help,
    /// To leave the list of keys, or the filter, or else to end.
    Back,
}

/// What a key does to a text that is typed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Edit {
    /// A character more.
    Push(char),
    /// One less.
    Pop,
    /// It's done.
    Done,
    /// It's given up.
    Clear,
}

/// How many lines a page is.
const PAGE: isize = 10;

/// The keys and what they do, for whoever asks.
pub(super) const HELP: [(&str, &str); 12] = [
    ("q, ^C", "quit"),
    ("p, space", "pause, and go on"),
    ("tab, arrows, h l", "next and previous panel"),
    ("up down, j k", "scroll in the panel"),
    ("pgup pgdn, home end", "scroll further"),
    ("s", "sort by the next column"),
    ("/", "filter rules, reasons and drops"),
    ("esc", "clear the filter, or quit"),
    ("+ -", "longer or shorter interval"),
    ("o", "enforced or observed figures"),
    ("^L, ^Z", "draw anew; suspend"),
    ("?", "this help"),
];

/// What a key asks for, while no text is typed.
pub(super) fn action(key: KeyEvent) -> Option<Action> {
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return control(key.code);
    }
    Some(match key.code {
        KeyCode::Char('q') => Action::Quit,
        KeyCode::Esc => Action::Back,
        KeyCode::Char('p' | ' ') => Action::Pause,
        KeyCode::Char('s') => Action::Sort,
        KeyCode::Char('/') => Action::Filter,
        KeyCode::Tab | KeyCode::Right | KeyCode::Char('l') => Action::Panel(1),
        KeyCode::BackTab | KeyCode::Left | KeyCode::Char('h') => Action::Panel(-1),
        KeyCode::Down | KeyCode::Char('j') => Action::Scroll(1),
        KeyCode::Up | KeyCode::Char('k') => Action::Scroll(-1),
        KeyCode::PageDown => Action::Scroll(PAGE),
        KeyCode::PageUp => Action::Scroll(-PAGE),
        KeyCode::Home => Action::Scroll(isize::MIN),
        KeyCode::End => Action::Scroll(isize::MAX),
        KeyCode::Char('+') => Action::Interval(1),
        KeyCode::Char('-') => Action::Interval(-1),
        KeyCode::Char('o') => Action::Side,
        KeyCode::Char('?') => Action::Help,
        _ => return None,
    })
}

/// What a key does to a text that is typed; or what else it asks for.
pub(super) fn edit(key: KeyEvent) -> Result<Edit, Option<Action>> {
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return Err(control(key.code));
    }
    match key.code {
        KeyCode::Char(character) if !character.is_control() => Ok(Edit::Push(character)),
        KeyCode::Backspace => Ok(Edit::Pop),
        KeyCode::Enter => Ok(Edit::Done),
        KeyCode::Esc => Ok(Edit::Clear),
        KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown => Err(action(key)),
        _ => Err(None),
    }
}

/// Those that mean the same everywhere.
fn control(code: KeyCode) -> Option<Action> {
    match code {
        KeyCode::Char('c') => Some(Action::Quit),
        KeyCode::Char('z') => Some(Action::Suspend),
        KeyCode::Char('l') => Some(Action::Redraw),
        _ => None,
    }
}
