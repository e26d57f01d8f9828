//! Parts of the pages for operators that are written from the code.

use std::{env, fs};

/// That each part of a page, by its name, is what the code says. With `FRAGWALL_WRITE_DOCS` set they're written instead.
pub(crate) fn check(page: &str, parts: &[(&str, String)]) {
    let text = fs::read_to_string(page).unwrap();
    let mut wanted = text.clone();
    for (name, part) in parts {
        let begin = format!(
            "<!-- {name}: written by FRAGWALL_WRITE_DOCS=1 cargo test -p firewall-user --lib docs -->\n"
        );
        let end = format!("<!-- end of {name} -->\n");
        let (before, rest) = wanted.split_once(&begin).expect("the page says where the part begins");
        let (_, after) = rest.split_once(&end).expect("the page says where the part ends");
        wanted = [before, &begin, "\n", part, "\n", &end, after].concat();
    }
    if env::var_os("FRAGWALL_WRITE_DOCS").is_some() {
        fs::write(page, wanted).unwrap();
    } else {
        assert!(
            text == wanted,
            "{page} says something else than the code; FRAGWALL_WRITE_DOCS=1 cargo test -p firewall-user --lib docs mends it"
        );
    }
}
