//! What `fragwall status` says of answers: whether they leave is found out by asking for one.

use std::time::Duration;

use firewall_tests::harness::packet::{Ether, Internet as _, ip4};
use serde_json::Value;

use crate::pair::{HOST4, Pair, destination, source, stranger};

/// What is said of the only interface.
fn said(pair: &Pair) -> (Value, String) {
    let json = pair.fragwall().json(&["status"]).unwrap();
    let text = pair.fragwall().run_ok(&["status"]).unwrap().stdout;
    let text = String::from_utf8(text).unwrap().lines().next().unwrap_or_default().to_owned();
    (json["interfaces"][0]["answers"].clone(), text)
}

/// Whether a rejected packet is answered.
fn answers(pair: &mut Pair, n: usize) -> bool {
    let frame = Ether::to(ip4(&stranger(n, false), HOST4).udp(9, 53, &[])).frame();
    pair.sender.send(&frame).unwrap();
    let wanted = |answer: &[u8]| destination(answer) == source(&frame);
    pair.receiver.next(Duration::from_millis(500), wanted).unwrap().is_some()
}

#[test]
fn status_tells_whether_answers_leave() {
    let mut pair = Pair::new("status").unwrap();
    let fragwall = |pair: &Pair, arguments: &[&str]| drop(pair.fragwall().run_ok(arguments).unwrap());
    // Nothing is rejected: there's nothing to tell.
    fragwall(&pair, &["attach", "eth0", "--mode", "native", "--allow", "udp 7"]);
    assert_eq!(said(&pair), (Value::Null, "eth0: attached in native mode".to_owned()));
    fragwall(&pair, &["reject", "udp"]);
    let (known, text) = said(&pair);
    assert_eq!(known, true, "{text}");
    assert!(text.contains("; rejected packets are answered"), "{text}");
    assert!(answers(&mut pair, 1));
    pair.neighbour_takes_frames(false);
    let (known, text) = said(&pair);
    assert_eq!(known, false, "{text}");
    assert!(text.contains("its peer takes none"), "{text}");
    assert!(!answers(&mut pair, 2));
    pair.neighbour_takes_frames(true);
    assert_eq!(said(&pair).0, true);
    assert!(answers(&mut pair, 3));
    pair.neighbour_takes_frames(false);
    fragwall(&pair, &["detach"]);
    fragwall(&pair, &["attach", "eth0", "--mode", "generic", "--default", "reject"]);
    assert_eq!(said(&pair).0, true);
    assert!(answers(&mut pair, 4));
}
