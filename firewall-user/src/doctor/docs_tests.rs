//! The page about the doctor: its lines are what the code says.
//!
//! `FRAGWALL_WRITE_DOCS=1 cargo test -p firewall-user --lib docs` writes them.

use std::fs;

use super::{
    Finding, Topic, bpffs, filter, kernel, mode, privileges, programs, queues, reassembly, rules, tracking,
    vlan,
};
use crate::written;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/doctor.md");

/// Every line that there is about a topic, from facts that are made up.
fn examples(topic: Topic) -> Vec<Finding> {
    match topic {
        Topic::Privileges => privileges::tests::examples(),
        Topic::Kernel => kernel::tests::examples(),
        Topic::Bpffs => bpffs::tests::examples(),
        Topic::Filter => filter::tests::examples(),
        Topic::Mode => mode::tests::examples(),
        Topic::Vlan => vlan::tests::examples(),
        Topic::Queues => queues::tests::examples(),
        Topic::Programs => programs::tests::examples(),
        Topic::Reassembly => reassembly::tests::examples(),
        Topic::Tracking => tracking::tests::examples(),
        Topic::Rules => rules::tests::examples(),
    }
}

#[test]
fn what_the_page_holds_of_the_code_is_what_the_code_says() {
    let parts = Topic::ALL.map(|topic| {
        let lines: Vec<_> = examples(topic).iter().map(ToString::to_string).collect();
        (topic.word(), format!("```text\n{}\n```\n", lines.join("\n")))
    });
    written::check(PAGE, &parts);
}

#[test]
fn every_topic_has_a_heading_and_lines_of_its_own() {
    let page = fs::read_to_string(PAGE).unwrap();
    for topic in Topic::ALL {
        assert!(page.contains(&format!("\n## {}\n", topic.word())), "{topic:?}");
        let examples = examples(topic);
        assert!(examples.len() > 1 && examples.iter().all(|finding| finding.topic == topic), "{topic:?}");
        let is_advised = |finding: &Finding| finding.advice.is_some() == (finding.level.word() != "ok");
        assert!(
            examples.iter().all(is_advised),
            "{topic:?}: what isn't right has advice, and what is has none"
        );
    }
}
