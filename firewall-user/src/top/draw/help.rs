//! The list of keys, above all else.

use ratatui::{
    Frame,
    layout::Rect,
    text::Line,
    widgets::{Block, Clear, Paragraph},
};

use crate::top::{keys::HELP, theme::Theme};

/// How wide it is, with its box.
const WIDTH: u16 = 56;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, first: usize, theme: Theme) {
    let (width, height) = (WIDTH.min(area.width), (HELP.len() as u16 + 2).min(area.height));
    let (x, y) = (area.x + (area.width - width) / 2, area.y + (area.height - height) / 2);
    let place = Rect { x, y, width, height };
    let rows = usize::from(height).saturating_sub(2);
    // The last page is a full one.
    let first = first.min(HELP.len().saturating_sub(rows));
    let shown = &HELP[first..];
    let left = shown.len().saturating_sub(rows);
    let lines: Vec<Line<'_>> =
        shown.iter().map(|(keys, what)| Line::from(format!(" {keys:<19} {what}"))).collect();
    let foot = if left > 0 { format!(" {left} more below: j ") } else { " ? or esc closes ".to_owned() };
    let block = Block::bordered()
        .border_set(theme.border())
        .border_style(theme.focus())
        .title(" Keys ")
        .title_bottom(foot);
    frame.render_widget(Clear, place);
    frame.render_widget(Paragraph::new(lines).block(block), place);
}
