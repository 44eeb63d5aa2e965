use std::collections::BTreeMap;

use http::HeaderValue;
use memchr::memmem::Finder;

use super::declared::Preference;
use crate::consent::own::OwnCookie;
use crate::error::{ConfigError, Subject};

/// Every preference that visitors are offered, and so every choice that there can be.
#[derive(Debug)]
pub(in crate::consent) struct Preferences {
    pub(in crate::consent) cookie: OwnCookie,
    finder: Finder<'static>,
    declared: Vec<Preference>,
    /// The field for the site, by the number of a choice.
    fields: Vec<Option<HeaderValue>>,
}

/// One choice, by its number: there is no value that is not one of them. 0 is no choice, all as it is for everybody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::consent) struct Preferred(u8);

/// So many choices are eight bits.
const MOST_CHOICES: usize = 256;

/// The longest value of the cookie that is read.
const LONGEST: usize = 512;

/// The form of the cookie's value.
const VERSION: &str = "1";

impl Preferences {
    /// Nothing, where none is declared or there is a fault.
    pub(in crate::consent) fn new(
        declared: Vec<Preference>,
        cookie: OwnCookie,
        faults: &mut Vec<ConfigError>,
    ) -> Option<Self> {
        let mut choices = 1_usize;
        let before = faults.len();
        for (place, preference) in declared.iter().enumerate() {
            faults.extend(preference.faults());
            let fault = |problem: String, remedy: &str| {
                ConfigError::new(Subject::Preference(preference.name().to_owned()), problem, remedy)
            };
            if declared.iter().take(place).any(|other| other.name() == preference.name()) {
                faults.push(fault(
                    format!("the preference `{}` is declared twice", preference.name()),
                    "keep one of the two",
                ));
            }
            let within = choices <= MOST_CHOICES;
            choices = choices.saturating_mul(preference.values().len());
            if within && choices > MOST_CHOICES {
                faults.push(fault(
                    format!(
                        "with the preference `{}` there are {choices} choices, more than the {MOST_CHOICES} (8 bits) that a cookie \
                         of ours may hold",
                        preference.name()
                    ),
                    "offer fewer values, or fewer preferences",
                ));
            }
        }
        if declared.is_empty() || faults.len() > before {
            return None;
        }
        let mut offer = Self { cookie, finder: Finder::new(cookie.name), declared, fields: Vec::new() };
        // Written out beforehand, so that a request costs a look-up.
        offer.fields = (0..=u8::MAX).take(choices).map(|number| offer.new_field(Preferred(number))).collect();
        Some(offer)
    }

    pub(in crate::consent) fn declared(&self) -> &[Preference] {
        &self.declared
    }

    /// How many values the cookie can have.
    pub(in crate::consent) fn choices(&self) -> u64 {
        self.fields.len() as u64
    }

    /// Looks for the name of the cookie.
    pub(in crate::consent) fn finder(&self) -> &Finder<'static> {
        &self.finder
    }

    /// The preference and its value of these names, by their places.
    pub(in crate::consent) fn find(&self, name: &[u8], value: &[u8]) -> Option<(usize, usize)> {
        let place = self.declared.iter().position(|one| one.name().as_bytes() == name)?;
        let values = self.declared.get(place)?.values();
        Some((place, values.iter().position(|one| one.as_bytes() == value)?))
    }

    /// Which value of the preference at a place is in a choice.
    pub(in crate::consent) fn value_in(&self, preferred: Preferred, place: usize) -> usize {
        let mut rest = usize::from(preferred.0);
        for preference in self.declared.iter().take(place) {
            rest /= preference.values().len();
        }
        self.declared.get(place).map_or(0, |preference| rest % preference.values().len())
    }

    /// The choice with other values for some preferences, by their places.
    pub(in crate::consent) fn with(
        &self,
        preferred: Preferred,
        values: &BTreeMap<usize, usize>,
    ) -> Preferred {
        let number = (0..self.declared.len()).rev().fold(0, |number, place| {
            let value = values.get(&place).copied().unwrap_or_else(|| self.value_in(preferred, place));
            number * self.declared[place].values().len() + value
        });
        Preferred(u8::try_from(number).unwrap_or_default())
    }

    /// Names and values of what was chosen otherwise than it is for everybody.
    pub(in crate::consent) fn chosen(&self, preferred: Preferred) -> impl Iterator<Item = (&str, &str)> {
        self.declared.iter().enumerate().filter_map(move |(place, preference)| {
            let value = self.value_in(preferred, place);
            (value > 0).then(|| Some((preference.name(), preference.values().get(value)?.as_str())))?
        })
    }

    /// The value of the cookie: `1.text-size=large.contrast=high`. It names what was chosen, so that another list of values can
    /// never make something else of it.
    pub(in crate::consent) fn encode(&self, preferred: Preferred) -> String {
        self.chosen(preferred).fold(VERSION.to_owned(), |text, (name, value)| text + "." + name + "=" + value)
    }

    /// Reads the value of a cookie. What is not offered (any more) is no choice; what Pinfold has not written is none at all.
    pub(in crate::consent) fn decode(&self, value: &[u8]) -> Preferred {
        self.read(value).unwrap_or_default()
    }

    fn read(&self, value: &[u8]) -> Option<Preferred> {
        let mut parts = value.split(|&byte| byte == b'.');
        if value.len() > LONGEST || parts.next()? != VERSION.as_bytes() {
            return None;
        }
        let mut values = BTreeMap::new();
        for part in parts {
            let equals = memchr::memchr(b'=', part)?;
            if let Some((place, value)) = self.find(&part[..equals], &part[equals + 1..])
                && values.insert(place, value).is_some()
            {
                return None;
            }
        }
        Some(self.with(Preferred::default(), &values))
    }

    /// The value of `Pinfold-Preference`; nothing where nothing was chosen.
    pub(in crate::consent) fn field(&self, preferred: Preferred) -> Option<&HeaderValue> {
        self.fields.get(usize::from(preferred.0))?.as_ref()
    }

    /// A dictionary of tokens (RFC 9651 3.2).
    fn new_field(&self, preferred: Preferred) -> Option<HeaderValue> {
        let members: Vec<_> = self.chosen(preferred).map(|(name, value)| format!("{name}={value}")).collect();
        HeaderValue::try_from(members.join(", ")).ok().filter(|field| !field.is_empty())
    }
}

impl Preferred {
    /// Whether nothing was chosen.
    pub(in crate::consent) fn is_usual(self) -> bool {
        self.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn offer(declared: impl IntoIterator<Item = Preference>) -> Preferences {
        Preferences::new(declared.into_iter().collect(), OwnCookie::preferences(true, false), &mut Vec::new())
            .unwrap()
    }

    fn two() -> Preferences {
        offer([
            Preference::new("text-size", ["normal", "large", "largest"]),
            Preference::new("contrast", ["normal", "high"]),
        ])
    }

    #[test]
    fn every_value_the_cookie_can_have() {
        let offer = two();
        let values: Vec<_> = (0..6).map(|number| offer.encode(Preferred(number))).collect();
        assert_eq!(
            values,
            [
                "1",
                "1.text-size=large",
                "1.text-size=largest",
                "1.contrast=high",
                "1.text-size=large.contrast=high",
                "1.text-size=largest.contrast=high"
            ]
        );
        assert_eq!(offer.choices(), 6);
        for (number, value) in (0..).zip(&values) {
            assert_eq!(offer.decode(value.as_bytes()), Preferred(number), "{value}");
        }
    }

    #[test]
    fn claim_03_anything_else_is_no_preference() {
        let offer = two();
        for text in [
            "",
            "1",
            "2.text-size=large",
            "01.text-size=large",
            "text-size=large",
            "1.text-size=huge",
            "1.text-size=Large",
            "1.text-size=normal",
            "1.size=large",
            "1.text-size=large ",
            "1.text-size=\"large\"",
            "1.text-size=large.text-size=largest",
            "1.text-size=large.text-size=large",
            "1.text-size=large.",
            "1..text-size=large",
            "1.text-size",
            "1.text-size=large=x",
            "1.text-size=large, contrast=high",
            "\u{e9}",
        ] {
            assert_eq!(offer.decode(text.as_bytes()), Preferred::default(), "{text}");
        }
        let long = format!("1.text-size=large{}", ".a=b".repeat(200));
        assert_eq!(offer.decode(long.as_bytes()), Preferred::default());
    }

    #[test]
    fn another_list_makes_nothing_else_of_a_choice() {
        let large = two().encode(Preferred(1));
        for (declared, expected) in [
            (vec![Preference::new("text-size", ["normal", "small", "large"])], "text-size=large"),
            (vec![Preference::new("text-size", ["small", "normal", "large"])], "text-size=large"),
            (vec![Preference::new("text-size", ["normal", "small"])], ""),
            (vec![Preference::new("contrast", ["normal", "high"])], ""),
            // It is now what everybody has.
            (vec![Preference::new("text-size", ["large", "normal"])], ""),
        ] {
            let offer = offer(declared);
            let field = offer.field(offer.decode(large.as_bytes()));
            assert_eq!(field.map_or("", |field| field.to_str().unwrap()), expected);
        }
        // What is offered still stands beside what is not.
        let fewer = offer([Preference::new("contrast", ["normal", "high"])]);
        let both = two().encode(Preferred(5));
        assert_eq!(fewer.encode(fewer.decode(both.as_bytes())), "1.contrast=high");
    }

    #[test]
    fn the_field_for_the_site_is_a_dictionary_of_what_was_chosen() {
        let offer = two();
        for (number, expected) in [
            (0, None),
            (1, Some("text-size=large")),
            (3, Some("contrast=high")),
            (5, Some("text-size=largest, contrast=high")),
        ] {
            let field = offer.field(Preferred(number)).map(|field| field.to_str().unwrap());
            assert_eq!(field, expected, "{number}");
        }
    }

    #[test]
    fn one_choice_leaves_the_others() {
        let offer = two();
        for (before, name, value, after) in [
            (0, "text-size", "large", 1),
            (3, "text-size", "largest", 5),
            (5, "contrast", "normal", 2),
            (5, "text-size", "normal", 3),
            (1, "text-size", "normal", 0),
        ] {
            let (place, value) = offer.find(name.as_bytes(), value.as_bytes()).unwrap();
            let with = offer.with(Preferred(before), &BTreeMap::from([(place, value)]));
            assert_eq!(with, Preferred(after), "{before} {name} {value}");
        }
    }

    #[test]
    fn eight_bits_are_the_most() {
        let several = |lengths: &[usize]| {
            let word = |n: usize| format!("v{n}");
            let declared = lengths
                .iter()
                .enumerate()
                .map(|(place, length)| Preference::new(format!("p{place}"), (0..*length).map(word)));
            let mut faults = Vec::new();
            let offer =
                Preferences::new(declared.collect(), OwnCookie::preferences(true, false), &mut faults);
            (offer.map(|offer| offer.choices()), faults.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        for (lengths, choices) in
            [(&[2; 8][..], 256), (&[256], 256), (&[16, 16], 256), (&[3, 2], 6), (&[85, 3], 255)]
        {
            assert_eq!(several(lengths), (Some(choices), vec![]), "{lengths:?}");
        }
        for (lengths, place, choices) in [
            (&[2; 9][..], 8, "512"),
            (&[257], 0, "257"),
            (&[16, 17, 4], 1, "272"),
            (&[usize::from(u16::MAX), 4], 0, "65535"),
        ] {
            let (offer, faults) = several(lengths);
            assert_eq!((offer, faults.len()), (None, 1), "{faults:?}");
            assert!(
                faults[0].contains(&format!("`p{place}` there are {choices} choices")),
                "{lengths:?} {faults:?}"
            );
        }
    }

    #[test]
    fn cookie_06_the_longest_cookie_is_small() {
        let word = |letter: char| move |n: usize| format!("{letter}{n}{}", "x".repeat(22));
        let names = (0..8).map(word('n'));
        let offer = offer(names.map(|name| Preference::new(name, (0..2).map(word('v')))));
        let values: BTreeSet<_> = (0..=255).map(|number| offer.encode(Preferred(number))).collect();
        assert_eq!(values.len(), 256);
        assert!(values.iter().all(|value| value.len() <= LONGEST - "__Secure-pinfold-preferences=".len()));
        assert_eq!(offer.decode(offer.encode(Preferred(255)).as_bytes()), Preferred(255));
    }
}
