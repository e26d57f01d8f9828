//! The example of the documentation: a capture with a packet for every reason that a capture can show, and what is told of it.
//!
//! `FRAGWALL_WRITE_DOCS=1 cargo test -p firewall-tests --test explain example` writes the capture and what docs/explain.md says
//! of it.

use std::{collections::BTreeSet, env, fs, path::Path, process::Output, sync::LazyLock};

use firewall_common::verdict::Reason;

use crate::{
    Marked, explain, pcapng_of,
    reasons::{Case, NOT_IN_A_CAPTURE, cases},
};

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs");
/// What the page says where it's written.
const END: &str = "<!-- end of example -->\n";

/// The beginning of what is written of an example.
fn begin(name: &str) -> String {
    format!(
        "<!-- example {name}: written by FRAGWALL_WRITE_DOCS=1 cargo test -p firewall-tests --test explain example -->\n"
    )
}

fn is_written() -> bool {
    env::var_os("FRAGWALL_WRITE_DOCS").is_some()
}

/// The capture.
fn capture() -> Vec<u8> {
    let packets = cases().into_iter();
    pcapng_of(packets.map(|(comment, sent, frame)| Marked { frame, outgoing: Some(sent), comment }))
}

/// Where the capture is, brought up to date if the documentation is: once, since the tests run side by side.
static CHECKED_IN: LazyLock<String> = LazyLock::new(|| {
    let path = format!("{DOCS}/explain/reasons.pcapng");
    if is_written() {
        fs::write(&path, capture()).unwrap();
    }
    assert!(fs::read(&path).unwrap() == capture(), "{path} isn't what the cases make");
    path
});

/// The configuration that the example is mostly judged by, and one that accepts ICMP errors only as replies: no configuration has
/// packets of both reasons.
const CONFIGS: [&str; 2] = ["fragwall.toml", "strict.toml"];

/// What is told of the capture by one of them.
fn told(config: &str, options: &[&str]) -> String {
    let config = format!("{DOCS}/explain/{config}");
    let options = [&["--config", &config, "--replies"], options].concat();
    let output: Output = explain(&options, Path::new(&*CHECKED_IN));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Checks what the page says of an example, or writes it.
fn page_says(name: &str, text: &str) {
    let (path, begin) = (format!("{DOCS}/explain.md"), begin(name));
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("no example {name} in {path}"));
    let (written, after) = rest.split_once(END).expect("an example has an end");
    if is_written() {
        fs::write(&path, [before, &begin, text, END, after].concat()).unwrap();
    } else {
        let how = "FRAGWALL_WRITE_DOCS=1 cargo test -p firewall-tests --test explain example writes it";
        assert!(written == text, "{path} has another example {name} than this one:\n{text}\n{how}");
    }
}

/// A block of what a command prints.
fn block<'a>(config: &str, options: &str, lines: impl Iterator<Item = &'a str>) -> String {
    let command = format!("\n    # fragwall explain --config {config} --replies {options}reasons.pcapng\n");
    let indented = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") };
    lines.fold(command, |text, line| text + &indented(line)) + "\n"
}

#[test]
fn the_example_of_the_documentation_has_every_reason_that_a_capture_can_show() {
    let text: String = CONFIGS.iter().map(|config| told(config, &["--json"])).collect();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let met: BTreeSet<&str> = lines.iter().filter_map(|line| line["reason"].as_str()).collect();
    for reason in Reason::ALL {
        assert_ne!(
            met.contains(reason.name()),
            NOT_IN_A_CAPTURE.contains(reason),
            "{}: a case in tests/tests/explain/reasons.rs, or a place among those that no capture shows",
            reason.name()
        );
    }
}

#[test]
fn the_page_shows_the_examples() {
    let [config, strict] = CONFIGS;
    let reasons = told(config, &[]);
    // Words for what each packet is, which the file has as comments, beside what is told of it.
    let list: String = cases()
        .iter()
        .zip(1..)
        .map(|((what, _, _), number): (&Case, _)| format!("| {number} | {what} |\n"))
        .collect();
    let list = format!("| packet | what it is |\n| --- | --- |\n{list}\n");
    page_says("reasons", &(block(config, "", reasons.lines()) + &list));

    let stricter = told(strict, &[]);
    let differing = stricter.lines().zip(reasons.lines()).filter(|(strict, line)| strict != line);
    page_says("strict", &block(strict, "", differing.map(|(strict, _)| strict)));

    let stages = told(config, &["--stages"]);
    // One of a kind is enough.
    let packets = ["9", "14", "16", "19", "28"];
    let mut is_shown = false;
    let shown = stages.lines().filter(|line| {
        if !line.starts_with("        ") {
            is_shown = packets.contains(&line.split_whitespace().next().unwrap_or_default());
        }
        is_shown
    });
    page_says("stages", &block(config, "--stages ", shown));

    page_says("summary", &block(config, "--summary ", told(config, &["--summary"]).lines()));
}
