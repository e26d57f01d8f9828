//! Programs that Fragwall is measured with: they are loaded and run as it is, but never attached.

use aya::maps::{Array, LpmTrie, lpm_trie::Key};
use firewall_common::{packet::Family, rules::Side};
use ipnet::Ipv6Net;

use super::{
    Error,
    clock::jiffies_per_second,
    instance::{Instance, names},
    loader::Loader,
    rules, shared,
    watch::Asked,
};
use crate::ruleset::Compiled;

/// Two fragment tables to be compared.
static TABLES: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/tables"));

/// Two ways to find a prefix to be compared.
static PREFIXES: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/prefixes"));

/// A program that passes everything at once: the yardstick for what ours costs.
static NOOP: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/noop"));

impl Instance {
    /// Has the program tell of packets as long as it's there, whether or not anybody reads what it tells.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn tell(&mut self, asked: &Asked) -> Result<(), Error> {
        let watch = asked.watch(u64::MAX, jiffies_per_second()?);
        let set = self.loaded.map_mut(names::WATCH).and_then(|map| Array::try_from(map)?.set(0, watch, 0));
        set.map_err(|error| Error::aya("having the program tell of packets", error))
    }

    /// The yardstick: a program that passes everything.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn noop() -> Result<Self, Error> {
        Self::other(&Loader::new(NOOP))
    }

    /// A program that only inserts IPv6 first fragments into a fragment table, and looks trailing ones up: into Fragwall's own,
    /// or into an LRU hash map.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn tables(lru: bool) -> Result<Self, Error> {
        let uses_lru = u32::from(lru);
        /// As many entries as the other table has: the default.
        const ENTRIES: u32 = 65536;
        let mut loader = Loader::new(TABLES);
        Self::other(loader.set("USES_LRU", uses_lru).direct("SETS", shared::fragment_sets(ENTRIES)))
    }

    /// A program that only looks IPv6 sources up among the prefixes of rules: in Fragwall's own trie, or in the kernel's map for
    /// longest prefixes.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn prefixes(rules: &Compiled, prefixes: &[Ipv6Net], lpm: bool) -> Result<Self, Error> {
        let (uses_lpm, root) =
            (u32::from(lpm), rules.roots[Side::Source as usize][Family::V6.index()].to_bits());
        let mut loader = Loader::new(PREFIXES);
        loader.set("USES_LPM", uses_lpm).set("ROOT", root);
        rules::prepare_tries(&mut loader, rules);
        let mut instance = Self::other(&loader)?;
        let filled = rules::write_tries(&instance.loaded, rules).and_then(|()| {
            let map = instance.loaded.map_mut("LPM")?;
            let mut lpm: LpmTrie<_, [u8; 16], u32> = LpmTrie::try_from(map)?;
            prefixes.iter().try_for_each(|prefix| {
                lpm.insert(&Key::new(prefix.prefix_len().into(), prefix.addr().octets()), 1, 0)
            })
        });
        filled.map_err(|error| Error::aya("filling the prefixes", error))?;
        Ok(instance)
    }

    /// One of the programs that aren't Fragwall.
    pub(super) fn other(loader: &Loader<'_>) -> Result<Self, Error> {
        Ok(Self { loaded: loader.load()?, serial: 0 })
    }
}
