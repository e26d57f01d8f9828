//! `fragwall stats --watch`.

use std::process::Stdio;

use firewall_tests::harness::host::Host;
use firewall_tests::harness::packet::{Ether, Internet as _, ip6, pattern};
use firewall_tests::harness::raw::RawSender;
use serde_json::Value;

/// Each line has how much came in a second since the one before, which is something if and only if the totals have grown.
#[test]
fn lines_have_rates_of_what_came_between_them() {
    let host = Host::quiet("watch").unwrap();
    host.ok(&["attach", "eth0", "--allow", "udp 4500"]).unwrap();
    let mut command = host.fragwall().command().unwrap();
    command.args(["stats", "--watch", "0.2", "--count", "6", "--json"]);
    let watching = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let sender = RawSender::new(&host.neighbour, "eth0").unwrap();
    let frame = Ether::to(ip6("2001:db8::2", "2001:db8::1").udp(9, 4500, &pattern(100))).frame();
    let mut child = watching;
    while child.try_wait().unwrap().is_none() {
        sender.send_in_turn(&frame).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let lines: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 6);
    for pair in lines.windows(2) {
        for of in ["/interfaces/0/passed", "/rules/0", "/reasons/0", "/default", "/interfaces/0/dropped"] {
            let [before, now] =
                [&pair[0], &pair[1]].map(|line| line.pointer(of).cloned().unwrap_or_default());
            let packets = |total: &Value| total["packets"].as_u64().unwrap_or(0);
            let grown = packets(&now) - packets(&before);
            let rate = |of: &str| now["rate"][of].as_f64().unwrap_or_else(|| panic!("{now}"));
            assert_eq!(rate("packets") > 0.0, grown > 0, "{of}: {before} {now}");
            // All of one length.
            assert!((rate("bytes") - rate("packets") * frame.len() as f64).abs() < 1e-3, "{now}");
        }
    }
    assert!(
        lines[5]["rules"][0]["packets"].as_u64().unwrap() > lines[0]["rules"][0]["packets"].as_u64().unwrap()
    );
}

#[test]
fn without_json_there_is_a_block_each_time_and_it_ends_when_the_filter_is_gone() {
    let host = Host::quiet("blocks").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let output = host.ok(&["stats", "--watch", "0.1", "--count", "3"]).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let heads = text.lines().filter(|line| line.contains("packets/s") && line.ends_with("interface"));
    assert_eq!(heads.count(), 3, "{text}");
    assert!(!text.contains('\x1b'), "no terminal, no escapes: {text:?}");

    let mut command = host.fragwall().command().unwrap();
    let watching = command.args(["stats", "--watch"]).stdin(Stdio::null());
    let watching = watching.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    host.ok(&["detach"]).unwrap();
    let ended = watching.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(3), "{}", String::from_utf8_lossy(&ended.stderr));
}

#[test]
fn a_pause_that_is_none_is_refused() {
    let host = Host::quiet("pause").unwrap();
    for arguments in [&["stats", "--watch", "0"][..], &["stats", "--watch", "x"], &["stats", "--count", "3"]]
    {
        let output = host.fragwall().run(arguments).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}
