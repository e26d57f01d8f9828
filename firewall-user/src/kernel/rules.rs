//! A compiled ruleset in the kernel: the settings and the maps of the program that are the ruleset's.

use aya::{
    Pod,
    maps::{Array, HashMap, MapData, MapError},
};
use firewall_common::rules::{
    Action, PortTable, SourcePorts,
    chunks::{Chunk, WordChunk},
    limit::Rate,
    prefix::{Branch, Node},
};

use super::loader::{Loaded, Loader};
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

const NODES: usize = 4096 / size_of::<Node>();
const BRANCHES: usize = 4096 / size_of::<Branch>();

/// Sets what the program is to know of a ruleset before it's loaded.
pub(super) fn prepare<'a>(loader: &mut Loader<'a>, rules: &'a Compiled) {
    let Compiled {
        protocols,
        ports,
        roots,
        nodes: _,
        branches: _,
        source_ports,
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
        .set("PROTOCOL_LOOKUPS", &**protocols)
        .set("FIELDS", fields)
        .set("DEFAULT", action_code(*default))
        .set("ROOTS", roots)
        .set("NO_SOURCE_PORT", no_source_port)
        .set("FLAG_SETS", &**flags)
        .set("NO_FLAGS", no_flags)
        .set("INTERFACE_SETS", interfaces)
        .set("CONSEQUENCES", &**consequences)
        .set("ANSWER_CODES", &*answers.codes)
        .set("ANSWER_RATES", &answers.rates)
        .set("LOGS", flag(logged.iter().any(|word| *word != 0)))
        .set("LOGGED", &**logged)
        .entries(names::PORTS, entries(ports.len()))
        .entries(names::SOURCE_PORTS, entries(usize::from(source_ports.is_some())))
        .entries(names::WORDS, entries(words.len()))
        .entries(names::RATES, entries(rates.len()))
        .entries(names::VETHS, entries(answers.veths.len()));
    prepare_tries(loader, rules);
}

/// The same for its tries alone.
pub(super) fn prepare_tries(loader: &mut Loader<'_>, rules: &Compiled) {
    loader
        .entries(names::NODES, entries(rules.nodes.len().div_ceil(NODES)))
        .entries(names::BRANCHES, entries(rules.branches.len().div_ceil(BRANCHES)));
}

/// How many entries a map of so many needs: a map without any can't be.
fn entries(count: usize) -> u32 {
    count.max(1) as u32
}

/// A setting that is true or false, where it stays.
fn flag(is_set: bool) -> &'static u32 {
    if is_set { &1 } else { &0 }
}

/// An action's number, where it stays.
fn action_code(action: Action) -> &'static u32 {
    const CODES: [u32; Action::ALL.len()] =
        [Action::ALL[0].code(), Action::ALL[1].code(), Action::ALL[2].code()];
    &CODES[action as usize]
}

/// Writes a ruleset into the maps of a program that isn't in use yet.
pub(super) fn write(loaded: &mut Loaded, rules: &Compiled) -> Result<(), MapError> {
    for (index, table) in (0..).zip(&rules.ports) {
        array::<PortTable>(loaded, names::PORTS)?.set(index, table.as_ref(), 0)?;
    }
    if let Some(table) = &rules.source_ports {
        array::<SourcePorts>(loaded, names::SOURCE_PORTS)?.set(0, table.as_ref(), 0)?;
    }
    write_tries(loaded, rules)?;
    let mut words = array::<WordChunk>(loaded, names::WORDS)?;
    (0..).zip(&rules.words).try_for_each(|(index, chunk)| words.set(index, chunk, 0))?;
    let mut rates = array::<Rate>(loaded, names::RATES)?;
    (0..).zip(&rules.rates).try_for_each(|(index, rate)| rates.set(index, rate, 0))?;
    let mut veths: HashMap<_, u32, u32> = HashMap::try_from(loaded.map_mut(names::VETHS)?)?;
    rules.answers.veths.iter().try_for_each(|veth| veths.insert(veth, 1, 0))
}

/// The same for its tries alone.
pub(super) fn write_tries(loaded: &mut Loaded, rules: &Compiled) -> Result<(), MapError> {
    chunks::<_, NODES>(loaded, names::NODES, &rules.nodes)?;
    chunks::<_, BRANCHES>(loaded, names::BRANCHES, &rules.branches)
}

/// Writes a table in chunks.
fn chunks<T: Pod + Default, const N: usize>(
    loaded: &mut Loaded,
    name: &str,
    table: &[T],
) -> Result<(), MapError> {
    let mut map = array(loaded, name)?;
    (0..).zip(table.chunks(N)).try_for_each(|(index, part)| map.set(index, Chunk::<T, N>::new(part), 0))
}

fn array<'a, V: Pod>(loaded: &'a mut Loaded, name: &str) -> Result<Array<&'a mut MapData, V>, MapError> {
    Array::try_from(loaded.map_mut(name)?)
}
