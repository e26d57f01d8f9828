//! The formats of metrics, and what else can be asked for.

use std::io::Write as _;
use std::process::Stdio;

use firewall_tests::harness::host::Host;
use firewall_tests::harness::process::{run_ok, tool};
use firewall_tests::harness::{requirements, temporary_directory};

use firewall_tests::harness::serving::Serving;

const OPEN: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

#[test]
fn the_format_is_the_one_that_is_asked_for() {
    requirements::require(&["promtool"]).unwrap();
    let host = Host::new("formats").unwrap();
    host.ok(&["attach", "eth0", "--allow", "udp 500 comment \"for IKE\""]).unwrap();
    let serving = Serving::new(&host, &[]).unwrap();
    for (accept, kind) in [
        ("", TEXT),
        ("Accept: */*\r\n", TEXT),
        ("Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n", OPEN),
        ("Accept: text/plain;q=0.1\r\nAccept: application/openmetrics-text\r\n", OPEN),
    ] {
        let answer = serving.ask("GET", "/metrics", accept).unwrap();
        assert_eq!((answer.status, answer.headers["content-type"].as_str()), (200, kind), "{accept}");
        assert_eq!(answer.body.ends_with("# EOF\n"), kind == OPEN, "{accept}");
        assert_eq!(answer.headers["content-length"], answer.body.len().to_string());
    }

    // Prometheus's own tools read both, and find nothing to complain of.
    let directory = temporary_directory("formats").unwrap();
    let text = serving.get("/metrics").unwrap().body;
    let mut promtool = tool("promtool");
    let mut checking = promtool
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    checking.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let checked = checking.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(checked.status.success() && said.is_empty(), "{said}");

    // It reads OpenMetrics to put samples, which must have a time then, into a database.
    let open = serving.ask("GET", "/metrics", "Accept: application/openmetrics-text\r\n").unwrap().body;
    let timed: String = open
        .lines()
        .map(|line| if line.starts_with('#') { format!("{line}\n") } else { format!("{line} 1700000000\n") })
        .collect();
    let file = directory.path().join("metrics");
    std::fs::write(&file, timed).unwrap();
    let database = directory.path().join("database");
    run_ok(tool("promtool").args(["tsdb", "create-blocks-from", "openmetrics"]).arg(&file).arg(&database))
        .unwrap();
    serving.end().unwrap();
}

#[test]
fn what_can_be_asked_for() {
    let host = Host::new("routes").unwrap();
    let serving = Serving::new(&host, &[]).unwrap();
    let status = |method: &str, path: &str| serving.ask(method, path, "").unwrap().status;
    for (method, path, expected) in [
        ("GET", "/healthz", 200),
        ("HEAD", "/healthz", 200),
        ("GET", "/readyz", 503),
        ("GET", "/metrics", 200),
        ("GET", "/metrics?name[]=x", 200),
        ("GET", "/", 404),
        ("GET", "/metrics/", 404),
        ("POST", "/nothing", 404),
        ("POST", "/metrics", 405),
        ("DELETE", "/healthz", 405),
    ] {
        assert_eq!(status(method, path), expected, "{method} {path}");
    }
    assert_eq!(serving.ask("PUT", "/metrics", "").unwrap().headers["allow"], "GET, HEAD");
    host.ok(&["attach", "eth0"]).unwrap();
    assert_eq!(status("GET", "/readyz"), 200);
    let [get, head] = ["GET", "HEAD"].map(|method| serving.ask(method, "/readyz", "").unwrap());
    assert_eq!(get.headers["content-length"], head.headers["content-length"]);
    assert_eq!((get.body.as_str(), head.body.as_str()), ("ready\n", ""));
    host.ok(&["detach"]).unwrap();
    let answer = serving.get("/readyz").unwrap();
    assert!(answer.status == 503 && answer.body.contains("isn't attached to any interface"), "{answer:?}");
    serving.end().unwrap();
}
