//! The page about the view: what it shows of it is drawn by the view, and the keys are its own.
//!
//! `FRAGWALL_WRITE_DOCS=1 cargo test -p firewall-user --lib docs` writes them.

use super::{draw::tests as drawing, keys::HELP, theme::Theme};
use crate::written;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/top.md");

#[test]
fn what_the_page_holds_of_the_view_is_what_the_view_shows() {
    let theme = Theme { colour: false, unicode: true };
    let screen = drawing::shown(&drawing::model(), theme, 126, 34);
    let keys: String = HELP.iter().map(|(keys, what)| format!("| `{keys}` | {what} |\n")).collect();
    let parts = [
        ("screen", format!("```text\n{screen}```\n")),
        ("keys", format!("| keys | |\n| --- | --- |\n{keys}")),
    ];
    written::check(PAGE, &parts);
}
