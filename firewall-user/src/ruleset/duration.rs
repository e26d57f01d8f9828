//! Lengths of time as people write them: `500ms`, `30s`, `2m`, `1h`.

use std::time::Duration;

/// The units, in milliseconds, the largest first.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// A text is no length of time.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is no length of time: expected a number and `ms`, `s`, `m` or `h`, as in `30s`")]
pub struct DurationError(String);

/// The length of time that `text` states.
///
/// # Errors
/// If it isn't a whole number directly followed by a unit, or is more than 2^64 milliseconds.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let millis = UNITS
        .iter()
        .find(|&&(name, _)| name == unit)
        .and_then(|&(_, unit)| number.parse::<u64>().ok()?.checked_mul(unit));
    millis.map(Duration::from_millis).ok_or_else(|| DurationError(text.to_owned()))
}

/// `duration` in the largest unit that states it in a whole number. What is less than a millisecond is left out.
pub fn text(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let whole = UNITS.iter().find(|&&(_, unit)| millis > 0 && millis.is_multiple_of(unit));
    let (name, unit) = whole.copied().unwrap_or(("s", 1000));
    format!("{}{name}", millis / unit)
}

/// `duration` in whole seconds, rounded up, as [`text`] has it: for what is left of a time.
pub fn rounded_up(duration: Duration) -> String {
    let seconds = duration.as_millis().div_ceil(1000);
    text(Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn units_are_told_apart() {
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(parse("1h"), Ok(Duration::from_secs(3600)));
        assert_eq!(parse("0s"), Ok(Duration::ZERO));
        for wrong in [
            "",
            "s",
            "30",
            "30 s",
            "-1s",
            "1.5s",
            "30S",
            "30sec",
            "99999999999999999999s",
            "9999999999999999999h",
            "é",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert!(parse("30").unwrap_err().to_string().contains("\"30\""));
    }

    #[test]
    fn the_largest_whole_unit_is_written() {
        for text in ["500ms", "1500ms", "30s", "90s", "2m", "1h", "0s"] {
            assert_eq!(super::text(parse(text).unwrap()), text);
        }
        assert_eq!(super::text(Duration::from_secs(120)), "2m");
        assert_eq!(
            [0, 1, 1000, 59_001].map(|millis| rounded_up(Duration::from_millis(millis))),
            ["0s", "1s", "1s", "1m"]
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(millis in any::<u64>()) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse(&text(duration)), Ok(duration));
        }
    }
}
