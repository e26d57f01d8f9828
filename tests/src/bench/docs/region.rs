//! A part of a Markdown page that is written anew: what stands between two comments of its name.

use anyhow::{Context as _, Result, ensure};

/// A page with other text in a region.
///
/// # Errors
/// The page doesn't have exactly one region of that name: the marker is named.
pub(super) fn replaced(page: &str, name: &str, text: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- bench {name} -->\n"), format!("<!-- end of {name} -->\n"));
    let (before, rest) =
        page.split_once(&begin).with_context(|| format!("there's no line {:?}", begin.trim()))?;
    let (_, after) =
        rest.split_once(&end).with_context(|| format!("there's no line {:?} behind it", end.trim()))?;
    ensure!(!after.contains(&begin), "there are two lines {:?}", begin.trim());
    Ok(format!("{before}{begin}{text}{end}{after}"))
}

/// A text as Markdown shows it letter by letter; blanks at the ends of lines go.
pub(super) fn block(text: &str) -> String {
    let lines =
        text.trim_end().lines().map(|line| format!("    {}", line.trim_end()).trim_end().to_owned() + "\n");
    format!("\n{}\n", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str =
        "a\n<!-- bench x -->\nold\n<!-- end of x -->\nb\n<!-- bench y -->\n<!-- end of y -->\n";

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let page = replaced(PAGE, "x", "new\n").unwrap();
        assert_eq!(page, PAGE.replace("old", "new"));
        assert_eq!(replaced(&page, "x", "new\n").unwrap(), page);
    }

    #[test]
    fn a_region_that_is_missing_or_twice_there_is_named() {
        for (page, name) in [
            (PAGE.to_owned(), "bench z"),
            (PAGE.replace("<!-- end of x -->\n", ""), "end of x"),
            (format!("{PAGE}{PAGE}"), "bench x"),
        ] {
            let what = if name == "bench z" { "z" } else { "x" };
            let error = format!("{:#}", replaced(&page, what, "").unwrap_err());
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn a_block_is_indented_and_has_no_blanks_at_its_ends() {
        assert_eq!(block("a  \n\n b\n\n"), "\n    a\n\n     b\n\n");
    }
}
