//! What is seen of real traffic, on terminals of all sizes.

use super::terminal::Terminal;
use super::traffic::{Traffic, filtered};

/// The figure in the column that many words before the end of the first line that has this in it.
fn figure(screen: &str, of: &str, from_end: usize) -> Option<f64> {
    let line = screen.lines().find(|line| line.contains(of))?;
    // Prefixes of the SI are words of their own; those that are cut off here make no figure too large.
    let words: Vec<&str> = line.split('│').find(|part| part.contains(of))?.split_whitespace().collect();
    words.iter().rev().filter_map(|word| word.parse().ok()).nth(from_end)
}

#[test]
fn rules_reasons_rates_and_drops_are_there() {
    let host = filtered("shows").unwrap();
    let _traffic = Traffic::new(&host).unwrap();
    let terminal = Terminal::new(&host, 160, 50).unwrap();
    terminal.top("--interval 0.2").unwrap();
    for text in [
        "enforcing",
        "default deny",
        "every 0.2 s",
        "on eth0",
        "allow udp 500",
        "reject tcp 23",
        "default: deny",
        "inherited",
        "Rates of the last",
        "192.0.2.2:9 > 192.0.2.1:53  whole, 52 bytes  default: deny",
        "rule 2: reject tcp 23",
        "Fragment table",
    ] {
        terminal.shows(text).unwrap();
    }
    let positive = |of: &'static str, place: usize| {
        terminal
            .until(&format!("a rate of {of}"), |screen| {
                figure(screen, of, place).is_some_and(|rate| rate > 0.0)
            })
            .unwrap();
    };
    for (of, place) in
        [("allow udp 500", 2), ("reject tcp 23", 2), ("pass  ", 1), ("drop  ", 1), ("reject  ", 1)]
    {
        positive(of, place);
    }
    // Each datagram's second fragment has found its first one.
    positive("hits", 3);
    terminal.until("bars", |screen| screen.contains(['▁', '▂', '▃', '▄', '▅', '▆', '▇'])).unwrap();
}

#[test]
fn it_follows_the_size_of_the_terminal() {
    let host = filtered("resize").unwrap();
    let _traffic = Traffic::new(&host).unwrap();
    let terminal = Terminal::new(&host, 80, 24).unwrap();
    // Nothing but the size makes it draw.
    terminal.top("--interval 3600").unwrap();
    terminal.shows("Reasons").unwrap();
    for (width, height, has, hasnt) in [
        (160, 50, "Interfaces", "too small"),
        (40, 10, "Rules", "Reasons"),
        (30, 5, "too small", "Rules"),
        (250, 70, "Interfaces", "too small"),
        (80, 24, "Last drops", "Interfaces"),
    ] {
        terminal.resize(width, height).unwrap();
        terminal
            .until(&format!("{width}x{height}"), |screen| screen.contains(has) && !screen.contains(hasnt))
            .unwrap();
        assert_eq!(terminal.screen().unwrap().lines().count(), usize::from(height));
    }
}

#[test]
fn colours_and_characters_are_those_that_the_terminal_is_said_to_have() {
    let host = filtered("plain").unwrap();
    let _traffic = Traffic::new(&host).unwrap();
    let terminal = Terminal::new(&host, 130, 40).unwrap();
    // 39 is none.
    let has_colour =
        |text: &str| text.contains("38;5;") || (31..=36).any(|one| text.contains(&format!("[{one}m")));
    terminal.top("--interval 0.2").unwrap();
    terminal.shows("│").unwrap();
    assert!(has_colour(&terminal.coloured().unwrap()));
    terminal.quit().unwrap();
    terminal.line("export NO_COLOR=1 LC_ALL=C; clear").unwrap();
    terminal.top("--interval 0.2").unwrap();
    terminal.shows("reject tcp 23").unwrap();
    terminal.shows("accepted").unwrap();
    let screen = terminal.coloured().unwrap();
    assert!(!has_colour(&screen), "{screen:?}");
    assert!(screen.is_ascii(), "{screen}");
}
