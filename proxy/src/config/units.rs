//! Values with their units: `"30 s"`, `"13 months"`.

use std::time::Duration;

/// Units of time, in milliseconds.
pub(super) const DURATIONS: [(&str, u64); 13] = [
    ("ms", 1),
    ("s", 1_000),
    ("second", 1_000),
    ("seconds", 1_000),
    ("min", 60_000),
    ("minute", 60_000),
    ("minutes", 60_000),
    ("h", 3_600_000),
    ("hour", 3_600_000),
    ("hours", 3_600_000),
    ("d", 86_400_000),
    ("day", 86_400_000),
    ("days", 86_400_000),
];

/// Units of what is counted in months.
pub(super) const MONTHS: [(&str, u64); 4] = [("month", 1), ("months", 1), ("year", 12), ("years", 12)];

/// Units of size, in bytes.
pub(super) const SIZES: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// Reads a time such as `30 s`, `5 min`, `2 h`, `3 days` or `250 ms`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    read(text, &DURATIONS).map(Duration::from_millis)
}

/// Reads a number of months such as `13 months` or `2 years`.
pub(super) fn months(text: &str) -> Option<u64> {
    read(text, &MONTHS)
}

/// Reads a number of bytes such as `4 KiB` or `1 GiB`.
pub(super) fn bytes(text: &str) -> Option<u64> {
    read(text, &SIZES)
}

fn read(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, one) = units.iter().find(|(name, _)| *name == unit.trim())?;
    number.parse::<u64>().ok()?.checked_mul(*one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, expected) in [
            ("30 s", Some(30_000)),
            ("30s", Some(30_000)),
            ("250 ms", Some(250)),
            ("5 min", Some(300_000)),
            ("1 hour", Some(3_600_000)),
            ("30", None),
            ("s", None),
            ("-1 s", None),
            ("1.5 s", None),
            ("99999999999999999999 s", None),
            ("18446744073709551615 h", None),
            ("", None),
        ] {
            assert_eq!(duration(text).map(|time| time.as_millis()), expected, "{text}");
        }
        assert_eq!(months("13 months"), Some(13));
        assert_eq!(months("2 years"), Some(24));
        assert_eq!(months("30 days"), None);
        assert_eq!(bytes("4 KiB"), Some(4096));
        assert_eq!(bytes("2GiB"), Some(2 << 30));
        assert_eq!(bytes("4 kB"), None);
    }
}
