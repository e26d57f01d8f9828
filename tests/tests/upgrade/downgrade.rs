//! A filter of a newer version: this one changes nothing, says why, and can take it off.

use firewall_tests::harness::host::Host;
use firewall_tests::harness::temporary_directory;

use super::{older, program};

const OWN: &str = env!("CARGO_PKG_VERSION");

/// The commands that would put this version's program in place are refused, with these words; the filter stays as it is.
fn is_left_alone(host: &Host, commands: &[&[&str]], says: &[&str]) {
    let program = host.attached("eth0").unwrap();
    assert!(program.is_some());
    for command in commands {
        let refused = host.fragwall().run(command).unwrap();
        let words = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{command:?}: {words}");
        assert!(refused.stdout.is_empty(), "{command:?}: {refused:?}");
        assert!(says.iter().all(|said| words.contains(said)), "{command:?}: {words}");
        assert_eq!(host.attached("eth0").unwrap(), program, "{command:?}");
        assert_eq!(host.attached("eth1").unwrap(), None, "{command:?}");
    }
}

fn newer(label: &str, layout: Option<u32>) -> Host {
    let host = older(label, &["udp 500"], |pinned| {
        pinned
            .rewrite(|document| {
                document.insert("version".to_owned(), "99.1.2".into());
                document.insert("program".to_owned(), "another".into());
                if let Some(layout) = layout {
                    document.insert("abi".to_owned(), layout.into());
                    document.insert("rules".to_owned(), document["config"].clone());
                    document.remove("config");
                }
            })
            .unwrap();
    });
    host.add_interface("eth1").unwrap();
    host
}

#[test]
fn a_layout_that_isnt_known_yet_is_refused() {
    let host = newer("layout", Some(4711));
    let directory = temporary_directory("layout").unwrap();
    let file = directory.path().join("config");
    std::fs::write(&file, "interfaces = [\"eth0\"]\n").unwrap();
    let commands: &[&[&str]] = &[
        &["list"],
        &["stats"],
        &["allow", "udp", "4500"],
        &["delete", "1"],
        &["flush"],
        &["attach", "eth1"],
        &["apply", file.to_str().unwrap()],
        &["upgrade"],
        &["upgrade", "--downgrade"],
        &["save", "-"],
        &["enforce"],
        &["confirm"],
    ];
    let own = format!("version {OWN} (layout ");
    let says = ["version 99.1.2 (layout 4711)", &own, "too old", "fragwall detach", "generations/1/source"];
    is_left_alone(&host, commands, &says);
    // What can be told is.
    let status = host.fragwall().json(&["status"]).unwrap();
    assert_eq!(status["interfaces"][0]["name"], "eth0");
    let told = &status["program"];
    assert_eq!((&told["version"], &told["layout"]), (&"99.1.2".into(), &4711.into()));
    assert_eq!((&told["is_own"], &told["is_newer"]), (&false.into(), &true.into()));
    let status = String::from_utf8(host.ok(&["status"]).unwrap().stdout).unwrap();
    assert!(status.contains("eth0: attached in native mode"), "{status}");
    assert!(status.contains("version 99.1.2 (layout 4711)") && status.contains(OWN), "{status}");
    host.ok(&["detach"]).unwrap();
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
    host.ok(&["attach", "eth0", "--allow", "udp 4500"]).unwrap();
    assert_eq!(host.rules().unwrap(), ["allow udp 4500"]);
}

/// It's understood and told; but only who says so has the older program replace the newer one.
#[test]
fn a_newer_version_of_the_same_layout_is_replaced_only_on_demand() {
    let host = newer("version", None);
    let directory = temporary_directory("version").unwrap();
    let file = directory.path().join("config");
    std::fs::write(&file, "interfaces = [\"eth0\"]\nrules = [\"allow udp 500\"]\n").unwrap();
    let commands: &[&[&str]] = &[
        &["allow", "udp", "4500"],
        &["delete", "1"],
        &["flush"],
        &["attach", "eth1"],
        &["apply", file.to_str().unwrap()],
        &["upgrade"],
    ];
    is_left_alone(&host, commands, &["version 99.1.2", OWN, "fragwall upgrade --downgrade"]);
    assert_eq!(host.rules().unwrap(), ["allow udp 500"]);
    host.ok(&["stats"]).unwrap();
    assert_eq!(program(&host)["is_newer"], true);
    let status = String::from_utf8(host.ok(&["status"]).unwrap().stdout).unwrap();
    assert!(status.contains("this is an older one"), "{status}");
    let report = host.fragwall().json(&["upgrade", "--downgrade"]).unwrap();
    assert_eq!(report["taken_over"]["version"], "99.1.2");
    assert_eq!(program(&host)["is_own"], true);
    assert_eq!(host.rules().unwrap(), ["allow udp 500"]);
}
