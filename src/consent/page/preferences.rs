//! The part of the cookies page in which visitors say how they would like the site.

use maud::{Markup, html};

use super::language::Language;
use super::view::{View, capacity};
use super::words::Words;
use crate::consent::policy::bits_of;
use crate::consent::preference::{Preference, Preferences};

impl View<'_> {
    /// A form of its own, so that nobody answers a question about cookies by it.
    pub(super) fn preferences(&self, words: &Words) -> Markup {
        let Some(offer) = self.policy.offer() else { return html! {} };
        let what = [
            words.preferences_what,
            words.preferences_basis,
            &capacity(words, offer.choices(), bits_of(offer.choices())),
        ];
        html! {
            h2 id="preferences" { (words.preferences) }
            p { (words.preferences_why) }
            form method="post" action=(self.action) {
                @for (place, preference) in offer.declared().iter().enumerate() {
                    (self.preference(offer, place, preference))
                }
                div.buttons { button type="submit" { (words.preferences_save) } }
            }
            (self.cookie_table(
                words,
                words.preferences,
                &[],
                self.own_cookie(words, offer.cookie, &what.join(" ")),
            ))
        }
    }

    fn preference(&self, offer: &Preferences, place: usize, preference: &Preference) -> Markup {
        let name = format!("preference[{}]", preference.name());
        let chosen = offer.value_in(self.preferred, place);
        let mark = |language: Language| (language != self.language).then(|| language.code());
        let (title, of_title) = preference.title(self.language);
        html! {
            fieldset {
                legend lang=[mark(of_title)] { (title) }
                @if let Some((description, of_description)) = preference.description(self.language) {
                    p lang=[mark(of_description)] { (description) }
                }
                div.answers {
                    @for (number, value) in preference.values().iter().enumerate() {
                        @let (label, of_label) = preference.label(self.language, number);
                        label {
                            input type="radio" name=(name) value=(value) checked[number == chosen];
                            span lang=[mark(of_label)] { (label) }
                        }
                    }
                }
            }
        }
    }
}
