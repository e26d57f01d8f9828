//! How much passes, is dropped and is rejected, now and in the last minutes.

use std::time::Duration;

use firewall_common::verdict::Verdict;
use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::{Paragraph, Sparkline},
};

use super::panel_box;
use crate::{
    observe::rates::short,
    ruleset::duration,
    top::{model::Model, panel::Panel, theme::Theme},
};

/// How wide the figures are.
const FIGURES: u16 = 24;
/// The order from above.
const ORDER: [Verdict; 3] = [Verdict::Pass, Verdict::Drop, Verdict::Reject];
/// A bar's height is a fraction of the highest one's; these are its parts.
const PARTS: f64 = 1000.0;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: Theme) {
    let span = Duration::from_secs_f64(model.history.span().as_secs_f64().round());
    let more = if span.is_zero() { String::new() } else { format!("of the last {}", duration::text(span)) };
    let block = panel_box(Panel::Rates, &more, model, theme);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    // Heads, if there's a row for them, and as many rows for each verdict.
    let head = u16::from(usize::from(inner.height) > ORDER.len());
    let heads = Line::styled(format!("{:<7}{:>9}{:>8}", "", "packets/s", "bit/s"), theme.quiet());
    frame.render_widget(Paragraph::new(heads), Rect { height: head, ..inner });
    let rows = ((inner.height - head) / ORDER.len() as u16).max(1);
    for (place, verdict) in (0..).zip(ORDER) {
        let row = Rect { y: inner.y + head + place * rows, height: rows, ..inner }.intersection(inner);
        if row.is_empty() {
            break;
        }
        draw_verdict(frame, row, verdict, model, theme);
    }
}

fn draw_verdict(frame: &mut Frame<'_>, area: Rect, verdict: Verdict, model: &Model, theme: Theme) {
    let observed = model.shows_observed();
    let rate = model.counted().and_then(|counted| counted.of_verdict(verdict).rate).unwrap_or_default();
    let would = if observed && verdict != Verdict::Pass { "~" } else { "" };
    let name = format!("{:<7}", format!("{would}{}", verdict.name()));
    let figures = format!("{:>9}{:>8}", short(rate.packets), short(rate.bytes * 8.0));
    let line = Line::from(vec![Span::styled(name, theme.verdict(verdict)), Span::raw(figures)]);
    let (left, right) = split(area);
    let peak = model.history.peak(observed, verdict);
    let mut lines = vec![line];
    if area.height > 1 {
        lines.push(Line::styled(format!("{:>7}{:>9}", "peak", short(peak)), theme.quiet()));
    }
    frame.render_widget(Paragraph::new(lines), left);
    let steps = model.history.steps(observed, verdict, usize::from(right.width));
    let bars = steps.iter().map(|step| if peak > 0.0 { (step / peak * PARTS).ceil() as u64 } else { 0 });
    // The latest is at the right.
    let width = (steps.len() as u16).min(right.width);
    let place = Rect { x: right.right() - width, width, ..right };
    let spark = Sparkline::default()
        .data(bars.collect::<Vec<u64>>())
        .max(PARTS as u64)
        .bar_set(theme.bars())
        .style(theme.verdict(verdict));
    frame.render_widget(spark, place);
}

/// The figures, and the bars beside them.
fn split(area: Rect) -> (Rect, Rect) {
    let width = FIGURES.min(area.width);
    let left = Rect { width, ..area };
    (left, Rect { x: area.x + width, width: area.width - width, ..area })
}
