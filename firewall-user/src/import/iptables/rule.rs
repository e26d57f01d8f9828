//! A rule: its matches and its target.

use firewall_common::{answer::Answer, packet::Family};

use super::{
    super::{
        answer,
        netfilter::{Condition, Fragments, RuleLimit, States, Test, comment, is_interface},
        ranges::Ranges,
    },
    hashlimit::Hashlimit,
    values,
    words::Words,
};
use crate::ruleset::{Names, Protocol, limit::BURST};

/// What a rule says, before chains are known by more than their names.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) conditions: Vec<Condition>,
    /// Ports of which either the source or the destination port must be one.
    pub(super) either: Option<(Ranges, bool)>,
    pub(super) limit: Option<RuleLimit>,
    pub(super) comment: Option<String>,
    pub(super) target: Target,
    /// What there's to be said of it.
    pub(super) effects: Vec<String>,
}

/// What a rule does.
#[derive(Debug, Default, PartialEq)]
pub(super) enum Target {
    #[default]
    None,
    Accept,
    Drop,
    Reject(Answer),
    Return,
    Log,
    /// A chain, or a target that isn't known: its name, all that is said of it, and whether it's a `-g`.
    Named {
        name: String,
        text: String,
        goto: bool,
    },
}

/// Reads what comes behind the chain's name.
pub(super) struct Reader<'a> {
    words: Words,
    family: Family,
    names: &'a Names,
    said: Said,
    protocol: Option<Protocol>,
    /// What of a match isn't known yet.
    unknown: Option<(String, bool)>,
    limit: Option<(Option<String>, u32)>,
    hashlimit: Option<Hashlimit>,
    fragment: Option<bool>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(words: Words, family: Family, names: &'a Names) -> Self {
        let said = Said::default();
        Self {
            words,
            family,
            names,
            said,
            protocol: None,
            unknown: None,
            limit: None,
            hashlimit: None,
            fragment: None,
        }
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// Something in it is nothing that iptables has.
    pub(super) fn read(mut self) -> Result<Said, String> {
        while let Some(word) = self.words.pop_front() {
            let mut not = word == "!";
            let option = if not { self.value("!")? } else { word };
            // Old versions have it behind the option.
            if self.words.front().is_some_and(|next| next == "!") && takes_value(&option) {
                self.words.pop_front();
                not = true;
            }
            if !self.general(&option, not)? && !self.matching(&option, not)? {
                self.not_known(&option, not)?;
            }
        }
        self.end()
    }

    fn value(&mut self, option: &str) -> Result<String, String> {
        self.words.pop_front().ok_or_else(|| format!("`{option}` lacks its value"))
    }

    fn add(&mut self, test: Test, not: bool) {
        self.flush();
        self.said.conditions.push(Condition { test, not });
    }

    /// Ends a match that isn't known.
    fn flush(&mut self) {
        if let Some((text, not)) = self.unknown.take() {
            self.said.conditions.push(Condition { test: Test::Unknown(text), not });
        }
    }

    /// An option that every rule may have.
    fn general(&mut self, option: &str, not: bool) -> Result<bool, String> {
        match option {
            "-p" | "--protocol" | "--proto" => {
                let word = self.value(option)?;
                if let Some(protocol) = values::protocol(&word, self.names)? {
                    if !not {
                        self.protocol = Some(protocol);
                    }
                    let test = if protocol.is_followed() {
                        Test::Unknown(format!("-p {word}"))
                    } else {
                        Test::Protocol(Ranges::of_u8([protocol.0]))
                    };
                    self.add(test, not);
                }
            }
            "-s" | "--source" | "--src" | "--src-range" => {
                let addresses = values::addresses(&self.value(option)?, self.family)?;
                self.add(Test::From(self.family, addresses), not);
            }
            "-d" | "--destination" | "--dst" | "--dst-range" => {
                let addresses = values::addresses(&self.value(option)?, self.family)?;
                self.add(Test::To(self.family, addresses), not);
            }
            "-i" | "--in-interface" => match self.value(option)? {
                name if name == "+" && !not => {}
                name if name.ends_with('+') => self.add(Test::Unknown(format!("-i {name}")), not),
                name if !is_interface(&name) => return Err(format!("{name:?} can't be an interface's name")),
                name => self.add(Test::Interface(vec![name]), not),
            },
            "-o" | "--out-interface" => {
                let name = self.value(option)?;
                self.add(Test::Unknown(format!("-o {name}")), not);
            }
            "-f" | "--fragment" => self.add(Test::Fragment(Fragments::Trailing), not),
            "-4" | "--ipv4" => self.add(Test::Family(Family::V4), false),
            "-6" | "--ipv6" => self.add(Test::Family(Family::V6), false),
            "-c" | "--set-counters" => {
                self.value(option)?;
                self.value(option)?;
            }
            "-m" | "--match" => {
                let module = self.value(option)?;
                self.module(&module, not);
            }
            "-j" | "--jump" | "-g" | "--goto" => {
                let name = self.value(option)?;
                self.target(name, matches!(option, "-g" | "--goto"))?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Loads a match. One whose options aren't known is remembered with them.
    fn module(&mut self, name: &str, not: bool) {
        self.flush();
        match name {
            "tcp" | "udp" | "udplite" | "sctp" | "dccp" | "icmp" | "icmp6" | "icmpv6" | "state"
            | "conntrack" | "multiport" | "comment" | "iprange" | "hl" | "ttl" | "addrtype" => {}
            "limit" => self.limit = Some((None, BURST)),
            "hashlimit" => self.hashlimit = Some(Hashlimit::default()),
            "frag" => self.fragment = Some(true),
            _ => self.unknown = Some((format!("-m {name}"), not)),
        }
    }

    /// An option of a match that is known.
    fn matching(&mut self, option: &str, not: bool) -> Result<bool, String> {
        match option {
            "--sport" | "--sports" | "--source-port" | "--source-ports" => {
                let ports = self.ports(option)?;
                self.add(Test::SourcePorts(ports), not);
            }
            "--dport" | "--dports" | "--destination-port" | "--destination-ports" => {
                let ports = self.ports(option)?;
                self.add(Test::Ports(ports), not);
            }
            "--ports" | "--port" => self.said.either = Some((self.ports(option)?, not)),
            "--syn" => self.add(Test::Flags { mask: 0x17, set: 0x02 }, not),
            "--tcp-flags" => {
                let (mask, set) =
                    (values::flags(&self.value(option)?)?, values::flags(&self.value(option)?)?);
                if set & !mask != 0 {
                    return Err(format!("`{option}` asks for a flag that isn't looked at"));
                }
                self.add(Test::Flags { mask, set }, not);
            }
            "--icmp-type" | "--icmpv6-type" => {
                let protocol = if option == "--icmp-type" { Protocol::ICMP } else { Protocol::ICMPV6 };
                let messages = values::messages(&self.value(option)?, protocol)?;
                self.add(Test::Messages(protocol, messages), not);
            }
            "--state" | "--ctstate" => {
                let test = states(&self.value(option)?);
                self.add(test, not);
            }
            "--limit" | "--limit-burst" => {
                let value = self.value(option)?;
                let limit = self.limit.get_or_insert((None, BURST));
                match option {
                    "--limit" => limit.0 = Some(value),
                    _ => limit.1 = value.parse().map_err(|_| format!("{value:?} is no burst"))?,
                }
            }
            "--comment" => self.said.comment = comment(&self.value(option)?),
            "--hl-eq" | "--ttl-eq" => {
                let value = self.value(option)?;
                let hops = value.parse().map_err(|_| format!("{value:?} is no hop limit"))?;
                self.add(Test::HopLimit(hops), not);
            }
            "--dst-type" => {
                let test = destinations(&self.value(option)?, self.family);
                self.add(test, not);
            }
            _ => return self.hashlimit_option(option),
        }
        Ok(true)
    }

    fn hashlimit_option(&mut self, option: &str) -> Result<bool, String> {
        if !option.starts_with("--hashlimit") {
            return Ok(false);
        }
        let value = if Hashlimit::takes_value(option) { Some(self.value(option)?) } else { None };
        self.hashlimit.get_or_insert_default().option(option, value)?;
        Ok(true)
    }

    fn ports(&mut self, option: &str) -> Result<Ranges, String> {
        let list = self.value(option)?;
        values::ports(&list, self.protocol, self.names)
    }

    /// An option of a match that isn't known.
    fn not_known(&mut self, option: &str, not: bool) -> Result<(), String> {
        if !option.starts_with('-') {
            return Err(format!("{option:?} isn't expected here"));
        }
        let mut text = if not { format!("! {option}") } else { option.to_owned() };
        while let Some(value) = self.words.pop_front_if(|next| !is_option(next)) {
            text += &format!(" {value}");
        }
        if self.fragment.is_some() && option.starts_with("--frag") {
            self.fragment = Some(false);
        } else {
            let known = [
                "--ct",
                "--src-type",
                "--limit-iface",
                "--tcp-option",
                "--chunk-types",
                "--hl-",
                "--ttl-",
                "--dccp",
            ];
            if self.unknown.is_none() && !known.iter().any(|known| option.starts_with(known)) {
                return Err(format!("unknown option `{option}`"));
            }
            match &mut self.unknown {
                Some((whole, _)) => *whole += &format!(" {text}"),
                None => self.unknown = Some((text, false)),
            }
        }
        Ok(())
    }

    fn target(&mut self, name: String, goto: bool) -> Result<(), String> {
        self.flush();
        self.said.target = match name.as_str() {
            "ACCEPT" => Target::Accept,
            "DROP" => Target::Drop,
            "RETURN" => Target::Return,
            "REJECT" => {
                let default = Answer::default();
                let next = self.words.pop_front_if(|next| next == "--reject-with");
                let answer = match next {
                    None => default,
                    Some(option) => {
                        let value = self.value(&option)?;
                        answer::named(&value).ok_or_else(|| format!("{value:?} is no answer of REJECT"))?
                    }
                };
                Target::Reject(answer)
            }
            "LOG" | "NFLOG" | "ULOG" => {
                self.words.clear();
                Target::Log
            }
            _ => {
                let mut text = name.clone();
                // What a target is told, but for a chain, which is told nothing.
                if self.words.front().is_some_and(|next| next.starts_with("--")) {
                    self.words.drain(..).for_each(|word| text += &format!(" {word}"));
                }
                Target::Named { name, text, goto }
            }
        };
        Ok(())
    }

    fn end(mut self) -> Result<Said, String> {
        self.flush();
        match self.fragment {
            Some(true) => self.said.conditions.push(Condition::is(Test::Fragment(Fragments::All))),
            Some(false) => {
                self.said
                    .conditions
                    .push(Condition::is(Test::Unknown("a certain fragment (-m frag)".into())));
            }
            None => {}
        }
        if let Some((rate, burst)) = self.limit.take() {
            let rate = rate.unwrap_or_else(|| "3/hour".to_owned());
            match values::rate(&rate, burst, false)? {
                Some(limit) => self.said.limit = Some(RuleLimit { limit, over: false }),
                None => {
                    let text = format!("--limit {rate} --limit-burst {burst}");
                    self.said.conditions.push(Condition::is(Test::Unknown(text)));
                }
            }
        }
        if let Some(hashlimit) = self.hashlimit.take() {
            if self.said.limit.is_some() {
                self.said.conditions.push(Condition::is(Test::Unknown("a second limit".into())));
            } else {
                hashlimit.apply(self.family, &mut self.said)?;
            }
        }
        Ok(self.said)
    }
}

/// Whether `!` may come behind it, in old versions.
fn takes_value(option: &str) -> bool {
    !matches!(option, "-m" | "--match" | "-j" | "--jump" | "--syn" | "-f" | "--fragment" | "--comment")
}

fn is_option(word: &str) -> bool {
    word == "!" || word.len() > 1 && word.starts_with('-')
}

fn states(list: &str) -> Test {
    let all: Option<Vec<States>> = list.split(',').map(States::named).collect();
    match all {
        Some(all) => Test::State(all.into_iter().fold(States::default(), States::and)),
        None => Test::Unknown(format!("--ctstate {list}")),
    }
}

/// Kinds of destinations.
fn destinations(kind: &str, family: Family) -> Test {
    let multicast = match family {
        Family::V4 => "224.0.0.0/4",
        Family::V6 => "ff00::/8",
    };
    match kind {
        "MULTICAST" => Test::To(
            family,
            values::addresses(multicast, family).unwrap_or_else(|_| Ranges::of_addresses(family, Vec::new())),
        ),
        "LOCAL" => Test::Local,
        "BROADCAST" if family == Family::V4 => Test::Broadcast,
        _ => Test::Unknown(format!("--dst-type {kind}")),
    }
}
