//! What the command line says of itself.

use std::process::Command;

use firewall_tests::harness::fragwall::binary;

/// Each command with its own options and arguments.
const COMMANDS: [(&str, &[&str]); 24] = [
    (
        "attach",
        &["[IFACE]", "--config", "--allow", "--mode", "--default", "--observe", "--confirm", "--force"],
    ),
    ("detach", &["[IFACE]"]),
    ("status", &[]),
    ("allow", &["<MATCH>", "--at", "--confirm", "--force"]),
    ("deny", &["<MATCH>", "--at", "--confirm", "--force"]),
    ("reject", &["<MATCH>", "--at", "--confirm", "--force"]),
    ("delete", &["<RULE|NUMBER>", "--confirm", "--force"]),
    ("list", &[]),
    ("flush", &["--confirm", "--force"]),
    ("check", &["[FILE]"]),
    ("apply", &["[FILE]", "--observe", "--mode", "--confirm", "--force"]),
    ("save", &["[FILE]"]),
    ("entry", &[]),
    ("confirm", &[]),
    ("rollback", &[]),
    ("enforce", &["--confirm", "--force"]),
    ("upgrade", &["--downgrade", "--confirm"]),
    ("stats", &["--watch", "--count"]),
    (
        "monitor",
        &[
            "--verdict",
            "--reason",
            "--rule",
            "--fragments",
            "--address",
            "--port",
            "--rate",
            "--format",
            "--write",
        ],
    ),
    ("import", &["[FILES]", "--from"]),
    (
        "serve",
        &["--config", "--listen", "--events", "--events-rate", "--mode", "--force", "/metrics", "SIGHUP"],
    ),
    ("top", &["--interval", "NO_COLOR"]),
    ("explain", &["<INPUT>", "--config", "--allow", "--default"]),
    ("doctor", &["[IFACE]", "Exit code 1"]),
];
const GLOBAL: [&str; 4] = ["--netns", "--bpffs", "--json", "--help"];

fn help(arguments: &[&str]) -> String {
    let output = Command::new(binary().unwrap()).args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    assert!(output.stderr.is_empty(), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn help_tells_every_option_of_every_command() {
    let overview = help(&["--help"]);
    for (command, own) in COMMANDS {
        assert!(overview.contains(&format!("\n  {command} ")), "{command}");
        for text in [help(&[command, "--help"]), help(&["help", command])] {
            for option in own.iter().chain(&GLOBAL) {
                assert!(text.contains(option), "{command}: no {option} in {text}");
            }
        }
    }
    for code in ["0 done", "1 failed", "2 usage", "3 not attached", "4 the interface"] {
        assert!(overview.contains(code), "no {code:?} in {overview}");
    }
    assert!(help(&["--version"]).starts_with("fragwall "));
}
