//! Limits of other tools as Fragwall has them.

use crate::ruleset::limit::{Limit, MAX_MEMORY, MAX_PACKETS, Unit};

/// The limit of so many packets in a unit; `None` if no rule can have it.
pub(super) fn limit(packets: u32, unit: &str, burst: u32, per_source: bool) -> Option<Limit> {
    let (packets, per) = match unit {
        "day" => (packets.is_multiple_of(24).then_some(packets / 24)?, Unit::Hour),
        unit => (packets, Unit::named(unit)?),
    };
    let fits = (1..=MAX_PACKETS).contains(&packets) && (1..=MAX_PACKETS).contains(&burst);
    let limit = Limit { packets, per, burst, per_source };
    (fits && limit.memory() <= MAX_MEMORY).then_some(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_rule_can_have_is_none() {
        assert_eq!(limit(10, "minute", 5, false).unwrap().to_string(), "10/m");
        assert_eq!(limit(24, "day", 5, false).unwrap().to_string(), "1/h");
        for (packets, unit, burst) in
            [(0, "second", 5), (1, "day", 5), (1, "week", 5), (1, "hour", 300), (9, "second", 0)]
        {
            assert_eq!(limit(packets, unit, burst, false), None, "{packets}/{unit} burst {burst}");
        }
    }
}
