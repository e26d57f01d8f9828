//! Whichever kernel it is: it takes the programs, which filter, or it's too old for them, and is told so. What differs between kernels is
//! tried on each of them in a virtual machine (`cargo xtask vm`).

use std::net::SocketAddr;
use std::time::Duration;

use firewall_tests::harness::bpffs::Bpffs;
use firewall_tests::harness::host::{HOST, Host};
use firewall_tests::harness::process::run_ok;
use firewall_tests::harness::temporary_directory;
use firewall_tests::harness::udp::{only_the_allowed_is_reached, receive, socket};
use fragwall::kernel::{egress::Egress, flows::FlowSettings, instance::new_hash_key};
use fragwall::ruleset::{
    Replies,
    config::{MAX_TABLE, MIN_TABLE},
};

const ALLOWED: u16 = 7000;
const DENIED: u16 = 7001;
/// Whole, and in three fragments.
const SIZES: [usize; 2] = [100, 3000];
/// Far longer than a datagram takes; only a lost one is waited for as long.
const LIMIT: Duration = Duration::from_secs(60);
/// The exit code of a command that the kernel, or what is attached, doesn't allow.
const REFUSED: i32 = 3;

/// The oldest Linux that takes the programs, and the one that has tcx.
const OLDEST: [u32; 2] = [6, 1];
const TCX: [u32; 2] = [6, 6];

/// Linux's version and release, of this machine.
fn linux() -> [u32; 2] {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split('.').map(|number| number.parse().unwrap());
    [numbers.next().unwrap(), numbers.next().unwrap()]
}

#[test]
fn a_kernel_takes_the_programs_or_is_told_to_be_too_old() {
    let host = Host::new("kernels").unwrap();
    if linux() < OLDEST {
        return is_too_old(&host);
    }
    for mode in ["native", "generic"] {
        filters(&host, mode);
    }
}

/// What is allowed arrives, also in fragments, and nothing else; and detaching leaves nothing.
fn filters(host: &Host, mode: &str) {
    let rule = format!("udp {ALLOWED}");
    host.ok(&["attach", "eth0", "--mode", mode, "--allow", &rule]).unwrap();
    let status = host.fragwall().json(&["status"]).unwrap();
    assert_eq!(status["interfaces"][0]["mode"], mode, "{status}");
    // Without tcx the program on egress is a classifier of a qdisc.
    let mut command = host.netns.command("tc").unwrap();
    let qdiscs = run_ok(command.args(["qdisc", "show", "dev", "eth0"])).unwrap();
    let qdiscs = String::from_utf8(qdiscs.stdout).unwrap();
    assert_eq!(qdiscs.contains("clsact"), linux() < TCX, "{qdiscs}");
    for to in HOST {
        only_the_allowed_is_reached(host, to, [ALLOWED, DENIED], &SIZES).unwrap();
    }
    host.ok(&["detach"]).unwrap();
    assert_eq!(host.attached("eth0").unwrap(), None);
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
}

#[test]
fn a_kernel_takes_the_smallest_tables_and_the_largest() {
    if linux() < OLDEST {
        // It takes none, as is told above.
        return;
    }
    for entries in [MIN_TABLE, MAX_TABLE] {
        let host = Host::new("tables").unwrap();
        let directory = temporary_directory("tables").unwrap();
        let path = directory.path().join("fragwall.toml");
        let config = format!(
            "interfaces = [\"eth0\"]\nrules = [\"allow udp {ALLOWED}\"]\n[fragments]\ntable = {entries}\n[replies]\ntable = {entries}\n"
        );
        std::fs::write(&path, config).unwrap();
        host.ok(&["apply", path.to_str().unwrap()]).unwrap();
        for to in HOST {
            only_the_allowed_is_reached(&host, to, [ALLOWED, DENIED], &SIZES).unwrap();
        }
        host.ok(&["detach"]).unwrap();
    }
}

/// The kernel's verifier goes by the table that is there, not by the settings that the program was given with it.
#[test]
fn a_program_that_could_reach_beyond_its_table_is_refused() {
    if linux() < OLDEST {
        return;
    }
    let bpffs = Bpffs::new().unwrap();
    let flows = bpffs.path().join("flows");
    let key = new_hash_key().unwrap();
    let of = |table| FlowSettings::new(&Replies { table, ..Replies::default() }).unwrap();
    Egress::load(&of(MIN_TABLE), &key, &flows).unwrap();
    Egress::load(&of(MIN_TABLE), &key, &flows).unwrap();
    let refused = Egress::load(&of(2 * MIN_TABLE), &key, &flows).unwrap_err().to_string();
    assert!(refused.contains("outside of the allowed memory range"), "{refused}");
}

/// It's named, with what it lacks and what to do; nothing is left behind, and nothing is filtered.
fn is_too_old(host: &Host) {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let refused = host.fragwall().run(&["attach", "eth0", "--allow", "udp 500"]).unwrap();
    let says = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(REFUSED), "{says}");
    assert!(says.contains("needs Linux 6.1 or newer") && says.contains(release.trim()), "{says}");
    assert_eq!(host.attached("eth0").unwrap(), None);
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
    let doctor = host.fragwall().run(&["doctor"]).unwrap();
    let says = String::from_utf8(doctor.stdout).unwrap();
    assert_eq!(doctor.status.code(), Some(1), "{says}");
    assert!(says.contains("problem  kernel: it has no programs for frames in several buffers"), "{says}");
    let to = HOST[1];
    let receiver = socket(&host.netns, to, DENIED).unwrap();
    socket(&host.neighbour, to, 0).unwrap().send_to(&[1], SocketAddr::new(to, DENIED)).unwrap();
    assert_eq!(receive(&receiver, LIMIT).unwrap(), Some(vec![1]));
}
