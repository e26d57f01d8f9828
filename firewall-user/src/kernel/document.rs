//! The source of a program: the configuration that it was compiled from, kept beside it in a map (`stored.rs`).

use std::collections::BTreeMap;

use firewall_common::{fragment::identity::HashKey, packet::Family, rules::Slot, stance::Stance};

use super::{
    Error,
    form::Form,
    instance::new_hash_key,
    pending::Pending,
    reassembly::Reassembly,
    release::Release,
    shared::{SHARED, Shared},
};
use crate::ruleset::{Config, Rule, TooManyRules, compile::Host, slots};

/// The number of a new filter's directory of tables.
const FIRST_TABLES: u32 = 1;

/// A configuration in force, with what must outlive its changes.
#[derive(Clone, Debug)]
pub struct Document {
    /// The configuration.
    pub config: Config,
    /// The slot of each of its rules.
    pub slots: Vec<Slot>,
    /// Where the next free slot is looked for.
    pub(super) next: usize,
    /// The secret of the fragment table.
    pub(super) hash_key: HashKey,
    /// What the host could hold for reassembly when this was put together, of IPv4 and of IPv6.
    pub reassembly: [Reassembly; Family::ALL.len()],
    /// Whether verdicts are carried out.
    pub stance: Stance,
    /// What it goes back to unless it's confirmed.
    pub pending: Option<Pending>,
    /// The indexes that the interfaces had which its rules name, when its program was loaded.
    pub(super) named: BTreeMap<String, u32>,
    /// How its program is loaded.
    pub(super) form: Form,
    /// Who loaded its program.
    pub release: Release,
    /// The directory of tables that its program has; `None` for the one of layout 7, which was that of the whole filter.
    pub(super) tables: Option<u32>,
    /// What the values of those tables mean, by the names of their pins ([`Shared::meaning`]).
    pub(super) meanings: BTreeMap<String, u32>,
}

impl Document {
    /// The first document of a filter, with a new secret. It's enforced.
    ///
    /// # Errors
    /// There are too many rules, or no random numbers.
    pub fn new(config: Config) -> Result<Self, Error> {
        let assignment = slots::assign(&[], 0, config.rules.clone())?;
        let slots = assignment.rules.into_iter().map(|(_, slot)| slot).collect();
        Ok(Self {
            config,
            slots,
            next: assignment.next,
            hash_key: new_hash_key()?,
            reassembly: Family::ALL.map(Reassembly::of),
            stance: Stance::Enforcing,
            pending: None,
            named: BTreeMap::new(),
            form: Form::USUAL,
            release: Release::own(),
            tables: Some(FIRST_TABLES),
            meanings: meanings(),
        })
    }

    /// The document of another configuration, and the slots whose counters must start anew. It has been confirmed.
    ///
    /// # Errors
    /// There are too many rules.
    pub fn with(&self, config: Config, stance: Stance) -> Result<(Self, Vec<Slot>), TooManyRules> {
        let assignment = slots::assign(&self.rules(), self.next, config.rules.clone())?;
        let document = Self {
            config,
            slots: assignment.rules.into_iter().map(|(_, slot)| slot).collect(),
            next: assignment.next,
            hash_key: self.hash_key,
            reassembly: Family::ALL.map(Reassembly::of),
            stance,
            pending: None,
            named: BTreeMap::new(),
            form: self.form,
            release: self.release.clone(),
            tables: self.tables,
            meanings: self.meanings.clone(),
        };
        Ok((document, assignment.fresh))
    }

    /// The same in that stance.
    #[must_use]
    pub fn with_stance(self, stance: Stance) -> Self {
        Self { stance, ..self }
    }

    /// The same, to go back like that unless it's confirmed.
    #[must_use]
    pub(super) fn with_pending(self, pending: Option<Pending>) -> Self {
        Self { pending, ..self }
    }

    /// The same for a program that is loaded in that form.
    #[must_use]
    pub(super) fn with_form(self, form: Form) -> Self {
        Self { form, ..self }
    }

    /// The same, with its rules' interfaces as they are on a host.
    #[must_use]
    pub(super) fn named_on(self, host: &Host) -> Self {
        Self { named: named(&self.config, host), ..self }
    }

    /// The same for a program of this version, with the tables of that number.
    #[must_use]
    pub(super) fn with_tables(self, number: u32) -> Self {
        Self { release: Release::own(), tables: Some(number), meanings: meanings(), ..self }
    }

    /// Whether the values of one of its tables mean what they mean to this version. In layout 7 all had their first meaning.
    pub(super) fn means_the_same(&self, shared: &Shared) -> bool {
        self.meanings.get(shared.pin).copied().unwrap_or(1) == shared.meaning
    }

    /// Whether its rules would be about other interfaces, were its program loaded now: one was made anew, or renamed.
    pub(super) fn is_outdated(&self, host: &Host) -> bool {
        self.named != named(&self.config, host)
    }

    /// The rules with their slots, in order.
    pub fn rules(&self) -> Vec<(Rule, Slot)> {
        self.config.rules.iter().cloned().zip(self.slots.iter().copied()).collect()
    }

    /// The number in the list, from 1, of the rule that has a slot; `None` for the fixed slots and rules that are gone.
    pub fn number_of(&self, slot: Slot) -> Option<usize> {
        self.slots.iter().position(|&own| own == slot).map(|index| index + 1)
    }
}

/// The indexes of the interfaces that the rules name. Those that aren't there have none.
fn named(config: &Config, host: &Host) -> BTreeMap<String, u32> {
    let names = config.rules.iter().filter_map(|rule| rule.matching.interface());
    names.filter_map(|name| Some((name.to_owned(), *host.interfaces.get(name)?))).collect()
}

/// What the values of tables mean to this version.
fn meanings() -> BTreeMap<String, u32> {
    SHARED.iter().map(|shared| (shared.pin.to_owned(), shared.meaning)).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::ruleset::Names;

    pub(in super::super) fn document() -> Document {
        let rules = ["allow @ike", "deny tcp 1-1023", "allow 47"];
        let rules = rules.iter().map(|text| Rule::parse(text, Names::system()).unwrap()).collect();
        Document::new(Config { rules, ..Config::default() }).unwrap()
    }

    /// Without the first rule.
    pub(in super::super) fn changed() -> Document {
        let mut config = document().config;
        config.rules.remove(0);
        let (changed, fresh) = document().with(config, Stance::Observing).unwrap();
        assert_eq!(fresh, []);
        changed
    }

    #[test]
    fn a_rule_is_found_by_its_slot() {
        let document = changed();
        assert_eq!(document.number_of(Slot::rule(1).unwrap()), Some(1));
        assert_eq!(document.number_of(Slot::rule(0).unwrap()), None);
        assert_eq!(document.number_of(Slot::DEFAULT_DROP), None);
    }
}
