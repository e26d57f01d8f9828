//! Each key.

use super::terminal::Terminal;
use super::traffic::{Traffic, filtered};

#[test]
fn every_key_does_what_the_help_says() {
    let host = filtered("keys").unwrap();
    let _traffic = Traffic::new(&host).unwrap();
    let terminal = Terminal::new(&host, 130, 40).unwrap();
    terminal.top("--interval 0.2").unwrap();
    terminal.shows("▸Rules").unwrap();
    terminal.shows("whole, 52 bytes").unwrap();
    for (key, text) in [
        ("?", "sort by the next column"),
        ("Escape", "▸Rules"),
        ("s", "Rules 1/3 by bit/s"),
        ("Down", "Rules 2/3 by bit/s"),
        ("j", "Rules 3/3 by bit/s"),
        ("k", "Rules 2/3 by bit/s"),
        ("Home", "Rules 1/3 by bit/s"),
        ("End", "Rules 3/3 by bit/s"),
        ("Up", "Rules 2/3 by bit/s"),
        ("Tab", "▸Reasons"),
        ("Right", "▸Last drops"),
        ("s", "one order alone"),
        ("BTab", "▸Reasons"),
        ("Left", "▸Rules"),
        ("+", "every 0.5 s"),
        ("-", "every 0.2 s"),
        ("o", "only this one to see"),
        ("p", "PAUSED"),
    ] {
        terminal.key(key).unwrap();
        terminal.shows(text).unwrap();
    }
    // What is shown doesn't change, and whoever has drawn over it is drawn over.
    let paused = terminal.screen().unwrap();
    terminal.key("C-l").unwrap();
    terminal.key("Space").unwrap();
    terminal.hides("PAUSED").unwrap();
    terminal
        .until("it goes on", |screen| {
            !screen.contains("PAUSED") && screen.lines().next() != paused.lines().next()
        })
        .unwrap();
    // Only what has that in it.
    terminal.types("/TCP").unwrap();
    terminal.shows("/TCP_").unwrap();
    terminal.hides("allow udp 500").unwrap();
    terminal.key("Enter").unwrap();
    terminal.shows("filter: TCP").unwrap();
    terminal.shows("reject tcp 23").unwrap();
    terminal.hides("whole, 52 bytes").unwrap();
    terminal.key("Escape").unwrap();
    terminal.shows("allow udp 500").unwrap();
    terminal.types("/xq").unwrap();
    terminal.shows("/xq_").unwrap();
    terminal.key("BSpace").unwrap();
    terminal.shows("/x_").unwrap();
    terminal.key("Escape").unwrap();
    terminal.hides("/x_").unwrap();
    // What begins as a key does and isn't one is in nobody's way.
    terminal.types("\x1b[").unwrap();
    host.ok(&["allow", "esp"]).unwrap();
    terminal.shows("allow esp").unwrap();
    terminal.types("Aq").unwrap();
    terminal.shows("ready>").unwrap();
}

#[test]
fn what_was_observed_and_what_was_enforced_are_seen_in_turn() {
    let host = filtered("stances").unwrap();
    let traffic = Traffic::new(&host).unwrap();
    let terminal = Terminal::new(&host, 130, 40).unwrap();
    terminal.top("--interval 0.2").unwrap();
    terminal.shows("inherited").unwrap();
    drop(traffic);
    let directory = firewall_tests::harness::temporary_directory("stances").unwrap();
    let config = directory.path().join("fragwall.toml");
    std::fs::write(&config, "interfaces = [\"eth0\"]\nrules = [\"allow udp 4500\"]\n").unwrap();
    host.ok(&["apply", &config.to_string_lossy(), "--observe"]).unwrap();
    let _traffic = Traffic::new(&host).unwrap();
    terminal.shows("observing: all passes").unwrap();
    terminal.shows("~drop").unwrap();
    terminal.shows("would drop").unwrap();
    terminal.key("o").unwrap();
    terminal.shows("shown: what was enforced").unwrap();
    terminal.hides("~drop").unwrap();
    terminal.key("o").unwrap();
    terminal.shows("~drop").unwrap();
    host.ok(&["enforce", "--confirm", "60s"]).unwrap();
    terminal.shows("CONFIRM within").unwrap();
    host.ok(&["confirm"]).unwrap();
    terminal.hides("CONFIRM").unwrap();
}
