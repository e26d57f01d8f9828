//! The text that `nft list ruleset` prints: tables, chains and sets.

use serde_json::{Value, json};

use super::{
    Object,
    json::Wrong,
    parser::Parser,
    tokens::{Kind, tokens},
};

/// Priorities by name.
const PRIORITIES: [(&str, i64); 6] =
    [("raw", -300), ("mangle", -150), ("dstnat", -100), ("filter", 0), ("security", 50), ("srcnat", 100)];

/// The objects of a ruleset, as `nft -j` would print them.
pub(super) fn objects(text: &str) -> Result<Vec<Object>, Wrong> {
    let tokens = tokens(text).map_err(|line| (Some(line), "a quote isn't closed".to_owned()))?;
    let lines: Vec<&str> = text.lines().collect();
    let mut reader = Reader {
        parser: Parser::new(&tokens),
        lines,
        objects: Vec::new(),
        table: [String::new(), String::new()],
    };
    let result = reader.all();
    let line = reader.parser.line();
    result.map_err(|problem| (Some(line), problem))?;
    Ok(reader.objects)
}

struct Reader<'t> {
    parser: Parser<'t>,
    lines: Vec<&'t str>,
    objects: Vec<Object>,
    /// The family and the name of the table.
    table: [String; 2],
}

impl Reader<'_> {
    fn all(&mut self) -> Result<(), String> {
        loop {
            self.parser.skip_ends();
            match self.parser.next() {
                None => return Ok(()),
                Some(token) if token.word() == Some("table") => self.table()?,
                Some(token) if token.word() == Some("flush") => self.parser.skip_statement(),
                Some(token) => {
                    return Err(format!(
                        "{} isn't expected: expected `table`, as nft prints it",
                        token.text()
                    ));
                }
            }
        }
    }

    fn add(&mut self, kind: &str, line: usize, mut value: Value) {
        let [family, table] = &self.table;
        value["family"] = json!(family);
        value["table"] = json!(table);
        let last = self.parser.last_line().max(line);
        let text: Vec<&str> = self.lines[line - 1..last].iter().map(|line| line.trim()).collect();
        self.objects.push(Object { kind: kind.to_owned(), value, line: Some(line), text: text.join(" ") });
    }

    fn table(&mut self) -> Result<(), String> {
        let line = self.parser.line();
        self.table = [self.parser.name()?, self.parser.name()?];
        self.parser.expect('{')?;
        let mut flags = Vec::new();
        loop {
            self.parser.skip_ends_of_lines();
            let Some(token) = self.parser.next() else { return Err("the table isn't closed".to_owned()) };
            match token.word() {
                _ if token.is('}') => break,
                _ if token.is(';') => {}
                Some("chain") => self.chain()?,
                Some("set") => self.set("set")?,
                Some("map") => self.set("map")?,
                Some("flags") => flags.extend(self.parser.words_of_statement()),
                Some("comment") => self.parser.skip_statement(),
                // Objects of other kinds, such as counters.
                Some(_) => self.parser.skip_object()?,
                None => return Err(format!("{} isn't expected here", token.text())),
            }
        }
        let name = self.table[1].clone();
        self.add("table", line, json!({ "name": name, "flags": flags }));
        Ok(())
    }

    fn chain(&mut self) -> Result<(), String> {
        let line = self.parser.line();
        let name = self.parser.name()?;
        self.parser.expect('{')?;
        let mut chain = json!({ "name": name });
        let (mut declared, mut rules) = (line, Vec::new());
        loop {
            self.parser.skip_ends();
            let Some(token) = self.parser.peek() else { return Err("the chain isn't closed".to_owned()) };
            match token.word() {
                _ if token.is('}') => break,
                Some("type") => {
                    declared = token.line;
                    self.hook(&mut chain)?;
                }
                Some("policy") => {
                    self.parser.next();
                    chain["policy"] = json!(self.parser.name()?);
                }
                Some("comment") => self.parser.skip_statement(),
                _ => {
                    let line = token.line;
                    let (expr, comment) = self.parser.rule()?;
                    rules.push((
                        line,
                        self.parser.last_line(),
                        json!({ "chain": name, "expr": expr, "comment": comment }),
                    ));
                }
            }
        }
        // A chain's text is how it's declared, not all of it.
        let [family, table] = self.table.clone();
        chain["family"] = json!(family);
        chain["table"] = json!(table);
        let text = self.lines.get(declared - 1).map(|line| line.trim().to_owned()).unwrap_or_default();
        self.objects.push(Object { kind: "chain".to_owned(), value: chain, line: Some(declared), text });
        for (line, last, mut rule) in rules {
            rule["family"] = json!(family);
            rule["table"] = json!(table);
            let text: Vec<&str> = self.lines[line - 1..last].iter().map(|line| line.trim()).collect();
            self.objects.push(Object {
                kind: "rule".to_owned(),
                value: rule,
                line: Some(line),
                text: text.join(" "),
            });
        }
        self.parser.expect('}')
    }

    /// `type filter hook input priority filter + 10; policy drop;`
    fn hook(&mut self, chain: &mut Value) -> Result<(), String> {
        let words = self.parser.tokens_of_statement();
        let mut words = words.iter();
        let mut priority = Vec::new();
        while let Some(token) = words.next() {
            let value = || {
                words.clone().next().map(|token| match &token.kind {
                    Kind::Quoted(text) => text.clone(),
                    _ => token.text(),
                })
            };
            match token.word() {
                Some(key @ ("type" | "hook")) => chain[key] = json!(value()),
                Some("device") => chain["dev"] = json!(value()),
                Some("devices") => {
                    let names = words.clone().skip(1).filter_map(|token| match &token.kind {
                        Kind::Quoted(text) | Kind::Word(text) => Some(text.clone()),
                        _ => None,
                    });
                    let names: Vec<String> = names.take_while(|name| name != "priority").collect();
                    chain["dev"] = json!(names);
                }
                Some("priority") => priority = words.clone().filter_map(|token| token.word()).collect(),
                _ => {}
            }
        }
        chain["prio"] = json!(number(&priority).ok_or("a priority is expected, such as `filter` or `-10`")?);
        Ok(())
    }

    fn set(&mut self, kind: &str) -> Result<(), String> {
        let line = self.parser.line();
        let name = self.parser.name()?;
        self.parser.expect('{')?;
        let mut set = json!({ "name": name });
        loop {
            self.parser.skip_ends();
            let Some(token) = self.parser.next() else { return Err(format!("the {kind} isn't closed")) };
            match token.word() {
                _ if token.is('}') => break,
                Some("flags") => set["flags"] = json!(self.parser.words_of_statement()),
                Some("elements") => {
                    self.parser.next();
                    self.parser.expect('{')?;
                    set["elem"] = json!(self.parser.elements()?);
                }
                _ => self.parser.skip_statement(),
            }
        }
        self.add(kind, line, set);
        Ok(())
    }
}

/// A priority: a number, or a name with a number added to it or taken from it.
fn number(words: &[&str]) -> Option<i64> {
    let named = |word: &str| {
        let number = PRIORITIES.iter().find(|(name, _)| *name == word).map(|&(_, number)| number);
        number.or_else(|| word.parse().ok())
    };
    match words {
        [word] => named(word),
        [word, "+", more] => named(word)?.checked_add(more.parse().ok()?),
        [word, "-", less] => named(word)?.checked_sub(less.parse().ok()?),
        _ => None,
    }
}
