//! The build with the program's own trace: the kernel takes it, and it tells of packets.

use std::sync::{Arc, Mutex};

use firewall_common::rules::Action;

use super::explain::Explainer;
use crate::ruleset::Config;

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<String>>>);

impl log::Log for Kept {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.0.lock().unwrap().push(format!("{} {}", record.level(), record.args()));
    }

    fn flush(&self) {}
}

#[test]
fn each_packet_is_told_of_with_its_verdict_and_reason() {
    let config = Config { default: Action::Allow, ..Config::default() };
    let mut explainer = Explainer::new(config, None, false).unwrap();
    let kept = Kept::default();
    let mut trace = explainer.instance().trace(kept.clone()).unwrap();
    // An IPv6 header that isn't there, and a frame of a protocol that is none of IP's.
    let truncated = [&[2; 12][..], &[0x86, 0xdd]].concat();
    let foreign = [&[2; 12][..], &[0x88, 0xcc], &[0; 46]].concat();
    for (number, frame) in (1..).zip([&truncated, &foreign]) {
        explainer.explain(number, frame).unwrap();
    }
    trace.flush();
    let told = kept.0.lock().unwrap();
    let expected = [
        "DEBUG 14 bytes on interface 1: drop because of truncated, slot ",
        "DEBUG 60 bytes on interface 1: pass because of not-ip, slot ",
    ];
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for (line, expected) in told.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line}");
    }
}
