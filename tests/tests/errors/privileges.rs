//! Without root, and without a BPF filesystem.

use std::fs;
use std::process::Command;

use firewall_tests::harness::fragwall::binary;
use firewall_tests::harness::nobody::Nobody;
use firewall_tests::harness::temporary_directory;

use super::{COMMANDS, assert_refused, filtered, in_force, output};

#[test]
fn without_root_the_reason_is_told() {
    let host = filtered("nobody");
    let before = in_force(&host);
    let nobody = Nobody::new().unwrap();
    for arguments in COMMANDS {
        let mut inside = nobody.inside(&host.netns).unwrap();
        inside.arg("--bpffs").arg(host.bpffs.path()).args(arguments);
        let what = arguments.join(" ");
        assert_refused(&output(&mut inside), 1, &["permission denied", "root"], &what);
        assert_eq!(in_force(&host), before, "{what}");

        let mut outside = nobody.command();
        outside.args(["--netns", host.netns.name()]).args(arguments);
        let says = [host.netns.name(), "permission denied", "root"];
        assert_refused(&output(&mut outside), 1, &says, &what);
    }
}

#[test]
fn what_needs_no_privileges_works_without() {
    let nobody = Nobody::new().unwrap();
    let directory = temporary_directory("check").unwrap();
    let config = directory.path().join("fragwall.toml");
    fs::write(&config, "rules = [\"allow @ike\"]\n").unwrap();
    fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let checked = output(nobody.command().arg("check").arg(&config));
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    let explained = output(nobody.command().args(["explain", "/dev/null"]));
    assert_refused(&explained, 2, &["/dev/null", "empty"], "explain");
}

#[test]
fn without_a_bpffs_how_to_get_one_is_told() {
    let host = filtered("bpffs");
    let before = in_force(&host);
    let directory = temporary_directory("plain").unwrap();
    let missing = directory.path().join("missing");
    let commands: [&[&str]; 4] = [&["attach", "eth0"], &["detach"], &["status"], &["allow", "udp", "1"]];
    for bpffs in [directory.path(), &missing] {
        let path = bpffs.to_string_lossy();
        for arguments in commands {
            let mut command = Command::new(binary().unwrap());
            command.args(["--netns", host.netns.name(), "--bpffs", &path]).args(arguments);
            let what = format!("{} on {path}", arguments.join(" "));
            let mount = format!("mount -t bpf -o mode=0700 bpf {path}");
            let says = [&*path, "no bpffs", &mount];
            assert_refused(&output(&mut command), 3, &says, &what);
        }
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    assert_eq!(in_force(&host), before);
}
