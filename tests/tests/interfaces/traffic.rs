//! Kinds of interfaces that packets of a neighbour come by.

use firewall_tests::harness::host::{HOST, Host};
use firewall_tests::harness::nics::NicPair;
use firewall_tests::harness::udp::only_the_allowed_is_reached;

use super::kind::{Kind, is_there};

const PORTS: [u16; 2] = [7000, 7001];
/// The exit code of a command that the interface doesn't allow.
const REFUSED: i32 = 3;
/// The MTUs, in bytes: of Ethernet, and of jumbo frames, which come in several buffers.
const MTUS: [u32; 2] = [1500, 9000];
/// What fits into either, what fits into a jumbo frame alone, and what has to be cut in any case.
const SIZES: [usize; 3] = [100, 8000, 20_000];

/// Whether this kernel has interfaces of the kind.
fn is_known(kind: Kind) -> bool {
    let add: &[&str] = match kind {
        Kind::Veth | Kind::Virtio => &["link", "add", "new", "type", "veth", "peer", "name", "other"],
        Kind::Bridge => &["link", "add", "new", "type", "bridge"],
        Kind::Bond => &["link", "add", "new", "type", "bond"],
        Kind::Vlan => &["link", "add", "link", "eth0", "name", "new", "type", "vlan", "id", "5"],
        Kind::MacVlan => &["link", "add", "link", "eth0", "name", "new", "type", "macvlan"],
        Kind::IpVlan => &["link", "add", "link", "eth0", "name", "new", "type", "ipvlan"],
    };
    is_there(&format!("{kind:?}"), add, kind.module()).unwrap()
}

/// Attaches to an interface in a mode, and sees what comes in.
fn filters(host: &Host, kind: Kind, mtu: u32, wanted: &str) {
    let (name, when) = (kind.interface(), format!("{kind:?}, MTU {mtu}, {wanted}"));
    let allow = format!("udp {}", PORTS[0]);
    let attach = ["attach", name, "--mode", wanted, "--allow", &allow];
    if wanted == "native" && !kind.is_native() {
        let refused = host.fragwall().run(&attach).unwrap();
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(REFUSED), "{when}: {said}");
        assert!(said.contains(name), "{when}: {said}");
        println!("{when}: refused: {}", said.trim());
    } else {
        let attached = host.fragwall().json(&attach).unwrap_or_else(|error| panic!("{when}: {error:#}"));
        let told = &attached["interfaces"][0];
        let mode = if kind.is_native() && wanted != "generic" { "native" } else { "generic" };
        assert_eq!(told["mode"], mode, "{when}: {attached}");
        // Who asked for the best there is is told why it isn't better.
        assert_eq!(
            told["not_native_because"].is_string(),
            wanted == "auto" && mode == "generic",
            "{attached}"
        );
        for to in HOST {
            only_the_allowed_is_reached(host, to, PORTS, &SIZES)
                .unwrap_or_else(|error| panic!("{when}: {error:#}"));
        }
        let statistics = host.fragwall().json(&["stats"]).unwrap();
        for counted in [&statistics["rules"][0], &statistics["default"]] {
            assert!(counted["trailing"]["packets"].as_u64() > Some(0), "{when}: {statistics}");
        }
        println!("{when}: filters, {told}");
        host.ok(&["detach"]).unwrap();
    }
    assert_eq!(host.attached(name).unwrap(), None, "{when}");
    assert_eq!(host.pins().unwrap(), Vec::<String>::new(), "{when}");
}

fn each_mode(kind: Kind) {
    if !is_known(kind) {
        return;
    }
    // Where it isn't native, the best is generic, and large packets come as they do to any.
    let (mtus, modes) =
        if kind.is_native() { (&MTUS[..], ["auto", "generic"]) } else { (&MTUS[..1], ["auto", "native"]) };
    for &mtu in mtus {
        let host = Host::with_mtu("kind", mtu).unwrap();
        kind.make(&host, mtu).unwrap_or_else(|error| panic!("{kind:?}: {error:#}"));
        for wanted in modes {
            filters(&host, kind, mtu, wanted);
        }
    }
}

#[test]
fn virtio() {
    let Some(nics) = NicPair::given().unwrap() else {
        println!("virtio_net: left out, this machine has no two cards that lead to each other");
        return;
    };
    let host = Host::with_nics("virtio", &nics).unwrap();
    for wanted in ["auto", "generic"] {
        filters(&host, Kind::Virtio, MTUS[0], wanted);
    }
}

#[test]
fn veth() {
    each_mode(Kind::Veth);
}

#[test]
fn bridge() {
    each_mode(Kind::Bridge);
}

#[test]
fn bond() {
    each_mode(Kind::Bond);
}

#[test]
fn vlan() {
    each_mode(Kind::Vlan);
}

#[test]
fn macvlan() {
    each_mode(Kind::MacVlan);
}

#[test]
fn ipvlan() {
    each_mode(Kind::IpVlan);
}
