//! What the terminal can show: colours, and which characters.

use std::env;

use firewall_common::verdict::Verdict;
use ratatui::{
    style::{Color, Modifier, Style},
    symbols::{bar, border},
};

/// What may be used. Colour only adds to what is said in words, too.
#[derive(Clone, Copy, Debug)]
pub(super) struct Theme {
    /// Whether there may be colours.
    pub(super) colour: bool,
    /// Whether there's more than ASCII.
    pub(super) unicode: bool,
}

const ASCII_BORDER: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

const ASCII_BARS: bar::Set<'static> = bar::Set {
    full: "#",
    seven_eighths: "%",
    three_quarters: "*",
    five_eighths: "+",
    half: "=",
    three_eighths: "-",
    one_quarter: ":",
    one_eighth: ".",
    empty: " ",
};

impl Theme {
    /// What the process's environment says: `NO_COLOR` that isn't empty forbids colours, and the locale says which characters there are.
    pub(super) fn of_environment() -> Self {
        let value = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let locale = value("LC_ALL").or_else(|| value("LC_CTYPE")).or_else(|| value("LANG"));
        Self { colour: value("NO_COLOR").is_none(), unicode: locale.is_some_and(|locale| is_utf8(&locale)) }
    }

    /// What boxes are drawn with.
    pub(super) const fn border(self) -> border::Set<'static> {
        if self.unicode { border::PLAIN } else { ASCII_BORDER }
    }

    /// What heights are drawn with.
    pub(super) const fn bars(self) -> bar::Set<'static> {
        if self.unicode { bar::NINE_LEVELS } else { ASCII_BARS }
    }

    /// What the states of the fragment table's entries are drawn with: accepted, early, denied, expired, free.
    pub(super) const fn states(self) -> [&'static str; 5] {
        if self.unicode { ["█", "▓", "▒", "░", "·"] } else { ["#", "e", "d", "x", "."] }
    }

    /// What the line is marked with that is chosen.
    pub(super) const fn mark(self) -> &'static str {
        if self.unicode { "▸" } else { ">" }
    }

    /// What the column is marked with that is sorted by.
    pub(super) const fn sorted(self) -> &'static str {
        if self.unicode { "▾" } else { "v" }
    }

    /// Of a verdict.
    pub(super) fn verdict(self, verdict: Verdict) -> Style {
        self.coloured(match verdict {
            Verdict::Pass => Color::Green,
            Verdict::Drop => Color::Red,
            Verdict::Reject => Color::Yellow,
        })
    }

    /// Of what whoever looks should notice.
    pub(super) fn notice(self) -> Style {
        self.coloured(Color::Yellow).add_modifier(Modifier::BOLD)
    }

    /// Of what has the focus.
    pub(super) fn focus(self) -> Style {
        self.coloured(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    /// Of heads, and of what only explains.
    pub(super) fn quiet(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// Of the line that is chosen.
    pub(super) fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    fn coloured(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }
}

fn is_utf8(locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales_tell_whether_there_is_more_than_ascii() {
        for (locale, expected) in
            [("C.UTF-8", true), ("de_DE.utf8", true), ("C", false), ("de_DE@euro", false), ("", false)]
        {
            assert_eq!(is_utf8(locale), expected, "{locale}");
        }
    }
}
