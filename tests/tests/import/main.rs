//! Imported rules against those they come from: the rulesets of the importer's corpus are loaded as they are, with iptables-restore,
//! ip6tables-restore and nft, and random packets go through the kernel's own filter. Fragwall, with the rules that the importer makes of
//! them, must let in the very same packets, but for those that the importer warns of.
//!
//! Every packet is whole, and the first of its connection. What passes Fragwall whatever the rules say isn't compared, and neither
//! is what a limit counts.

mod invented;
mod judged;
mod oracle;
mod packets;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use firewall_tests::harness::packet::random::Random;
use firewall_tests::harness::requirements;
use fragwall::import::{Effect, Import, Input, import};
use fragwall::ruleset::Names;
use fragwall::ruleset::meaning::Packet;

use self::judged::Fragwall;
use self::oracle::Oracle;
use self::packets::{Pool, Sent};

/// The rulesets.
const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../firewall-user/tests/import/corpus");
/// What else is in their folders.
const MADE: [&str; 2] = ["fragwall.toml", "warnings.txt"];
/// Packets for each ruleset: each has a length of its own, which fits into a frame.
const PACKETS: usize = 700;
/// Random rulesets.
const INVENTED: u64 = 40;
/// The least that must be compared of them, all rulesets together.
const COMPARED: usize = 10_000;

/// A ruleset of the corpus.
struct Ruleset {
    name: String,
    /// The files' names and texts.
    files: Vec<(String, String)>,
    /// Those that the tools load: nft's JSON isn't always what it reads back itself, but the same is there as text.
    loadable: Vec<(String, String)>,
    import: Import,
}

impl Ruleset {
    fn read(folder: &Path) -> Self {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let text = name.strip_suffix("-json").map(|name| folder.with_file_name(name));
        let loadable = files(text.as_deref().unwrap_or(folder));
        Self { loadable, ..Self::new(name, files(folder)) }
    }

    fn new(name: String, files: Vec<(String, String)>) -> Self {
        let inputs: Vec<Input> = files
            .iter()
            .map(|(name, text)| Input { name: name.clone(), bytes: text.clone().into_bytes() })
            .collect();
        let import = import(&inputs, None, &Names::parse("", "")).unwrap_or_else(|error| panic!("{error}"));
        Self { name, loadable: files.clone(), files, import }
    }

    /// Whether a limit counts a packet.
    fn limits(&self, packet: &Packet) -> bool {
        self.import.rules.iter().any(|rule| rule.limit.is_some() && rule.matching.includes(packet))
    }

    /// Whether the importer says that a packet may pass, or may not, unlike there.
    fn excuses(&self, packet: &Packet, passes: bool) -> bool {
        let speaks_of = |effect| match effect {
            Effect::Wider => passes,
            Effect::Narrower => !passes,
            Effect::Other => true,
            Effect::Note => false,
        };
        let warnings = self.import.warnings.iter().filter(|warning| speaks_of(warning.effect));
        warnings.flat_map(|warning| &warning.about).any(|matching| matching.includes(packet))
    }
}

/// The files in a folder that are imported, by name.
fn files(folder: &Path) -> Vec<(String, String)> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| {
        (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap())
    };
    let mut files: Vec<_> = paths.map(read).filter(|(name, _)| !MADE.contains(&name.as_str())).collect();
    files.sort();
    files
}

fn corpus() -> Vec<Ruleset> {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(CORPUS).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders.iter().map(|folder| Ruleset::read(folder)).collect()
}

/// What Fragwall and the kernel's filter say of the packets, where they differ; and how many were compared.
fn differences(oracle: &Oracle, ruleset: &Ruleset, random: &mut Random) -> (Vec<String>, usize) {
    let pool = Pool::new(&ruleset.files, &ruleset.import.rules);
    let sent: Vec<Sent> = (0..PACKETS).map(|n| pool.packet(random, n)).collect();
    // What doesn't come to the hook at all, such as a packet from a multicast address, can't be compared.
    oracle.clear().unwrap();
    let arrived: BTreeSet<u64> = oracle.accepted(&sent).unwrap_or_else(|error| panic!("{error:#}"));
    oracle.load(&ruleset.loadable).unwrap_or_else(|error| panic!("{}: {error:#}", ruleset.name));
    let accepted = oracle.accepted(&sent).unwrap_or_else(|error| panic!("{error:#}"));
    let fragwall = Fragwall::new(&ruleset.import);
    let mut compared = 0;
    let mut differ = Vec::new();
    for sent in sent.iter().filter(|sent| arrived.contains(&sent.length)) {
        let Some(passes) = fragwall.passes(sent) else { continue };
        if ruleset.limits(&sent.packet) {
            continue;
        }
        compared += 1;
        let own = accepted.contains(&sent.length);
        if passes != own && !ruleset.excuses(&sent.packet, passes) {
            let did = |passes| if passes { "accepts" } else { "denies" };
            differ.push(format!("the source {}, Fragwall {}: {:?}", did(own), did(passes), sent.packet));
        }
    }
    (differ, compared)
}

/// Compares all packets of some rulesets.
fn compare(rulesets: impl Iterator<Item = Ruleset>) {
    requirements::require(&["ip", "nft", "iptables-restore", "ip6tables-restore"])
        .unwrap_or_else(|error| panic!("{error:#}"));
    let oracle = Oracle::new().unwrap_or_else(|error| panic!("{error:#}"));
    let mut compared = 0;
    let mut failed = Vec::new();
    for (seed, ruleset) in (1..).zip(rulesets) {
        let (differ, count) = differences(&oracle, &ruleset, &mut Random::new(seed));
        println!("{}: {count} packets compared, {} differ", ruleset.name, differ.len());
        compared += count;
        if !differ.is_empty() {
            let shown: Vec<_> = differ.into_iter().take(5).collect();
            let config = &ruleset.import.config;
            failed.push(format!("{} (seed {seed}):\n{config}\n{}", ruleset.name, shown.join("\n")));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
    assert!(compared >= COMPARED, "{compared} packets were compared");
}

#[test]
fn imported_rules_let_in_what_their_source_lets_in() {
    compare(corpus().into_iter());
}

#[test]
fn random_chains_are_flattened_without_changing_what_they_mean() {
    let invented = |seed| {
        let files = vec![("rules.v4".to_owned(), invented::ruleset(&mut Random::new(seed)))];
        Ruleset::new(format!("invented {seed}"), files)
    };
    compare((1..=INVENTED).map(invented));
}
