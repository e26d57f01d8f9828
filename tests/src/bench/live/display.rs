//! A table of live traffic's figures as text.

use std::fmt;

use super::{Figure, LeftOut, Ratio, Row, Table};

/// How wide the names are, in characters.
const NAME: usize = 44;

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, block) in self.blocks().into_iter().enumerate() {
            if n > 0 {
                writeln!(f)?;
            }
            self.block(f, block)?;
        }
        if !self.ratios.is_empty() {
            writeln!(f, "\n{:<66} {:>6} {:>6}  {:>15}", "ratio", "is", "goal", "spread")?;
        }
        for Ratio { traffic, contender, beside, goal, sample } in &self.ratios {
            let name = format!("{traffic}: {contender} beside {beside}");
            writeln!(
                f,
                "{name:<66} {:>6.3} {goal:>6.2}  {:>6.3} - {:<6.3}",
                sample.median, sample.min, sample.max
            )?;
        }
        self.left_out.iter().try_for_each(|left_out| writeln!(f, "{left_out}"))
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { contender, reason } = self;
        // What a command said has lines of its own.
        write!(f, "{contender} is left out: {}", reason.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl Table {
    fn block(&self, f: &mut fmt::Formatter<'_>, block: &[Row]) -> fmt::Result {
        let Some(Row { traffic, cpus, .. }) = block.first() else { return Ok(()) };
        let head = match cpus {
            1 => traffic.clone(),
            _ => format!("{traffic}, from {cpus} CPUs"),
        };
        write!(f, "{head:<NAME$}")?;
        // A row that nothing arrived of has no figures, but some other has.
        for Figure { name, unit, .. } in
            self.rows.iter().map(|row| &row.figures).max_by_key(|all| all.len()).into_iter().flatten()
        {
            write!(f, " {:>13} {:>15}", format!("{name} {unit}"), "spread")?;
        }
        writeln!(f, " {:>8}", "arrived")?;
        for Row { contender, figures, arrived, .. } in block {
            write!(f, "{contender:<NAME$}")?;
            for Figure { sample, .. } in figures {
                write!(f, " {:>13.2} {:>15}", sample.median, format!("{:.2}-{:.2}", sample.min, sample.max))?;
            }
            writeln!(f, " {:>7.1}%", arrived * 100.0)?;
        }
        Ok(())
    }
}
