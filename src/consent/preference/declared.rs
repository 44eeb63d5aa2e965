use std::borrow::Cow;
use std::collections::HashSet;

use crate::consent::page::Language;
use crate::error::{ConfigError, ConfigErrors, Subject};

/// Something that visitors may choose about how the site is for them, such as the size of its text.
///
/// ```
/// use pinfold::consent::Preference;
///
/// let size = Preference::new("text-size", ["normal", "large", "largest"])
///     .with_english("Text size", "How large the text of this site is.")
///     .with_welsh("Maint y testun", "Pa mor fawr yw testun y wefan hon.")
///     .with_welsh_labels(["Arferol", "Mawr", "Mwyaf"]);
/// assert_eq!(size.values()[0], "normal");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preference {
    name: String,
    values: Vec<String>,
    english: Words,
    welsh: Words,
}

/// What is not written is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Words {
    title: String,
    description: String,
    labels: Vec<String>,
}

/// The longest name or value, in letters. Eight of each fit a cookie of 512 bytes.
const LONGEST_WORD: usize = 24;

impl Preference {
    /// A preference with its name and its values, of which the first is what visitors have who choose nothing.
    ///
    /// All are up to 24 lower-case letters, digits and hyphens, with a letter first, so that they can stand in a cookie, in a
    /// request field (RFC 9651) and in a selector of CSS as they are.
    pub fn new<S: Into<String>>(name: impl Into<String>, values: impl IntoIterator<Item = S>) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        Self { name: name.into(), values, english: Words::default(), welsh: Words::default() }
    }

    /// Adds the English words. Where there are none, the name itself is shown: `text-size` as "Text size".
    #[must_use]
    pub fn with_english(mut self, title: impl Into<String>, description: impl Into<String>) -> Self {
        (self.english.title, self.english.description) = (title.into(), description.into());
        self
    }

    /// Adds the English names of the values, in their order. Where there are none, the values themselves are shown.
    #[must_use]
    pub fn with_labels<S: Into<String>>(mut self, labels: impl IntoIterator<Item = S>) -> Self {
        self.english.labels = labels.into_iter().map(Into::into).collect();
        self
    }

    /// Adds the Welsh words. Where there are none, the English ones are shown.
    #[must_use]
    pub fn with_welsh(mut self, title: impl Into<String>, description: impl Into<String>) -> Self {
        (self.welsh.title, self.welsh.description) = (title.into(), description.into());
        self
    }

    /// Adds the Welsh names of the values, in their order. Where there are none, the English ones are shown.
    #[must_use]
    pub fn with_welsh_labels<S: Into<String>>(mut self, labels: impl IntoIterator<Item = S>) -> Self {
        self.welsh.labels = labels.into_iter().map(Into::into).collect();
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its values, first what visitors have who choose nothing.
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// What visitors read as its title, and the language that this is in.
    pub(in crate::consent) fn title(&self, language: Language) -> (Cow<'_, str>, Language) {
        self.words(language, |words| Some(&words.title), &self.name)
    }

    /// What more there is to say of it, and the language that this is in; nothing where nobody has written anything.
    pub(in crate::consent) fn description(&self, language: Language) -> Option<(Cow<'_, str>, Language)> {
        Some(self.words(language, |words| Some(&words.description), "")).filter(|(text, _)| !text.is_empty())
    }

    /// What visitors read as the name of the value at a place, and the language that this is in.
    pub(in crate::consent) fn label(&self, language: Language, place: usize) -> (Cow<'_, str>, Language) {
        let value = self.values.get(place).map_or("", String::as_str);
        self.words(language, |words| words.labels.get(place), value)
    }

    fn words<'a>(
        &'a self,
        language: Language,
        pick: impl Fn(&'a Words) -> Option<&'a String>,
        otherwise: &str,
    ) -> (Cow<'a, str>, Language) {
        let written =
            |words| pick(words).filter(|text| !text.is_empty()).map(|text| Cow::from(text.as_str()));
        let welsh = (language == Language::Welsh).then(|| written(&self.welsh)).flatten();
        match welsh {
            Some(text) => (text, Language::Welsh),
            None => (written(&self.english).unwrap_or_else(|| spelled(otherwise).into()), Language::English),
        }
    }

    /// What is wrong with it by itself, whatever else a policy has.
    ///
    /// # Errors
    ///
    /// Every fault there is, in one pass.
    pub fn check(&self) -> Result<(), ConfigErrors> {
        ConfigErrors::gather((), self.faults())
    }

    pub(super) fn faults(&self) -> Vec<ConfigError> {
        let name = &self.name;
        let fault = |part: &'static str, problem: String, remedy: &str| {
            ConfigError::new(Subject::Preference(name.clone()), problem, remedy).of(part)
        };
        let mut faults = Vec::new();
        if !is_word(name) {
            faults.push(fault("name", format!("`{name}` cannot be the name of a preference"), WORD));
        }
        // Pages use attributes of these names for what they hold.
        if name == "consent" || name.starts_with("pinfold") {
            let problem = format!("the preference name `{name}` is taken by Pinfold");
            faults.push(fault("name", problem, "choose another"));
        }
        for value in self.values.iter().filter(|value| !is_word(value)) {
            let problem = format!("the preference `{name}` cannot have the value `{value}`");
            faults.push(fault("values", problem, WORD));
        }
        let mut seen = HashSet::new();
        let mut twice: Vec<_> = self.values.iter().filter(|value| !seen.insert(*value)).collect();
        twice.dedup();
        for value in twice {
            let problem = format!("the preference `{name}` has the value `{value}` twice");
            faults.push(fault("values", problem, "keep one of the two"));
        }
        if self.values.len() < 2 {
            faults.push(fault(
                "values",
                format!("the preference `{name}` leaves nothing to choose"),
                "write at least two values, first what visitors have who choose nothing",
            ));
        }
        for (part, language, words) in
            [("labels", "English", &self.english), ("cy.labels", "Welsh", &self.welsh)]
        {
            let (labels, values) = (words.labels.len(), self.values.len());
            if labels > 0 && labels != values {
                faults.push(fault(
                    part,
                    format!("the preference `{name}` has {values} values and {labels} labels in {language}"),
                    "write a label for each value, in the same order, or none",
                ));
            }
        }
        faults
    }
}

const WORD: &str = "use up to 24 lower-case letters, digits and hyphens, with a letter first";

fn is_word(text: &str) -> bool {
    let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= LONGEST_WORD
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(sound)
}

/// `text-size` as "Text size".
fn spelled(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters.map(|letter| if letter == '-' { ' ' } else { letter })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_declared() {
        let size = |values: &[&str]| Preference::new("text-size", values.iter().copied());
        for (preference, words) in [
            (Preference::new("", ["a", "b"]), "`` cannot be the name"),
            (Preference::new("Text-Size", ["a", "b"]), "`Text-Size` cannot be the name"),
            (Preference::new("text_size", ["a", "b"]), "`text_size` cannot be the name"),
            (Preference::new("-size", ["a", "b"]), "`-size` cannot be the name"),
            (Preference::new("a".repeat(25), ["a", "b"]), "cannot be the name"),
            (Preference::new("consent", ["a", "b"]), "`consent` is taken"),
            (Preference::new("pinfold", ["a", "b"]), "`pinfold` is taken"),
            (size(&[]), "leaves nothing to choose"),
            (size(&["normal"]), "leaves nothing to choose"),
            (size(&["normal", "large", "normal"]), "has the value `normal` twice"),
            (size(&["normal", "150"]), "cannot have the value `150`"),
            (size(&["normal", "so large"]), "cannot have the value `so large`"),
            (size(&["normal", "large;x"]), "cannot have the value `large;x`"),
            (size(&["normal", "mawr\u{ef}"]), "cannot have the value"),
            (size(&["normal", "large"]).with_labels(["Normal"]), "2 values and 1 labels in English"),
            (size(&["normal", "large"]).with_welsh_labels(["a", "b", "c"]), "3 labels in Welsh"),
        ] {
            let faults = preference.faults();
            assert!(faults.iter().any(|fault| fault.to_string().contains(words)), "{words}: {faults:?}");
        }
        assert_eq!(size(&["normal", "large"]).with_labels(["Normal", "Large"]).faults(), []);
    }

    #[test]
    fn page_08_what_is_not_written_in_welsh_is_said_in_english() {
        use Language::{English, Welsh};
        let bare = Preference::new("text-size", ["as-it-is", "large"]);
        assert_eq!(bare.title(Welsh), ("Text size".into(), English));
        assert_eq!(bare.label(Welsh, 0), ("As it is".into(), English));
        assert_eq!(bare.description(English), None);
        let english = bare.with_english("Size of text", "How large it is.").with_labels(["Usual", "Large"]);
        assert_eq!(english.title(English), ("Size of text".into(), English));
        assert_eq!(english.description(Welsh), Some(("How large it is.".into(), English)));
        assert_eq!(english.label(Welsh, 1), ("Large".into(), English));
        let both = english.with_welsh("Maint y testun", "").with_welsh_labels(["Arferol", "Mawr"]);
        assert_eq!(both.title(Welsh), ("Maint y testun".into(), Welsh));
        assert_eq!(both.description(Welsh), Some(("How large it is.".into(), English)));
        assert_eq!(both.label(Welsh, 1), ("Mawr".into(), Welsh));
        assert_eq!(both.label(English, 1), ("Large".into(), English));
    }
}
