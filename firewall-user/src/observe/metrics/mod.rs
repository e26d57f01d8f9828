//! A filter's statistics as metrics, for Prometheus and whatever else reads its format.
//!
//! [`FAMILIES`] is all that is ever told, [`Snapshot`] what is known at one moment, and [`Snapshot::render`] writes it in either
//! [`Format`].

#[cfg(test)]
mod docs_tests;
mod encode;
mod family;
mod filter;
mod format;

use std::time::{SystemTime, UNIX_EPOCH};

use self::encode::Encoder;
pub use self::{
    family::{FAMILIES, Family, Kind},
    format::Format,
};
use super::stats::Stats;

/// What there is to tell at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The filter; `None` if none is attached.
    pub filter: Option<FilterSnapshot>,
    /// The interfaces that the configuration names.
    pub wanted: Vec<String>,
    /// How reading the configuration went, if there's one to be read.
    pub reload: Option<Reload>,
    /// What became of events, if they're written anywhere.
    pub events: Option<Events>,
    /// How many connections were closed or refused for want of room.
    pub shed: u64,
}

/// A filter at one moment.
#[derive(Clone, Debug)]
pub struct FilterSnapshot {
    /// What it has counted.
    pub stats: Stats,
    /// The interfaces that it's attached to.
    pub attached: Vec<String>,
    /// When its rules were loaded, if the kernel tells.
    pub loaded: Option<SystemTime>,
}

/// How putting the configuration into force went.
#[derive(Clone, Copy, Debug)]
pub struct Reload {
    /// Whether it did the last time.
    pub successful: bool,
    /// When it last did.
    pub succeeded: SystemTime,
}

/// What became of events.
#[derive(Clone, Copy, Debug, Default)]
pub struct Events {
    /// Whether the filter is watched at present.
    pub watching: bool,
    /// How many were written.
    pub written: u64,
    /// How many the filter didn't tell of, since there were too many.
    pub left_out: u64,
    /// How many couldn't be written.
    pub failed: u64,
}

impl Snapshot {
    /// All of it as text.
    pub fn render(&self, format: Format) -> String {
        let Self { filter, wanted, reload, events, shed } = self;
        let mut encoder = Encoder::new(format);
        let flag = u64::from;
        encoder.family(&family::BUILD).sample(&[env!("CARGO_PKG_VERSION")], 1);
        encoder.family(&family::UP).sample(&[], flag(filter.is_some()));
        let mut attached = encoder.family(&family::INTERFACE_ATTACHED);
        let on = filter.as_ref().map_or(&[][..], |filter| &filter.attached);
        on.iter().for_each(|name| attached.sample(&[name], 1));
        wanted.iter().filter(|name| !on.contains(name)).for_each(|name| attached.sample(&[name], 0));
        if let Some(filter) = filter {
            filter::encode(filter, &mut encoder);
        }
        if let Some(Reload { successful, succeeded }) = *reload {
            encoder.family(&family::RELOAD_SUCCESSFUL).sample(&[], flag(successful));
            encoder.family(&family::RELOAD_TIME).sample(&[], seconds(succeeded));
        }
        if let Some(Events { watching, written, left_out, failed }) = *events {
            encoder.family(&family::EVENTS_WATCHING).sample(&[], flag(watching));
            encoder.family(&family::EVENTS_WRITTEN).sample(&[], written);
            encoder.family(&family::EVENTS_LEFT_OUT).sample(&[], left_out);
            encoder.family(&family::EVENTS_FAILED).sample(&[], failed);
        }
        encoder.family(&family::CONNECTIONS_SHED).sample(&[], shed);
        encoder.finish()
    }
}

/// Seconds since 1970, as metrics tell a moment.
fn seconds(moment: SystemTime) -> f64 {
    moment.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
