//! Where it can't be.

use firewall_tests::harness::host::Host;

use super::terminal::Terminal;
use super::traffic::filtered;

#[test]
fn without_a_terminal_and_for_data_it_names_what_to_use() {
    let host = filtered("refuses").unwrap();
    for (arguments, words) in [
        (&["top"][..], &["standard output is no terminal", "fragwall stats --watch"][..]),
        (&["top", "--json"], &["--json", "fragwall stats --watch --json"]),
        (&["top", "--interval", "0"], &["--interval", "from 0.1 to 86400"]),
        (&["top", "--interval", "soon"], &["--interval", "from 0.1 to 86400"]),
    ] {
        let output = host.fragwall().run(arguments).unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        for words in words {
            assert!(said.contains(words), "no {words:?} in {said}");
        }
    }
}

#[test]
fn without_a_filter_it_says_so_on_the_screen_that_was_there() {
    let host = Host::new("none").unwrap();
    let terminal = Terminal::new(&host, 100, 30).unwrap();
    terminal.fragwall("top; echo code-$?").unwrap();
    terminal.shows("code-3").unwrap();
    assert!(terminal.screen().unwrap().contains("fragwall: "));
    assert_eq!(terminal.state().unwrap(), (false, true));
}
