//! Programs of others on an interface, and the filter's own, which aren't taken for such.

use anyhow::{Context, Result};
use aya::programs::{
    LinkOrder, SchedClassifier, TcAttachType,
    tc::{self, NlOptions, TcAttachOptions},
};
use firewall_tests::harness::bpffs::Bpffs;
use firewall_tests::harness::foreign::{self, Foreign};
use firewall_tests::harness::fragwall::Fragwall;
use firewall_tests::harness::host::Host;

use super::Diagnosis;

#[test]
fn another_xdp_program_is_a_problem_that_names_it() {
    let host = Host::new("held").unwrap();
    let foreign = Foreign::attach(&host.netns, "eth0").unwrap();
    let id = host.attached("eth0").unwrap().unwrap().id;
    let told = Diagnosis::of(&host.fragwall(), &["eth0"]).unwrap().only("problem", "programs").unwrap();
    assert!(told.contains(&format!("{:?}, id {id} (generic mode)", foreign::NAME)), "{told}");
    assert!(told.contains("`ip link show dev eth0`"), "{told}");
    assert_eq!(host.attached("eth0").unwrap().unwrap().id, id, "it was left alone");
    drop(foreign);
    Diagnosis::of(&host.fragwall(), &["eth0"]).unwrap().only("ok", "programs").unwrap();
}

#[test]
fn a_filter_that_is_pinned_elsewhere_is_recognised() {
    let host = Host::new("elsewhere").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let bpffs = Bpffs::new().unwrap();
    let elsewhere = Fragwall { netns: &host.netns, bpffs: &bpffs };
    let told = Diagnosis::of(&elsewhere, &["eth0"]).unwrap().only("problem", "programs").unwrap();
    assert!(told.contains("\"fragwall\"") && told.contains("--bpffs DIR"), "{told}");
}

/// The filter's own program on egress, of its first generation.
fn on_egress(host: &Host) -> Result<SchedClassifier> {
    let root = std::fs::read_dir(host.bpffs.path().join("fragwall"))?.next().context("no state")??.path();
    Ok(SchedClassifier::from_pin(root.join("generations/1/egress"))?)
}

/// Once more on ingress, where the filter itself has none: it's the filter's own until one with other settings takes its place,
/// and somebody's from then on.
fn assert_noticed(host: &Host, hook: &str) {
    Diagnosis::of(&host.fragwall(), &[]).unwrap().only("ok", "programs").unwrap();
    let config = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&config, "interfaces = [\"eth0\"]\n[replies]\nicmp = \"20s\"\n").unwrap();
    host.ok(&["apply", config.path().to_str().unwrap()]).unwrap();
    let told = Diagnosis::of(&host.fragwall(), &[]).unwrap().only("note", "programs").unwrap();
    assert!(told.contains(&format!("on its ingress ({hook}): \"egress\", id ")), "{told}");
    assert!(told.contains("tc filter show dev eth0 ingress"), "{told}");
}

#[test]
fn another_program_in_a_tcx_link_is_a_note() {
    let host = Host::new("tcx").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let attach = || {
        let mut program = on_egress(&host)?;
        let order = TcAttachOptions::TcxOrder(LinkOrder::default());
        let link = program.attach_with_options("eth0", TcAttachType::Ingress, order)?;
        Ok(program.take_link(link)?)
    };
    let _link = host.netns.enter(attach).unwrap();
    assert_noticed(&host, "tcx");
}

#[test]
fn another_classifier_is_a_note() {
    let host = Host::new("clsact").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let attach = || {
        let mut program = on_egress(&host)?;
        tc::qdisc_add_clsact("eth0")?;
        let options = TcAttachOptions::Netlink(NlOptions { priority: 7, ..NlOptions::default() });
        let link = program.attach_with_options("eth0", TcAttachType::Ingress, options)?;
        // Dropping it would take the program off again.
        std::mem::forget(program.take_link(link)?);
        Ok(())
    };
    host.netns.enter(attach).unwrap();
    assert_noticed(&host, "clsact");
}
