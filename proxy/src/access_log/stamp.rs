use jiff::civil;
use pinfold::time::UnixTime;

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// Reads times such as `22/Nov/2026:10:00:00 +0000`. The day that was read last is remembered.
#[derive(Debug, Default)]
pub(crate) struct Stamps {
    day: [u8; 11],
    midnight: i64,
}

impl Stamps {
    /// The moment, if it is one.
    pub(crate) fn read(&mut self, text: &[u8]) -> Option<UnixTime> {
        let (day, rest) = text.split_first_chunk::<11>()?;
        let [b':', h, h2, b':', m, m2, b':', s, s2, b' ', sign, zh, zh2, zm, zm2] = *rest else {
            return None;
        };
        if *day != self.day {
            self.midnight = midnight(day)?;
            self.day = *day;
        }
        // A second of 60 is a leap second.
        let [hours, minutes, seconds] = [number(h, h2, 23)?, number(m, m2, 59)?, number(s, s2, 60)?];
        let east = (number(zh, zh2, 23)? * 60 + number(zm, zm2, 59)?) * 60;
        let east = match sign {
            b'+' => east,
            b'-' => -east,
            _ => return None,
        };
        Some(UnixTime::from_seconds(self.midnight + hours * 3_600 + minutes * 60 + seconds - east))
    }
}

fn midnight(day: &[u8; 11]) -> Option<i64> {
    let [d, d2, b'/', m, m2, m3, b'/', y, y2, y3, y4] = *day else { return None };
    let month = MONTHS.iter().position(|month| **month == [m, m2, m3])?;
    let year = number(y, y2, 99)? * 100 + number(y3, y4, 99)?;
    let number = number(d, d2, 31)?;
    let date = civil::Date::new(
        i16::try_from(year).ok()?,
        i8::try_from(month + 1).ok()?,
        i8::try_from(number).ok()?,
    );
    Some(date.ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}

fn number(tens: u8, ones: u8, most: i64) -> Option<i64> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    Some(digit(tens)? * 10 + digit(ones)?).filter(|number| *number <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_nothing_like_them() {
        let mut stamps = Stamps::default();
        for (text, moment) in [
            ("22/Nov/2026:10:00:00 +0000", Some("2026-11-22T10:00:00Z")),
            ("22/Nov/2026:10:00:01 +0100", Some("2026-11-22T09:00:01Z")),
            ("22/Nov/2026:23:30:00 -0530", Some("2026-11-23T05:00:00Z")),
            ("29/Feb/2028:00:00:00 +0000", Some("2028-02-29T00:00:00Z")),
            ("31/Dec/2016:23:59:60 +0000", Some("2017-01-01T00:00:00Z")),
            ("29/Feb/2027:00:00:00 +0000", None),
            ("32/Nov/2026:10:00:00 +0000", None),
            ("22/Nov/2026:24:00:00 +0000", None),
            ("22/nov/2026:10:00:00 +0000", None),
            ("22/Nov/2026:10:00:00", None),
            ("22/Nov/2026:10:00:00 +0000 ", None),
            ("22/Nov/\u{e9}026:10:00:00 +000", None),
            ("", None),
        ] {
            let read = stamps.read(text.as_bytes()).map(|moment| moment.to_string());
            assert_eq!(read.as_deref(), moment, "{text}");
        }
    }
}
