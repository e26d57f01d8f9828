//! The same judgement, natively: the code that the XDP program is made of, over tables in this process's memory.

use anyhow::{Context, Result};
use firewall_common::{
    fragment::{
        identity::{HashKey, Identity},
        table::{Set, Sets, Tick, WAYS},
    },
    judge::{Environment, Outcome, judge},
    rules::{Action, Decision, RuleTables},
};
use fragwall::ruleset::Compiled;

use super::kernel::{INTERFACE, Judged, Setup};

/// A filter in this process, at one fixed moment.
#[derive(Debug)]
pub struct Native {
    rules: Compiled,
    sets: Vec<Set>,
    setup: Setup,
    hash_key: HashKey,
}

impl Native {
    /// A filter with an empty fragment table.
    ///
    /// # Errors
    /// A rule can't be parsed, or the setup names no hash key: a random one would not be the kernel's.
    pub fn new(setup: &Setup) -> Result<Self> {
        let sets = std::iter::repeat_with(Set::default).take(setup.table as usize / WAYS).collect();
        let hash_key = setup.hash_key.context("the native filter needs a hash key")?;
        Ok(Self { rules: setup.compile()?, sets, setup: setup.clone(), hash_key })
    }

    /// Judges a frame.
    pub fn judge(&self, frame: &[u8]) -> Judged {
        let Outcome { judgement, fragment, .. } = judge(frame, self);
        Judged {
            verdict: judgement.verdict,
            reason: judgement.reason,
            slot: judgement.slot,
            class: fragment.class,
            id: fragment.id,
            offset: fragment.offset,
            more: fragment.more,
        }
    }
}

impl RuleTables for Native {
    fn protocol(&self, protocol: u8) -> Decision {
        self.rules.protocol(protocol)
    }

    fn port(&self, table: u16, port: u16) -> Option<Decision> {
        self.rules.port(table, port)
    }
}

impl Sets for Native {
    fn set(&self, identity: Identity) -> Option<&Set> {
        // The upper bits choose, as many as it takes to number the sets.
        self.sets.get(((u128::from(identity.0) * self.sets.len() as u128) >> 64) as usize)
    }
}

impl Environment for Native {
    fn hash_key(&self) -> &HashKey {
        &self.hash_key
    }

    fn now(&self) -> Tick {
        Tick(1)
    }

    fn timeout(&self) -> u32 {
        self.setup.timeout
    }

    fn early(&self) -> Action {
        self.setup.early
    }

    fn default_action(&self) -> Action {
        self.setup.default
    }

    fn interface(&self) -> u32 {
        INTERFACE
    }
}
