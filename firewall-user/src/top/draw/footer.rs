//! What was typed, or which keys there are.

use ratatui::{Frame, layout::Rect, text::Line, widgets::Paragraph};

use crate::top::{model::Model, text::safe, theme::Theme};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: Theme) {
    let filter = safe(&model.filter);
    let line = if model.typing {
        Line::styled(format!("/{filter}_  enter keeps it, esc clears it"), theme.notice())
    } else if let Some(notice) = model.notice {
        Line::styled(notice, theme.notice())
    } else if !filter.is_empty() {
        Line::styled(format!("filter: {filter}  esc clears it"), theme.notice())
    } else {
        Line::styled(
            "q quit  ? help  tab panel  s sort  / filter  p pause  + - interval  o stance",
            theme.quiet(),
        )
    };
    frame.render_widget(Paragraph::new(line), area);
}
