//! A compiled ruleset in the kernel: the settings and the maps of the program that are the ruleset's.

use aya::{
    Pod,
    maps::{Array, HashMap, MapError},
};
use firewall_common::rules::{Lookup, limit::Rate, select::SetWords};

use super::{loaded::Loaded, loader::Loader};
use crate::ruleset::Compiled;

/// The names that the kernel object gives to the maps of a ruleset.
mod names {
    pub(super) const PORTS: &str = "PORT_LOOKUPS";
    pub(super) const SOURCE_PORTS: &str = "SOURCE_PORTS";
    pub(super) const NODES: &str = "NODES";
    pub(super) const BRANCHES: &str = "BRANCHES";
    pub(super) const WORDS: &str = "WORDS";
    pub(super) const RATES: &str = "RATES";
    pub(super) const VETHS: &str = "VETHS";
}

/// Sets what the program is to know of a ruleset before it's loaded.
pub(super) fn prepare(loader: &mut Loader<'_>, rules: &Compiled) {
    let Compiled {
        protocols,
        ports,
        roots,
        nodes: _,
        branches: _,
        source_ports: _,
        no_source_port,
        flags,
        no_flags,
        interfaces,
        words,
        consequences,
        rates,
        fields,
        default,
        answers,
        logged,
    } = rules;
    loader
        .set_all("PROTOCOL_LOOKUPS", &**protocols)
        .set("FIELDS", *fields)
        .set("DEFAULT", default.code())
        .set_all("ROOTS", roots)
        .set("NO_SOURCE_PORT", *no_source_port)
        .set_all("FLAG_SETS", &**flags)
        .set("NO_FLAGS", *no_flags)
        .set("INTERFACE_SETS", *interfaces)
        .set_all("CONSEQUENCES", &**consequences)
        .set_all("ANSWER_CODES", &*answers.codes)
        .set("ANSWER_RATES", answers.rates)
        .set("LOGS", u32::from(logged.iter().any(|word| *word != 0)))
        .set_all("LOGGED", &**logged)
        .set("PORT_TABLES", ports.len() as u32)
        .set("SET_PLACES", (words.len() - size_of::<SetWords>() / size_of::<u64>() + 1) as u32)
        .direct(names::PORTS, entries(ports.len()))
        .direct(names::SOURCE_PORTS, 1)
        .direct(names::WORDS, entries(words.len()))
        .entries(names::RATES, entries(rates.len()))
        .entries(names::VETHS, entries(answers.veths.len()));
    prepare_tries(loader, rules);
}

/// The same for its tries alone.
pub(super) fn prepare_tries(loader: &mut Loader<'_>, rules: &Compiled) {
    loader
        .set("NODE_COUNT", rules.nodes.len() as u32)
        .set("BRANCH_COUNT", rules.branches.len() as u32)
        .direct(names::NODES, entries(rules.nodes.len()))
        .direct(names::BRANCHES, entries(rules.branches.len()));
}

/// How many entries a map of so many needs: a map without any can't be.
fn entries(count: usize) -> u32 {
    count.max(1) as u32
}

/// Writes a ruleset into the maps of a program that isn't in use yet.
pub(super) fn write(loaded: &mut Loaded, rules: &Compiled) -> Result<(), MapError> {
    let ports: Vec<Lookup> = rules.ports.iter().flat_map(|table| table.iter().copied()).collect();
    write_all(loaded, names::PORTS, &ports)?;
    if let Some(table) = &rules.source_ports {
        write_all(loaded, names::SOURCE_PORTS, table.as_ref())?;
    }
    write_tries(loaded, rules)?;
    write_all(loaded, names::WORDS, &rules.words)?;
    let mut rates: Array<_, Rate> = Array::try_from(loaded.map_mut(names::RATES)?)?;
    (0..).zip(&rules.rates).try_for_each(|(index, rate)| rates.set(index, rate, 0))?;
    let mut veths: HashMap<_, u32, u32> = HashMap::try_from(loaded.map_mut(names::VETHS)?)?;
    rules.answers.veths.iter().try_for_each(|veth| veths.insert(veth, 1, 0))
}

/// The same for its tries alone.
pub(super) fn write_tries(loaded: &Loaded, rules: &Compiled) -> Result<(), MapError> {
    write_all(loaded, names::NODES, &rules.nodes)?;
    write_all(loaded, names::BRANCHES, &rules.branches)
}

/// Writes a table, unless it's empty: then there's room for one element that nobody looks at.
fn write_all<T: Pod>(loaded: &Loaded, name: &str, table: &[T]) -> Result<(), MapError> {
    if table.is_empty() { Ok(()) } else { loaded.write(name, table) }
}
