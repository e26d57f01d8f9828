//! Where it listens.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};

use firewall_tests::harness::host::{HOST, Host};
use firewall_tests::harness::temporary_directory;
use nix::sys::signal::Signal;

use firewall_tests::harness::serving::{LIMIT, Serving, ask};

#[test]
fn it_listens_where_it_is_told_to_and_on_the_loopback_if_it_isnt() {
    let host = Host::new("places").unwrap();
    let by_default = Serving::new(&host, &[]).unwrap();
    assert!(by_default.daemon.log().contains("http://127.0.0.1:9837/metrics"), "{}", by_default.daemon.log());
    assert_eq!(by_default.get("/healthz").unwrap().status, 200);
    for address in ["[::1]:9837", "127.0.0.1:0", &format!("{}:9837", HOST[1]), "[::]:9838"] {
        let serving = Serving::new(&host, &["--listen", address]).unwrap();
        assert_eq!(serving.get("/healthz").unwrap().status, 200, "{address}");
        serving.end().unwrap();
    }
    // A second one at the same place says what is in its way, and has changed nothing.
    let second = host.fragwall().run(&["serve"]).unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    for words in ["127.0.0.1:9837", "another program listens there", "`--listen`"] {
        assert!(said.contains(words), "{said}");
    }
    by_default.end().unwrap();
    // Whoever follows gets the place at once.
    Serving::new(&host, &[]).unwrap().end().unwrap();
    let elsewhere = host.fragwall().run(&["serve", "--listen", "192.0.2.77:9837"]).unwrap();
    assert_eq!(elsewhere.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&elsewhere.stderr).contains("no such address"), "{elsewhere:?}");
}

#[test]
fn a_socket_in_the_filesystem_is_the_owners_and_the_groups() {
    let host = Host::new("unix").unwrap();
    let directory = temporary_directory("unix").unwrap();
    let path = directory.path().join("fragwall.sock");
    let address = format!("unix:{}", path.display());
    let get = || {
        let stream = UnixStream::connect(&path)?;
        stream.set_read_timeout(Some(LIMIT))?;
        ask(stream, "GET", "/healthz", "")
    };
    let mut serving = Serving::new(&host, &["--listen", &address]).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o660);
    assert_eq!(get().unwrap().status, 200);
    let second = host.fragwall().run(&["serve", "--listen", &address]).unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another program listens there"), "{second:?}");
    assert_eq!(get().unwrap().status, 200, "the first one isn't disturbed");

    // What is left of one that was killed is in nobody's way.
    serving.daemon.signal(Signal::SIGKILL).unwrap();
    serving.daemon.ended(LIMIT).unwrap();
    assert!(path.exists() && get().is_err());
    let serving = Serving::new(&host, &["--listen", &address]).unwrap();
    assert_eq!(get().unwrap().status, 200);
    serving.end().unwrap();
    assert!(!path.exists(), "it's removed in the end");

    // Another's isn't.
    let serving = Serving::new(&host, &["--listen", &address]).unwrap();
    fs::remove_file(&path).unwrap();
    let others = UnixListener::bind(&path).unwrap();
    serving.end().unwrap();
    assert!(fs::metadata(&path).unwrap().file_type().is_socket());
    drop(others);
    fs::remove_file(&path).unwrap();
    fs::write(&path, "precious").unwrap();
    let refused = host.fragwall().run(&["serve", "--listen", &address]).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("something else than a socket"), "{refused:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}
