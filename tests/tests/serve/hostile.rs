//! Clients that mean no good, and one that is served meanwhile.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use firewall_tests::harness::host::Host;
use nix::sys::socket::{setsockopt, sockopt};

use firewall_tests::harness::serving::{LIMIT, Serving};

/// How many connections there are at once.
const MOST: usize = 64;

/// That a client that means well is served.
fn assert_serves(serving: &Serving<'_>) {
    assert_eq!(serving.get("/healthz").unwrap().body, "ok\n");
    assert_eq!(serving.get("/metrics").unwrap().status, 200);
}

/// Waits until the other side has closed a connection; what it had said before.
fn closed(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    match stream.read_to_end(&mut text) {
        Ok(_) => {}
        // What was sent in vain is answered by a reset.
        Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {}
        Err(error) => panic!("it isn't closed: {error}"),
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn who_is_idle_or_slow_is_closed() {
    let host = Host::new("slow").unwrap();
    let serving = Serving::new(&host, &[]).unwrap();
    let idle = serving.connect().unwrap();
    let mut kept = serving.connect().unwrap();
    kept.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut begun = [0; 15];
    kept.read_exact(&mut begun).unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200 OK");
    // One that sends another byte now and then, which doesn't help it.
    let mut slow = serving.connect().unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nX-Slow: ").unwrap();
    let start = Instant::now();
    while slow.write_all(b"x").is_ok() {
        assert!(start.elapsed() < LIMIT, "a slow client is never closed");
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert_serves(&serving);
    }
    assert!(!closed(slow).contains("200"));
    assert_eq!(closed(idle), "");
    assert!(closed(kept).ends_with("ok\n"));
    serving.end().unwrap();
}

#[test]
fn what_isnt_a_request_is_refused() {
    let host = Host::new("garbage").unwrap();
    let serving = Serving::new(&host, &[]).unwrap();
    let huge = format!("GET /healthz HTTP/1.1\r\nX-Huge: {}\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("GET /healthz HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(1000));
    let line = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(1 << 20));
    for (request, expected) in [
        (huge.as_bytes(), "431"),
        (many.as_bytes(), "431"),
        (line.as_bytes(), "431"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and more of TLS\r\n\r\n", "400"),
        (b"nonsense\r\n\r\n", "400"),
        (b"GET /healthz HTTP/9.9\r\n\r\n", "400"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""),
        (&[0; 1000], "400"),
    ] {
        let mut stream = serving.connect().unwrap();
        // It may be closed amid that.
        let _ = stream.write_all(request);
        let said = closed(stream);
        assert!(!said.contains("200 OK"), "{said}");
        // A reset may overtake the answer.
        assert!(said.is_empty() || said.contains(expected), "{said}");
        assert_serves(&serving);
    }
    // A body that never ends isn't waited for.
    let mut endless = serving.connect().unwrap();
    let head = b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n";
    endless.write_all(head).unwrap();
    assert!(closed(endless).contains("200 OK"));
    serving.end().unwrap();
}

#[test]
fn many_connections_keep_nobody_out() {
    let host = Host::new("many").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let serving = Serving::new(&host, &[]).unwrap();
    let idle: Vec<TcpStream> = (0..MOST * 3).map(|_| serving.connect().unwrap()).collect();
    assert_serves(&serving);
    let shed = serving.metrics().unwrap()["fragwall_http_connections_shed_total"];
    assert!(shed >= (MOST * 2) as f64, "{shed}");
    // The bound holds: of all these, those that have waited for longest are closed already.
    idle.into_iter().take(MOST * 2).for_each(|stream| assert_eq!(closed(stream), ""));
    serving.end().unwrap();
}

#[test]
fn who_never_reads_is_closed_and_keeps_nobody_waiting() {
    let host = Host::new("deaf").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let serving = Serving::new(&host, &[]).unwrap();
    let mut deaf: Vec<TcpStream> = (0..MOST).map(|_| serving.connect().unwrap()).collect();
    for stream in &mut deaf {
        setsockopt(stream, sockopt::RcvBuf, &4096).unwrap();
        stream.set_nonblocking(true).unwrap();
        // As many answers as no buffer holds, and none is read.
        let request = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
        let asked = (0..2000).try_for_each(|_| stream.write_all(request));
        assert!(asked.is_ok() || asked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock));
    }
    // There's room as soon as they have been given their first answers, whether the rest is asked for or waited for.
    serving.until(|serving| Ok(serving.get("/healthz").is_ok())).unwrap();
    assert_serves(&serving);
    let mut last = deaf.pop().unwrap();
    let start = Instant::now();
    loop {
        match last.write(b"x") {
            Err(error) if error.kind() != ErrorKind::WouldBlock => break,
            _ => assert!(start.elapsed() < LIMIT, "a client that never reads is never closed"),
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_serves(&serving);
    serving.end().unwrap();
}

#[test]
fn many_who_ask_at_once_are_all_answered() {
    let host = Host::new("crowd").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let serving = Serving::new(&host, &[]).unwrap();
    let streams: Vec<TcpStream> = (0..MOST / 2)
        .map(|_| {
            let mut stream = serving.connect().unwrap();
            stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
            stream
        })
        .collect();
    for stream in streams {
        assert!(closed(stream).contains("fragwall_up 1"));
    }
    serving.end().unwrap();
}
