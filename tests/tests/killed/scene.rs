//! A host with two interfaces, by one of which its neighbour sends without a pause, and what must hold of it at any moment.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use aya::programs::{SchedClassifier, tc::TcAttachType};
use firewall_tests::harness::host::{HOST, Host};
use firewall_tests::harness::loaded::Loaded;
use firewall_tests::harness::stream::{Ports, Stream};
use firewall_tests::harness::temporary_directory;
use firewall_tests::harness::udp::{pending, receive, socket};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const PORTS: Ports = Ports { allowed: 7000, denied: 7001 };
/// A port that only one of two rulesets allows, and one that both do, to tell when the former was judged.
const CHANGING: u16 = 7002;
const STEADY: u16 = 7003;
/// What allows these.
pub(crate) const ALWAYS: &str = "allow udp 7000,7003";
pub(crate) const SOMETIMES: &str = "allow udp 7002";
/// Settings by which the verifier has less to walk through. No step depends on them.
pub(crate) const PLAIN: &str = "[fragments]\nearly = \"drop\"\n";
/// How many datagrams are judged each time, by whatever is in force.
const JUDGED: u64 = 3;

pub(crate) struct Scene {
    pub(crate) host: Host,
    directory: TempDir,
    loaded: Loaded,
}

/// What `status` and `list` tell of a filter.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) rules: Vec<String>,
    /// The interfaces that are filtered, as `ip` tells, too.
    pub(crate) filtered: BTreeSet<&'static str>,
    /// The interfaces that are filtered by other rules than these.
    pub(crate) others: BTreeSet<String>,
}

impl Scene {
    pub(crate) fn new(label: &str) -> Self {
        let host = Host::new(label).unwrap();
        host.add_interface("eth1").unwrap();
        Self { host, directory: temporary_directory(label).unwrap(), loaded: Loaded::default() }
    }

    /// A config file.
    pub(crate) fn config(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A command, to be run step by step.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.host.fragwall().command().unwrap();
        command.args(arguments);
        command
    }

    /// Begins to send.
    pub(crate) fn stream(&self) -> Stream {
        Stream::start(&self.host, HOST[0], PORTS, 100).unwrap()
    }

    /// What the filter does with the datagrams now: whether it lets those to the denied port in. Those to the allowed one must arrive in
    /// any case.
    pub(crate) fn lets_in_all(stream: &Stream) -> Result<bool> {
        // What came in before may have been let in by what was in force then.
        stream.judged(0)?;
        stream.judged(JUDGED)
    }

    /// The interfaces that are filtered, as `ip` tells, and the ids of their programs.
    fn programs(&self) -> Result<BTreeMap<&'static str, u64>> {
        let mut programs = BTreeMap::new();
        for interface in ["eth0", "eth1"] {
            // Its name isn't asked for: where the kernel refuses to try names, the program has none.
            if let Some(attached) = self.host.attached(interface)? {
                programs.insert(interface, attached.id);
            }
        }
        Ok(programs)
    }

    /// That `status` and `list` tell what the kernel does; none if nothing is filtered.
    pub(crate) fn told(&mut self) -> Result<Option<Told>> {
        let programs = self.programs()?;
        if self.host.bpffs.path().join("fragwall").exists() {
            self.loaded.note(self.host.bpffs.path())?;
        }
        let status = self.host.fragwall().run(&["status", "--json"])?;
        if programs.is_empty() {
            ensure!(status.status.code() == Some(3), "nothing is filtered, and it says {status:?}");
            return Ok(None);
        }
        ensure!(status.status.success(), "{programs:?} are filtered, and it says {status:?}");
        let status: Value = serde_json::from_slice(&status.stdout)?;
        let names: BTreeSet<&str> =
            array(&status, "interfaces")?.filter_map(|of| of["name"].as_str()).collect();
        ensure!(names.iter().eq(programs.keys()), "{programs:?} are filtered, and it says {status}");
        let others = array(&status, "interrupted")?.filter(|of| of["what"] == "other-rules");
        let others: BTreeSet<&str> = others.filter_map(|of| of["name"].as_str()).collect();
        // The kernel counts programs up, so the newest is in force.
        let newest = programs.values().max();
        let older = programs.iter().filter(|(_, id)| Some(*id) != newest).map(|(name, _)| name);
        ensure!(others.iter().eq(older), "the programs are {programs:?}, and it says {status}");
        if !others.is_empty() {
            let text = String::from_utf8(self.host.ok(&["status"])?.stdout)?;
            let is_told = |name: &&str| {
                let said = format!("{name} is filtered by other rules");
                text.lines().any(|line| line.starts_with(&said) && line.contains("`fragwall apply`"))
            };
            ensure!(others.iter().all(is_told), "{others:?} go by other rules, and it says {text}");
        }
        self.host.ok(&["stats"])?;
        let others = others.into_iter().map(str::to_owned).collect();
        Ok(Some(Told { rules: self.host.rules()?, filtered: programs.into_keys().collect(), others }))
    }

    /// Takes the filter off, or what is left of it; nothing is left then.
    pub(crate) fn detach(&self, when: &str) {
        let detached = self.host.fragwall().run(&["detach"]).unwrap();
        assert!(matches!(detached.status.code(), Some(0 | 3)), "{when}: {detached:?}");
        self.is_bare().unwrap_or_else(|error| panic!("{when}, and detached: {error:#}"));
    }

    /// Whether the port that changes can be reached.
    pub(crate) fn reaches_changing(&self) -> Result<bool> {
        let [changing, steady] = [CHANGING, STEADY].map(|port| socket(&self.host.netns, HOST[0], port));
        let (changing, steady) = (changing?, steady?);
        let sender = socket(&self.host.neighbour, HOST[0], 0)?;
        for port in [CHANGING, STEADY] {
            sender.send_to(b"x", (HOST[0], port))?;
        }
        let limit = std::time::Duration::from_secs(20);
        ensure!(receive(&steady, limit)?.is_some(), "a port that is allowed throughout can't be reached");
        Ok(!pending(&changing)?.is_empty())
    }

    /// That nothing is left: no pin, no program on an interface, in or out.
    fn is_bare(&self) -> Result<()> {
        let pins = self.host.pins()?;
        ensure!(pins.is_empty(), "there's still {pins:?}");
        let programs = self.programs()?;
        ensure!(programs.is_empty(), "there's still a program: {programs:?}");
        for interface in ["eth0", "eth1"] {
            let (_, programs) =
                self.host.netns.enter(|| Ok(SchedClassifier::query_tcx(interface, TcAttachType::Egress)?))?;
            ensure!(programs.is_empty(), "{interface} still has {} programs on egress", programs.len());
        }
        Ok(())
    }

    /// Takes the filter off, whatever is left of it: nothing is there then, nor any program or map that was seen here.
    pub(crate) fn ends(self) {
        self.detach("at the end");
        assert!(self.loaded.programs() > 0, "none was seen");
        self.loaded.wait_until_freed().unwrap();
    }
}

/// An array in a JSON document.
fn array<'a>(document: &'a Value, key: &str) -> Result<impl Iterator<Item = &'a Value>> {
    Ok(document[key].as_array().with_context(|| format!("no {key}: {document}"))?.iter())
}
