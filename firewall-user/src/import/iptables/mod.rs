//! Reads what `iptables-save`, `ip6tables-save` and `iptables -S` print.

mod hashlimit;
mod rule;
mod section;
mod values;
mod words;

use std::{collections::BTreeMap, sync::Arc};

use firewall_common::packet::Family;

use self::{
    rule::{Reader, Said, Target},
    section::Section,
};
use super::{
    Context, TRANSLATED,
    error::ImportError,
    netfilter::{Aside, Base, Chain, ChainId, Condition, Hook, Rule, Test, Verdict},
    source::{Place, SourceId},
};

/// The chains that packets come to by themselves, of each table.
const BUILT_IN: [&str; 5] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];

/// Where a chain of a table meets what comes in, and with what priority.
fn hook(table: &str, chain: &str) -> Option<(Hook, i64)> {
    match (table, chain) {
        ("raw", "PREROUTING") => Some((Hook::Prerouting, -300)),
        ("mangle", "PREROUTING") => Some((Hook::Prerouting, -150)),
        ("mangle", "INPUT") => Some((Hook::Input, -150)),
        ("filter", "INPUT") => Some((Hook::Input, 0)),
        ("security", "INPUT") => Some((Hook::Input, 50)),
        _ => None,
    }
}

/// Reads a file; rules of which nothing tells the IP version are `preset`'s.
///
/// # Errors
/// A line is nothing that iptables prints.
pub(super) fn read(
    context: &mut Context<'_>,
    file: &Arc<str>,
    text: &str,
    preset: Option<Family>,
) -> Result<(), ImportError> {
    for section in section::split(text) {
        SectionReader::new(context, file, section, preset).read()?;
    }
    Ok(())
}

/// A chain of a section.
struct Known {
    id: ChainId,
    policy: Option<(bool, SourceId)>,
    source: Option<SourceId>,
    rules: Vec<SourceId>,
}

/// Rules of one IP version.
struct SectionReader<'a, 'n, 't> {
    context: &'a mut Context<'n>,
    file: &'a Arc<str>,
    section: Section<'t>,
    family: Family,
    /// By table and name.
    chains: BTreeMap<(String, String), Known>,
}

impl<'a, 'n, 't> SectionReader<'a, 'n, 't> {
    fn new(
        context: &'a mut Context<'n>,
        file: &'a Arc<str>,
        section: Section<'t>,
        preset: Option<Family>,
    ) -> Self {
        let told = section.family();
        let family = told.or(preset).unwrap_or(if file.contains('6') { Family::V6 } else { Family::V4 });
        if told.is_none()
            && preset.is_none()
            && let Some(&(line, text)) = section.lines.first()
        {
            let place = Place { file: file.clone(), line: Some(line), part: None };
            let source = context.sources.add(place, text);
            let remark = format!(
                "nothing here tells whether these are rules of IPv4 or of IPv6: they are taken for {}'s; `--from iptables` \
                 or `--from ip6tables` says which",
                family.name()
            );
            context.netfilter.remarks.push((source, remark));
        }
        Self { context, file, section, family, chains: BTreeMap::new() }
    }

    fn place(&self, line: usize) -> Place {
        Place { file: self.file.clone(), line: Some(line), part: None }
    }

    fn read(mut self) -> Result<(), ImportError> {
        let lines = std::mem::take(&mut self.section.lines);
        self.each(&lines, Self::declare)?;
        self.each(&lines, Self::rule)?;
        self.bases()
    }

    /// Does something with each line, which is told the table, too.
    fn each(
        &mut self,
        lines: &[(usize, &str)],
        act: impl Fn(&mut Self, &str, usize, &str) -> Result<(), String>,
    ) -> Result<(), ImportError> {
        let mut table = "filter".to_owned();
        for &(number, line) in lines {
            let text = line.trim();
            if let Some(name) = text.strip_prefix('*') {
                table = name.trim().to_owned();
            } else if !text.is_empty() && !text.starts_with('#') && text != "COMMIT" {
                act(self, &table, number, text)
                    .map_err(|problem| ImportError::Malformed { place: self.place(number), problem })?;
            }
        }
        Ok(())
    }

    /// Notes a chain that a line declares: `:INPUT DROP [0:0]`, `-P INPUT DROP` or `-N NAME`.
    fn declare(&mut self, table: &str, number: usize, text: &str) -> Result<(), String> {
        let words = words::words(text)?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (name, policy) = match (text.strip_prefix(':'), &words[..]) {
            (Some(rest), _) => {
                let mut words = rest.split_ascii_whitespace();
                (
                    words.next().ok_or("a chain without a name")?,
                    words.next().ok_or("a chain without a policy")?,
                )
            }
            (None, ["-P" | "--policy", name, policy, ..]) => (*name, *policy),
            (None, ["-N" | "--new-chain", name]) => (*name, "-"),
            _ => return Ok(()),
        };
        let accepts = match policy {
            "ACCEPT" => Some(true),
            "DROP" => Some(false),
            "-" if !BUILT_IN.contains(&name) => None,
            _ => return Err(format!("{policy:?} is no policy: expected ACCEPT or DROP")),
        };
        let source = self.context.sources.add(self.place(number), text);
        let id = self.chain(table, name);
        if let Some(known) = self.chains.get_mut(&(table.to_owned(), name.to_owned())) {
            known.policy = accepts.map(|accepts| (accepts, source));
            known.source = Some(source);
        }
        self.context.netfilter.chains[id].source = Some(source);
        Ok(())
    }

    /// The chain of a name, made if it isn't there.
    fn chain(&mut self, table: &str, name: &str) -> ChainId {
        let key = (table.to_owned(), name.to_owned());
        let chains = &mut self.context.netfilter.chains;
        self.chains
            .entry(key)
            .or_insert_with(|| {
                chains.push(Chain { name: name.to_owned(), source: None, rules: Vec::new() });
                Known { id: chains.len() - 1, policy: None, source: None, rules: Vec::new() }
            })
            .id
    }

    /// Reads a rule.
    fn rule(&mut self, table: &str, number: usize, text: &str) -> Result<(), String> {
        let counted = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let bare = counted.map_or(text, |(_, rest)| rest);
        let mut words = words::words(bare)?;
        match words.pop_front().unwrap_or_default().as_str() {
            "-A" | "--append" => {}
            "-P" | "--policy" | "-N" | "--new-chain" => return Ok(()),
            word if word.starts_with(':') => return Ok(()),
            word => {
                return Err(format!(
                    "{word:?} isn't expected: expected `-A CHAIN …`, `:CHAIN POLICY`, `*TABLE` or `COMMIT`, as iptables-save \
                     prints them"
                ));
            }
        }
        let name = words.pop_front().ok_or("`-A` lacks the chain")?;
        let key = (table.to_owned(), name.clone());
        if !self.chains.contains_key(&key) && !BUILT_IN.contains(&name.as_str()) {
            return Err(format!(
                "there's no chain {name:?}: expected `:{name} - [0:0]` or `-N {name}` before"
            ));
        }
        let said = Reader::new(words, self.family, self.context.names).read()?;
        let source = self.context.sources.add(self.place(number), text);
        let id = self.chain(table, &name);
        self.chains.entry(key).and_modify(|known| known.rules.push(source));
        let tracks = table == "nat"
            || said.conditions.iter().any(|condition| matches!(condition.test, Test::State(_)))
            || text.contains("--ct")
            || text.contains("conn");
        self.context.netfilter.tracks[self.family.index()] |= tracks;
        let rules = self.rules_of(table, source, said);
        self.context.netfilter.chains[id].rules.extend(rules);
        Ok(())
    }

    /// The rules that a line is: two, where either port may be meant.
    fn rules_of(&self, table: &str, source: SourceId, said: Said) -> Vec<Rule> {
        let Said { conditions, either, limit, comment, target, mut effects } = said;
        let log = target == Target::Log;
        let verdict = match target {
            Target::None | Target::Log => Verdict::Continue,
            Target::Accept => Verdict::Accept,
            Target::Drop => Verdict::Drop,
            Target::Reject(answer) => Verdict::Reject(answer),
            Target::Return => Verdict::Return,
            Target::Named { name, text, goto } => match self.chains.get(&(table.to_owned(), name.clone())) {
                Some(known) if goto => Verdict::Goto(known.id),
                Some(known) => Verdict::Jump(known.id),
                None if goes_on(&name) => {
                    effects.push(format!("{text} isn't carried over"));
                    Verdict::Continue
                }
                None => Verdict::Unknown(text),
            },
        };
        let rule = Rule { source, conditions, limit, log, comment, verdict, effects };
        let with = |test, not| {
            let mut rule = rule.clone();
            rule.conditions.push(Condition { test, not });
            rule
        };
        match either {
            None => vec![rule],
            Some((ports, false)) => {
                vec![with(Test::SourcePorts(ports.clone()), false), with(Test::Ports(ports), false)]
            }
            Some((ports, true)) => {
                let mut rule = with(Test::SourcePorts(ports.clone()), true);
                rule.conditions.push(Condition { test: Test::Ports(ports), not: true });
                vec![rule]
            }
        }
    }

    /// Notes the chains that what comes in meets, and names the others.
    fn bases(self) -> Result<(), ImportError> {
        let reached = self.reached();
        let Self { context, file: _, family, chains, .. } = self;
        for ((table, name), known) in chains {
            let chain = known.id;
            let hook = hook(&table, &name).filter(|_| table == "filter" || reached.denying.contains(&table));
            if let Some((hook, priority)) = hook {
                let base = Base {
                    chain,
                    families: vec![family],
                    hook,
                    priority,
                    device: None,
                    accepts: known.policy.is_none_or(|(accepts, _)| accepts),
                    policy: known.policy.map(|(_, source)| source).or(known.rules.first().copied()),
                };
                context.add_base(base)?;
            } else if !known.rules.is_empty() && !reached.chains.contains(&chain) {
                let remark = remark(&table, &name, &context.netfilter.chains[chain].rules);
                let what = format!("{} {table} {name}", family.name());
                context.netfilter.aside.push(Aside { what, sources: known.rules, remark });
            }
        }
        Ok(())
    }

    /// Which chains what comes in gets to.
    fn reached(&self) -> Reached {
        let chains = &self.context.netfilter.chains;
        let mut reached = Reached::default();
        for ((table, name), known) in &self.chains {
            if hook(table, name).is_none() {
                continue;
            }
            let mut open = vec![known.id];
            let mut seen = Vec::new();
            while let Some(id) = open.pop() {
                if seen.contains(&id) {
                    continue;
                }
                seen.push(id);
                for rule in &chains[id].rules {
                    match rule.verdict {
                        Verdict::Jump(to) | Verdict::Goto(to) => open.push(to),
                        Verdict::Drop | Verdict::Reject(_) => reached.denying.push(table.clone()),
                        _ => {}
                    }
                }
            }
            if table == "filter" || reached.denying.contains(table) {
                reached.chains.extend(seen);
            }
        }
        reached
    }
}

/// What is of what comes in.
#[derive(Default)]
struct Reached {
    chains: Vec<ChainId>,
    /// Tables that drop something of it.
    denying: Vec<String>,
}

/// Whether the next rule is tried behind a target, whatever it does.
fn goes_on(target: &str) -> bool {
    [
        "AUDIT",
        "CHECKSUM",
        "CLASSIFY",
        "CONNMARK",
        "CONNSECMARK",
        "CT",
        "DSCP",
        "ECN",
        "HL",
        "HMARK",
        "IDLETIMER",
        "LED",
        "MARK",
        "NOTRACK",
        "RATEEST",
        "SECMARK",
        "SET",
        "TCPMSS",
        "TCPOPTSTRIP",
        "TEE",
        "TOS",
        "TRACE",
        "TTL",
    ]
    .contains(&target)
}

/// What there's to be said of a chain that isn't carried over.
fn remark(table: &str, chain: &str, rules: &[Rule]) -> Option<&'static str> {
    let untracks = |rule: &Rule| {
        rule.effects.iter().any(|effect| effect.starts_with("NOTRACK") || effect.contains("--notrack"))
    };
    if rules.iter().any(untracks) {
        return Some("NOTRACK has no counterpart, since Fragwall doesn't track connections");
    }
    match (table, chain) {
        ("filter", "FORWARD") => Some("what is to be forwarded comes in, too, and is judged by these rules"),
        ("nat", "PREROUTING") => Some(TRANSLATED),
        _ => None,
    }
}
