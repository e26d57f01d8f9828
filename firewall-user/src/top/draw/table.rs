//! What the fragment table holds, and how it goes.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{header::flow, panel_box};
use crate::{
    observe::{rates::short, stats::TableStats},
    top::{model::Model, panel::Panel, theme::Theme},
};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: Theme) {
    let Some(now) = &model.now else {
        return frame.render_widget(panel_box(Panel::Table, "", model, theme), area);
    };
    let table = &now.stats.table;
    let percent = table.in_use() as f64 * 100.0 / table.entries.max(1) as f64;
    let more = format!("{} of {} in use, {percent:.1}%", table.in_use(), table.entries);
    let block = panel_box(Panel::Table, &more, model, theme);
    let inner = block.inner(area);
    let mut lines = vec![gauge(table, inner.width, theme)];
    let states = theme.states();
    let counts = [table.accepted, table.early, table.denied, table.expired];
    let names = ["accepted", "early", "denied", "expired"];
    let named = states.iter().zip(names).zip(counts);
    let mut pieces: Vec<Span<'static>> = named
        .map(|((state, name), count)| Span::raw(format!("{state} {name} {}", short(count as f64))))
        .collect();
    let went = [
        ("hits", table.hits),
        ("reused", table.reused),
        ("evicted", table.evicted),
        ("unrecorded", table.unrecorded),
    ];
    pieces.extend(went.map(|(name, count)| Span::raw(format!("{name} {}", short(count as f64)))));
    lines.extend(flow(pieces, inner.width));
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

/// A bar as wide as the table is large, with a part for each state. What is there at all has a place.
fn gauge(table: &TableStats, width: u16, theme: Theme) -> Line<'static> {
    let counts = [table.accepted, table.early, table.denied, table.expired];
    let parts = parts(counts, table.entries, usize::from(width));
    let taken: usize = parts.iter().sum();
    let free = usize::from(width).saturating_sub(taken);
    let states = theme.states();
    let of = |(state, part): (&str, usize)| state.repeat(part);
    Line::from(states.into_iter().zip(parts.into_iter().chain([free])).map(of).collect::<String>())
}

/// So many places of `width` for each count of `all`.
fn parts<const N: usize>(counts: [u64; N], all: u64, width: usize) -> [usize; N] {
    let mut left = width;
    counts.map(|count| {
        let share = u128::from(count) * width as u128 / u128::from(all.max(1));
        let share = usize::try_from(share).unwrap_or(width).max(usize::from(count > 0)).min(left);
        left -= share;
        share
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_has_a_place_and_all_have_no_more_than_there_are() {
        assert_eq!(parts([0, 1, 0, 32768], 65536, 40), [0, 1, 0, 20]);
        assert_eq!(parts([65536, 0, 0, 0], 65536, 40), [40, 0, 0, 0]);
        assert_eq!(parts([65536, 1, 1, 1], 65536, 40), [40, 0, 0, 0]);
        assert_eq!(parts([u64::MAX; 4], 0, 3), [3, 0, 0, 0]);
        assert_eq!(parts([1; 4], 4, 0), [0; 4]);
    }
}
