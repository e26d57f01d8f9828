use std::time::Duration;

use firewall_common::verdict::{Reason, Verdict};
use proptest::prelude::*;
use ratatui::{
    backend::TestBackend,
    crossterm::event::{KeyCode, KeyEvent},
    style::Color,
};

use super::*;
use crate::{
    observe::stats::{InterfaceStats, Stats},
    top::{
        fixture, keys,
        model::{self, Watching},
    },
};

const PLAIN: Theme = Theme { colour: false, unicode: true };

/// The screen, as text.
pub(in crate::top) fn shown(model: &Model, theme: Theme, width: u16, height: u16) -> String {
    let mut terminal = ratatui::Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, model, theme)).unwrap();
    terminal.backend().buffer().content.chunks(width.into()).fold(String::new(), |text, row| {
        let row: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
        text + row.trim_end() + "\n"
    })
}

pub(in crate::top) fn model() -> Model {
    let mut model = Model::new(Duration::from_secs(1));
    for second in 0..30 {
        let udp = 4000 * second + 1000 * (second % 7);
        let reasons = [
            ("rule", "pass", udp),
            ("default", "drop", 12 * second),
            ("rule", "reject", second),
            ("arp", "pass", 3),
        ];
        let rules = [("allow @ike", udp), ("allow tcp 22", 3), ("reject tcp 23", second)];
        model.sample(fixture::snapshot(second, fixture::stats(&reasons, &rules)));
    }
    let drop = |port| model::Line {
        verdict: Verdict::Drop,
        text: format!(
            "21:52:51.475889Z  eth0  drop  default  udp [2001:db8::2]:39565 > [2001:db8::1]:{port}  whole, 64 bytes  default: deny"
        ),
    };
    model.told([53, 54].map(drop).to_vec(), 0, Watching::Yes);
    model
}

fn assert_has(screen: &str, all: &[&str]) {
    for wanted in all {
        assert!(screen.contains(wanted), "no {wanted:?} in\n{screen}");
    }
}

#[test]
fn a_large_screen_has_all_of_it() {
    let screen = shown(&model(), PLAIN, 160, 50);
    assert_has(
        &screen,
        &[
            "fragwall top  enforcing  default deny  17:53:24Z  every 1 s  on eth0",
            "Rates of the last 29s",
            "pass       5.0 k   4.0 M",
            "drop          12   9.6 k",
            "reject         1     800",
            "Interfaces 1/1 by name",
            "Fragment table 9312 of 65536 in use, 14.2%",
            "█ accepted 9.0 k",
            "▓ early 12",
            "▒ denied 300",
            "░ expired 7.0 k",
            "hits 123 k",
            "reused 5.0 k",
            "evicted 4",
            "unrecorded 3",
            "Rules 1/4 by packets/s",
            "packets/s▾",
            "1 allow @ike ",
            "3 reject tcp 23",
            "- default: deny",
            "1: allow @ike: 117000 packets, 11700000 bytes, 39000 of them trailing fragments; never",
            "Reasons 1/4 by packets/s",
            "rule: A rule matched.",
            "Last drops 1/2",
            "[2001:db8::1]:54  whole, 64 bytes  default: deny",
            "q quit  ? help",
        ],
    );
    assert!(screen.find(":54  whole").unwrap() < screen.find(":53  whole").unwrap(), "the latest first");
    let bars = screen.matches(['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']).count();
    assert!(bars > 60, "{screen}");
}

#[test]
fn the_usual_size_has_what_matters_most() {
    let screen = shown(&model(), PLAIN, 80, 24);
    assert_has(
        &screen,
        &[
            "enforcing",
            "5.0 k   4.0 M",
            "Fragment table",
            "allow @ike",
            "A rule matched.",
            "Last drops",
            "39565",
        ],
    );
    assert!(screen.lines().count() == 24 && !screen.contains("Interfaces"));
}

#[test]
fn a_small_screen_has_the_panel_with_the_focus() {
    let mut model = model();
    for panel in Panel::ALL {
        model.focus = panel;
        let screen = shown(&model, PLAIN, 40, 10);
        assert!(screen.contains(&format!("▸{}", panel.title())), "{screen}");
    }
    for (width, height) in [(39, 10), (40, 9), (1, 1), (20, 3)] {
        let screen = shown(&model, PLAIN, width, height);
        assert!(screen.starts_with("too small") || width < 9, "{screen}");
    }
    assert_has(&shown(&model, PLAIN, 39, 10), &["too small", "39x10, and 40x10 is the least"]);
}

#[test]
fn what_is_unusual_is_said_in_words() {
    let mut model = model();
    let mut now = model.now.clone().unwrap();
    now.pending = Some(Duration::from_secs(27));
    now.stats.observing = true;
    model.sample(now);
    model.paused = true;
    model.told(Vec::new(), 0, Watching::Elsewhere);
    assert_has(
        &shown(&model, PLAIN, 120, 40),
        &["PAUSED", "CONFIRM within 27s", "observing: all passes", "~drop", "~reject"],
    );
    model.drops.clear();
    model.detach();
    model.told(Vec::new(), 0, Watching::Elsewhere);
    assert_has(&shown(&model, PLAIN, 120, 40), &["DETACHED, waiting for a filter", "somebody else watches"]);
    model.told(Vec::new(), 12, Watching::Yes);
    assert_has(&shown(&model, PLAIN, 120, 40), &["12 more left out", "none yet"]);
}

#[test]
fn the_help_lists_every_key_on_any_screen() {
    let mut model = model();
    for (width, height) in [(80, 24), (40, 10)] {
        model.help = Some(0);
        let mut seen = String::new();
        for _ in keys::HELP {
            seen += &shown(&model, PLAIN, width, height);
            model.act(keys::action(KeyEvent::from(KeyCode::Down)).unwrap());
        }
        for (keys, _) in keys::HELP {
            assert!(seen.contains(keys), "{keys} at {width}x{height}");
        }
    }
}

#[test]
fn a_filter_that_is_typed_and_what_it_leaves_are_seen() {
    let mut model = model();
    model.typing = true;
    model.filter = "tcp".to_owned();
    let screen = shown(&model, PLAIN, 100, 30);
    assert_has(&screen, &["/tcp_", "reject tcp 23", "none that the filter asks for"]);
    assert!(!screen.contains("@ike"), "{screen}");
    model.typing = false;
    assert_has(&shown(&model, PLAIN, 100, 30), &["filter: tcp"]);
}

#[test]
fn without_colours_and_without_unicode_it_says_the_same() {
    let colours = |theme| {
        let mut terminal = ratatui::Terminal::new(TestBackend::new(160, 50)).unwrap();
        terminal.draw(|frame| draw(frame, &model(), theme)).unwrap();
        let cells = terminal.backend().buffer().content.clone();
        cells.iter().any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
    };
    assert!(colours(Theme { colour: true, ..PLAIN }));
    assert!(!colours(PLAIN));
    let screen = shown(&model(), Theme { colour: false, unicode: false }, 160, 50);
    assert!(screen.is_ascii(), "{screen}");
    assert_has(
        &screen,
        &["pass       5.0 k", "# accepted 9.0 k", "e early 12", "packets/sv", ">       1 allow @ike"],
    );
}

#[test]
fn what_others_have_written_is_harmless() {
    let mut model = model();
    let evil = "allow udp 1 comment '\x1b[2J\u{9b}31m\u{202e}x'";
    let mut stats = fixture::stats(&[("rule", "pass", 1)], &[(evil, 1)]);
    stats.enforced.interfaces[0].interface = Some("e\x1b]0;x\x07th".to_owned());
    model.sample(fixture::snapshot(99, stats));
    model.told(
        vec![model::Line { verdict: Verdict::Reject, text: "a\tb\rc\x1b[1m".to_owned() }],
        0,
        Watching::Yes,
    );
    model.typing = true;
    model.filter = String::new();
    let screen = shown(&model, PLAIN, 160, 50);
    let bad = |character: char| character.is_control() && character != '\n' || character == '\u{202e}';
    assert!(!screen.contains(bad), "{screen:?}");
    assert_has(&screen, &["comment '?[2J?31m?x'", "e?]0;x?th", "a?b?c?[1m"]);
}

/// Statistics of any kind, with rules and interfaces of any name.
fn any_stats() -> impl Strategy<Value = Stats> {
    let reasons: Vec<(&'static str, &'static str)> = Reason::ALL
        .iter()
        .flat_map(|reason| reason.verdicts().iter().map(|verdict| (reason.name(), verdict.name())))
        .collect();
    let counted = move || {
        let reasons = proptest::sample::subsequence(reasons.clone(), 0..reasons.len());
        (reasons, prop::collection::vec(("\\PC{0,40}", any::<u64>()), 0..40), any::<u32>())
    };
    let table = any::<[u64; 4]>();
    (counted(), counted(), prop::collection::vec(".{0,15}", 0..9), any::<bool>(), table, any::<u32>())
        .prop_map(|(enforced, observed, names, observing, [accepted, early, denied, expired], entries)| {
            let of = |(reasons, rules, packets): (Vec<_>, Vec<(String, u64)>, u32)| {
                let reasons: Vec<_> = reasons
                    .into_iter()
                    .map(|(reason, verdict)| (reason, verdict, u64::from(packets)))
                    .collect();
                let rules: Vec<_> = rules.iter().map(|(rule, packets)| (rule.as_str(), *packets)).collect();
                fixture::counted(&reasons, &rules)
            };
            let mut stats = fixture::stats(&[], &[]);
            (stats.enforced, stats.observed, stats.observing) = (of(enforced), of(observed), observing);
            stats.enforced.interfaces.extend(names.into_iter().map(|name| InterfaceStats {
                interface: (!name.is_empty()).then_some(name),
                passed: fixture::total(1),
                dropped: fixture::total(2),
                rejected: fixture::total(3),
            }));
            let [accepted, early, denied, expired] =
                [accepted, early, denied, expired].map(|count| count >> 2);
            stats.table = crate::observe::stats::TableStats {
                entries: entries.into(),
                accepted,
                early,
                denied,
                expired,
                ..stats.table
            };
            stats
        })
}

proptest! {
    /// Whatever was counted, and whatever keys were pressed, it's drawn on a screen of any size, without a character that the terminal
    /// would obey.
    #[test]
    fn any_size_and_any_figures_are_drawn(
        (width, height) in prop_oneof![(1..60_u16, 1..30_u16), (1..300_u16, 1..120_u16)],
        stats in prop::collection::vec(any_stats(), 1..4),
        lines in prop::collection::vec(".{0,200}", 0..30),
        pressed in prop::collection::vec(prop_oneof![
            prop::sample::select(vec![
                KeyCode::Tab, KeyCode::BackTab, KeyCode::Down, KeyCode::Up, KeyCode::PageDown, KeyCode::PageUp, KeyCode::Home, KeyCode::End,
                KeyCode::Esc, KeyCode::Enter, KeyCode::Backspace,
            ]),
            "[qps/+\\-o?jkhl x]".prop_map(|text| KeyCode::Char(text.chars().next().unwrap_or('x'))),
        ], 0..30),
        colour: bool,
        unicode: bool,
    ) {
        let mut model = Model::new(Duration::from_secs(1));
        let theme = Theme { colour, unicode };
        shown(&model, theme, width, height);
        let drop = |text| model::Line { verdict: Verdict::Drop, text };
        model.told(lines.into_iter().map(drop).collect(), 3, Watching::Yes);
        for (second, stats) in (0..).zip(stats) {
            model.sample(fixture::snapshot(second, stats));
            for &code in &pressed {
                let key = KeyEvent::from(code);
                if model.typing {
                    if let Ok(edit) = keys::edit(key) {
                        model.edit(edit);
                    }
                } else if let Some(action) = keys::action(key) {
                    model.act(action);
                }
            }
            let screen = shown(&model, theme, width, height);
            prop_assert!(!screen.contains(|character: char| character.is_control() && character != '\n'));
        }
    }
}
