use std::{net::IpAddr, path::Path};

use super::*;
use crate::{kernel::document::Document, ruleset::Names};

const CLIENT: &str = "198.51.100.7";
const SERVER: &str = "192.0.2.1";

fn config(default: &str, rules: &[&str]) -> Config {
    let text = format!("default = {default:?}\nrules = {rules:?}");
    Config::parse(&text, Path::new("test.toml"), &Names::parse("", "")).unwrap()
}

fn eth(index: u32) -> Interface {
    Interface::of(index, &format!("eth{index}"))
}

struct Host {
    surroundings: Surroundings,
    listeners: Vec<Listener>,
}

/// A host with two interfaces, the first of which holds the server's address.
fn host(session: bool, listeners: &[(u16, &[Family])]) -> Host {
    let socket = |address: &str, port| std::net::SocketAddr::new(address.parse::<IpAddr>().unwrap(), port);
    let listener = |&(port, families): &(u16, &[Family])| Listener { port, families: families.to_vec() };
    Host {
        surroundings: Surroundings {
            session: session.then(|| Session { client: socket(CLIENT, 50022), server: socket(SERVER, 22) }),
            ways: Ways { interfaces: vec![eth(1), eth(2)], addresses: vec![(SERVER.parse().unwrap(), 1)] },
        },
        listeners: listeners.iter().map(listener).collect(),
    }
}

/// What a host says of a change from one configuration to another, on some interfaces.
fn judge(host: &Host, before: Option<(&Config, Stance)>, after: &Config, on: &[u32]) -> Option<LockOut> {
    judge_asking(&host.surroundings, before, after, on, || host.listeners.clone())
}

/// The same, where what listens is asked for.
fn judge_asking(
    surroundings: &Surroundings,
    before: Option<(&Config, Stance)>,
    after: &Config,
    on: &[u32],
    listeners: impl FnOnce() -> Vec<Listener>,
) -> Option<LockOut> {
    let document = before.map(|(config, stance)| Document::new(config.clone()).unwrap().with_stance(stance));
    let on: Vec<Interface> = on.iter().map(|&index| eth(index)).collect();
    let was_on = if before.is_some() { on.clone() } else { Vec::new() };
    let change = Change { before: document.as_ref(), was_on, config: after, stance: Stance::Enforcing, on };
    surroundings.judge(&change, listeners)
}

const V4: Family = Family::V4;
const V6: Family = Family::V6;

#[test]
fn a_session_that_would_be_denied_is_told_with_the_rule() {
    let host = host(true, &[]);
    let by = |config: &Config| match judge(&host, None, config, &[1]) {
        Some(LockOut::Session { by, interface, .. }) => {
            assert_eq!(interface, "eth1");
            Some(by)
        }
        Some(other) => panic!("{other}"),
        None => None,
    };
    assert_eq!(by(&config("deny", &[])).as_deref(), Some("the default (`deny`)"));
    assert_eq!(by(&config("reject", &["allow udp"])).as_deref(), Some("the default (`reject`)"));
    assert_eq!(by(&config("allow", &["deny tcp 22"])).as_deref(), Some("rule 1 (`deny tcp 22`)"));
    assert_eq!(by(&config("deny", &["allow tcp 22"])), None);
    assert_eq!(by(&config("deny", &["allow @ssh", "deny tcp"])), None);
    assert_eq!(
        by(&config("deny", &["deny tcp 1-1023", "allow tcp 22"])).as_deref(),
        Some("rule 1 (`deny tcp 1-1023`)")
    );
}

#[test]
fn a_session_is_lost_only_on_its_own_interface_and_only_once() {
    let host = host(true, &[]);
    let closed = config("deny", &[]);
    assert_eq!(judge(&host, None, &closed, &[2]), None);
    assert!(judge(&host, None, &closed, &[2, 1]).is_some());
    // It was denied before, and yet is there.
    let other = config("deny", &["allow udp"]);
    assert_eq!(judge(&host, Some((&closed, Stance::Enforcing)), &other, &[1]), None);
    // What was only observed was not denied.
    assert!(judge(&host, Some((&closed, Stance::Observing)), &other, &[1]).is_some());
    let open = config("deny", &["allow tcp 22"]);
    assert!(judge(&host, Some((&open, Stance::Enforcing)), &other, &[1]).is_some());
}

#[test]
fn a_server_that_nobody_could_connect_to_any_more_is_told() {
    let host = host(false, &[(22, &[V4, V6]), (80, &[V4])]);
    let told = |config: &Config| match judge(&host, None, config, &[1, 2]) {
        Some(LockOut::Listener { port: 22, interfaces, by }) => {
            assert_eq!(interfaces, ["eth1", "eth2"]);
            Some(by)
        }
        Some(other) => panic!("{other}"),
        None => None,
    };
    assert_eq!(told(&config("deny", &["allow tcp 80"])).as_deref(), Some("the default (`deny`)"));
    assert_eq!(told(&config("deny", &["deny tcp", "allow tcp 22"])).as_deref(), Some("rule 1 (`deny tcp`)"));
    assert_eq!(told(&config("deny", &["deny udp", "allow tcp 22"])), None);
    assert_eq!(told(&config("allow", &["deny udp"])), None);
    let closed = config("deny", &[]);
    let before = Some((&closed, Stance::Enforcing));
    assert_eq!(judge(&host, before, &config("deny", &["allow udp"]), &[1]), None, "nobody could before");
    assert_eq!(judge(&self::host(false, &[(80, &[V4])]), None, &closed, &[1]), None, "nothing listens");
}

#[test]
fn the_port_of_the_session_is_looked_at_as_well() {
    let mut host = host(true, &[(2222, &[V4])]);
    let session = host.surroundings.session.unwrap();
    let server = std::net::SocketAddr::new(session.server.ip(), 2222);
    host.surroundings.session = Some(Session { server, ..session });
    // It comes in on an interface that isn't filtered, but others can't connect on that which is.
    let lock_out = judge(&host, None, &config("deny", &["allow tcp 22"]), &[2]);
    assert!(matches!(lock_out, Some(LockOut::Listener { port: 2222, .. })), "{lock_out:?}");
}

#[test]
fn what_listens_is_asked_for_only_where_it_matters() {
    let host = host(false, &[]);
    let asks = |before: Option<&Config>, after: &Config| {
        let mut has_asked = false;
        let before = before.map(|before| (before, Stance::Enforcing));
        judge_asking(&host.surroundings, before, after, &[1], || {
            has_asked = true;
            Vec::new()
        });
        has_asked
    };
    let (closed, open) =
        (config("deny", &["allow udp"]), config("deny", &["allow tcp 22 from 192.0.2.1,::1"]));
    let half = config("deny", &["allow tcp 22 from 192.0.2.1"]);
    assert!(asks(None, &closed) && asks(Some(&open), &closed) && asks(Some(&half), &closed));
    assert!(asks(None, &half) && asks(Some(&open), &half));
    assert!(!asks(None, &open) && !asks(Some(&closed), &open) && !asks(Some(&half), &open));
    assert!(!asks(Some(&closed), &closed) && !asks(Some(&half), &half) && !asks(Some(&closed), &half));
}
