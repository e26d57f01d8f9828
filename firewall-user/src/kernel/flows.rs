//! How the flow table is set up: its size, its clock, and how long flows are remembered.

use std::time::Duration;

use firewall_common::reply::table::{CLASSES, Class, Lifetimes, MAX_LIFETIME, WAYS};

use super::{Error, clock, instance::names, loader::Loader};
use crate::ruleset::Replies;

/// The settings of the program on egress and of the one on ingress, which must be the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FlowSettings {
    /// How many sets the flow table has: a power of two, at least two.
    pub sets: u32,
    /// How many jiffies, as a power of two, make a unit of its clock.
    pub moment_shift: u32,
    /// How long flows are remembered.
    pub lifetimes: Lifetimes,
}

impl FlowSettings {
    /// What a configuration says, on this kernel.
    ///
    /// # Errors
    /// The kernel's tick isn't known.
    pub fn new(replies: &Replies) -> Result<Self, Error> {
        Ok(Self::at(replies, clock::jiffies_per_second()?))
    }

    /// What a configuration says, where the kernel counts so many jiffies in a second.
    fn at(replies: &Replies, per_second: u32) -> Self {
        // About half a second: as fine as can be if days are to be told apart.
        let moment_shift = (per_second * 2 / 5).next_power_of_two().ilog2();
        let units = |lifetime: Duration| {
            let jiffies = (lifetime.as_millis() * u128::from(per_second)).div_ceil(1000);
            // A unit more, since the first one is only partly to come.
            let units = (jiffies >> moment_shift) + 1;
            u32::try_from(units).unwrap_or(u32::MAX).min(MAX_LIFETIME)
        };
        let mut lifetimes = [0; CLASSES];
        for (class, lifetime) in [
            (Class::Opening, replies.tcp_opening),
            (Class::Closing, replies.tcp_closing),
            (Class::Echo, replies.icmp),
            (Class::Unanswered, replies.udp_unanswered),
            (Class::Answered, replies.udp),
            (Class::PickedUp, replies.tcp),
            (Class::Established, replies.tcp),
        ] {
            lifetimes[class as usize] = units(lifetime);
        }
        Self { sets: sets(replies), moment_shift, lifetimes: Lifetimes(lifetimes) }
    }

    /// What a program has that accepts no replies: hardly a table.
    pub(super) const NONE: Self = Self { sets: 2, moment_shift: 0, lifetimes: Lifetimes([0; CLASSES]) };

    /// Has an object loaded with these.
    pub(super) fn prepare(&self, loader: &mut Loader<'_>) {
        loader
            .set("FLOW_SHIFT", u64::BITS - self.sets.ilog2())
            .set("MOMENT_SHIFT", self.moment_shift)
            .set_all("LIFETIMES", &self.lifetimes.0)
            .direct(names::FLOWS, self.sets);
    }
}

/// How many sets the flow table has.
pub(super) const fn sets(replies: &Replies) -> u32 {
    replies.table / WAYS as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_can_be_told_apart_whatever_the_tick_is() {
        let times = [120 * 60 * 60, 90, 100, 110, 25, 35].map(Duration::from_secs);
        let [tcp, tcp_opening, tcp_closing, udp, udp_unanswered, icmp] = times;
        let replies =
            Replies { tcp, tcp_opening, tcp_closing, udp, udp_unanswered, icmp, ..Replies::default() };
        for per_second in [100, 250, 300, 1000] {
            let settings = FlowSettings::at(&replies, per_second);
            let unit = f64::from(1 << settings.moment_shift) / f64::from(per_second);
            for (class, lifetime) in [
                (Class::Opening, tcp_opening),
                (Class::Closing, tcp_closing),
                (Class::Echo, icmp),
                (Class::Unanswered, udp_unanswered),
                (Class::Answered, udp),
                (Class::PickedUp, tcp),
                (Class::Established, tcp),
            ] {
                let lifetime = lifetime.as_secs_f64();
                let kept = f64::from(settings.lifetimes.0[class as usize]) * unit;
                assert!(
                    (lifetime..lifetime + 2.0 * unit).contains(&kept),
                    "{class:?}, {per_second}: {kept} of {lifetime}"
                );
            }
        }
    }
}
