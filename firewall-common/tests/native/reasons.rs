//! The table of reasons in the documentation: what the code says, and nothing else.
//!
//! `FRAGWALL_WRITE_DOCS=1 cargo test -p firewall-common table_of_reasons` writes it.

use std::{env, fmt::Write as _, fs};

use firewall_common::verdict::{Reason, Verdict};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/fragments.md");
/// What the table stands between.
const BEGIN: &str =
    "<!-- reasons: written by FRAGWALL_WRITE_DOCS=1 cargo test -p firewall-common table_of_reasons -->\n";
const END: &str = "<!-- end of reasons -->\n";

fn table() -> String {
    let mut table = "\n| reason | verdict | what it means |\n| --- | --- | --- |\n".to_owned();
    for reason in Reason::ALL {
        let verdicts: Vec<_> = reason.verdicts().iter().copied().map(Verdict::name).collect();
        writeln!(table, "| `{}` | {} | {} |", reason.name(), verdicts.join(", "), reason.describe())
            .expect("a string takes what is written to it");
    }
    table + "\n"
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
