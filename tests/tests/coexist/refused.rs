//! What is refused, and why it's told to be.

use firewall_tests::harness::bpffs::Bpffs;
use firewall_tests::harness::entry::{Entry, Way};
use firewall_tests::harness::fragwall::Fragwall;
use firewall_tests::harness::host::Host;

use super::{ALLOW, is_filtered, is_open, refusal};

const CALLED: Way = Way { frags: false, typed: false, native: true };

#[test]
fn an_entry_that_another_filter_is_in() {
    let host = Host::new("in-use").unwrap();
    let _entry = Entry::on(&host, Way::USUAL).unwrap();
    host.ok(&["attach", "eth0", "--allow", ALLOW]).unwrap();
    let bpffs = Bpffs::new().unwrap();
    let elsewhere = Fragwall { netns: &host.netns, bpffs: &bpffs };
    let refused = elsewhere.run(&["attach", "eth0"]).unwrap();
    let says = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(4), "{says}");
    for words in ["eth0", "a program is in it already", "\"fragwall\"", "--bpffs DIR"] {
        assert!(says.contains(words), "{words:?}: {says}");
    }
    assert!(
        std::fs::read_dir(bpffs.path())
            .unwrap()
            .all(|entry| { entry.unwrap().file_name().to_string_lossy().ends_with(".debug") })
    );
    is_filtered(&host).unwrap();
    // By the same one, it's there already.
    let (code, says) = refusal(&host, &["attach", "eth0"]);
    assert!(code == Some(1) && says.contains("filtered by Fragwall already"), "{says}");
}

#[test]
fn an_object_isnt_json() {
    let host = Host::new("object").unwrap();
    let printed = host.ok(&["entry"]).unwrap().stdout;
    assert!(printed.starts_with(b"\x7fELF"));
    let (code, says) = refusal(&host, &["entry", "--json"]);
    assert!(code == Some(2) && says.contains("JSON"), "{says}");
}

#[test]
fn another_mode_than_the_one_it_was_loaded_in() {
    let host = Host::new("mode").unwrap();
    let _entry = Entry::on(&host, Way::USUAL).unwrap();
    let (code, says) = refusal(&host, &["attach", "eth0", "--mode", "generic"]);
    assert_eq!(code, Some(3), "{says}");
    assert!(says.contains("native mode") && says.contains("--mode"), "{says}");
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
    is_open(&host).unwrap();
    host.ok(&["attach", "eth0", "--mode", "native"]).unwrap();
}

#[test]
fn one_that_takes_no_program_as_the_filter_has_it() {
    let host = Host::new("form").unwrap();
    host.add_interface("eth1").unwrap();
    host.ok(&["attach", "eth1", "--allow", ALLOW]).unwrap();
    let _entry = Entry::on(&host, CALLED).unwrap();
    let (code, says) = refusal(&host, &["attach", "eth0"]);
    assert_eq!(code, Some(2), "{says}");
    assert!(says.contains("eth0") && says.contains("by one command"), "{says}");
    is_open(&host).unwrap();
    // As it says.
    host.ok(&["detach"]).unwrap();
    host.ok(&["attach", "eth0", "eth1", "--allow", ALLOW]).unwrap();
    is_filtered(&host).unwrap();
}

#[test]
fn one_that_another_interface_has_as_well() {
    let host = Host::new("shared").unwrap();
    host.add_interface("eth1").unwrap();
    let mut entry = Entry::on(&host, Way::USUAL).unwrap();
    entry.put(&host, "eth1").unwrap();
    let (code, says) = refusal(&host, &["attach", "eth0"]);
    assert_eq!(code, Some(2), "{says}");
    assert!(says.contains("\"eth1\" has the same one"), "{says}");
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
    is_open(&host).unwrap();

    // Nor both of them: each must be able to go by itself.
    let (code, says) = refusal(&host, &["attach", "eth0", "eth1", "--allow", ALLOW]);
    assert_eq!(code, Some(2), "{says}");
    assert!(says.contains("have one loaded for each"), "{says}");
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
    is_open(&host).unwrap();
}
