//! The parts of the view, and how their lines are sorted.

/// A part of the view.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Panel {
    /// What passes, is dropped and is rejected, now and in the last minutes.
    Rates,
    /// The same by interface.
    Interfaces,
    /// The rules, and the default.
    Rules,
    /// Why packets have their verdicts.
    Reasons,
    /// The fragment table.
    Table,
    /// The packets that were dropped or rejected last.
    Drops,
}

/// What lines are sorted by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sort {
    /// Packets a second, most first.
    Packets,
    /// Bits a second, most first.
    Bits,
    /// All packets so far, most first.
    Total,
    /// Trailing fragments so far, most first.
    Trailing,
    /// The last packet, latest first.
    Last,
    /// Their order in the list.
    Number,
    /// Their names, by the alphabet.
    Name,
}

impl Panel {
    /// All of them, in the order in which they're gone through.
    pub(super) const ALL: [Self; 6] =
        [Self::Rates, Self::Interfaces, Self::Table, Self::Rules, Self::Reasons, Self::Drops];

    /// Its title.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Rates => "Rates",
            Self::Interfaces => "Interfaces",
            Self::Rules => "Rules",
            Self::Reasons => "Reasons",
            Self::Table => "Fragment table",
            Self::Drops => "Last drops",
        }
    }

    /// What its lines can be sorted by; first what they are at the beginning.
    pub(super) const fn sorts(self) -> &'static [Sort] {
        match self {
            Self::Interfaces => &[Sort::Name, Sort::Packets, Sort::Bits, Sort::Total],
            Self::Rules => {
                &[Sort::Packets, Sort::Bits, Sort::Total, Sort::Trailing, Sort::Last, Sort::Number]
            }
            Self::Reasons => &[Sort::Packets, Sort::Bits, Sort::Total, Sort::Name],
            Self::Rates | Self::Table | Self::Drops => &[],
        }
    }

    /// Its place in [`Panel::ALL`].
    pub(super) const fn index(self) -> usize {
        match self {
            Self::Rates => 0,
            Self::Interfaces => 1,
            Self::Table => 2,
            Self::Rules => 3,
            Self::Reasons => 4,
            Self::Drops => 5,
        }
    }

    /// The one so many places behind it, or before it.
    pub(super) fn moved(self, by: isize) -> Self {
        let count = Self::ALL.len() as isize;
        Self::ALL[(self.index() as isize + by).rem_euclid(count) as usize]
    }
}

impl Sort {
    /// The name of what is sorted by, as the head of its column has it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Packets => "packets/s",
            Self::Bits => "bit/s",
            Self::Total => "packets",
            Self::Trailing => "trailing",
            Self::Last => "last",
            Self::Number => "number",
            Self::Name => "name",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_are_gone_through_in_a_circle() {
        for (index, panel) in Panel::ALL.into_iter().enumerate() {
            assert_eq!(panel.index(), index);
            assert_eq!(panel.moved(1).moved(-1), panel);
        }
        assert_eq!(Panel::Rates.moved(-1), Panel::Drops);
        assert_eq!(Panel::Drops.moved(1), Panel::Rates);
    }
}
