//! Values with their units: `"30 s"`, `"13 months"`.

use std::time::Duration;

/// Reads a time such as `30 s`, `5 min`, `2 h`, `3 days` or `250 ms`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" | "second" | "seconds" => 1_000,
        "min" | "minute" | "minutes" => 60_000,
        "h" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(milliseconds).map(Duration::from_millis)
}

/// Reads a number of months such as `13 months` or `2 years`.
pub(super) fn months(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    match unit {
        "month" | "months" => Some(number),
        "year" | "years" => number.checked_mul(12),
        _ => None,
    }
}

/// Reads a number of bytes such as `4 KiB` or `1 GiB`.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let bytes: u64 = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(bytes)
}

fn split(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.trim()))
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
