//! What is filtered, and how it stands.

use ratatui::{
    Frame,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::Paragraph,
};

use crate::{
    observe::last_hit::rfc3339,
    ruleset::duration,
    top::{model::Model, text::safe, theme::Theme},
};

/// How many rows it takes at most.
const MOST: usize = 3;

/// How many rows it takes.
pub(super) fn height(model: &Model, area: Rect) -> u16 {
    let most = if area.height < 20 { MOST - 1 } else { MOST };
    let plain = Theme { colour: false, unicode: false };
    lines(model, area.width, plain).len().min(most) as u16
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: Theme) {
    frame.render_widget(Paragraph::new(lines(model, area.width, theme)), area);
}

/// What there is to say, the most important first, each of which goes on one line.
fn pieces(model: &Model, theme: Theme) -> Vec<Span<'static>> {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let mut pieces = vec![Span::styled("fragwall top", bold)];
    let mut notice = |text: String| pieces.push(Span::styled(text, theme.notice()));
    if model.detached {
        notice("DETACHED, waiting for a filter".to_owned());
    }
    if model.paused {
        notice("PAUSED".to_owned());
    }
    let Some(now) = &model.now else { return pieces };
    if let Some(left) = now.pending {
        notice(format!("CONFIRM within {}", duration::rounded_up(left)));
    }
    let stance = if now.stats.observing { "observing: all passes" } else { "enforcing" };
    pieces.push(Span::styled(stance, if now.stats.observing { theme.notice() } else { bold }));
    let shown = model.shows_observed();
    if shown != now.stats.observing {
        let of = if shown { "shown: what was observed" } else { "shown: what was enforced" };
        pieces.push(Span::styled(of, theme.notice()));
    }
    let time = rfc3339(now.time);
    let time = time.split_once('T').map_or(time.as_str(), |(_, time)| time).to_owned();
    pieces.push(Span::raw(format!("default {}", now.stats.present().default.action)));
    pieces.push(Span::raw(time));
    pieces.push(Span::raw(format!("every {} s", model.interval.as_secs_f64())));
    let names = now.stats.present().interfaces.iter().filter_map(|stats| stats.interface.as_deref());
    let names: Vec<String> = names.map(safe).collect();
    pieces.push(Span::raw(format!("on {}", names.join(", "))));
    pieces
}

fn lines(model: &Model, width: u16, theme: Theme) -> Vec<Line<'static>> {
    flow(pieces(model, theme), width)
}

/// Pieces beside each other, and below where there's no room.
pub(super) fn flow(pieces: Vec<Span<'static>>, width: u16) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'static>> = Vec::new();
    for piece in pieces {
        match lines.last_mut() {
            Some(line) if line.width() + 2 + piece.width() <= usize::from(width) => {
                line.push_span("  ");
                line.push_span(piece);
            }
            _ => lines.push(Line::from(piece)),
        }
    }
    lines
}
