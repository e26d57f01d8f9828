//! State that another version of Fragwall left pinned.

use std::fs;
use std::path::{Path, PathBuf};

use aya::maps::{Array, Map, MapData, PerCpuArray};
use firewall_tests::harness::host::{Attached, Host};

use super::{assert_refused, filtered};

/// The directory that holds the state of the one namespace that is filtered.
fn root(host: &Host) -> PathBuf {
    let mut namespaces = fs::read_dir(host.bpffs.path().join("fragwall")).unwrap();
    namespaces.next().unwrap().unwrap().path()
}

/// The commands that have to understand what is pinned are refused and name what they don't understand; the filter stays
/// in force, and `detach` removes it.
fn refused_until_detached(host: &Host, pin: &Path, says: &[&str]) {
    let program: Option<Attached> = host.attached("eth0").unwrap();
    assert!(program.is_some());
    host.add_interface("eth1").unwrap();
    let path = pin.to_string_lossy();
    let mut all = vec![&*path, "another version", "fragwall detach"];
    all.extend(says);
    let commands: [&[&str]; 7] = [
        &["status"],
        &["list"],
        &["stats"],
        &["allow", "udp", "4500"],
        &["delete", "1"],
        &["flush"],
        &["attach", "eth1"],
    ];
    for arguments in commands {
        let refused = host.fragwall().run(arguments).unwrap();
        assert_refused(&refused, 1, &all, &arguments.join(" "));
        assert_eq!(host.attached("eth0").unwrap(), program, "{arguments:?}");
        assert_eq!(host.attached("eth1").unwrap(), None, "{arguments:?}");
    }
    host.ok(&["detach"]).unwrap();
    assert_eq!(host.attached("eth0").unwrap(), None);
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
    host.ok(&["attach", "eth0", "--allow", "udp 500"]).unwrap();
    assert_eq!(host.rules().unwrap(), ["allow udp 500"]);
}

#[test]
fn a_fragment_table_of_other_entries_is_told() {
    let host = filtered("entries");
    let pin = root(&host).join("fragments");
    fs::remove_file(&pin).unwrap();
    Array::<_, [u8; 32]>::create(16_384, 0).unwrap().pin(&pin).unwrap();
    refused_until_detached(&host, &pin, &["32 bytes", "64"]);
}

#[test]
fn a_fragment_table_of_another_size_is_told() {
    let host = filtered("size");
    let pin = root(&host).join("fragments");
    fs::remove_file(&pin).unwrap();
    Array::<_, [u8; 64]>::create(8192, 0).unwrap().pin(&pin).unwrap();
    refused_until_detached(&host, &pin, &["8192 entries", "16384"]);
}

#[test]
fn counters_of_another_kind_are_told() {
    let host = filtered("counters");
    let pin = root(&host).join("counters");
    fs::remove_file(&pin).unwrap();
    PerCpuArray::<_, u64>::create(64, 0).unwrap().pin(&pin).unwrap();
    refused_until_detached(&host, &pin, &["64 entries", "8 bytes"]);
}

#[test]
fn a_document_of_another_layout_is_told() {
    let host = filtered("document");
    let pin = root(&host).join("generations/1/source");
    let text = br#"{"abi":4711,"version":"0.0.9","ruleset":["allow udp 500"]}"#;
    let mut chunk = [0; 4096];
    chunk[..text.len()].copy_from_slice(text);
    let map = Map::from_map_data(MapData::from_pin(&pin).unwrap()).unwrap();
    Array::<_, [u8; 4096]>::try_from(map).unwrap().set(0, chunk, 0).unwrap();
    refused_until_detached(&host, &pin, &["version 0.0.9", "layout 4711"]);
}

#[test]
fn a_document_that_is_no_document_is_told() {
    let host = filtered("garbage");
    let pin = root(&host).join("generations/1/source");
    fs::remove_file(&pin).unwrap();
    Array::<_, u64>::create(4, 0).unwrap().pin(&pin).unwrap();
    refused_until_detached(&host, &pin, &[]);
}
