//! Which panels there's room for, and where.

use ratatui::layout::Rect;

use crate::top::panel::Panel;

/// From this width on two panels stand beside each other …
const TWO: u16 = 76;
/// … and three.
const THREE: u16 = 126;

/// Head, body and foot of the screen. The head has so many rows.
pub(super) fn rows(area: Rect, head: u16) -> (Rect, Rect, Rect) {
    let (head, rest) = upper(area, head);
    let (body, foot) = upper(rest, rest.height.saturating_sub(1));
    (head, body, foot)
}

/// The panels that there's room for, and their places. That with the focus is always one of them.
pub(super) fn panels(body: Rect, focus: Panel) -> Vec<(Panel, Rect)> {
    use Panel::{Drops, Interfaces, Rates, Reasons, Rules, Table};
    // The rates have a head and a row for each verdict, or two.
    let row = match focus {
        _ if body.height >= 33 => 9,
        // Large figures take a row more.
        Table => 7,
        _ => 6,
    };
    if body.width >= THREE && body.height >= 21 {
        let (top, rest) = upper(body, row);
        let (middle, bottom) = upper(rest, rest.height - rest.height * 2 / 5);
        let [rates, interfaces, table] = beside(top, [1, 1, 1]);
        let [rules, reasons] = beside(middle, [3, 2]);
        return vec![
            (Rates, rates),
            (Interfaces, interfaces),
            (Table, table),
            (Rules, rules),
            (Reasons, reasons),
            (Drops, bottom),
        ];
    }
    if body.width >= TWO && body.height >= row + 5 {
        let (top, rest) = upper(body, row);
        let [rates, table] = beside(top, [3, 4]);
        let mut panels = vec![(Rates, rates), (Table, table)];
        panels.extend(stack(rest, focus, &[Rules, Reasons, Drops, Interfaces]));
        return panels;
    }
    stack(body, focus, &[Rules, Reasons, Drops, Rates, Interfaces, Table])
}

/// Panels above each other, in their own order: the one with the focus, if it's one of these, and as many others as there's room for,
/// the first of these first. What is left goes to those that have more to show the more room they have.
fn stack(area: Rect, focus: Panel, wanted: &[Panel]) -> Vec<(Panel, Rect)> {
    let focus = wanted.iter().copied().filter(|&panel| panel == focus);
    let others = wanted.iter().copied().filter(|panel| !focus.clone().any(|focus| focus == *panel));
    let mut chosen: Vec<Panel> = Vec::new();
    let mut left = area.height;
    for panel in focus.clone().chain(others) {
        match left.checked_sub(least(panel)) {
            Some(rest) => left = rest,
            // It has all that there is.
            None if chosen.is_empty() => left = 0,
            None => break,
        }
        chosen.push(panel);
    }
    chosen.sort_by_key(|panel| panel.index());
    let heights = heights(&chosen, area.height);
    let mut rest = area;
    let place = |(panel, height)| {
        let (place, below) = upper(rest, height);
        rest = below;
        (panel, place)
    };
    chosen.into_iter().zip(heights).map(place).collect()
}

fn heights(panels: &[Panel], all: u16) -> Vec<u16> {
    if panels.len() == 1 {
        return vec![all];
    }
    let mut heights: Vec<u16> = panels.iter().map(|&panel| least(panel)).collect();
    let mut left = all.saturating_sub(heights.iter().sum());
    // If none has more to show the room stays empty.
    let weights: Vec<u16> = panels.iter().map(|&panel| weight(panel)).collect();
    while left > 0 && weights.iter().any(|&weight| weight > 0) {
        for (height, weight) in heights.iter_mut().zip(&weights) {
            let more = left.min(*weight);
            *height += more;
            left -= more;
        }
    }
    heights
}

/// The rows that a panel needs, its box included.
const fn least(panel: Panel) -> u16 {
    match panel {
        Panel::Rates => 6,
        Panel::Table => 7,
        _ => 5,
    }
}

/// How much of the room that is left a panel has, beside others.
const fn weight(panel: Panel) -> u16 {
    match panel {
        Panel::Rules => 3,
        Panel::Reasons | Panel::Drops => 2,
        Panel::Interfaces | Panel::Rates | Panel::Table => 0,
    }
}

/// So many rows, and the rest below.
fn upper(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    let above = Rect { height: rows, ..area };
    (above, Rect { y: area.y + rows, height: area.height - rows, ..area })
}

/// Areas beside each other, of widths in these proportions.
fn beside<const N: usize>(area: Rect, parts: [u16; N]) -> [Rect; N] {
    let all = u32::from(parts.iter().sum::<u16>());
    let edge = |part: u16| (u32::from(area.width) * u32::from(part) / all) as u16;
    let mut before = 0;
    parts.map(|part| {
        let (from, to) = (edge(before), edge(before + part));
        before += part;
        Rect { x: area.x + from, width: to - from, ..area }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_lie_beside_each_other_and_that_with_the_focus_is_there() {
        for width in 40..=200 {
            for height in 7..=80 {
                let body = Rect { x: 0, y: 2, width, height };
                for focus in Panel::ALL {
                    let panels = panels(body, focus);
                    assert!(panels.iter().any(|(panel, _)| *panel == focus), "{focus:?} at {body}");
                    for (index, (panel, area)) in panels.iter().enumerate() {
                        assert_eq!(body.intersection(*area), *area, "{panel:?} at {body}");
                        assert!(area.height >= 5.min(height) && area.width >= 30, "{panel:?} {area}");
                        for (other, beside) in &panels[index + 1..] {
                            assert!(
                                !area.intersects(*beside) && panel != other,
                                "{panel:?} and {other:?} at {body}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_terminal_of_the_usual_size_shows_what_matters_most() {
        let of = |width, height, focus| {
            let body = Rect { x: 0, y: 2, width, height };
            panels(body, focus).into_iter().map(|(panel, _)| panel).collect::<Vec<_>>()
        };
        use Panel::{Drops, Interfaces, Rates, Reasons, Rules, Table};
        assert_eq!(of(80, 21, Rules), [Rates, Table, Rules, Reasons, Drops]);
        assert_eq!(of(80, 21, Interfaces), [Rates, Table, Interfaces, Rules, Reasons]);
        assert_eq!(of(40, 7, Table), [Table]);
        assert_eq!(of(160, 47, Rules), [Rates, Interfaces, Table, Rules, Reasons, Drops]);
    }
}
