use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// How many names are kept.
pub(super) const ROOM: usize = 256;

/// How much of a name is kept.
const LONGEST: usize = 40;

/// The names of cookies that the site sets and no rule declares, so that an operator can be told of them.
///
/// Only names that the site itself has set are kept: what visitors send may be anything. A name is cut at its first digit, and a `*`
/// put there, because sites write numbers of users and sessions into names.
#[derive(Debug, Default)]
pub struct UndeclaredNames {
    numbers: RwLock<HashMap<Box<str>, u16>>,
}

impl UndeclaredNames {
    /// The names, each with the number by which [`super::CookieSubject::Undeclared`] refers to it.
    pub fn all(&self) -> Vec<(u16, String)> {
        let numbers = self.numbers.read().unwrap_or_else(PoisonError::into_inner);
        numbers.iter().map(|(name, number)| (*number, name.to_string())).collect()
    }

    /// The number of a name that the site has set before.
    pub(super) fn find(&self, name: &[u8]) -> Option<u16> {
        let mut space = [0; LONGEST + 1];
        let name = general(name, &mut space)?;
        self.numbers.read().unwrap_or_else(PoisonError::into_inner).get(name).copied()
    }

    /// The number of a name that the site sets, unless there is no more room.
    pub(super) fn note(&self, name: &[u8]) -> Option<u16> {
        if let Some(number) = self.find(name) {
            return Some(number);
        }
        let mut space = [0; LONGEST + 1];
        let name = general(name, &mut space)?;
        let mut numbers = self.numbers.write().unwrap_or_else(PoisonError::into_inner);
        let next = u16::try_from(numbers.len()).ok().filter(|_| numbers.len() < ROOM)?;
        Some(*numbers.entry(name.into()).or_insert(next))
    }
}

fn general<'a>(name: &[u8], space: &'a mut [u8; LONGEST + 1]) -> Option<&'a str> {
    let kept = name
        .iter()
        .take(LONGEST)
        .take_while(|byte| byte.is_ascii_graphic() && !byte.is_ascii_digit())
        .count();
    space[..kept].copy_from_slice(&name[..kept]);
    let length = if kept < name.len() {
        space[kept] = b'*';
        kept + 1
    } else {
        kept
    };
    std::str::from_utf8(&space[..length]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_without_numbers() {
        let names = UndeclaredNames::default();
        for (name, expected) in [
            ("promo", "promo"),
            ("wp-settings-17", "wp-settings-*"),
            ("wp-settings-18", "wp-settings-*"),
            ("_ga_AB12CD", "_ga_AB*"),
            ("7", "*"),
            ("caf\u{e9}", "caf*"),
        ] {
            let number = names.note(name.as_bytes()).unwrap();
            assert!(names.all().contains(&(number, expected.to_owned())), "{name}");
            assert_eq!(names.find(name.as_bytes()), Some(number));
        }
        assert_eq!(names.all().len(), 5);
        assert_eq!(names.find(b"never-set"), None);
    }

    #[test]
    fn the_table_is_bounded() {
        let names = UndeclaredNames::default();
        for number in 0..10_000_u32 {
            let letters: String =
                (0..5).map(|place| char::from(b'a' + (number / 26_u32.pow(place) % 26) as u8)).collect();
            names.note(letters.as_bytes());
        }
        assert_eq!(names.all().len(), ROOM);
    }
}
