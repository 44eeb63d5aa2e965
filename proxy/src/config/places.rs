//! Where in the file something is written of which the library finds that it is wrong.

use pinfold::consent::well_known;
use pinfold::{ConfigError, Subject};

use super::fault::{Faults, Place};
use super::nearest::nearest;
use super::reader::Located;

/// What stands in the place of a purpose where none has to be declared.
pub(super) const STRICTLY_NECESSARY: &str = "strictly-necessary";

/// Where the subjects of library faults were written.
#[derive(Default)]
pub(super) struct Places {
    subjects: Vec<(Subject, Place)>,
    /// What is said of a subject, where a fault may be about that.
    words: Vec<(Subject, Said, Located<String>)>,
}

impl Places {
    pub(super) fn note(&mut self, subject: Subject, place: &Place) {
        self.subjects.push((subject, place.clone()));
    }

    pub(super) fn note_words<'w>(
        &mut self,
        subject: &Subject,
        said: Said,
        words: impl IntoIterator<Item = &'w Located<String>>,
    ) {
        self.words.extend(words.into_iter().map(|word| (subject.clone(), said, word.clone())));
    }

    /// At the word that the fault quotes, if there is one, else where its subject is.
    pub(super) fn report(&self, fault: &ConfigError, faults: &Faults) {
        let problem = fault.problem();
        let quoted = self.words.iter().filter(|(subject, ..)| subject == fault.subject());
        let quoted = quoted.filter_map(|said| Some((problem.rfind(&format!("`{}`", said.2.value))?, said)));
        // The name of the subject is quoted for itself.
        let is_name =
            |word: &str| named(fault.subject()) == Some(word) && !problem.starts_with(&format!("`{word}`"));
        let quoted = quoted.filter(|(_, said)| !is_name(&said.2.value)).max_by_key(|(at, _)| *at);
        if let Some((_, (_, said, word))) = quoted {
            let near = nearest(&word.value, &self.known(*said)).filter(|near| *near != word.value);
            let remedy = near.map(|near| format!("did you mean `{near}`?"));
            let remedy = remedy.unwrap_or_else(|| fault.remedy().to_owned());
            return faults.add(&word.place, fault.problem(), remedy);
        }
        // Of two things of one name the second is the one too many.
        let subject = self.subjects.iter().rev().find(|(subject, _)| subject == fault.subject());
        let place = subject.map_or(&Place::Whole, |(_, place)| place);
        faults.add(place, fault.problem(), fault.remedy());
    }

    /// What else could have been said.
    fn known(&self, said: Said) -> Vec<&str> {
        match said {
            Said::Purpose => {
                let is_purpose = |subject: &&Subject| matches!(subject, Subject::Purpose(_));
                let subjects = self.subjects.iter().map(|(subject, _)| subject);
                let declared = subjects.filter(is_purpose).filter_map(named);
                declared.chain([STRICTLY_NECESSARY]).collect()
            }
            Said::Service => well_known::services().map(|service| service.id).collect(),
            Said::Other => Vec::new(),
        }
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

/// What a word is said to be.
#[derive(Clone, Copy)]
pub(super) enum Said {
    Purpose,
    Service,
    Other,
}
