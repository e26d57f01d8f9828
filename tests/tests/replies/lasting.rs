//! Connections outlive what happens to the filter.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use aya::programs::{ProgramInfo, SchedClassifier, TcAttachType};
use firewall_tests::harness::host::{HOST, Host, NEIGHBOUR};
use firewall_tests::harness::loaded::Loaded;

use super::service::{LOST, connect, serve};

/// Both ends of a connection: the host's, and the neighbour's.
fn connection(host: &Host, from_host: bool, ips: [IpAddr; 2]) -> [TcpStream; 2] {
    let [own, neighbours] = ips;
    let (sender, receiver) = std::sync::mpsc::channel();
    let accept = move |stream: TcpStream| Ok(sender.send(stream)?);
    let (listens, connects, place) = if from_host {
        (&host.neighbour, &host.netns, SocketAddr::new(neighbours, 7000))
    } else {
        (&host.netns, &host.neighbour, SocketAddr::new(own, 7000))
    };
    let server = serve(listens, place, accept).unwrap();
    let connected = connect(connects, place).unwrap();
    server.join().unwrap().unwrap();
    let accepted = receiver.recv().unwrap();
    if from_host { [connected, accepted] } else { [accepted, connected] }
}

/// The other end is the first to say something.
fn is_alive([own, other]: &mut [TcpStream; 2]) {
    for stream in [&*own, &*other] {
        stream.set_read_timeout(Some(LOST)).unwrap();
    }
    other.write_all(b"still there?").unwrap();
    own.read_exact(&mut [0; 12]).unwrap();
    own.write_all(b"yes").unwrap();
    other.read_exact(&mut [0; 3]).unwrap();
}

#[test]
fn connections_survive_the_moment_of_attaching() {
    let host = Host::new("survives").unwrap();
    let mut connections: Vec<_> = HOST
        .into_iter()
        .zip(NEIGHBOUR)
        .flat_map(|(own, neighbours)| {
            [true, false].map(|from_host| connection(&host, from_host, [own, neighbours]))
        })
        .collect();
    host.ok(&["attach", "eth0"]).unwrap();
    connections.iter_mut().for_each(is_alive);
    // And every change of the rules.
    host.ok(&["allow", "udp", "500"]).unwrap();
    connections.iter_mut().for_each(is_alive);
    host.ok(&["deny", "tcp", "--confirm", "10m"]).unwrap();
    connections.iter_mut().for_each(is_alive);
    host.ok(&["rollback"]).unwrap();
    connections.iter_mut().for_each(is_alive);
}

/// What is pinned in a directory of the host's state.
fn pinned(host: &Host, directory: &str) -> Result<Vec<PathBuf>> {
    let state = std::fs::read_dir(host.bpffs.path().join("fragwall"))?.next().context("no state")??.path();
    std::fs::read_dir(state.join(directory))?.map(|entry| Ok(entry?.path())).collect()
}

/// The id of the program that looks at what goes out: that of the one generation that there is.
fn on_egress(host: &Host) -> u32 {
    let [generation] = &pinned(host, "generations").unwrap()[..] else { panic!("one generation") };
    let pinned = ProgramInfo::from_pin(generation.join("egress")).unwrap().id();
    let attached =
        host.netns.enter(|| Ok(SchedClassifier::query_tcx("eth0", TcAttachType::Egress)?.1)).unwrap();
    assert_eq!(attached.iter().map(ProgramInfo::id).collect::<Vec<_>>(), [pinned]);
    pinned
}

/// Lifetimes are its settings; rules are nothing to it.
#[test]
fn another_program_takes_its_place_on_egress_only_if_it_would_do_something_else() {
    let host = Host::new("place").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let first = on_egress(&host);
    for rule in ["udp", "tcp"] {
        host.ok(&["allow", rule]).unwrap();
        assert_eq!(on_egress(&host), first);
    }
    let config = tempfile::NamedTempFile::new().unwrap();
    for (lifetime, is_another) in [("20s", true), ("20s", false), ("30s", true)] {
        let before = on_egress(&host);
        std::fs::write(&config, format!("rules = [\"allow udp\"]\n[replies]\nicmp = \"{lifetime}\"\n"))
            .unwrap();
        host.ok(&["apply", config.path().to_str().unwrap()]).unwrap();
        assert_eq!(on_egress(&host) != before, is_another, "{lifetime}");
    }
}

#[test]
fn what_looks_at_what_goes_out_goes_with_the_filter() {
    let host = Host::new("goes").unwrap();
    host.add_interface("eth1").unwrap();
    let mut loaded = Loaded::default();
    host.ok(&["attach", "eth0", "eth1"]).unwrap();
    loaded.note(host.bpffs.path()).unwrap();
    let egress = |host: &Host| {
        let status = host.fragwall().json(&["status"]).unwrap();
        let interfaces = status["replies"]["interfaces"].as_array().unwrap().clone();
        interfaces.iter().map(|of| of["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(egress(&host), ["eth0", "eth1"]);
    host.ok(&["detach", "eth1"]).unwrap();
    assert_eq!(egress(&host), ["eth0"]);
    host.ok(&["attach", "eth1"]).unwrap();
    assert_eq!(egress(&host), ["eth0", "eth1"]);
    assert_eq!(pinned(&host, "egress").unwrap().len(), 2);
    host.netns.ip(&["link", "del", "eth1"]).unwrap();
    host.ok(&["allow", "udp", "500"]).unwrap();
    assert_eq!(egress(&host), ["eth0"]);
    assert_eq!(pinned(&host, "egress").unwrap().len(), 1);
    loaded.note(host.bpffs.path()).unwrap();
    host.ok(&["detach"]).unwrap();
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
    loaded.wait_until_freed().unwrap();
}

#[test]
fn the_flow_tables_size_stays() {
    let host = Host::new("size").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let file = host.bpffs.path().parent().unwrap().join(format!("{}.toml", host.netns.name()));
    std::fs::write(&file, "[replies]\ntable = 1024\n").unwrap();
    let output = host.fragwall().run(&["apply", file.to_str().unwrap()]).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(output.status.code(), Some(2));
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(words.contains("has room for 131072, and can't be given the 1024"), "{words}");
}
