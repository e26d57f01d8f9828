//! The terminal is as it was, however it ends or stops.

use firewall_tests::harness::host::Host;
use nix::sys::signal::Signal;

use super::terminal::Terminal;
use super::traffic::filtered;

/// A terminal with something on its screen, and its settings.
fn terminal(host: &Host) -> (Terminal, String) {
    let terminal = Terminal::new(host, 100, 30).unwrap();
    terminal.line("echo before-$((40+2))").unwrap();
    terminal.shows("before-42").unwrap();
    let settings = terminal.settings("before").unwrap();
    (terminal, settings)
}

/// That the shell has its screen and its settings again; a label for each time.
fn assert_given_back(terminal: &Terminal, settings: &str, label: &str) {
    terminal.line(&format!("echo {label}-$((40+2))")).unwrap();
    terminal.shows(&format!("{label}-42")).unwrap();
    let screen = terminal.screen().unwrap();
    assert!(!screen.contains("Fragment table"), "{label}: {screen}");
    assert_eq!(terminal.state().unwrap(), (false, true), "{label}: {screen}");
    assert_eq!(terminal.settings(label).unwrap(), settings, "{label}");
}

#[test]
fn however_it_ends() {
    let host = filtered("ends").unwrap();
    let (terminal, settings) = terminal(&host);
    let keys = ["q", "Escape", "C-c"].map(|key| (key, None));
    let signals = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT];
    for (name, signal) in keys.into_iter().chain(signals.map(|signal| (signal.as_str(), Some(signal)))) {
        terminal.top("").unwrap();
        terminal.shows("Fragment table").unwrap();
        assert_eq!(terminal.state().unwrap(), (true, false));
        match signal {
            Some(signal) => terminal.signal(signal).unwrap(),
            None => terminal.key(name).unwrap(),
        }
        // What was there before is there again.
        terminal.ended().unwrap();
        terminal.shows("before-42").unwrap();
        terminal.line(&format!("echo {name}-code-$?")).unwrap();
        terminal.shows(&format!("{name}-code-0")).unwrap();
        assert_given_back(&terminal, &settings, name);
        terminal.line("clear; echo before-$((40+2))").unwrap();
        terminal.until("a clear screen", |screen| screen.starts_with("before-42")).unwrap();
    }
}

#[test]
fn also_by_an_error_which_is_said_then() {
    let host = filtered("fails").unwrap();
    let (terminal, settings) = terminal(&host);
    terminal.top("--interval 0.2").unwrap();
    // Somebody lets others into the filter's state.
    let state = host.bpffs.path().join("fragwall");
    let mode = |mode| {
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(&state, permissions).unwrap();
    };
    mode(0o755);
    terminal.shows("its mode is 0755").unwrap();
    terminal.ended().unwrap();
    terminal.line("echo code-$?").unwrap();
    terminal.shows("code-1").unwrap();
    mode(0o700);
    assert_given_back(&terminal, &settings, "error");
}

#[test]
fn as_long_as_it_is_stopped() {
    let host = filtered("stops").unwrap();
    let (terminal, settings) = terminal(&host);
    terminal.top("--interval 0.2").unwrap();
    for (name, signal, rules) in [("key", None, "Rules 1/4"), ("signal", Some(Signal::SIGTSTP), "Rules 1/5")]
    {
        match signal {
            Some(signal) => terminal.signal(signal).unwrap(),
            None => terminal.key("C-z").unwrap(),
        }
        terminal.shows("Stopped").unwrap();
        assert_given_back(&terminal, &settings, name);
        host.ok(&["allow", "udp", if signal.is_some() { "7001" } else { "7000" }]).unwrap();
        terminal.line("fg").unwrap();
        terminal.shows("Fragment table").unwrap();
        assert_eq!(terminal.state().unwrap(), (true, false));
        // Keys are keys again, and it goes on.
        terminal.shows(rules).unwrap();
        terminal.key("?").unwrap();
        terminal.shows("this help").unwrap();
        terminal.key("?").unwrap();
        terminal.hides("this help").unwrap();
    }
    // Stopped by what can't be taken, it takes over the terminal again all the same.
    terminal.signal(Signal::SIGSTOP).unwrap();
    terminal.shows("Stopped").unwrap();
    terminal.line("fg").unwrap();
    terminal
        .until("it's drawn anew", |screen| screen.starts_with("fragwall top ") && !screen.contains("Stopped"))
        .unwrap();
    terminal.quit().unwrap();
    assert_given_back(&terminal, &settings, "end");
}

#[test]
fn a_stopped_one_can_be_ended() {
    let host = filtered("stopped").unwrap();
    let (terminal, settings) = terminal(&host);
    terminal.top("").unwrap();
    terminal.key("C-z").unwrap();
    terminal.shows("Stopped").unwrap();
    terminal.line("kill %1").unwrap();
    terminal.ended().unwrap();
    assert_given_back(&terminal, &settings, "killed");
}
