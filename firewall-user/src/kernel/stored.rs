//! The document as it's stored, in a map beside its program: JSON, padded with zeros.
//!
//! A newer Fragwall reads what an older one stored, and not the other way round.

use std::{collections::BTreeMap, path::Path, time::Duration};

use aya::maps::{Array, Map, MapData, MapError};
use firewall_common::{
    fragment::identity::{HashKey, KEY_WORDS},
    packet::Family,
    rules::Slot,
    stance::Stance,
};
use serde::{Deserialize, Serialize};

use super::{
    Error, document::Document, form::Form, pending::Pending, reassembly::Reassembly, release::Release,
};
use crate::ruleset::{Config, Names};

/// The size of one entry of the map, in bytes.
const CHUNK: usize = 4096;

/// An entry of that map.
type Chunk = [u8; CHUNK];

/// What is stored.
#[derive(Deserialize, Serialize)]
struct Stored {
    #[serde(flatten)]
    release: Release,
    config: String,
    slots: Vec<usize>,
    next: usize,
    hash_key: [u64; KEY_WORDS],
    /// Bytes and seconds.
    reassembly: [(u64, u64); Family::ALL.len()],
    observing: bool,
    pending: Option<Pending>,
    named: BTreeMap<String, u32>,
    // What follows is there since layout 8.
    #[serde(default)]
    tables: Option<u32>,
    #[serde(default)]
    meanings: BTreeMap<String, u32>,
    /// Only where it's another than the usual one: with the array of an entry, which an older version refuses to touch.
    #[serde(default = "usual", skip_serializing_if = "Form::is_usual")]
    form: Form,
}

const fn usual() -> Form {
    Form::USUAL
}

/// Why a document can't be read.
#[derive(Debug)]
enum Unreadable {
    /// A Fragwall stored it whose layout this one doesn't know yet.
    Newer(Release),
    /// It's no document, or too old a one; this is what is wrong with it.
    Other(String),
}

impl Document {
    /// The document as it's stored.
    pub(super) fn encode(&self) -> Vec<u8> {
        let stored = Stored {
            release: self.release.clone(),
            config: self.config.to_string(),
            slots: self.slots.iter().filter_map(|slot| slot.as_rule()).collect(),
            next: self.next,
            hash_key: self.hash_key.0,
            reassembly: self.reassembly.map(|Reassembly { memory, time }| (memory, time.as_secs())),
            observing: self.stance == Stance::Observing,
            pending: self.pending,
            named: self.named.clone(),
            tables: self.tables,
            meanings: self.meanings.clone(),
            form: self.form,
        };
        serde_json::to_vec(&stored).expect("a struct of strings and integers is JSON")
    }

    /// How many entries a stored document takes.
    pub(super) fn chunks(encoded: &[u8]) -> u32 {
        encoded.len().div_ceil(CHUNK).max(1) as u32
    }

    /// Writes a stored document into its map.
    pub(super) fn write(encoded: &[u8], map: &mut Map) -> Result<(), MapError> {
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
    /// There's none; a newer Fragwall stored it ([`Error::Newer`]); or it can't be understood ([`Error::Incompatible`]).
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let incompatible = |what: String| Error::Incompatible { path: path.to_owned(), what };
        match stored(path) {
            Ok(bytes) => decode(&bytes).map_err(|why| match why {
                Unreadable::Newer(release) => Error::Newer { path: path.to_owned(), release },
                Unreadable::Other(what) => incompatible(what),
            }),
            Err(error) => Err(match super::error::io_error(&error) {
                Some(_) => Error::aya(format!("reading {}", path.display()), error),
                None => incompatible(error.to_string()),
            }),
        }
    }
}

/// What the document that is pinned at `path` goes back to unless it's confirmed, without a look at its rules: understanding thousands takes
/// a moment. `None` also where there's nothing that this version can read.
pub(super) fn pending(path: &Path) -> Option<Pending> {
    pending_in(&stored(path).ok()?)
}

fn pending_in(bytes: &[u8]) -> Option<Pending> {
    /// The part of [`Stored`] that tells it.
    #[derive(Deserialize)]
    struct Part {
        pending: Option<Pending>,
    }
    serde_json::from_slice::<Part>(json(bytes)).ok()?.pending
}

/// The bytes that are stored in the map which is pinned at `path`.
fn stored(path: &Path) -> Result<Vec<u8>, MapError> {
    let data = MapData::from_pin(path)?;
    let array = Array::<_, Chunk>::try_from(Map::from_map_data(data)?)?;
    let mut bytes = Vec::new();
    for chunk in array.iter() {
        bytes.extend_from_slice(&chunk?);
    }
    Ok(bytes)
}

/// The document among the bytes that are stored, without the zeros behind it.
fn json(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    &bytes[..end]
}

fn decode(bytes: &[u8]) -> Result<Document, Unreadable> {
    let json = json(bytes);
    let unreadable = |error| Unreadable::Other(format!("its source can't be read: {error}"));
    let release: Release = serde_json::from_slice(json).map_err(unreadable)?;
    if release.is_beyond() {
        return Err(Unreadable::Newer(release));
    }
    if release.is_forgotten() {
        return Err(Unreadable::Other(format!(
            "{release}, which is older than {} can take over",
            Release::own()
        )));
    }
    let stored: Stored = serde_json::from_slice(json).map_err(unreadable)?;
    let config = Config::parse(&stored.config, Path::new("the ruleset in force"), Names::system())
        .map_err(|error| Unreadable::Other(format!("{release}: {error}")))?;
    let slots: Vec<Slot> = stored.slots.iter().filter_map(|&number| Slot::rule(number)).collect();
    if slots.len() != config.rules.len() {
        return Err(Unreadable::Other(format!("{} slots for {} rules", slots.len(), config.rules.len())));
    }
    let reassembly =
        stored.reassembly.map(|(memory, seconds)| Reassembly { memory, time: Duration::from_secs(seconds) });
    Ok(Document {
        config,
        slots,
        next: stored.next,
        hash_key: HashKey(stored.hash_key),
        reassembly,
        stance: if stored.observing { Stance::Observing } else { Stance::Enforcing },
        pending: stored.pending,
        named: stored.named,
        release: stored.release,
        tables: stored.tables,
        meanings: stored.meanings,
        form: stored.form,
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::document::tests::{changed, document},
        *,
    };

    #[test]
    fn what_is_stored_comes_back() {
        let pending = Some(Pending { deadline: u64::MAX, previous: Some(7) });
        let others = Document {
            release: Release { version: "0.0.1".to_owned(), ..Release::own() },
            tables: Some(3),
            form: Form::ALL[3],
            ..document()
        };
        for document in [document(), changed(), Document { pending, ..changed() }, others] {
            let mut stored = document.encode();
            stored.resize(Document::chunks(&stored) as usize * CHUNK, 0);
            let back = decode(&stored).unwrap();
            assert_eq!(pending_in(&stored), document.pending);
            assert_eq!(back.config, document.config);
            assert_eq!(back.slots, document.slots);
            assert_eq!(back.next, document.next);
            assert_eq!(back.hash_key.0, document.hash_key.0);
            assert_eq!(back.reassembly, document.reassembly);
            assert_eq!((back.stance, back.pending), (document.stance, document.pending));
            assert_eq!((back.release, back.tables), (document.release, document.tables));
            assert_eq!((back.meanings, back.form), (document.meanings, document.form));
        }
    }

    /// As layout 7 stored it.
    #[test]
    fn an_older_document_is_understood() {
        let document = document();
        let mut stored: serde_json::Value = serde_json::from_slice(&document.encode()).unwrap();
        let fields = stored.as_object_mut().unwrap();
        for newer in ["program", "tables", "meanings"] {
            fields.remove(newer).unwrap();
        }
        fields.insert("abi".to_owned(), 7.into());
        let back = decode(&serde_json::to_vec(&stored).unwrap()).unwrap();
        assert_eq!((&back.config, &back.slots), (&document.config, &document.slots));
        assert_eq!(back.hash_key.0, document.hash_key.0);
        assert_eq!((back.tables, back.release.is_own(), back.release.is_newer()), (None, false, false));
        assert!(super::super::shared::SHARED.iter().all(|shared| back.means_the_same(shared)));
    }

    #[test]
    fn a_newer_document_is_told_from_none() {
        let stored = br#"{"abi":99,"version":"9.9.9","else":true}"#;
        assert_eq!((pending_in(stored), pending_in(b"")), (None, None));
        let newer = decode(stored).unwrap_err();
        let Unreadable::Newer(release) = newer else { panic!("{newer:?}") };
        assert_eq!((&*release.version, release.layout), ("9.9.9", 99));
        let cases: [(&[u8], &[&str]); 2] =
            [(br#"{"abi":1,"version":"0.0.1"}"#, &["0.0.1", "layout 1", "older"]), (b"", &["can't be read"])];
        for (bytes, words) in cases {
            let error = decode(bytes).unwrap_err();
            let Unreadable::Other(what) = error else { panic!("{error:?}") };
            assert!(words.iter().all(|word| what.contains(word)), "{what}");
        }
    }
}
