//! A panel of lines: interfaces, rules, reasons, drops.

use ratatui::{
    Frame,
    layout::{Constraint, Rect},
    style::Style,
    text::{Line, Text},
    widgets::{Cell, Paragraph, Row, Table, Wrap},
};

use super::{panel_box, sorted_by};
use crate::top::{
    list::{self, Column},
    model::{Model, Watching},
    panel::Panel,
    theme::Theme,
};

/// How many rows what more there is to say about a line takes at most.
const DETAIL: u16 = 3;
/// How many rows of lines there are at least beside it.
const LEAST: u16 = 3;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, panel: Panel, model: &Model, theme: Theme) {
    let rows = list::rows(model, panel);
    let chosen = model.chosen(panel, &rows);
    let mut block = panel_box(panel, &more(panel, model, &rows, chosen), model, theme);
    let inner = block.inner(area);
    if rows.is_empty() {
        let nothing = Paragraph::new(empty(panel, model)).style(theme.quiet()).wrap(Wrap { trim: true });
        return frame.render_widget(nothing.block(block), area);
    }
    let columns: Vec<(usize, &Column)> =
        list::columns(panel).iter().enumerate().filter(|(_, column)| inner.width >= column.from).collect();
    let head = u16::from(columns.len() > 1);
    // Whoever doesn't know a reason learns what it means.
    let is_told = model.focus == panel || panel == Panel::Reasons;
    let detail = rows.get(chosen).filter(|_| is_told).map(|row| row.detail.as_str()).unwrap_or_default();
    let told = wrapped(detail, inner.width).min(DETAIL).min(inner.height.saturating_sub(head + LEAST));
    if told == 0 && !detail.is_empty() {
        // There's room for its beginning, at least.
        block = block.title_bottom(Line::styled(format!(" {detail} "), theme.quiet()));
    }
    frame.render_widget(block, area);
    let lines = Rect { height: inner.height - told, ..inner };
    let detail = Paragraph::new(Line::styled(detail, theme.quiet())).wrap(Wrap { trim: true });
    frame.render_widget(detail, Rect { y: lines.bottom(), height: told, ..inner });

    let shown = usize::from(lines.height.saturating_sub(head));
    let first = (chosen + 1).saturating_sub(shown);
    let is_focus = model.focus == panel;
    let drawn = rows.iter().enumerate().skip(first).take(shown).map(|(index, row)| {
        let mark = if is_focus && index == chosen { theme.mark() } else { " " };
        let cells = columns.iter().map(|&(place, column)| cell(&row.cells[place], column));
        let style = match row.verdict {
            _ if is_focus && index == chosen => theme.chosen(),
            Some(verdict) => theme.verdict(verdict),
            None => Style::new(),
        };
        Row::new([Cell::from(mark)].into_iter().chain(cells)).style(style)
    });
    let widths = columns.iter().map(|(_, column)| match column.width {
        0 => Constraint::Fill(1),
        width => Constraint::Length(width),
    });
    let mut table = Table::new(drawn, [Constraint::Length(1)].into_iter().chain(widths)).column_spacing(1);
    if head > 0 {
        let sort = model.sort(panel);
        let heads = columns.iter().map(|(_, column)| {
            let is_sorted = column.sort.is_some() && column.sort == sort;
            cell(&format!("{}{}", column.head, if is_sorted { theme.sorted() } else { "" }), column)
        });
        table = table.header(Row::new([Cell::from(" ")].into_iter().chain(heads)).style(theme.quiet()));
    }
    frame.render_widget(table, lines);
}

/// How many rows a text takes that is wrapped between words.
fn wrapped(text: &str, width: u16) -> u16 {
    let (mut rows, mut left): (usize, usize) = (0, 0);
    for word in text.split_whitespace().map(|word| Line::from(word).width()) {
        match left.checked_sub(word + 1) {
            Some(rest) => left = rest,
            None => {
                rows += word.div_ceil(usize::from(width.max(1)));
                left = usize::from(width).saturating_sub(word);
            }
        }
    }
    u16::try_from(rows).unwrap_or(u16::MAX)
}

/// Figures end at the right, words begin at the left.
fn cell(text: &str, column: &Column) -> Cell<'static> {
    let text = Text::from(text.to_owned());
    let is_word = column.width == 0 || column.head == "verdict";
    Cell::from(if is_word { text } else { text.right_aligned() })
}

/// What the title says more than what the panel is.
fn more(panel: Panel, model: &Model, rows: &[list::Row], chosen: usize) -> String {
    let place = if rows.is_empty() { String::new() } else { format!("{}/{}", chosen + 1, rows.len()) };
    match panel {
        Panel::Drops if model.left_out > 0 => {
            format!("{place}, latest first; {} more left out", model.left_out)
        }
        Panel::Drops => place,
        _ => format!("{place} {}", sorted_by(model.sort(panel))),
    }
}

/// What is said where there's no line.
fn empty(panel: Panel, model: &Model) -> &'static str {
    match (panel, model.watching) {
        (Panel::Drops, Watching::Elsewhere) => {
            "somebody else watches this filter's packets (`fragwall monitor`, or another `fragwall top`), and only one can at a time"
        }
        _ if !model.filter.is_empty() => "none that the filter asks for",
        (Panel::Drops, Watching::NotYet) => "not watching yet",
        (Panel::Drops, Watching::Yes) => "none yet",
        _ => "none",
    }
}
