//! A directory for the state that is, or may be, in somebody else's hands.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use firewall_tests::harness::host::Host;

use super::{COMMANDS, assert_refused, filtered, in_force};

/// The user `nobody` of most systems.
const NOBODY: u32 = 65_534;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn assert_each_refused(host: &Host, says: &[&str]) {
    let path = host.bpffs.path().join("fragwall");
    let path = path.to_string_lossy();
    for arguments in COMMANDS {
        let output = host.fragwall().run(arguments).unwrap();
        assert_refused(&output, 1, &[&[&*path], says].concat(), &arguments.join(" "));
    }
}

#[test]
fn others_are_kept_out_of_the_state() {
    let host = filtered("closed");
    let top = host.bpffs.path().join("fragwall");
    assert_eq!(mode(host.bpffs.path()), 0o1777, "the case that is hard: anybody may make something here");
    assert_eq!(mode(&top), 0o700);
    for namespace in fs::read_dir(&top).unwrap() {
        assert_eq!(mode(&namespace.unwrap().path()), 0o700);
    }
}

#[test]
fn a_directory_that_others_may_open_is_refused() {
    let host = filtered("open");
    let before = in_force(&host);
    let top = host.bpffs.path().join("fragwall");
    for open in [0o755, 0o701, 0o720, 0o1777] {
        set_mode(&top, open);
        assert_each_refused(&host, &[&format!("mode is {open:04o}"), "chmod 0700"]);
        assert_eq!(host.attached("eth0").unwrap(), before.program);
    }
    set_mode(&top, 0o700);
    assert_eq!(in_force(&host), before, "what was told to do helps");
    host.ok(&["detach"]).unwrap();
}

#[test]
fn a_directory_of_somebody_elses_is_refused() {
    let host = Host::new("others").unwrap();
    let top = host.bpffs.path().join("fragwall");
    fs::create_dir(&top).unwrap();
    set_mode(&top, 0o700);
    chown(&top, Some(NOBODY), Some(NOBODY)).unwrap();
    assert_each_refused(&host, &["belongs to user 65534"]);
    assert_eq!(host.attached("eth0").unwrap(), None);
    fs::remove_dir(&top).expect("nothing was put into it");
    host.ok(&["attach", "eth0"]).unwrap();
}

#[test]
fn a_symbolic_link_is_refused() {
    let host = Host::new("symlink").unwrap();
    let elsewhere = host.bpffs.path().join("elsewhere");
    let top = host.bpffs.path().join("fragwall");
    symlink(&elsewhere, &top).unwrap();
    assert_each_refused(&host, &["symbolic link", "remove it"]);
    fs::create_dir(&elsewhere).unwrap();
    set_mode(&elsewhere, 0o700);
    assert_each_refused(&host, &["symbolic link", "remove it"]);
    assert_eq!(host.attached("eth0").unwrap(), None);
    fs::remove_dir(&elsewhere).expect("nothing was put into it");
    fs::remove_file(&top).unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
}
