//! Where something was read.

use std::{fmt, sync::Arc};

/// The place of a source among [`Sources`]. Of two in one file, the earlier has the smaller number.
pub(super) type SourceId = usize;

/// Everything that something was read from.
#[derive(Debug, Default)]
pub(super) struct Sources(Vec<Source>);

/// A rule, or another line, as it was read.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) place: Place,
    /// The text, in one line.
    pub(super) text: String,
}

/// Where in which file. Its [`Display`](fmt::Display) form names both.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// The file's name, as it was given.
    pub file: Arc<str>,
    /// The line, from 1; `None` in JSON, which has all in one line.
    pub line: Option<usize>,
    /// What it's part of, in JSON: `rule 7 of inet filter input`, numbered by its handle.
    pub part: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, part } = self;
        f.write_str(file)?;
        line.iter().try_for_each(|line| write!(f, ":{line}"))?;
        part.iter().try_for_each(|part| write!(f, ": {part}"))
    }
}

impl Place {
    /// Where it is in its file.
    pub(super) fn within(&self) -> String {
        match (self.line, &self.part) {
            (Some(line), _) => format!("line {line}"),
            (None, Some(part)) => part.clone(),
            (None, None) => self.file.to_string(),
        }
    }
}

impl Sources {
    /// Another one.
    pub(super) fn add(&mut self, place: Place, text: &str) -> SourceId {
        let text = text.trim().replace(char::is_control, " ");
        self.0.push(Source { place, text });
        self.0.len() - 1
    }

    pub(super) fn at(&self, id: SourceId) -> &Source {
        &self.0[id]
    }

    /// Some places, those of one file together: `rules.v4: lines 3, 5-9`.
    pub(super) fn list(&self, ids: &[SourceId]) -> String {
        let mut text = String::new();
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let mut rest = &ids[..];
        while let Some(&first) = rest.first() {
            let file = &self.at(first).place.file;
            let (mine, others) =
                rest.split_at(rest.iter().take_while(|&&id| self.at(id).place.file == *file).count());
            let lines: Vec<usize> = mine.iter().filter_map(|&id| self.at(id).place.line).collect();
            let what = match lines[..] {
                [] => mine.iter().map(|&id| self.at(id).place.within()).collect::<Vec<_>>().join(", "),
                [line] => format!("line {line}"),
                _ => format!("lines {}", spans(&lines)),
            };
            if !text.is_empty() {
                text.push_str("; ");
            }
            text += &format!("{file}: {what}");
            rest = others;
        }
        text
    }
}

/// Sorted numbers, with neighbours as ranges.
fn spans(numbers: &[usize]) -> String {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for &number in numbers {
        match spans.last_mut() {
            Some(span) if number <= span.1 + 1 => span.1 = number,
            _ => spans.push((number, number)),
        }
    }
    let text = |(first, last)| if first == last { format!("{first}") } else { format!("{first}-{last}") };
    spans.into_iter().map(text).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_listed_by_file() {
        let mut sources = Sources::default();
        let mut add =
            |file: &str, line| sources.add(Place { file: file.into(), line: Some(line), part: None }, "text");
        let ids = [add("a", 3), add("a", 4), add("a", 9), add("b", 1)];
        assert_eq!(sources.list(&ids), "a: lines 3-4, 9; b: line 1");
        assert_eq!(sources.list(&[ids[3], ids[0], ids[0]]), "a: line 3; b: line 1");
        let part = Some("rule 7 of ip t c".to_owned());
        let id = sources.add(Place { file: "j".into(), line: None, part }, "{}\n{}");
        assert_eq!(sources.list(&[id]), "j: rule 7 of ip t c");
        assert_eq!(sources.at(id).text, "{} {}");
    }
}
