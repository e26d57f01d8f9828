//! Comparisons in nft's text: fields, values and sets.

use serde_json::{Value, json};

use super::{
    parser::Parser,
    tokens::{Kind, Token},
    value::is_address,
};

/// Keys of `meta` that stand alone, too.
const META: [&str; 12] = [
    "iifname", "iif", "oifname", "oif", "mark", "iiftype", "oiftype", "skuid", "skgid", "pkttype", "cpu",
    "iifgroup",
];
/// Headers that have fields.
const HEADERS: [&str; 18] = [
    "ip", "ip6", "tcp", "udp", "udplite", "sctp", "dccp", "icmp", "icmpv6", "igmp", "th", "ether", "vlan",
    "arp", "ah", "esp", "comp", "gre",
];
/// Extension headers that have fields.
const EXTENSIONS: [&str; 6] = ["frag", "hbh", "rt", "dst", "mh", "srh"];

impl Parser<'_> {
    /// A match, a map of verdicts, or the setting of a field.
    pub(super) fn comparison(&mut self) -> Option<Value> {
        let mut left = self.key()?;
        if self.is_next(".") {
            let mut parts = vec![left];
            while self.take(".") {
                parts.push(self.key()?);
            }
            left = json!({ "concat": parts });
        }
        if self.take("set") {
            self.operand()?;
            return Some(json!({ "mangle": { "key": left } }));
        }
        if self.take("vmap") {
            let data = self.operand()?;
            return Some(json!({ "vmap": { "key": left, "data": data } }));
        }
        if left.get("exthdr").is_some_and(|header| header.get("field").is_none()) {
            let there = if self.take("exists") { true } else { self.take("missing").then_some(false)? };
            return Some(json!({ "match": { "op": "==", "left": left, "right": there } }));
        }
        let is_bits = left["payload"]["field"] == "flags"
            || left["ct"]["key"] == "state"
            || left["ct"]["key"] == "status";
        if self.take("&") {
            let mask = self.operand()?;
            left = json!({ "&": [left, mask] });
        }
        let op = match self.peek().and_then(Token::word) {
            Some(op @ ("==" | "!=" | "<" | ">" | "<=" | ">=")) => {
                self.at += 1;
                op
            }
            _ if is_bits && left.get("&").is_none() && !self.peek().is_some_and(|token| token.is('{')) => {
                "in"
            }
            _ => "==",
        };
        let right = self.operand()?;
        if self.take("/") {
            let mask = self.operand()?;
            let op = if op == "in" { "==" } else { op };
            return Some(json!({ "match": { "op": op, "left": { "&": [left, mask] }, "right": right } }));
        }
        Some(json!({ "match": { "op": op, "left": left, "right": right } }))
    }

    /// A field.
    fn key(&mut self) -> Option<Value> {
        let word = self.next()?.word()?;
        match word {
            "meta" => Some(json!({ "meta": { "key": self.name().ok()? } })),
            "ct" => {
                let key = self.name().ok()?;
                // `ct count` and fields of one direction are something else.
                (!matches!(key.as_str(), "original" | "reply" | "count"))
                    .then(|| json!({ "ct": { "key": key } }))
            }
            "exthdr" => Some(json!({ "exthdr": { "name": self.name().ok()? } })),
            "fib" => {
                let flag = self.name().ok()?;
                let result = self.name().ok()?;
                (result != ".").then(|| json!({ "fib": { "result": result, "flags": [flag] } }))
            }
            word if META.contains(&word) => Some(json!({ "meta": { "key": word } })),
            word if HEADERS.contains(&word) => {
                Some(json!({ "payload": { "protocol": word, "field": self.name().ok()? } }))
            }
            word if EXTENSIONS.contains(&word) => {
                Some(json!({ "exthdr": { "name": word, "field": self.name().ok()? } }))
            }
            _ => None,
        }
    }

    /// What a field is compared with: a value, several with commas between them, bits, or a set.
    fn operand(&mut self) -> Option<Value> {
        if self.peek()?.is('{') {
            self.at += 1;
            return Some(json!({ "set": self.elements().ok()? }));
        }
        let mut values = vec![self.alternative()?];
        while self.peek().is_some_and(|token| token.is(',')) || self.is_next("|") {
            self.at += 1;
            values.push(self.alternative()?);
        }
        if values.len() == 1 { values.pop() } else { Some(Value::Array(values)) }
    }

    /// A value, which may be in parentheses.
    fn alternative(&mut self) -> Option<Value> {
        if !self.peek()?.is('(') {
            return self.scalar();
        }
        self.at += 1;
        let mut values = vec![self.scalar()?];
        while self.take("|") {
            values.push(self.scalar()?);
        }
        self.next()?.is(')').then_some(Value::Array(values))
    }

    fn scalar(&mut self) -> Option<Value> {
        match &self.next()?.kind {
            Kind::Quoted(text) => Some(json!(text)),
            Kind::Word(word) => Some(scalar(word)),
            Kind::Sign(_) | Kind::End => None,
        }
    }

    /// The elements of a set, behind the opening brace, up to the closing one.
    pub(super) fn elements(&mut self) -> Result<Vec<Value>, String> {
        let mut elements = Vec::new();
        loop {
            self.skip_ends_of_lines();
            match self.peek() {
                None => return Err("`}` is expected, and the text ends".to_owned()),
                Some(token) if token.is('}') => {
                    self.at += 1;
                    return Ok(elements);
                }
                Some(token) if token.is(',') => self.at += 1,
                Some(_) => elements.push(self.one()?),
            }
        }
    }

    /// An element: a value, or several, what is said of it, and its verdict.
    fn one(&mut self) -> Result<Value, String> {
        let wrong = || "an element of a set is expected".to_owned();
        let mut parts = vec![self.scalar().ok_or_else(wrong)?];
        while self.take(".") {
            parts.push(self.scalar().ok_or_else(wrong)?);
        }
        let value = if parts.len() == 1 { parts.remove(0) } else { json!({ "concat": parts }) };
        loop {
            let Some(token) = self.peek() else {
                return Err("`}` is expected, and the text ends".to_owned());
            };
            match token.word() {
                Some(":") => {
                    self.at += 1;
                    self.skip_ends_of_lines();
                    return Ok(json!([value, self.verdict()?]));
                }
                _ if token.is(',') || token.is('}') => return Ok(value),
                // What is said of it.
                _ => self.at += 1,
            }
        }
    }

    fn verdict(&mut self) -> Result<Value, String> {
        let word = self.name()?;
        match word.as_str() {
            "accept" | "drop" | "continue" | "return" => Ok(json!({ word: null })),
            "jump" | "goto" => Ok(json!({ word: { "target": self.name()? } })),
            _ => Err(format!("{word:?} is no verdict")),
        }
    }
}

/// A value as JSON has it.
fn scalar(word: &str) -> Value {
    let number = |text: &str| match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse::<u64>().ok(),
    };
    if let Some(number) = number(word) {
        return json!(number);
    }
    if let Some((address, length)) = word.split_once('/')
        && let (true, Ok(length)) = (is_address(address), length.parse::<u64>())
    {
        return json!({ "prefix": { "addr": address, "len": length } });
    }
    if let Some((first, last)) = word.split_once('-') {
        if let (Some(first), Some(last)) = (number(first), number(last)) {
            return json!({ "range": [first, last] });
        }
        if is_address(first) && is_address(last) {
            return json!({ "range": [first, last] });
        }
    }
    json!(word)
}
