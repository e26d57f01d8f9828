//! What is to be said of what isn't carried over as it is.

use std::fmt;

use super::source::Place;
use crate::ruleset::Match;

/// Something that isn't carried over as it is. Its [`Display`](fmt::Display) form is one line.
#[derive(Clone, Debug)]
pub struct Warning {
    /// What it's about.
    pub place: Option<Place>,
    /// What comes of it.
    pub effect: Effect,
    /// What there is to know.
    pub text: String,
    /// The packets that may be judged otherwise than by the source.
    pub about: Vec<Match>,
}

/// What comes of something that isn't carried over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Effect {
    /// Packets are dropped that the source accepts.
    Narrower,
    /// Packets are accepted that the source drops.
    Wider,
    /// Either may be.
    Other,
    /// None of these: it's about fragments, logging, or something else to know.
    Note,
}

impl Effect {
    /// How it's told; nothing for a note.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Narrower => "accepts less than before",
            Self::Wider => "ACCEPTS MORE THAN BEFORE",
            Self::Other => "JUDGES OTHERWISE THAN BEFORE",
            Self::Note => "",
        }
    }

    /// One word for it, in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Narrower => "narrower",
            Self::Wider => "wider",
            Self::Other => "other",
            Self::Note => "note",
        }
    }
}

impl Warning {
    /// What is said, without the place.
    pub(super) fn said(&self) -> String {
        said(self.effect, &self.text)
    }
}

/// An effect and what there's to know, in one line.
pub(super) fn said(effect: Effect, text: &str) -> String {
    match effect.words() {
        "" => text.to_owned(),
        words => format!("{words}: {text}"),
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.place.iter().try_for_each(|place| write!(f, "{place}: "))?;
        f.write_str(&self.said())
    }
}
