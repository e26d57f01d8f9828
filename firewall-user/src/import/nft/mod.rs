//! Reads what `nft list ruleset` and `nft -j list ruleset` print.
//!
//! The text is read into what the JSON would be ([`text`]), so that there's one meaning of both ([`statement`]).

mod comparison;
mod field;
mod json;
mod parser;
mod statement;
mod text;
mod tokens;
mod value;

use std::{collections::BTreeMap, sync::Arc};

use firewall_common::packet::Family;
use serde_json::Value;

use self::statement::Statements;
use super::{
    Context, TRANSLATED,
    error::ImportError,
    netfilter::{Aside, Base, Chain, ChainId, Condition, Hook, Rule, Test, Verdict, comment, is_interface},
    source::{Place, SourceId},
};

/// An object of a ruleset, as `nft -j` prints it, and where it stands.
#[derive(Debug)]
pub(super) struct Object {
    /// `table`, `chain`, `rule`, `set` or `map`.
    kind: String,
    value: Value,
    line: Option<usize>,
    text: String,
}

impl Object {
    fn field(&self, name: &str) -> &str {
        self.value[name].as_str().unwrap_or_default()
    }

    /// The table and a name in it.
    fn key(&self, name: &str) -> Key {
        [self.field("family"), self.field("table"), name].map(str::to_owned)
    }
}

/// The family and the name of a table, and the name of something in it.
type Key = [String; 3];

/// Reads a file.
///
/// # Errors
/// It isn't what nft prints.
pub(super) fn read(context: &mut Context<'_>, file: &Arc<str>, text: &str) -> Result<(), ImportError> {
    let malformed = |(line, problem): (Option<usize>, String)| ImportError::Malformed {
        place: Place { file: file.clone(), line, part: None },
        problem,
    };
    let objects = if text.trim_start().starts_with('{') {
        json::objects(text).map_err(malformed)?
    } else {
        text::objects(text).map_err(malformed)?
    };
    let reader =
        Reader { context, file, chains: BTreeMap::new(), sets: BTreeMap::new(), dormant: Vec::new() };
    reader.read(&objects)
}

/// A chain as it's declared.
struct Known<'o> {
    id: ChainId,
    object: &'o Object,
    rules: Vec<SourceId>,
}

struct Reader<'a, 'n, 'o> {
    context: &'a mut Context<'n>,
    file: &'a Arc<str>,
    chains: BTreeMap<Key, Known<'o>>,
    sets: BTreeMap<Key, &'o Value>,
    /// Tables that are switched off.
    dormant: Vec<[String; 2]>,
}

impl<'o> Reader<'_, '_, 'o> {
    fn read(mut self, objects: &'o [Object]) -> Result<(), ImportError> {
        for object in objects {
            self.declare(object);
        }
        for object in objects.iter().filter(|object| object.kind == "rule") {
            self.rule(object)?;
        }
        self.bases();
        Ok(())
    }

    fn place(&self, object: &Object) -> Place {
        let part = object.line.is_none().then(|| {
            let (family, table, name) = (object.field("family"), object.field("table"), object.field("name"));
            match object.value["handle"].as_u64() {
                Some(handle) if object.kind == "rule" => {
                    format!("rule {handle} of {family} {table} {}", object.field("chain"))
                }
                _ => format!("{} {family} {table} {name}", object.kind),
            }
        });
        Place { file: self.file.clone(), line: object.line, part }
    }

    fn declare(&mut self, object: &'o Object) {
        match object.kind.as_str() {
            "table" => {
                let flags = &object.value["flags"];
                let is_dormant = |flag: &Value| flag.as_str() == Some("dormant");
                if is_dormant(flags) || flags.as_array().is_some_and(|flags| flags.iter().any(is_dormant)) {
                    self.dormant.push([object.field("family").to_owned(), object.field("name").to_owned()]);
                }
            }
            "chain" => {
                let source = self.context.sources.add(self.place(object), &object.text);
                let name = object.field("name");
                let chains = &mut self.context.netfilter.chains;
                chains.push(Chain { name: name.to_owned(), source: Some(source), rules: Vec::new() });
                let known = Known { id: chains.len() - 1, object, rules: Vec::new() };
                self.chains.insert(object.key(name), known);
            }
            "set" | "map" => {
                self.sets.insert(object.key(object.field("name")), &object.value);
            }
            _ => {}
        }
    }

    fn rule(&mut self, object: &'o Object) -> Result<(), ImportError> {
        let place = self.place(object);
        let malformed = |problem| ImportError::Malformed { place: place.clone(), problem };
        let key = object.key(object.field("chain"));
        let Some(chain) = self.chains.get(&key).map(|known| known.id) else {
            return Err(malformed(format!("there's no chain {:?} in its table", object.field("chain"))));
        };
        let statements = Statements {
            table: [object.field("family"), object.field("table")],
            sets: &self.sets,
            chain: &|name| {
                let key = object.key(name);
                self.chains.get(&key).map(|known| known.id)
            },
            names: self.context.names,
        };
        let said = statements.read(&object.value["expr"]).map_err(&malformed)?;
        let source = self.context.sources.add(place.clone(), &object.text);
        let tracks = said.iter().flat_map(|said| &said.conditions).any(asks_for_state)
            || object.value["expr"].to_string().contains("\"ct\"");
        for family in families(object.field("family")) {
            self.context.netfilter.tracks[family.index()] |= tracks;
        }
        let comment = object.value["comment"].as_str().and_then(comment);
        let rules = said.into_iter().map(|said| Rule {
            source,
            conditions: said.conditions,
            limit: said.limit,
            log: said.log,
            comment: comment.clone(),
            verdict: said.verdict,
            effects: said.effects,
        });
        self.context.netfilter.chains[chain].rules.extend(rules);
        self.chains.entry(key).and_modify(|known| known.rules.push(source));
        Ok(())
    }

    /// Notes the chains that what comes in meets, and names the others.
    fn bases(self) {
        let mut reached = Vec::new();
        let mut bases = Vec::new();
        for ([family, table, _], known) in &self.chains {
            let is_on = !self.dormant.contains(&[family.clone(), table.clone()]);
            let Some(base) = base(family, known).filter(|_| is_on) else { continue };
            let (chains, denies) = self.reach(known.id);
            if base.hook == Hook::Input || denies {
                reached.extend(chains);
                bases.push(base);
            }
        }
        for ([family, table, name], known) in self.chains {
            let hook = known.object.field("hook");
            let tracks = known.object.field("type") == "nat";
            for family in families(&family) {
                self.context.netfilter.tracks[family.index()] |= tracks;
            }
            let rules = &self.context.netfilter.chains[known.id].rules;
            if known.rules.is_empty() || reached.contains(&known.id) {
                continue;
            }
            let untracks = |rule: &Rule| rule.effects.iter().any(|effect| effect.starts_with("notrack"));
            let remark = if rules.iter().any(untracks) {
                Some("notrack has no counterpart, since Fragwall doesn't track connections")
            } else {
                match hook {
                    "forward" => Some("what is to be forwarded comes in, too, and is judged by these rules"),
                    "prerouting" if tracks => Some(TRANSLATED),
                    _ => None,
                }
            };
            let what = format!("{family} {table} {name}");
            self.context.netfilter.aside.push(Aside { what, sources: known.rules, remark });
        }
        for mut base in bases {
            base.policy = self.context.netfilter.chains[base.chain].source;
            self.context.netfilter.bases.push(base);
        }
    }

    /// The chains that packets get to from one, and whether something drops them there.
    fn reach(&self, chain: ChainId) -> (Vec<ChainId>, bool) {
        let (mut open, mut seen, mut denies) = (vec![chain], Vec::new(), false);
        while let Some(id) = open.pop() {
            if seen.contains(&id) {
                continue;
            }
            seen.push(id);
            for rule in &self.context.netfilter.chains[id].rules {
                denies |= rule.verdict.denies();
                if let Verdict::Jump(to) | Verdict::Goto(to) = rule.verdict {
                    open.push(to);
                }
            }
        }
        let base = self.chains.values().find(|known| known.id == chain);
        denies |= base.is_some_and(|known| known.object.field("policy") == "drop");
        (seen, denies)
    }
}

fn asks_for_state(condition: &Condition) -> bool {
    matches!(condition.test, Test::State(_))
}

/// The IP versions whose packets come to a table of that family.
fn families(family: &str) -> &'static [Family] {
    match family {
        "ip" => &[Family::V4],
        "ip6" => &[Family::V6],
        "inet" | "netdev" => &Family::ALL,
        _ => &[],
    }
}

/// The chain as one that what comes in gets to by itself; `None` if it isn't.
fn base(family: &str, known: &Known<'_>) -> Option<Base> {
    let object = known.object;
    let hook = match object.field("hook") {
        "ingress" => Hook::Ingress,
        "prerouting" => Hook::Prerouting,
        "input" => Hook::Input,
        _ => return None,
    };
    let families = families(family);
    if object.field("type") != "filter" || families.is_empty() {
        return None;
    }
    let named = |name: &Value| name.as_str().filter(|name| is_interface(name)).map(str::to_owned);
    let device = match &object.value["dev"] {
        Value::String(_) => Some(named(&object.value["dev"]).into_iter().collect()),
        Value::Array(names) => Some(names.iter().filter_map(named).collect()),
        _ => None,
    };
    Some(Base {
        chain: known.id,
        families: families.to_vec(),
        hook,
        priority: object.value["prio"].as_i64().unwrap_or(0),
        device,
        accepts: object.field("policy") != "drop",
        policy: None,
    })
}
