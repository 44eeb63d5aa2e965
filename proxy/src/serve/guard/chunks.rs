use super::super::limits::{LONGEST_AROUND_CHUNKS, MOST_FIELDS};
use super::bytes::is_value;
use crate::token::is_token;

/// Judges a chunked body as it comes (RFC 9112 section 7.1).
#[derive(Debug, Default)]
pub(super) struct Chunks {
    place: Place,
    /// How many bytes of extensions and trailers there were.
    around: usize,
    trailers: usize,
}

/// What comes next.
#[derive(Debug, Default, Clone, Copy)]
enum Place {
    /// A digit of a size, the first or a later one.
    #[default]
    Size,
    Digits {
        size: u64,
        count: u8,
    },
    Extension {
        size: u64,
    },
    SizeEnd {
        size: u64,
    },
    Data {
        left: u64,
    },
    DataReturn,
    DataEnd,
    Trailer,
    TrailerName,
    TrailerValue,
    TrailerEnd,
    End,
}

/// How far a body has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Come {
    /// All bytes belong to it, and more must come.
    Part,
    /// It ends after so many bytes.
    Whole(usize),
    /// Only so many bytes are sound.
    Broken(usize),
}

/// A size of more digits than this is no size.
const MOST_DIGITS: u8 = 16;

impl Chunks {
    /// `bytes` begins where the last ended.
    pub(super) fn judge(&mut self, bytes: &[u8]) -> Come {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if let Place::Data { left } = self.place {
                let here = left.min((bytes.len() - at) as u64);
                at += here as usize;
                self.place = if here == left { Place::DataReturn } else { Place::Data { left: left - here } };
                continue;
            }
            match self.next(byte) {
                None => return Come::Broken(at),
                Some(Place::Size) if matches!(self.place, Place::End) => {
                    *self = Self::default();
                    return Come::Whole(at + 1);
                }
                Some(place) => self.place = place,
            }
            at += 1;
        }
        Come::Part
    }

    /// What comes after `byte`, unless it may not stand here. [`Place::Size`] after [`Place::End`] is the end of the body.
    fn next(&mut self, byte: u8) -> Option<Place> {
        Some(match (self.place, byte) {
            (Place::Size, _) => Place::Digits { size: digit(byte)?, count: 1 },
            (Place::Digits { size, .. } | Place::Extension { size }, b'\r') => Place::SizeEnd { size },
            (Place::Digits { size, .. }, b';') => self.around(Place::Extension { size })?,
            (Place::Digits { count: MOST_DIGITS, .. }, _) => return None,
            (Place::Digits { size, count }, _) => {
                Place::Digits { size: size << 4 | digit(byte)?, count: count + 1 }
            }
            (Place::Extension { size }, _) if is_value(byte) => self.around(Place::Extension { size })?,
            (Place::SizeEnd { size: 0 }, b'\n') => Place::Trailer,
            (Place::SizeEnd { size }, b'\n') => Place::Data { left: size },
            (Place::DataReturn, b'\r') => Place::DataEnd,
            (Place::DataEnd, b'\n') => Place::Size,
            (Place::Trailer, b'\r') => Place::End,
            (Place::Trailer, _) if is_token(byte) && self.trailers < MOST_FIELDS => {
                self.trailers += 1;
                self.around(Place::TrailerName)?
            }
            (Place::TrailerName, b':') => self.around(Place::TrailerValue)?,
            (Place::TrailerName, _) if is_token(byte) => self.around(Place::TrailerName)?,
            (Place::TrailerValue, b'\r') => Place::TrailerEnd,
            (Place::TrailerValue, _) if is_value(byte) => self.around(Place::TrailerValue)?,
            (Place::TrailerEnd, b'\n') => Place::Trailer,
            (Place::End, b'\n') => Place::Size,
            _ => return None,
        })
    }

    /// Counts a byte that is dropped in the end.
    fn around(&mut self, place: Place) -> Option<Place> {
        self.around += 1;
        (self.around <= LONGEST_AROUND_CHUNKS).then_some(place)
    }
}

fn digit(byte: u8) -> Option<u64> {
    char::from(byte).to_digit(16).map(u64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(body: &str) -> Come {
        let whole = Chunks::default().judge(body.as_bytes());
        // Byte by byte it is the same.
        let mut chunks = Chunks::default();
        let mut step = Come::Part;
        for (at, byte) in body.bytes().enumerate() {
            match chunks.judge(&[byte]) {
                Come::Part => continue,
                Come::Whole(_) => step = Come::Whole(at + 1),
                Come::Broken(_) => step = Come::Broken(at),
            }
            break;
        }
        assert_eq!(whole, step, "{body:?}");
        whole
    }

    #[test]
    fn frame_04_sound_bodies() {
        for (body, rest) in [
            ("0\r\n\r\n", ""),
            ("5\r\nhello\r\n0\r\n\r\n", "GET"),
            ("005\r\nhello\r\n000\r\n\r\n", ""),
            ("0000000000000005\r\nhello\r\n0\r\n\r\n", ""),
            ("a;b=c; d=\"e\"\r\n0123456789\r\n0;f\r\n\r\n", ""),
            ("0\r\na: b\r\nc:\r\n\r\n", "\r\n"),
        ] {
            assert_eq!(judge(&format!("{body}{rest}")), Come::Whole(body.len()), "{body:?}");
        }
        for body in
            ["", "5", "5\r", "5\r\nhel", "5\r\nhello", "5\r\nhello\r\n", "0\r\n", "0\r\n\r", "0\r\na: b\r\n"]
        {
            assert_eq!(judge(body), Come::Part, "{body:?}");
        }
    }

    #[test]
    fn frame_04_broken_bodies() {
        for (sound, rest) in [
            ("", "+5"),
            ("", " 5"),
            ("", "\r\n"),
            ("", ";"),
            ("0", "x5"),
            ("5", "_0"),
            ("5", " \r\n"),
            ("5", "\n"),
            ("5\r", "h"),
            ("0000000000000000", "5\r\n"),
            ("ffffffffffffffff", "f"),
            ("5;a", "\nb"),
            ("5;a\r", "b"),
            ("5;a", "\0"),
            ("5\r\nhello", "!"),
            ("5\r\nhello", "\n"),
            ("5\r\nhello\r", "0"),
            ("0\r\n", "\n"),
            ("0\r\n\r", "\r"),
            ("0\r\n", " a: b"),
            ("0\r\na", " : b"),
            ("0\r\na: b", "\n"),
            ("0\r\na: b\r", "c"),
            ("0\r\na", "\r\n"),
        ] {
            assert_eq!(judge(&format!("{sound}{rest}")), Come::Broken(sound.len()), "{sound:?} {rest:?}");
        }
    }

    #[test]
    fn frame_05_what_is_around_chunks_is_bounded() {
        let extensions = |length: usize| format!("1;{}\r\nx\r\n0\r\n\r\n", "y".repeat(length - 1));
        assert!(matches!(judge(&extensions(LONGEST_AROUND_CHUNKS)), Come::Whole(_)));
        assert_eq!(judge(&extensions(LONGEST_AROUND_CHUNKS + 1)), Come::Broken(LONGEST_AROUND_CHUNKS + 1));
        let many = "1;y\r\nx\r\n".repeat(LONGEST_AROUND_CHUNKS);
        assert!(matches!(judge(&many), Come::Broken(_)));
        let trailers = |count: usize| format!("0\r\n{}\r\n", "a: b\r\n".repeat(count));
        assert!(matches!(judge(&trailers(MOST_FIELDS)), Come::Whole(_)));
        assert!(matches!(judge(&trailers(MOST_FIELDS + 1)), Come::Broken(_)));
    }
}
