//! The table of reasons in the documentation: what the code says, and nothing else.
//!
//! `FRAGWALL_WRITE_DOCS=1 cargo test -p firewall-common table_of_reasons` writes it.

use std::{env, fmt::Write as _, fs, path::Path};

use firewall_common::verdict::{Reason, Verdict};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/fragments.md");
/// What the table stands between.
const BEGIN: &str =
    "<!-- reasons: written by FRAGWALL_WRITE_DOCS=1 cargo test -p firewall-common table_of_reasons -->\n";
const END: &str = "<!-- end of reasons -->\n";

fn table() -> String {
    let mut table = "\n| reason | verdict | what it means | see |\n| --- | --- | --- | --- |\n".to_owned();
    for reason in Reason::ALL {
        let verdicts: Vec<_> = reason.verdicts().iter().copied().map(Verdict::name).collect();
        let (name, verdicts, link) = (reason.name(), verdicts.join(", "), link(reason.reference()));
        writeln!(table, "| `{name}` | {verdicts} | {} | {link} |", reason.describe())
            .expect("a string takes what is written to it");
    }
    table + "\n"
}

/// A reference as the page links to it: the RFC editor's, or a place in this project's documentation.
fn link(reference: &str) -> String {
    if let Some(rfc) = reference.strip_prefix("RFC ") {
        let (number, section) = rfc.split_once(' ').unwrap_or((rfc, ""));
        let anchor = if section.is_empty() { String::new() } else { format!("#section-{section}") };
        return format!("[{reference}](https://www.rfc-editor.org/rfc/rfc{number}{anchor})");
    }
    let (file, heading) = reference.split_once('#').expect("a place in the documentation is a heading");
    let text = fs::read_to_string(Path::new(ROOT).join(file)).expect("there's such a page");
    let title =
        text.lines().filter_map(|line| line.strip_prefix("## ")).find(|title| anchor(title) == heading);
    let title = title.unwrap_or_else(|| panic!("{file} has no heading #{heading}"));
    // The page is one of those below docs/.
    let target = file.strip_prefix("docs/").map_or_else(|| format!("../{file}"), str::to_owned);
    format!("[{title}]({}#{heading})", if target == "fragments.md" { "" } else { &target })
}

/// A heading as links name it.
fn anchor(title: &str) -> String {
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

#[test]
fn the_table_of_reasons_is_what_the_code_says() {
    let page = fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the page says where the table begins");
    let (written, after) = rest.split_once(END).expect("the page says where the table ends");
    let table = table();
    if env::var_os("FRAGWALL_WRITE_DOCS").is_some() {
        fs::write(PAGE, [before, BEGIN, &table, END, after].concat()).unwrap();
    } else {
        assert!(
            written == table,
            "docs/fragments.md has another table of reasons than this one:\n{table}\n\
             FRAGWALL_WRITE_DOCS=1 cargo test -p firewall-common table_of_reasons writes it"
        );
    }
}
