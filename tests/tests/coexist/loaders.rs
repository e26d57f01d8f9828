//! xdp-loader loads the entry beside xdp-filter, by libxdp's dispatcher.

use std::ffi::CStr;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use firewall_tests::harness::bpffs::Bpffs;
use firewall_tests::harness::entry::object;
use firewall_tests::harness::host::{HOST, Host};
use firewall_tests::harness::mounts;
use firewall_tests::harness::process::{run, run_ok};
use firewall_tests::harness::requirements;
use firewall_tests::harness::temporary_directory;
use firewall_tests::harness::udp::only_the_allowed_is_reached;

use super::{ALLOW, LIMIT, PORTS, SIZES, is_filtered, is_open, refusal};

/// Where these tools keep their state, whatever else is said.
const BPFFS: &CStr = c"/sys/fs/bpf";
/// A port that Fragwall allows and xdp-filter doesn't.
const OTHERS: u16 = 7003;

/// One of the tools, on a host, with a BPF filesystem of its own.
fn tool(host: &Host, bpffs: &Bpffs, name: &str, arguments: &[&str], file: Option<&Path>) -> Result<Command> {
    let mut command = host.netns.command(name)?;
    command.args(arguments).args(file);
    mounts::replace(&mut command, BPFFS, bpffs.path())?;
    Ok(command)
}

/// Whether libxdp can load the entry as another's function here; if it can't, that is said.
fn loads(host: &Host, bpffs: &Bpffs, object: &Path) -> bool {
    let arguments = ["load", "--mode", "native", "-vv", "eth0"];
    let loaded = run(&mut tool(host, bpffs, "xdp-loader", &arguments, Some(object)).unwrap(), LIMIT).unwrap();
    let said = [loaded.stdout, loaded.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let is_shared = host.attached("eth0").unwrap().is_some_and(|program| program.name == "xdp_dispatcher");
    if !is_shared {
        // An older libxdp, whose dispatcher isn't made for such programs, or a kernel without any.
        let reasons = ["changes packet data, while original does not", "Falling back to loading single prog"];
        let reason = said.lines().find(|line| reasons.iter().any(|reason| line.contains(reason)));
        let reason = reason.unwrap_or_else(|| panic!("xdp-loader fails: {said}"));
        println!("libxdp's dispatcher: left out, it can't call the entry on this kernel: {}", reason.trim());
    }
    is_shared
}

#[test]
fn beside_another_program_of_libxdps_dispatcher() {
    requirements::require(&["ip", "xdp-loader", "xdp-filter"]).unwrap();
    let host = Host::new("libxdp").unwrap();
    let (bpffs, directory) = (Bpffs::new().unwrap(), temporary_directory("libxdp").unwrap());
    let object = object(&host, directory.path()).unwrap();
    if !loads(&host, &bpffs, &object) {
        return;
    }
    let filter = ["load", "--mode", "native", "--policy", "allow", "--features", "udp", "eth0"];
    run_ok(&mut tool(&host, &bpffs, "xdp-filter", &filter, None).unwrap()).unwrap();
    let port = ["port", "--mode", "dst", "--proto", "udp", &OTHERS.to_string()];
    run_ok(&mut tool(&host, &bpffs, "xdp-filter", &port, None).unwrap()).unwrap();
    is_open(&host).unwrap();

    host.ok(&["attach", "eth0", "--allow", ALLOW, "--allow", &format!("udp {OTHERS}")]).unwrap();
    is_filtered(&host).unwrap();
    for to in HOST {
        // xdp-filter knows whole datagrams' ports alone.
        only_the_allowed_is_reached(&host, to, [PORTS[0], OTHERS], &SIZES[..1]).unwrap();
    }
    let doctor = host.fragwall().run(&["doctor"]).unwrap();
    let told = String::from_utf8(doctor.stdout).unwrap();
    for words in
        ["Fragwall is called by \"xdp_dispatcher\"", "libxdp's dispatcher", "fragwall_entry", "xdpfilt_"]
    {
        assert!(told.contains(words), "{words:?}: {told}");
    }
    // Its dispatcher is another one then: the entry is carried over to it, and with it the filter.
    let before = host.attached("eth0").unwrap();
    run_ok(&mut tool(&host, &bpffs, "xdp-filter", &["unload", "eth0"], None).unwrap()).unwrap();
    assert_ne!(host.attached("eth0").unwrap(), before);
    is_filtered(&host).unwrap();
    host.ok(&["allow", "udp", "7001"]).unwrap();
    is_open(&host).unwrap();
    host.ok(&["detach"]).unwrap();
    assert_eq!(host.attached("eth0").unwrap().unwrap().name, "xdp_dispatcher");
    run_ok(&mut tool(&host, &bpffs, "xdp-loader", &["unload", "--all", "eth0"], None).unwrap()).unwrap();
    assert_eq!(host.attached("eth0").unwrap(), None);
}

#[test]
fn without_the_entry_the_dispatcher_is_told_with_what_it_calls() {
    requirements::require(&["ip", "xdp-filter"]).unwrap();
    let host = Host::new("without").unwrap();
    let bpffs = Bpffs::new().unwrap();
    let filter = ["load", "--mode", "native", "--features", "udp", "eth0"];
    run_ok(&mut tool(&host, &bpffs, "xdp-filter", &filter, None).unwrap()).unwrap();
    let (code, says) = refusal(&host, &["attach", "eth0"]);
    assert_eq!(code, Some(4), "{says}");
    let program = host.attached("eth0").unwrap().unwrap();
    if program.name == "xdp_dispatcher" {
        for words in ["libxdp's dispatcher, which calls \"xdpfilt_", "fragwall entry", "docs/coexistence.md"]
        {
            assert!(says.contains(words), "{words:?}: {says}");
        }
    } else {
        println!(
            "libxdp's dispatcher: left out, this kernel takes none; xdp-filter has the interface by itself"
        );
        assert!(says.contains("\"xdpfilt_"), "{says}");
        // Its pins are seen wherever they are.
        assert!(says.contains("pinned at") && says.contains("/xdp-filter/programs/eth0/"), "{says}");
    }
}
