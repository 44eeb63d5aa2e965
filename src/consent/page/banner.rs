//! What is put into the pages of a site: the banner, the confirmation, the link, and what stands for content that is held.

use std::sync::OnceLock;

use maud::{Markup, PreEscaped, html};

use super::address::{Confirmation, within_site};
use super::asset::{BANNER_SCRIPT, BANNER_STYLE};
use super::language::Language;
use super::template::Template;
use super::words::{Words, sentence, with};
use crate::consent::policy::Policy;
use crate::consent::purpose::{Purpose, PurposeSet};

/// What is shown on every page of a site, in each language, drawn when it is first shown.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    asking: [OnceLock<Template>; 2],
    link: [OnceLock<Template>; 2],
}

/// A text for one page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Notice<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) language: Language,
    /// The address of the page, to come back to.
    pub(crate) page: &'a str,
}

impl Notice<'_> {
    /// Asks an undecided visitor.
    pub(crate) fn asking(&self) -> String {
        self.of_page(&self.policy.notices().asking, |notice| notice.draw_asking())
    }

    /// A link to the cookies page, for sites whose pages have none.
    pub(crate) fn link(&self) -> String {
        self.of_page(&self.policy.notices().link, |notice| notice.draw_link())
    }

    fn of_page(&self, drawn: &[OnceLock<Template>; 2], draw: fn(&Notice<'_>) -> String) -> String {
        let template = &drawn[usize::from(self.language == Language::Welsh)];
        template.get_or_init(|| Template::of(|page| draw(&Notice { page, ..*self }))).fill(self.back_to())
    }

    fn draw_asking(&self) -> String {
        let words = Words::of(self.language);
        let heading = with(words.title, self.policy.site_name());
        let asked = self.policy.purposes().filter(|purpose| !self.policy.is_on_until_refused(purpose));
        let on =
            self.policy.purposes().filter(|purpose| self.policy.is_on_until_refused(purpose)).count() > 0;
        let notice = html! {
            div.pinfold-banner role="region" aria-label=(heading) lang=(self.language.code()) data-nosnippet {
                link rel="stylesheet" href=(*BANNER_STYLE);
                div data-asks {
                    h2 { (heading) }
                    p { (words.banner_necessary) @if on { " " (words.banner_on) } }
                    p {
                        (words.banner_asks) " "
                        @for (place, purpose) in asked.enumerate() {
                            @if place > 0 { "; " }
                            (self.title(purpose))
                        }
                        "."
                    }
                    form method="post" action=(self.policy.page()) {
                        (self.way_back())
                        button type="submit" name="cookies[all]" value="yes" { (words.accept) }
                        button type="submit" name="cookies[all]" value="no" { (words.reject) }
                        a href=(self.cookies_page()) { (words.view) }
                    }
                }
                @for (choice, sentence) in [("yes", words.accepted), ("no", words.rejected)] {
                    div data-choice=(choice) hidden { (self.confirmed(words, sentence)) }
                }
                script src=(*BANNER_SCRIPT) defer {}
            }
        };
        ascii(notice)
    }

    /// Tells that a choice has just been kept.
    pub(crate) fn confirming(&self, confirmation: Confirmation) -> String {
        let words = Words::of(self.language);
        let sentence = match confirmation {
            Confirmation::Accepted => words.accepted,
            Confirmation::Rejected => words.rejected,
            Confirmation::Saved => words.saved,
        };
        let heading = with(words.title, self.policy.site_name());
        let notice = html! {
            div.pinfold-banner role="region" aria-label=(heading) lang=(self.language.code()) data-nosnippet {
                link rel="stylesheet" href=(*BANNER_STYLE);
                div role="status" { (self.confirmed(words, sentence)) }
                script src=(*BANNER_SCRIPT) defer {}
            }
        };
        ascii(notice)
    }

    fn confirmed(&self, words: &Words, sentence: &str) -> Markup {
        html! {
            p { (sentence) " " a href=(self.cookies_page()) { (words.change) } }
            form method="post" action=(self.policy.page()) {
                (self.way_back())
                button type="submit" name="cookies[hide]" value="yes" { (words.hide) }
            }
        }
    }

    fn draw_link(&self) -> String {
        let words = Words::of(self.language);
        let link = html! {
            p.pinfold-link lang=(self.language.code()) { a href=(self.cookies_page()) { (words.link) } }
        };
        ascii(link)
    }

    /// What stands for content that nobody has agreed to: with a button in a block, a link in a sentence, words in a link.
    ///
    /// `name` is what the page calls it, as written in an attribute: entities and all.
    pub(crate) fn held(
        &self,
        purposes: PurposeSet,
        host: Option<&str>,
        name: Option<&str>,
        place: HeldPlace,
    ) -> String {
        let words = Words::of(self.language);
        let needed: Vec<_> = self
            .policy
            .purposes_with_bits()
            .filter(|(_, bit)| purposes.has(*bit))
            .map(|(one, _)| one)
            .collect();
        let name = name.map(|name| PreEscaped(name.replace('<', "&lt;")));
        let lang = self.language.code();
        let placeholder = match place {
            // The page asks for a purpose that nobody can agree to, because it is not declared.
            HeldPlace::Block if needed.is_empty() => html! {
                div.pinfold-held lang=(lang) {
                    link rel="stylesheet" href=(*BANNER_STYLE);
                    @if let Some(name) = name { p { strong { (name) } } }
                    p { (sentence(words.held_for_good)) }
                }
            },
            HeldPlace::Phrase if needed.is_empty() => html! {
                span.pinfold-held lang=(lang) {
                    link rel="stylesheet" href=(*BANNER_STYLE);
                    @if let Some(name) = name { (name) ": " }
                    (words.held_for_good)
                }
            },
            HeldPlace::Block => html! {
                div.pinfold-held lang=(lang) {
                    link rel="stylesheet" href=(*BANNER_STYLE);
                    @if let Some(name) = name { p { strong { (name) } } }
                    p {
                        @match host { Some(host) => (with(words.held_from, host)), None => (words.held) }
                        " " (words.held_needs) " "
                        @for (place, purpose) in needed.iter().enumerate() {
                            @if place > 0 { "; " }
                            (self.title(purpose))
                        }
                        "."
                    }
                    form method="post" action=(self.policy.page()) {
                        (self.way_back())
                        @for purpose in &needed {
                            input type="hidden" name={ "cookies[" (purpose.id()) "]" } value="yes";
                        }
                        button type="submit" { (words.held_allow) }
                        a href=(self.cookies_page()) { (words.view) }
                    }
                }
            },
            HeldPlace::Phrase => html! {
                span.pinfold-held lang=(lang) {
                    link rel="stylesheet" href=(*BANNER_STYLE);
                    @if let Some(name) = name { (name) ": " }
                    (words.held_short) " " a href=(self.cookies_page()) { (words.held_choose) }
                }
            },
            HeldPlace::Link => html! {
                @match name {
                    Some(name) => (name),
                    None => span.pinfold-held lang=(lang) { (words.held_short) },
                }
            },
        };
        ascii(placeholder)
    }

    fn title(&self, purpose: &Purpose) -> Markup {
        match (self.language, purpose.welsh()) {
            (Language::Welsh, Some(welsh)) => html! { (welsh.title) },
            (Language::Welsh, None) => html! { span lang="en" { (purpose.english().title) } },
            (Language::English, _) => html! { (purpose.english().title) },
        }
    }

    fn way_back(&self) -> Markup {
        html! { input type="hidden" name="return" value=(self.back_to()); }
    }

    fn cookies_page(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("lang", self.language.code());
        query.append_pair("return", self.back_to());
        format!("{}?{}", self.policy.page(), query.finish())
    }

    fn back_to(&self) -> &str {
        within_site(self.page).unwrap_or("/")
    }
}

/// What may stand in the place of content that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeldPlace {
    Block,
    Phrase,
    Link,
}

/// The same in ASCII: it is put into pages of any encoding.
pub(super) fn ascii(PreEscaped(markup): PreEscaped<String>) -> String {
    use std::fmt::Write as _;
    if markup.is_ascii() {
        return markup;
    }
    let mut text = String::with_capacity(markup.len());
    for letter in markup.chars() {
        if letter.is_ascii() {
            text.push(letter);
        } else {
            let _ = write!(text, "&#{};", u32::from(letter));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::LegalBasis;

    fn policy() -> Policy {
        Policy::builder("T\u{175}r & <b>", "https://www.example.gov.uk")
            .purpose(Purpose::new("statistics", LegalBasis::Statistics, "Visits", "Words"))
            .purpose(
                Purpose::new("marketing", LegalBasis::Consent, "Marketing", "Words")
                    .with_welsh("Marchnata", "Geiriau"),
            )
            .purpose(Purpose::new("video", LegalBasis::Consent, "Video", "Words"))
            .build()
            .unwrap()
    }

    fn notice(policy: &Policy, language: Language) -> Notice<'_> {
        Notice { policy, language, page: "/bins?a=1&b=%22" }
    }

    #[test]
    fn law_10_accept_and_reject_are_alike() {
        let policy = policy();
        let asking = notice(&policy, Language::English).asking();
        let accept =
            r#"<button type="submit" name="cookies[all]" value="yes">Accept additional cookies</button>"#;
        let reject =
            r#"<button type="submit" name="cookies[all]" value="no">Reject additional cookies</button>"#;
        assert!(asking.contains(&format!("{accept}{reject}")), "{asking}");
        assert!(!asking.contains("checked") && !asking.contains("style="));
    }

    #[test]
    fn form_04_nothing_from_a_request_is_more_than_text() {
        let policy = policy();
        for page in ["\"><script>", "/\"onload=x", "//evil.example", "/'a<b>", "javascript:x", "/\u{0}"] {
            let asking = Notice { page, ..notice(&policy, Language::English) }.asking();
            assert!(
                asking.contains(r#"name="return" value="/""#) || asking.contains(r#"value="/'a"#),
                "{asking}"
            );
            assert_eq!(asking.matches("<script").count(), 1);
            assert!(!asking.contains("evil"));
        }
    }

    #[test]
    fn the_banner_is_ascii_and_escaped() {
        let policy = policy();
        for language in [Language::English, Language::Welsh] {
            let notice = notice(&policy, language);
            let texts = [
                notice.asking(),
                notice.confirming(Confirmation::Saved),
                notice.link(),
                notice.held(
                    PurposeSet::from_bits(0b110),
                    Some("video.example"),
                    Some("A \u{fe}ilm &amp; <b>"),
                    HeldPlace::Block,
                ),
                notice.held(PurposeSet::from_bits(0b110), None, None, HeldPlace::Phrase),
            ];
            for text in texts {
                assert!(text.is_ascii() && !text.contains("<b>"), "{text}");
                assert!(text.contains(&format!("lang=\"{}\"", language.code())), "{text}");
            }
        }
        let welsh = notice(&policy, Language::Welsh).asking();
        assert!(welsh.contains("Marchnata; <span lang=\"en\">Video</span>"), "{welsh}");
        assert!(welsh.contains("T&#373;r &amp; &lt;b&gt;"), "{welsh}");
    }

    #[test]
    fn what_was_drawn_once_is_right_for_every_page() {
        let policy = policy();
        for language in [Language::English, Language::Welsh] {
            for page in ["/", "/bins?a=1&b=%22", "/'a<b>", "//evil.example", "/\u{fe}?\u{fe}", "javascript:x"]
            {
                let notice = Notice { page, ..notice(&policy, language) };
                assert_eq!(notice.asking(), notice.draw_asking(), "{page}");
                assert_eq!(notice.link(), notice.draw_link(), "{page}");
            }
        }
    }

    #[test]
    fn held_content_can_be_allowed_where_it_stands() {
        let policy = policy();
        let notice = notice(&policy, Language::English);
        let block = notice.held(
            PurposeSet::from_bits(0b100),
            Some("video.example"),
            Some("The storm"),
            HeldPlace::Block,
        );
        assert!(block.contains(r#"<input type="hidden" name="cookies[video]" value="yes">"#), "{block}");
        assert!(block.contains("video.example") && block.contains("Video") && block.contains("The storm"));
        let link =
            notice.held(PurposeSet::from_bits(0b100), Some("video.example"), Some("a map"), HeldPlace::Link);
        assert_eq!(link, "a map");
        for (place, expected) in [
            (HeldPlace::Block, "<p>Some content is not shown on this site.</p>"),
            (HeldPlace::Phrase, "some content is not shown on this site."),
        ] {
            let for_good = notice.held(PurposeSet::NONE, None, None, place);
            assert!(for_good.contains(expected) && !for_good.contains("allow"), "{for_good}");
        }
    }
}
