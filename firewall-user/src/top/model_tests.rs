use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::*;
use crate::top::{fixture, keys};

const RULES: [(&str, u64); 3] = [("allow udp 500", 10), ("deny tcp 23", 300), ("allow esp", 20)];

fn model() -> Model {
    let mut model = Model::new(Duration::from_secs(1));
    model
        .sample(fixture::snapshot(0, fixture::stats(&[("rule", "pass", 30), ("rule", "drop", 300)], &RULES)));
    let now = [("allow udp 500", 40), ("deny tcp 23", 310), ("allow esp", 20)];
    model.sample(fixture::snapshot(
        2,
        fixture::stats(&[("rule", "pass", 60), ("rule", "drop", 310), ("arp", "pass", 1)], &now),
    ));
    model
}

fn keys_of(rows: &[list::Row]) -> Vec<&str> {
    rows.iter().map(|row| row.key.as_str()).collect()
}

fn press(model: &mut Model, code: KeyCode) -> Effect {
    let action = keys::action(KeyEvent::new(code, KeyModifiers::NONE)).expect("a key that does something");
    model.act(action)
}

fn line(text: &str) -> Line {
    Line { verdict: Verdict::Drop, text: text.to_owned() }
}

#[test]
fn rates_come_from_two_looks_and_are_remembered() {
    let model = model();
    let rates: Vec<f64> =
        model.counted().unwrap().rules.iter().map(|rule| rule.total.rate.unwrap().packets).collect();
    assert_eq!(rates, [15.0, 5.0, 0.0]);
    assert_eq!(model.history.steps(false, Verdict::Pass, 9), [15.5]);
    assert_eq!(model.history.span(), Duration::from_secs(2));
}

#[test]
fn lines_are_sorted_by_each_column_in_turn() {
    let mut model = model();
    assert_eq!(model.focus, Panel::Rules);
    let of = |model: &Model| keys_of(&list::rows(model, Panel::Rules)).join(", ");
    let by_rate = "allow udp 500, deny tcp 23, allow esp, default: deny";
    let by_total = "deny tcp 23, allow udp 500, allow esp, default: deny";
    let by_number = by_rate;
    for (sort, expected) in [
        (Sort::Packets, by_rate),
        (Sort::Bits, by_rate),
        (Sort::Total, by_total),
        (Sort::Trailing, by_total),
        (Sort::Last, by_number),
        (Sort::Number, by_number),
        (Sort::Packets, by_rate),
    ] {
        assert_eq!((model.sort(Panel::Rules), of(&model).as_str()), (Some(sort), expected));
        press(&mut model, KeyCode::Char('s'));
    }
    model.focus = Panel::Drops;
    press(&mut model, KeyCode::Char('s'));
    assert!(model.notice.is_some(), "there is nothing to sort by");
}

#[test]
fn the_line_that_was_chosen_stays_so_wherever_it_goes() {
    let mut model = model();
    press(&mut model, KeyCode::Down);
    let chosen = |model: &Model| {
        let rows = list::rows(model, Panel::Rules);
        rows[model.chosen(Panel::Rules, &rows)].key.clone()
    };
    assert_eq!(chosen(&model), "deny tcp 23");
    let busy = [("allow udp 500", 40), ("deny tcp 23", 900), ("allow esp", 20)];
    model.sample(fixture::snapshot(3, fixture::stats(&[("rule", "drop", 900)], &busy)));
    assert_eq!(keys_of(&list::rows(&model, Panel::Rules))[0], "deny tcp 23");
    assert_eq!(chosen(&model), "deny tcp 23");
    // The rule is deleted.
    model.sample(fixture::snapshot(4, fixture::stats(&[("rule", "drop", 900)], &RULES[..1])));
    assert_eq!(chosen(&model), "default: deny");
    for (code, expected) in [
        (KeyCode::Home, "allow udp 500"),
        (KeyCode::Up, "allow udp 500"),
        (KeyCode::End, "default: deny"),
        (KeyCode::PageDown, "default: deny"),
        (KeyCode::PageUp, "allow udp 500"),
        (KeyCode::Char('j'), "default: deny"),
        (KeyCode::Char('k'), "allow udp 500"),
    ] {
        press(&mut model, code);
        assert_eq!(chosen(&model), expected, "{code:?}");
    }
}

#[test]
fn a_filter_narrows_rules_reasons_and_drops() {
    let mut model = model();
    model.told(vec![line("udp to 500"), line("tcp to 23")], 0, Watching::Yes);
    press(&mut model, KeyCode::Char('/'));
    assert!(model.typing);
    for character in "TCPx".chars() {
        model.edit(keys::edit(KeyEvent::from(KeyCode::Char(character))).unwrap());
    }
    model.edit(Edit::Pop);
    model.edit(Edit::Done);
    assert_eq!((model.typing, model.filter.as_str()), (false, "TCP"));
    assert_eq!(keys_of(&list::rows(&model, Panel::Rules)), ["deny tcp 23"]);
    assert_eq!(keys_of(&list::rows(&model, Panel::Drops)), ["1"]);
    assert_eq!(list::rows(&model, Panel::Reasons).len(), 0);
    // Escape clears it, and only then ends.
    assert_eq!(press(&mut model, KeyCode::Esc), Effect::Draw);
    assert_eq!(list::rows(&model, Panel::Rules).len(), 4);
    assert_eq!(list::rows(&model, Panel::Reasons).len(), 3);
    assert_eq!(press(&mut model, KeyCode::Esc), Effect::Quit);
}

#[test]
fn keys_do_what_the_help_says() {
    let mut model = model();
    assert_eq!(press(&mut model, KeyCode::Char('q')), Effect::Quit);
    for (character, effect) in [('c', Effect::Quit), ('z', Effect::Suspend), ('l', Effect::Redraw)] {
        let key = KeyEvent::new(KeyCode::Char(character), KeyModifiers::CONTROL);
        assert_eq!(model.act(keys::action(key).unwrap()), effect);
        assert_eq!(model.act(keys::edit(key).unwrap_err().unwrap()), effect, "while a filter is typed");
    }
    press(&mut model, KeyCode::Tab);
    assert_eq!(model.focus, Panel::Reasons);
    press(&mut model, KeyCode::BackTab);
    press(&mut model, KeyCode::Left);
    assert_eq!(model.focus, Panel::Table);
    for (code, seconds) in [('+', 2.0), ('-', 1.0), ('-', 0.5), ('-', 0.2), ('-', 0.1), ('-', 0.1)] {
        press(&mut model, KeyCode::Char(code));
        assert_eq!(model.interval.as_secs_f64(), seconds);
    }
    model.interval = Duration::from_secs(86400);
    press(&mut model, KeyCode::Char('+'));
    assert_eq!(model.interval, Duration::from_secs(86400));
    press(&mut model, KeyCode::Char('-'));
    assert_eq!(model.interval, Duration::from_secs(3600));
    press(&mut model, KeyCode::Char('?'));
    press(&mut model, KeyCode::End);
    assert_eq!(model.help, Some(HELP.len() - 1));
    press(&mut model, KeyCode::Esc);
    assert_eq!(model.help, None);
}

#[test]
fn what_comes_while_it_is_paused_is_seen_after_that() {
    let mut model = model();
    press(&mut model, KeyCode::Char('p'));
    model.told(vec![line("late")], 7, Watching::Yes);
    assert_eq!((model.paused, model.drops.len(), model.left_out), (true, 0, 7));
    press(&mut model, KeyCode::Char(' '));
    assert_eq!((model.paused, model.drops.len()), (false, 1));
    // A flood of them takes no more room than there is.
    model.told((0..DROPS + 5).map(|n| line(&n.to_string())).collect(), 7, Watching::Yes);
    assert_eq!((model.drops.len(), model.drops.back().unwrap().1.text.as_str()), (DROPS, "504"));
}

#[test]
fn the_other_stance_is_shown_where_there_is_one() {
    let mut model = model();
    press(&mut model, KeyCode::Char('o'));
    assert!(!model.shows_observed() && model.notice.is_some());
    let mut both = fixture::stats(&[("rule", "pass", 60)], &RULES);
    both.observed = fixture::counted(&[("default", "drop", 5)], &RULES);
    model.sample(fixture::snapshot(5, both.clone()));
    press(&mut model, KeyCode::Char('o'));
    assert!(model.shows_observed());
    assert_eq!(keys_of(&list::rows(&model, Panel::Reasons)), ["default drop"]);
    // Now it observes: the present stance is shown again by the same key.
    both.observing = true;
    model.sample(fixture::snapshot(6, both));
    assert!(!model.shows_observed());
    press(&mut model, KeyCode::Char('o'));
    assert!(model.shows_observed());
}

#[test]
fn another_filter_begins_anew() {
    let mut model = model();
    model.detach();
    assert!(model.detached && model.counted().is_some(), "what was counted stays to be seen");
    model.sample(fixture::snapshot(9, fixture::stats(&[("rule", "pass", 1)], &RULES)));
    assert!(!model.detached);
    assert_eq!(model.counted().unwrap().rules[0].total.rate, None, "no rate from two filters");
}
