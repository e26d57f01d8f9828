//! Drawing what is known on a frame of any size.

mod footer;
mod header;
mod help;
mod layout;
mod lines;
mod rates;
mod table;

use ratatui::{
    Frame,
    layout::{Alignment, Rect},
    style::Style,
    text::Line,
    widgets::{Block, Paragraph},
};

use super::{
    model::Model,
    panel::{Panel, Sort},
    theme::Theme,
};

/// The smallest terminal that there's room on: columns and rows.
const LEAST: (u16, u16) = (40, 10);

/// Draws it.
pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, theme: Theme) {
    let area = frame.area();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        return too_small(frame, area);
    }
    let (head, body, foot) = layout::rows(area, header::height(model, area));
    header::draw(frame, head, model, theme);
    for (panel, area) in layout::panels(body, model.focus) {
        match panel {
            Panel::Rates => rates::draw(frame, area, model, theme),
            Panel::Table => table::draw(frame, area, model, theme),
            Panel::Interfaces | Panel::Rules | Panel::Reasons | Panel::Drops => {
                lines::draw(frame, area, panel, model, theme);
            }
        }
    }
    footer::draw(frame, foot, model, theme);
    if let Some(first) = model.help {
        help::draw(frame, area, first, theme);
    }
}

fn too_small(frame: &mut Frame<'_>, area: Rect) {
    let (columns, rows) = LEAST;
    let lines = [
        "too small".to_owned(),
        format!("{}x{}, and {columns}x{rows} is the least", area.width, area.height),
        "q quits".to_owned(),
    ];
    frame.render_widget(Paragraph::new(lines.map(Line::from).to_vec()), area);
}

/// The box around a panel: its title, and what more there is to say of it.
fn panel_box<'a>(panel: Panel, more: &str, model: &Model, theme: Theme) -> Block<'a> {
    let is_focus = model.focus == panel;
    let style = if is_focus { theme.focus() } else { Style::new() };
    // The mark says what a colour says, too.
    let mark = if is_focus { theme.mark() } else { " " };
    let more = if more.is_empty() { String::new() } else { format!("{more} ") };
    Block::bordered()
        .border_set(theme.border())
        .border_style(style)
        .title(Line::styled(format!("{mark}{} {more}", panel.title()), style))
        .title_alignment(Alignment::Left)
}

/// What is said of how lines are sorted.
fn sorted_by(sort: Option<Sort>) -> String {
    sort.map(|sort| format!("by {}", sort.name())).unwrap_or_default()
}

#[cfg(test)]
pub(super) mod tests;
