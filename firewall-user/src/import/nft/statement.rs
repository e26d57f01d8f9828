//! The statements of a rule.

use std::collections::BTreeMap;

use firewall_common::answer::Answer;
use serde_json::Value;

use super::{
    super::{
        answer,
        netfilter::{ChainId, Condition, RuleLimit, Test, Verdict},
        rate,
    },
    Key,
    field::Fields,
    value,
};
use crate::ruleset::{Names, limit::BURST};

/// The most rules that one rule may stand for.
const MOST: usize = 4096;

/// What a rule says.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) conditions: Vec<Condition>,
    pub(super) limit: Option<RuleLimit>,
    pub(super) log: bool,
    pub(super) verdict: Verdict,
    pub(super) effects: Vec<String>,
}

/// What statements may refer to.
pub(super) struct Statements<'s> {
    pub(super) table: [&'s str; 2],
    pub(super) sets: &'s BTreeMap<Key, &'s Value>,
    /// The chain of a name, in the same table.
    pub(super) chain: &'s dyn Fn(&str) -> Option<ChainId>,
    pub(super) names: &'s Names,
}

impl Statements<'_> {
    /// The rules that a list of statements is: one for each way in which it may match, and for each verdict of a map.
    ///
    /// # Errors
    /// Something in it is nothing that nft prints.
    pub(super) fn read(&self, list: &Value) -> Result<Vec<Said>, String> {
        let list = list.as_array().ok_or("a rule without the list \"expr\"")?;
        let nothing = Said {
            conditions: Vec::new(),
            limit: None,
            log: false,
            verdict: Verdict::Continue,
            effects: Vec::new(),
        };
        let mut rules = vec![nothing];
        for statement in list {
            let Some((kind, value)) = statement.as_object().and_then(|of| of.iter().next()) else {
                return Err(format!("{statement} is no statement"));
            };
            match kind.as_str() {
                "match" => rules = self.compared(rules, value)?,
                "vmap" => return self.mapped(&rules, value),
                _ => {
                    if self.verdict(&mut rules, kind, value)? {
                        return Ok(rules);
                    }
                    each(&mut rules, |rule| other(rule, kind, value));
                }
            }
            if rules.len() > MOST {
                return Err(format!("it stands for more than {MOST} rules"));
            }
        }
        Ok(rules)
    }

    fn fields(&self) -> Fields<'_> {
        Fields { table: self.table, sets: self.sets, names: self.names }
    }

    fn compared(&self, rules: Vec<Said>, comparison: &Value) -> Result<Vec<Said>, String> {
        let op = comparison["op"].as_str().ok_or("a match without \"op\"")?;
        let (left, right) = (&comparison["left"], &comparison["right"]);
        let fields = self.fields();
        let is_changing = self.is_changing(right);
        let mut all = Vec::new();
        for rule in rules {
            for conditions in fields.compare(left, op, right, &rule.conditions) {
                let mut rule = rule.clone();
                rule.conditions.extend(conditions);
                if left["payload"]["field"] == "nexthdr" {
                    rule.effects.push(
                        "the next header is taken for the protocol, which may stand behind extension headers"
                            .to_owned(),
                    );
                }
                if is_changing {
                    rule.effects.push(format!(
                        "{} is taken for what it holds now",
                        right.as_str().unwrap_or_default()
                    ));
                }
                all.push(rule);
            }
        }
        Ok(all)
    }

    /// Whether a named set changes by itself.
    fn is_changing(&self, right: &Value) -> bool {
        let Some(name) = right.as_str().and_then(|text| text.strip_prefix('@')) else { return false };
        let [family, table] = self.table.map(str::to_owned);
        let set = self.sets.get(&[family, table, name.to_owned()]);
        let changes = |flag: &str| matches!(flag, "dynamic" | "timeout");
        set.is_some_and(|set| match &set["flags"] {
            Value::String(flag) => changes(flag),
            Value::Array(flags) => flags.iter().filter_map(Value::as_str).any(changes),
            _ => false,
        })
    }

    /// The rules of a map of verdicts.
    fn mapped(&self, rules: &[Said], map: &Value) -> Result<Vec<Said>, String> {
        let (key, data) = (&map["key"], &map["data"]);
        let fields = self.fields();
        let elements = fields.resolved(data).ok_or_else(|| format!("there's no map {data}"))?;
        let mut all = Vec::new();
        for rule in rules {
            for element in &elements {
                let Some([value, verdict]) = element.as_array().map(Vec::as_slice) else {
                    return Err(format!("{element} in a map of verdicts is no pair"));
                };
                let value = value::element(value);
                let Some((kind, target)) = verdict.as_object().and_then(|of| of.iter().next()) else {
                    return Err(format!("{verdict} is no verdict"));
                };
                // What no element before it is.
                let ways = if value == "*" {
                    vec![Vec::new()]
                } else {
                    fields.compare(key, "==", value, &rule.conditions)
                };
                for conditions in ways {
                    let mut one = vec![rule.clone()];
                    one[0].conditions.extend(conditions);
                    if rule.limit.is_some() {
                        one[0]
                            .conditions
                            .push(Condition::is(Test::Unknown("a limit before a map".to_owned())));
                    }
                    if !self.verdict(&mut one, kind, target)? {
                        return Err(format!("{kind:?} is no verdict"));
                    }
                    all.append(&mut one);
                }
                if all.len() > MOST {
                    return Err(format!("it stands for more than {MOST} rules"));
                }
            }
        }
        Ok(all)
    }

    /// A verdict, which ends a rule. Tells whether it's one.
    fn verdict(&self, rules: &mut [Said], kind: &str, value: &Value) -> Result<bool, String> {
        let chain = || {
            let name = value["target"].as_str().ok_or_else(|| format!("`{kind}` without a chain"))?;
            (self.chain)(name).ok_or_else(|| format!("there's no chain {name:?} in its table"))
        };
        let verdict = match kind {
            "accept" => Verdict::Accept,
            "drop" => Verdict::Drop,
            "return" => Verdict::Return,
            "continue" => Verdict::Continue,
            "jump" => Verdict::Jump(chain()?),
            "goto" => Verdict::Goto(chain()?),
            "reject" => Verdict::Reject(answer_of(value)?),
            "queue" | "tproxy" | "synproxy" | "fwd" | "dnat" | "snat" | "masquerade" | "redirect" => {
                Verdict::Unknown(kind.to_owned())
            }
            _ => return Ok(false),
        };
        each(rules, |rule| rule.verdict = verdict.clone());
        Ok(true)
    }
}

fn each(rules: &mut [Said], act: impl Fn(&mut Said)) {
    rules.iter_mut().for_each(act);
}

/// A statement that is no match and no verdict.
fn other(rule: &mut Said, kind: &str, value: &Value) {
    let mut asks = |text: String| rule.conditions.push(Condition::is(Test::Unknown(text)));
    match kind {
        "counter" | "last" => {}
        "log" => rule.log = true,
        "limit" => match limit(value) {
            Some(limit) if rule.limit.is_none() => rule.limit = Some(limit),
            _ => asks("such a limit".to_owned()),
        },
        "mangle" => {
            let key = value["key"].as_object().and_then(|of| of.iter().next());
            let text = key.map_or_else(String::new, |(kind, of)| {
                format!("{kind} {}", of["key"].as_str().or(of["field"].as_str()).unwrap_or_default())
            });
            rule.effects.push(format!("{} set isn't carried over", text.trim()));
        }
        "notrack" => rule.effects.push("notrack isn't carried over".to_owned()),
        "set" if value.get("stmt").is_none_or(|list| list.as_array().is_some_and(Vec::is_empty)) => {
            let name = value["set"].as_str().unwrap_or_default();
            rule.effects.push(format!("nothing is added to {name}"));
        }
        "xt" => {
            let name = value["name"].as_str().unwrap_or("xt");
            let text = format!("{name} of iptables (import what iptables-save prints instead)");
            if value["type"] == "match" {
                asks(text);
            } else {
                rule.verdict = Verdict::Unknown(text);
            }
        }
        "unknown" => asks(value.as_str().unwrap_or_default().to_owned()),
        "dup" | "ct helper" | "ct timeout" | "ct expectation" | "secmark" | "flow" => {
            rule.effects.push(format!("{kind} isn't carried over"));
        }
        _ => asks(kind.to_owned()),
    }
}

fn limit(value: &Value) -> Option<RuleLimit> {
    if value["rate_unit"].as_str().is_some_and(|unit| unit != "packets") {
        return None;
    }
    let number = |key: &str| value[key].as_u64().and_then(|number| u32::try_from(number).ok());
    let burst = if value["burst"].is_null() { BURST } else { number("burst")? };
    let limit = rate::limit(number("rate")?, value["per"].as_str().unwrap_or("second"), burst, false)?;
    Some(RuleLimit { limit, over: value["inv"].as_bool().unwrap_or(false) })
}

fn answer_of(value: &Value) -> Result<Answer, String> {
    match (value["type"].as_str(), value["expr"].as_str()) {
        (Some("tcp reset"), _) => Ok(Answer::TcpReset),
        (_, None) => Ok(Answer::default()),
        (_, Some(name)) => answer::named(name).ok_or_else(|| format!("{name:?} is no answer of reject")),
    }
}
