//! Where in the file something is written of which the library finds that it is wrong.

use pinfold::consent::well_known;
use pinfold::{ConfigError, ConfigErrors, Subject};

use super::fault::{Faults, Place};
use super::nearest::nearest;
use super::reader::{Located, Section};

/// What stands in the place of a purpose where none has to be declared.
pub(super) const STRICTLY_NECESSARY: &str = "strictly-necessary";

/// What stands for the name of something that has none, which is a fault already.
pub(super) const NAMELESS: &str = "?";

/// Where the subjects of library faults were written.
#[derive(Default)]
pub(super) struct Places {
    subjects: Vec<(Subject, Place)>,
    items: Vec<Item>,
    /// A purpose that is there though nobody has declared it.
    brought: Option<&'static str>,
    reported: Vec<ConfigError>,
}

/// One of several things of a kind: a purpose, a cookie, a host, a preference.
pub(super) struct Item {
    subject: Subject,
    place: Place,
    /// Its keys, and where what they say is.
    parts: Vec<(String, Place)>,
    words: Vec<(Said, Located<String>)>,
    /// What is wrong with it by itself.
    faults: Vec<ConfigError>,
}

/// What a word is said to be.
#[derive(Clone, Copy)]
pub(super) enum Said {
    /// One of these.
    OneOf(&'static [&'static str]),
    Other,
    Purpose,
    Service,
}

impl Item {
    /// That of a table.
    pub(super) fn of(subject: Subject, section: &Section<'_>) -> Self {
        Self { parts: section.parts(), ..Self::at(subject, section.place()) }
    }

    pub(super) fn at(subject: Subject, place: &Place) -> Self {
        Self { subject, place: place.clone(), parts: Vec::new(), words: Vec::new(), faults: Vec::new() }
    }

    /// Notes words that it says, where a fault may be about one of them.
    pub(super) fn saying<'w>(
        mut self,
        said: Said,
        words: impl IntoIterator<Item = &'w Located<String>>,
    ) -> Self {
        self.words.extend(words.into_iter().map(|word| (said, word.clone())));
        self
    }

    /// Notes what is wrong with it by itself. Of what has no name, nothing is said about the name.
    pub(super) fn checked(mut self, checked: Result<(), ConfigErrors>) -> Self {
        let is_nameless = named(&self.subject) == Some(NAMELESS);
        let faults = checked.err().into_iter().flat_map(|faults| faults.iter().cloned().collect::<Vec<_>>());
        let is_of_name = |fault: &ConfigError| matches!(fault.part(), Some("id" | "name"));
        self.faults.extend(faults.filter(|fault| !(is_nameless && is_of_name(fault))));
        self
    }

    /// The last word that a fault quotes, if there is one.
    fn quoted(&self, fault: &ConfigError) -> Option<&(Said, Located<String>)> {
        let problem = fault.problem();
        // The name of the subject is quoted for itself.
        let is_name =
            |word: &str| named(&self.subject) == Some(word) && !problem.starts_with(&format!("`{word}`"));
        let quoted =
            self.words.iter().filter_map(|said| Some((problem.rfind(&format!("`{}`", said.1.value))?, said)));
        let quoted = quoted.filter(|(_, (_, word))| !is_name(&word.value));
        quoted.max_by_key(|(at, _)| *at).map(|(_, said)| said)
    }

    /// Where what a fault is about is written, or whose name it is.
    fn place_of(&self, fault: &ConfigError) -> &Place {
        let find = |part: &str| self.parts.iter().find(|(name, _)| name == part).map(|(_, place)| place);
        let part = fault.part().and_then(find);
        part.or_else(|| find("id")).or_else(|| find("name")).unwrap_or(&self.place)
    }
}

impl Places {
    pub(super) fn note(&mut self, subject: Subject, place: &Place) {
        self.subjects.push((subject, place.clone()));
    }

    /// Notes a purpose that is there though nobody has declared it.
    pub(super) fn bring(&mut self, purpose: &'static str) {
        self.brought = Some(purpose);
    }

    /// Takes note of something, and says what is wrong with it by itself.
    pub(super) fn add(&mut self, item: Item, faults: &Faults) {
        for fault in &item.faults {
            match item.quoted(fault) {
                Some((said, word)) => self.report_word(*said, word, fault, faults),
                None => faults.add(item.place_of(fault), fault.problem(), fault.remedy()),
            }
        }
        self.items.push(item);
    }

    /// Says what is wrong with all of it together: at the word that the fault quotes, if there is one, else where its subject is.
    pub(super) fn report(&mut self, fault: &ConfigError, faults: &Faults) {
        if self.items.iter().any(|item| item.faults.contains(fault)) {
            return;
        }
        let before = self.reported.iter().filter(|reported| *reported == fault).count();
        self.reported.push(fault.clone());
        let mut items = self.items.iter().filter(|item| item.subject == *fault.subject());
        let quoted: Vec<_> = items.clone().filter_map(|item| item.quoted(fault)).collect();
        if let Some((said, word)) = quoted.get(before).or(quoted.last()) {
            return self.report_word(*said, word, fault, faults);
        }
        // Of two things of one name the second is the one too many.
        let last = items.clone().next_back();
        let place = items.nth(before + 1).or(last).map(|item| item.place_of(fault));
        let subject = || self.subjects.iter().find(|(subject, _)| subject == fault.subject());
        let place = place.or_else(|| subject().map(|(_, place)| place));
        faults.add(place.unwrap_or(&Place::Whole), fault.problem(), fault.remedy());
    }

    /// Says of something that is not whole that its purpose is not declared.
    pub(super) fn look_for_purpose(&self, what: &str, purpose: Option<&Located<String>>, faults: &Faults) {
        let Some(purpose) = purpose else { return };
        let known = self.known(Said::Purpose);
        if known.contains(&purpose.value.as_str()) {
            return;
        }
        let remedy = match nearest(&purpose.value, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("declare the purpose, or write `{STRICTLY_NECESSARY}`"),
        };
        let problem = format!("{what} has the purpose `{}`, which is not declared", purpose.value);
        faults.miss(&purpose.place, problem, remedy);
    }

    fn report_word(&self, said: Said, word: &Located<String>, fault: &ConfigError, faults: &Faults) {
        let near = nearest(&word.value, self.known(said)).filter(|near| *near != word.value);
        let remedy = match (said, near) {
            (Said::Service, _) if well_known::service(&word.value).is_none() => {
                of_services(&word.value, near)
            }
            (_, Some(near)) => format!("did you mean `{near}`?"),
            (_, None) => fault.remedy().to_owned(),
        };
        match said {
            Said::Purpose => faults.miss(&word.place, fault.problem(), remedy),
            _ => faults.add(&word.place, fault.problem(), remedy),
        }
    }

    /// What else could have been said.
    fn known(&self, said: Said) -> Vec<&str> {
        match said {
            Said::OneOf(words) => words.to_vec(),
            Said::Other => Vec::new(),
            Said::Purpose => {
                let is_purpose = |subject: &&Subject| matches!(subject, Subject::Purpose(_));
                let subjects = self.items.iter().map(|item| &item.subject);
                let declared = subjects.filter(is_purpose).filter_map(named).filter(|id| *id != NAMELESS);
                declared.chain(self.brought).chain([STRICTLY_NECESSARY]).collect()
            }
            Said::Service => well_known::services().map(|service| service.id).collect(),
        }
    }
}

/// What to write in place of a service that is not known: the nearest one, or one that has the word in it.
fn of_services(word: &str, near: Option<&str>) -> String {
    const LIST: &str = "docs/configuration.md lists those that are known";
    let lower = word.to_lowercase();
    let has_it = |service: &&well_known::Service| {
        lower.len() > 2 && (service.id.contains(&lower) || service.provider.to_lowercase().contains(&lower))
    };
    let near = near.or_else(|| well_known::services().find(has_it).map(|service| service.id));
    match near {
        Some(near) => format!("did you mean `{near}`? {LIST}"),
        None => format!("{LIST}; declare the cookies of others one by one"),
    }
}

/// What something is called of which there may be several.
fn named(subject: &Subject) -> Option<&str> {
    match subject {
        Subject::Cookie(name) | Subject::Host(name) | Subject::Preference(name) | Subject::Purpose(name) => {
            Some(name)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_is_not_known_has_one_that_is_near() {
        for (word, expected) in [
            ("gogle-analytics", "did you mean `google-analytics`? docs/configuration.md lists"),
            ("facebook", "did you mean `meta-pixel`?"),
            ("analytics", "did you mean `google-analytics`?"),
            ("clarity", "did you mean `microsoft-clarity`?"),
            ("homemade", "docs/configuration.md lists those that are known; declare the cookies of others"),
            ("zz", "docs/configuration.md lists those that are known; declare"),
        ] {
            let known = well_known::services().map(|service| service.id);
            let remedy = of_services(word, nearest(word, known));
            assert!(remedy.starts_with(expected), "{word}: {remedy}");
        }
    }
}
