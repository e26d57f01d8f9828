//! How things are, for all who are asked.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use super::events::Counts;
use crate::observe::metrics::Reload;

/// What isn't the filter's to tell.
#[derive(Debug, Default)]
pub(super) struct Status {
    configured: Mutex<Option<Configured>>,
    events: Mutex<Option<Arc<Counts>>>,
    shed: AtomicU64,
}

/// What is known of the configuration.
#[derive(Clone, Debug, Default)]
pub(super) struct Configured {
    /// The interfaces that it names.
    pub(super) wanted: Vec<String>,
    /// Those of them that it waits for.
    pub(super) missing: Vec<String>,
    /// How reading it went; `None` as long as it has never been put into force.
    pub(super) reload: Option<Reload>,
}

impl Status {
    /// With a configuration or without.
    pub(super) fn new(is_configured: bool) -> Self {
        let configured = is_configured.then(Configured::default);
        Self { configured: Mutex::new(configured), ..Self::default() }
    }

    pub(super) fn configured(&self) -> Option<Configured> {
        lock(&self.configured).clone()
    }

    /// What is configured was put into force, on the interfaces that aren't missing.
    pub(super) fn in_force(&self, wanted: &[String], missing: Vec<String>) {
        let reload = Some(Reload { successful: true, succeeded: SystemTime::now() });
        *lock(&self.configured) = Some(Configured { wanted: wanted.to_vec(), missing, reload });
    }

    /// Other interfaces are missing than before.
    pub(super) fn set_missing(&self, missing: Vec<String>) {
        lock(&self.configured).get_or_insert_default().missing = missing;
    }

    /// What is configured couldn't be put into force.
    pub(super) fn refused(&self) {
        if let Some(reload) = &mut lock(&self.configured).get_or_insert_default().reload {
            reload.successful = false;
        }
    }

    pub(super) fn set_events(&self, counts: Option<Arc<Counts>>) {
        *lock(&self.events) = counts;
    }

    pub(super) fn events(&self) -> Option<Arc<Counts>> {
        lock(&self.events).clone()
    }

    /// A connection was closed or refused for want of room.
    pub(super) fn shed_one(&self) {
        self.shed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn shed(&self) -> u64 {
        self.shed.load(Ordering::Relaxed)
    }

    /// All of it in a line, for the service manager.
    pub(super) fn words(&self) -> String {
        let Some(Configured { wanted, missing, reload }) = self.configured() else {
            return "watching the filter that is attached, if one is".to_owned();
        };
        let mut words =
            match wanted.iter().filter(|name| !missing.contains(name)).cloned().collect::<Vec<_>>() {
                _ if wanted.is_empty() => "the config file is in force".to_owned(),
                filtered if filtered.is_empty() => "nothing is filtered yet".to_owned(),
                filtered => format!("filtering {}", filtered.join(", ")),
            };
        if !missing.is_empty() {
            words += &format!("; waiting for {}", missing.join(", "));
        }
        if reload.is_some_and(|reload| !reload.successful) {
            words += "; the config file was refused, and the rules before it are in force";
        }
        words
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
