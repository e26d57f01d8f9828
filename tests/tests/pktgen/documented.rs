//! What docs/pktgen.md says of the options is what they are. `FRAGWALL_WRITE_DOCS=1 cargo test -p firewall-tests --test pktgen documented` writes it.

use std::{env, fs};

use clap::{Command, CommandFactory as _};
use firewall_tests::pktgen::options::Cli;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/pktgen.md");
const HOW: &str = "FRAGWALL_WRITE_DOCS=1 cargo test -p firewall-tests --test pktgen documented";

/// A table of a command's options.
fn table(command: &Command) -> String {
    let mut table = String::from("| option | |\n| --- | --- |\n");
    for argument in command.get_arguments().filter(|argument| argument.get_id() != "help") {
        let values = argument.get_value_names().unwrap_or_default();
        let value =
            values.iter().map(|value| value.as_str()).filter(|_| argument.get_action().takes_values());
        let words: Vec<String> = argument
            .get_long()
            .map(|long| format!("--{long}"))
            .into_iter()
            .chain(value.map(str::to_owned))
            .collect();
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let defaults = argument.get_default_values().iter().map(|value| value.to_string_lossy());
        let default: String = if argument.get_action().takes_values() {
            defaults.map(|value| format!(" [default: {value}]")).collect()
        } else {
            String::new()
        };
        let name = words.join(" ").replace('|', "\\|");
        table += &format!("| `{name}` | {}{default} |\n", help.replace('|', "\\|"));
    }
    table
}

#[test]
fn the_page_has_every_option() {
    let cli = Cli::command();
    let watch = cli.find_subcommand("watch").unwrap();
    let text = fs::read_to_string(PAGE).unwrap();
    let mut wanted = text.clone();
    for (name, part) in [("options", table(&cli)), ("watch", table(watch))] {
        let (begin, end) =
            (format!("<!-- {name}: written by {HOW} -->\n"), format!("<!-- end of {name} -->\n"));
        let (before, rest) = wanted.split_once(&begin).expect("the page says where the part begins");
        let (_, after) = rest.split_once(&end).expect("the page says where the part ends");
        wanted = [before, &begin, "\n", &part, "\n", &end, after].concat();
    }
    if env::var_os("FRAGWALL_WRITE_DOCS").is_some() {
        fs::write(PAGE, wanted).unwrap();
    } else {
        assert!(text == wanted, "{PAGE} says something else than the code; {HOW} mends it");
    }
}
