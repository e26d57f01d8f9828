//! The source of a program: the configuration that it was compiled from, kept beside it in a map.

use std::{collections::BTreeMap, path::Path, time::Duration};

use aya::maps::{Array, MapData, MapError};
use firewall_common::{
    fragment::identity::{HashKey, KEY_WORDS},
    packet::Family,
    rules::Slot,
    stance::Stance,
};
use serde::{Deserialize, Serialize};

use super::{Error, instance::new_hash_key, pending::Pending, reassembly::Reassembly};
use crate::ruleset::{Config, Names, Rule, TooManyRules, compile::Host, slots};

/// The version of what is pinned: the layout of the maps, of this document, and of the directories. It rises with every
/// change to one of them.
pub(super) const ABI: u32 = 7;

/// The size of one entry of the map that holds the document, in bytes.
const CHUNK: usize = 4096;

/// An entry of that map.
type Chunk = [u8; CHUNK];

/// A configuration in force, with what must outlive its changes.
#[derive(Clone, Debug)]
pub struct Document {
    /// The configuration.
    pub config: Config,
    /// The slot of each of its rules.
    pub slots: Vec<Slot>,
    /// Where the next free slot is looked for.
    next: usize,
    /// The secret of the fragment table.
    pub(super) hash_key: HashKey,
    /// What the host could hold for reassembly when this was put together, of IPv4 and of IPv6.
    pub reassembly: [Reassembly; Family::ALL.len()],
    /// Whether verdicts are carried out.
    pub stance: Stance,
    /// What it goes back to unless it's confirmed.
    pub pending: Option<Pending>,
    /// The indexes that the interfaces had which its rules name, when its program was loaded.
    named: BTreeMap<String, u32>,
}

/// The document as it's stored: JSON, padded with zeros.
#[derive(Deserialize, Serialize)]
struct Stored {
    abi: u32,
    version: String,
    config: String,
    slots: Vec<usize>,
    next: usize,
    hash_key: [u64; KEY_WORDS],
    /// Bytes and seconds.
    reassembly: [(u64, u64); Family::ALL.len()],
    observing: bool,
    pending: Option<Pending>,
    named: BTreeMap<String, u32>,
}

/// Only the part that every version has.
#[derive(Deserialize)]
struct Stamp {
    abi: u32,
    version: String,
}

impl Document {
    /// The first document of a filter, with a new secret. It's enforced.
    ///
    /// # Errors
    /// There are too many rules, or no random numbers.
    pub fn new(config: Config) -> Result<Self, Error> {
        let assignment = slots::assign(&[], 0, config.rules.clone())?;
        let slots = assignment.rules.into_iter().map(|(_, slot)| slot).collect();
        Ok(Self {
            config,
            slots,
            next: assignment.next,
            hash_key: new_hash_key()?,
            reassembly: Family::ALL.map(Reassembly::of),
            stance: Stance::Enforcing,
            pending: None,
            named: BTreeMap::new(),
        })
    }

    /// The document of another configuration, and the slots whose counters must start anew. It has been confirmed.
    ///
    /// # Errors
    /// There are too many rules.
    pub fn with(&self, config: Config, stance: Stance) -> Result<(Self, Vec<Slot>), TooManyRules> {
        let assignment = slots::assign(&self.rules(), self.next, config.rules.clone())?;
        let document = Self {
            config,
            slots: assignment.rules.into_iter().map(|(_, slot)| slot).collect(),
            next: assignment.next,
            hash_key: self.hash_key,
            reassembly: Family::ALL.map(Reassembly::of),
            stance,
            pending: None,
            named: BTreeMap::new(),
        };
        Ok((document, assignment.fresh))
    }

    /// The same in that stance.
    #[must_use]
    pub fn with_stance(self, stance: Stance) -> Self {
        Self { stance, ..self }
    }

    /// The same, to go back like that unless it's confirmed.
    #[must_use]
    pub(super) fn with_pending(self, pending: Option<Pending>) -> Self {
        Self { pending, ..self }
    }

    /// The same, with its rules' interfaces as they are on a host.
    #[must_use]
    pub(super) fn named_on(self, host: &Host) -> Self {
        Self { named: named(&self.config, host), ..self }
    }

    /// Whether its rules would be about other interfaces, were its program loaded now: one was made anew, or renamed.
    pub(super) fn is_outdated(&self, host: &Host) -> bool {
        self.named != named(&self.config, host)
    }

    /// The rules with their slots, in order.
    pub fn rules(&self) -> Vec<(Rule, Slot)> {
        self.config.rules.iter().cloned().zip(self.slots.iter().copied()).collect()
    }

    /// The number in the list, from 1, of the rule that has a slot; `None` for the fixed slots and rules that are gone.
    pub fn number_of(&self, slot: Slot) -> Option<usize> {
        self.slots.iter().position(|&own| own == slot).map(|index| index + 1)
    }

    /// The document as it's stored.
    pub(super) fn encode(&self) -> Vec<u8> {
        let stored = Stored {
            abi: ABI,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            config: self.config.to_string(),
            slots: self.slots.iter().filter_map(|slot| slot.as_rule()).collect(),
            next: self.next,
            hash_key: self.hash_key.0,
            reassembly: self.reassembly.map(|Reassembly { memory, time }| (memory, time.as_secs())),
            observing: self.stance == Stance::Observing,
            pending: self.pending,
            named: self.named.clone(),
        };
        serde_json::to_vec(&stored).expect("a struct of strings and integers is JSON")
    }

    /// How many entries a stored document takes.
    pub(super) fn chunks(encoded: &[u8]) -> u32 {
        encoded.len().div_ceil(CHUNK).max(1) as u32
    }

    /// Writes a stored document into its map.
    pub(super) fn write(encoded: &[u8], map: &mut aya::maps::Map) -> Result<(), MapError> {
        let mut array: Array<_, Chunk> = Array::try_from(map)?;
        for (index, part) in (0..).zip(encoded.chunks(CHUNK)) {
            let mut chunk = [0; CHUNK];
            chunk[..part.len()].copy_from_slice(part);
            array.set(index, chunk, 0)?;
        }
        Ok(())
    }

    /// Reads the document that is pinned at `path`.
    ///
    /// # Errors
    /// There's none, or it was written by another version of Fragwall.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let bytes = MapData::from_pin(path)
            .and_then(|data| Array::<_, Chunk>::try_from(aya::maps::Map::from_map_data(data)?))
            .and_then(|array| {
                let mut bytes = Vec::new();
                for chunk in array.iter() {
                    bytes.extend_from_slice(&chunk?);
                }
                Ok(bytes)
            });
        let incompatible = |what: String| Error::Incompatible { path: path.to_owned(), what };
        match bytes {
            Ok(bytes) => Self::decode(&bytes).map_err(incompatible),
            Err(error) => Err(match super::error::io_error(&error) {
                Some(_) => Error::aya(format!("reading {}", path.display()), error),
                None => incompatible(error.to_string()),
            }),
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        let json = &bytes[..end];
        let stamp: Stamp =
            serde_json::from_slice(json).map_err(|error| format!("its source can't be read: {error}"))?;
        if stamp.abi != ABI {
            return Err(format!(
                "version {}, with layout {}; this one has layout {ABI}",
                stamp.version, stamp.abi
            ));
        }
        let stored: Stored =
            serde_json::from_slice(json).map_err(|error| format!("its source can't be read: {error}"))?;
        let config = Config::parse(&stored.config, Path::new("the ruleset in force"), Names::system())
            .map_err(|error| format!("version {}: {error}", stored.version))?;
        let slots: Vec<Slot> = stored.slots.iter().filter_map(|&number| Slot::rule(number)).collect();
        if slots.len() != config.rules.len() {
            return Err(format!("{} slots for {} rules", slots.len(), config.rules.len()));
        }
        let reassembly = stored
            .reassembly
            .map(|(memory, seconds)| Reassembly { memory, time: Duration::from_secs(seconds) });
        Ok(Self {
            config,
            slots,
            next: stored.next,
            hash_key: HashKey(stored.hash_key),
            reassembly,
            stance: if stored.observing { Stance::Observing } else { Stance::Enforcing },
            pending: stored.pending,
            named: stored.named,
        })
    }
}

/// The indexes of the interfaces that the rules name. Those that aren't there have none.
fn named(config: &Config, host: &Host) -> BTreeMap<String, u32> {
    let names = config.rules.iter().filter_map(|rule| rule.matching.interface());
    names.filter_map(|name| Some((name.to_owned(), *host.interfaces.get(name)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Document {
        let rules = ["allow @ike", "deny tcp 1-1023", "allow 47"];
        let rules = rules.iter().map(|text| Rule::parse(text, Names::system()).unwrap()).collect();
        Document::new(Config { rules, ..Config::default() }).unwrap()
    }

    /// Without the first rule.
    fn changed() -> Document {
        let mut config = document().config;
        config.rules.remove(0);
        let (changed, fresh) = document().with(config, Stance::Observing).unwrap();
        assert_eq!(fresh, []);
        changed
    }

    #[test]
    fn what_is_stored_comes_back() {
        let pending = Some(Pending { deadline: u64::MAX, previous: Some(7) });
        for document in [document(), changed(), Document { pending, ..changed() }] {
            let mut stored = document.encode();
            stored.resize(Document::chunks(&stored) as usize * CHUNK, 0);
            let back = Document::decode(&stored).unwrap();
            assert_eq!(back.config, document.config);
            assert_eq!(back.slots, document.slots);
            assert_eq!(back.next, document.next);
            assert_eq!(back.hash_key.0, document.hash_key.0);
            assert_eq!(back.reassembly, document.reassembly);
            assert_eq!((back.stance, back.pending), (document.stance, document.pending));
        }
    }

    #[test]
    fn another_version_is_told() {
        let error = Document::decode(br#"{"abi":99,"version":"9.9.9","else":true}"#).unwrap_err();
        assert!(error.contains("9.9.9") && error.contains("99"), "{error}");
        let error = Document::decode(b"").unwrap_err();
        assert!(error.contains("can't be read"), "{error}");
    }

    #[test]
    fn a_rule_is_found_by_its_slot() {
        let document = changed();
        assert_eq!(document.number_of(Slot::rule(1).unwrap()), Some(1));
        assert_eq!(document.number_of(Slot::rule(0).unwrap()), None);
        assert_eq!(document.number_of(Slot::DEFAULT_DROP), None);
    }
}
