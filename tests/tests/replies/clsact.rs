//! A kernel without tcx has the program on egress as a classifier of the clsact qdisc. Here the state is made as it is there.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use aya::programs::{
    SchedClassifier, TcAttachType,
    tc::{self, NlOptions, TcAttachOptions, TcHandle},
};
use firewall_tests::harness::host::{Host, NEIGHBOUR};
use firewall_tests::harness::process::{run_ok, tool};

use super::service::{answer, ask};

/// The classifiers of the host's interface.
fn classifiers(host: &Host) -> String {
    let output =
        run_ok(tool("tc").args(["-n", host.netns.name(), "filter", "show", "dev", "eth0", "egress"]))
            .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Takes the program out of its link, and attaches it to the qdisc instead.
fn move_to_qdisc(host: &Host) -> Result<()> {
    let root = std::fs::read_dir(host.bpffs.path().join("fragwall"))?.next().context("no state")??.path();
    let link = std::fs::read_dir(root.join("egress"))?.next().context("no link")??.path();
    std::fs::remove_file(&link)?;
    host.netns.enter(|| {
        let mut program = SchedClassifier::from_pin(root.join("generations/1/egress"))?;
        tc::qdisc_add_clsact("eth0")?;
        let options = NlOptions { priority: 0xf0a6, handle: TcHandle::new(0, 1), classid: None };
        let attached =
            program.attach_with_options("eth0", TcAttachType::Egress, TcAttachOptions::Netlink(options))?;
        std::mem::forget(program.take_link(attached)?);
        Ok(program.pin(&link)?)
    })
}

#[test]
fn a_classifier_does_as_well() {
    let host = Host::new("clsact").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    move_to_qdisc(&host).unwrap();
    let hook = || host.fragwall().json(&["status"]).unwrap()["replies"]["interfaces"][0]["hook"].clone();
    let asks = || {
        let service = answer(&host.neighbour, NEIGHBOUR[0], 53, 1).unwrap();
        assert!(ask(&host.netns, SocketAddr::new(NEIGHBOUR[0], 53), 100).unwrap().is_some());
        service.join().unwrap().unwrap();
    };
    assert_eq!(hook(), "clsact");
    asks();
    // It stays when rules change, and another one takes its place that would do something else.
    let before = classifiers(&host);
    host.ok(&["allow", "udp", "500"]).unwrap();
    assert_eq!(classifiers(&host), before);
    // Somebody takes the qdisc off: the next change mends it.
    run_ok(tool("tc").args(["-n", host.netns.name(), "qdisc", "del", "dev", "eth0", "clsact"])).unwrap();
    assert_eq!(classifiers(&host), "");
    host.ok(&["allow", "udp", "501"]).unwrap();
    assert!(classifiers(&host).contains("egress"));
    let config = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&config, "interfaces = [\"eth0\"]\n[replies]\nicmp = \"20s\"\n").unwrap();
    host.ok(&["apply", config.path().to_str().unwrap()]).unwrap();
    assert_eq!(hook(), "clsact");
    let after = classifiers(&host);
    assert!(before.contains("egress") && after.contains("egress") && before != after, "{before}\n{after}");
    asks();
    host.ok(&["detach"]).unwrap();
    assert_eq!(classifiers(&host), "");
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
}

#[test]
fn a_classifier_goes_when_replies_are_the_rules_business() {
    let host = Host::new("clsact").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    move_to_qdisc(&host).unwrap();
    assert!(classifiers(&host).contains("egress"));
    let file = host.bpffs.path().parent().unwrap().join(format!("{}.toml", host.netns.name()));
    std::fs::write(&file, "interfaces = [\"eth0\"]\nreplies = false\nrules = []\n").unwrap();
    host.ok(&["apply", file.to_str().unwrap()]).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(classifiers(&host), "");
}
