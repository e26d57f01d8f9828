//! What the commands that change something have in common.

use std::time::Duration;

use clap::Args;

use super::output;
use crate::{
    guard,
    kernel::{
        Error,
        change::{Change, Precautions},
    },
    ruleset::duration,
};

/// The longest that a change can await confirmation.
const MAX_CONFIRM: Duration = Duration::from_secs(24 * 3600);

/// How a change is undone by itself.
#[derive(Args, Debug)]
pub(super) struct Confirmation {
    /// Undo the change by itself unless `fragwall confirm` comes within this time, such as `30s`. The kernel does that
    /// alone, whatever becomes of this command, its terminal and the connection.
    #[arg(long, value_name = "DURATION", value_parser = confirm_time)]
    confirm: Option<Duration>,
}

/// How a change is kept from locking anyone out.
#[derive(Args, Debug)]
pub(super) struct Safety {
    #[command(flatten)]
    confirmation: Confirmation,
    #[command(flatten)]
    force: Force,
}

/// What may refuse a change.
type Guard = fn(&Change<'_>) -> Result<(), Error>;

/// For those who know what they do.
#[derive(Args, Debug)]
pub(super) struct Force {
    /// Do it even if it denies the SSH session that it's typed over, or every connection to the SSH server.
    #[arg(long)]
    force: bool,
}

impl Force {
    /// A change that stays.
    pub(super) fn precautions(&self) -> Precautions<'static> {
        Precautions { confirm: None, guard: if self.force { &|_| Ok(()) } else { &guard::check } }
    }

    /// What may refuse a change that stays.
    pub(super) fn guard(&self) -> Guard {
        if self.force { |_| Ok(()) } else { guard::check }
    }
}

impl Safety {
    /// The change's.
    pub(super) fn precautions(&self) -> Precautions<'static> {
        match self.confirmation.confirm {
            // Who is locked out is let in again.
            Some(_) => self.confirmation.precautions(&|_| Ok(())),
            None => self.force.precautions(),
        }
    }

    /// Says that the change has to be confirmed, if it has.
    pub(super) fn remind(&self) {
        self.confirmation.remind();
    }
}

impl Confirmation {
    /// A change that is undone unless it's confirmed in time, if that is wanted, and that `guard` may refuse.
    pub(super) fn precautions<'a>(
        &self,
        guard: &'a dyn Fn(&Change<'_>) -> Result<(), Error>,
    ) -> Precautions<'a> {
        Precautions { confirm: self.confirm, guard }
    }

    /// Says that the change has to be confirmed, if it has.
    pub(super) fn remind(&self) {
        if let Some(confirm) = self.confirm {
            output::say(format_args!(
                "it will be undone in {} unless you `fragwall confirm` it",
                duration::text(confirm)
            ));
        }
    }
}

fn confirm_time(text: &str) -> Result<Duration, String> {
    let time = duration::parse(text).map_err(|error| error.to_string())?;
    if time < Duration::from_secs(1) || time > MAX_CONFIRM {
        return Err(format!("expected a time from 1s to {}", duration::text(MAX_CONFIRM)));
    }
    Ok(time)
}
