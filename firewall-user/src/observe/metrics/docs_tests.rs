//! The page about `fragwall serve`: its table of metrics is what the code says.

use std::fmt::Write as _;

use super::{FAMILIES, Kind};
use crate::written;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/serve.md");

#[test]
fn docs_tell_every_metric() {
    let mut table = "| metric | kind | labels | what it tells |\n| --- | --- | --- | --- |\n".to_owned();
    for family in FAMILIES {
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Info => "info",
        };
        let labels: Vec<String> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let name = family.sample_name();
        writeln!(table, "| `{name}` | {kind} | {} | {} |", labels.join(", "), family.help).unwrap();
    }
    written::check(PAGE, &[("metrics", table)]);
}
