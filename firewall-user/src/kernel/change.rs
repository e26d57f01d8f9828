//! A change of what is in force, for who has to agree to it first.

use std::time::Duration;

use firewall_common::stance::Stance;

use super::{Error, clock::Clock, document::Document, netlink::Interface, pending::Pending};
use crate::ruleset::Config;

/// What is in force and what is to be.
#[derive(Debug)]
pub struct Change<'a> {
    /// The filter; `None` if there is none.
    pub before: Option<&'a Document>,
    /// The interfaces that it's attached to, in this network namespace.
    pub was_on: Vec<Interface>,
    /// What is to be in force.
    pub config: &'a Config,
    /// Whether its verdicts are to be carried out.
    pub stance: Stance,
    /// The interfaces that it's to be attached to.
    pub on: Vec<Interface>,
}

/// How a change is kept from doing harm.
#[derive(Clone, Copy)]
pub struct Precautions<'a> {
    /// Unless it's confirmed within this time, what was there before is in force again.
    pub confirm: Option<Duration>,
    /// Asked while nothing is changed yet, with the lock held; what it refuses isn't done.
    pub guard: &'a dyn Fn(&Change<'_>) -> Result<(), Error>,
}

impl std::fmt::Debug for Precautions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Precautions").field("confirm", &self.confirm).finish_non_exhaustive()
    }
}

impl Precautions<'_> {
    /// What a change goes back to, and when, if `previous` is in force now.
    pub(super) fn pending(&self, previous: Option<u32>) -> Result<Option<Pending>, Error> {
        let pending = |confirm| Ok(Pending { deadline: Clock::now()?.after(confirm), previous });
        self.confirm.map(pending).transpose()
    }
}
