//! Two commands at once: one waits, and says for whom.

use std::io::Read as _;
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use firewall_tests::harness::host::Host;
use firewall_tests::harness::stepwise::{Step, Stopped, stop_at};

/// Far longer than anything takes.
const LIMIT: Duration = Duration::from_secs(60);

/// A command that changes the rules, stopped in the middle of it.
fn stopped(host: &Host) -> Stopped {
    let mut command = host.fragwall().command().unwrap();
    command.args(["allow", "udp 4500"]);
    stop_at(&mut command, Step { name: "bpf(OBJ_PIN)", nth: 0 }).unwrap()
}

/// Another one, and what it says as it says it.
fn beside(host: &Host) -> (Child, Receiver<String>) {
    let mut command = host.fragwall().command().unwrap();
    let mut child =
        command.args(["allow", "udp 1701"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let (say, said) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = stderr.read(&mut buffer) {
            // Who doesn't listen any more has seen enough.
            let _ = say.send(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
    });
    (child, said)
}

fn names_the_holder(said: &str, holder: &Stopped) {
    assert!(said.contains(&format!("process {}", holder.id())), "{said}");
    assert!(said.contains("allow udp 4500"), "{said}");
    assert!(said.contains(&format!("kill -CONT {}", holder.id())), "{said}");
}

#[test]
fn a_command_waits_for_one_that_is_stopped_and_says_so() {
    let host = Host::new("stopped").unwrap();
    host.ok(&["attach", "eth0", "--allow", "udp 500"]).unwrap();
    let holder = stopped(&host);
    let (mut other, said) = beside(&host);
    names_the_holder(&said.recv_timeout(LIMIT).unwrap(), &holder);
    assert_eq!(other.try_wait().unwrap(), None, "it doesn't wait");
    assert!(holder.go_on().unwrap().success());
    assert!(other.wait().unwrap().success());
    assert_eq!(host.rules().unwrap(), ["allow udp 500", "allow udp 4500", "allow udp 1701"]);
    host.ok(&["detach"]).unwrap();
}

#[test]
fn a_command_goes_on_when_the_one_it_waits_for_is_killed() {
    let host = Host::new("released").unwrap();
    host.ok(&["attach", "eth0", "--allow", "udp 500"]).unwrap();
    let holder = stopped(&host);
    let (mut other, said) = beside(&host);
    names_the_holder(&said.recv_timeout(LIMIT).unwrap(), &holder);
    assert!(!holder.kill().unwrap().success());
    assert!(other.wait().unwrap().success());
    assert_eq!(host.rules().unwrap(), ["allow udp 500", "allow udp 1701"]);
    host.ok(&["detach"]).unwrap();
}
