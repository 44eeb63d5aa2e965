//! The cookies page as HTML, drawn from the policy that is enforced.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::address::Confirmation;
use super::language::Language;
use super::words::{Words, with};
use crate::consent::decision::{ChoiceState, Decision, Standing};
use crate::consent::own::OwnCookie;
use crate::consent::policy::{Policy, Undeclared};
use crate::consent::preference::Preferred;
use crate::consent::purpose::{Purpose, Wording};
use crate::consent::register::CookieRule;
use crate::consent::seen::SeenRules;

/// What the page shows.
pub(super) struct View<'a> {
    pub(super) policy: &'a Policy,
    pub(super) seen: &'a SeenRules,
    pub(super) language: Language,
    pub(super) standing: Standing,
    pub(super) decision: Option<Decision>,
    pub(super) preferred: Preferred,
    pub(super) signal: bool,
    pub(super) confirmation: Option<Confirmation>,
    /// A sound address of this site to go back to.
    pub(super) back_to: Option<&'a str>,
    /// Where the form goes, with the language and the way back in its query.
    pub(super) action: &'a str,
    /// The same page in the other language, if it is offered.
    pub(super) other_language: Option<(Language, &'a str)>,
    pub(super) stylesheet: &'a str,
}

impl View<'_> {
    pub(super) fn render(&self) -> String {
        let words = Words::of(self.language);
        let heading = with(words.title, self.policy.site_name());
        // A title is what a screen reader says first: it tells that the choice was taken.
        let title = match self.confirmation {
            Some(_) => format!("{}: {heading}", words.success),
            None => heading.clone(),
        };
        let page = html! {
            (DOCTYPE)
            html lang=(self.language.code()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="robots" content="noindex";
                    title { (title) }
                    link rel="stylesheet" href=(self.stylesheet);
                }
                body.pinfold-page {
                    a.skip href="#main" { (words.skip) }
                    header {
                        p { a href="/" { (self.policy.site_name()) } }
                        @if let Some((language, href)) = self.other_language {
                            p { a href=(href) lang=(language.code()) hreflang=(language.code()) { (words.other_language) } }
                        }
                    }
                    main id="main" {
                        (self.content(words, &heading))
                    }
                    footer { p { (with(words.policy_version, &self.policy.fingerprint())) } }
                }
            }
        };
        page.into_string()
    }

    /// The same without its own header and footer, for a page of the site. ASCII, because that may have any encoding.
    #[cfg(feature = "html")]
    pub(super) fn render_for_shell(&self) -> String {
        let words = Words::of(self.language);
        let heading = with(words.title, self.policy.site_name());
        let part = html! {
            div.pinfold-page lang=(self.language.code()) {
                link rel="stylesheet" href=(self.stylesheet);
                @if let Some((language, href)) = self.other_language {
                    p.in-shell { a href=(href) lang=(language.code()) hreflang=(language.code()) { (words.other_language) } }
                }
                (self.content(words, &heading))
                p.kind { (with(words.policy_version, &self.policy.fingerprint())) }
            }
        };
        super::banner::ascii(part)
    }

    fn content(&self, words: &Words, heading: &str) -> Markup {
        html! {
            (self.done(words))
            h1 { (heading) }
            p { (words.intro) }
            (self.choice(words))
            (self.questions(words))
            (self.preferences(words))
            (self.necessary(words))
            (PreEscaped(self.policy.privacy_section(self.language).to_html()))
        }
    }

    fn done(&self, words: &Words) -> Markup {
        let sentence = match self.confirmation {
            None => return html! {},
            Some(Confirmation::Accepted) => words.accepted,
            Some(Confirmation::Rejected) => words.rejected,
            Some(Confirmation::Saved) => words.saved,
        };
        html! {
            div.done role="status" {
                h2 { (words.success) }
                p { (sentence) }
                @if let Some(back_to) = self.back_to {
                    p { a href=(back_to) { (words.go_back) } }
                }
            }
        }
    }

    fn choice(&self, words: &Words) -> Markup {
        let nothing = self.policy.purposes().next().is_none();
        html! {
            h2 { (words.your_choice) }
            div.state {
                @if nothing {
                    p { (words.nothing_to_ask) }
                } @else if self.standing.answered.is_empty() {
                    p { @if self.standing.state == ChoiceState::Signal { (words.signal) } @else { (words.undecided) } }
                } @else {
                    @if let Some(decision) = self.decision {
                        p { (with(words.chosen_in, &self.language.month(decision.month))) }
                    }
                    ul {
                        @for (purpose, bit) in self.policy.purposes_with_bits().filter(|(_, bit)| self.standing.answered.has(*bit)) {
                            @let (wording, lang) = self.wording(purpose);
                            li {
                                span lang=[lang] { (wording.title) } ": "
                                strong { @if self.standing.granted.has(bit) { (words.allowed) } @else { (words.refused) } }
                            }
                        }
                    }
                    @if let Some(decision) = self.decision {
                        p { (with(words.ends, &self.language.month(decision.month.plus(self.policy.lifetime_months())))) }
                    }
                    @if self.signal { p { (words.override_signal) } }
                }
            }
        }
    }

    fn questions(&self, words: &Words) -> Markup {
        if self.policy.purposes().next().is_none() {
            return html! {};
        }
        html! {
            h2.all { (words.all_at_once) }
            form.all method="post" action=(self.action) {
                div.buttons {
                    button type="submit" name="cookies[all]" value="yes" { (words.accept) }
                    button type="submit" name="cookies[all]" value="no" { (words.reject) }
                }
            }
            h2 { (words.one_by_one) }
            form method="post" action=(self.action) {
                @for (purpose, bit) in self.policy.purposes_with_bits() {
                    (self.question(words, purpose, self.standing.granted.has(bit)))
                }
                div.buttons { button type="submit" { (words.save) } }
            }
        }
    }

    fn question(&self, words: &Words, purpose: &Purpose, allowed: bool) -> Markup {
        let (wording, lang) = self.wording(purpose);
        let name = format!("cookies[{}]", purpose.id());
        let rules = self.rules(Some(purpose.id()));
        let hosts: Vec<_> = self
            .policy
            .pages()
            .embeds
            .hosts()
            .filter(|(_, needed)| *needed == Some(purpose.id()))
            .map(|(host, _)| host)
            .collect();
        let own = self.footprint(words, purpose);
        html! {
            h3 id={ "purpose-" (purpose.id()) } lang=[lang] { (wording.title) }
            p lang=[lang] { (wording.description) }
            p.kind {
                @if self.policy.is_on_until_refused(purpose) { (words.on_until) } @else { (words.needs_consent) }
            }
            @if !rules.is_empty() || !own.0.is_empty() || hosts.is_empty() {
                (self.cookie_table(words, &wording.title, &rules, own))
            }
            @if !hosts.is_empty() {
                p { (words.hosts) }
                ul { @for host in hosts { li { code { (host) } } } }
            }
            fieldset {
                legend { span lang=[lang] { (wording.title) } ": " (words.question) }
                div.answers {
                    label { input type="radio" name=(name) value="yes" checked[allowed]; (words.yes) }
                    label { input type="radio" name=(name) value="no" checked[!allowed]; (words.no) }
                }
            }
        }
    }

    /// Our own cookie that counts visits, where it is for this purpose.
    fn footprint(&self, words: &Words, purpose: &Purpose) -> Markup {
        let visits = self.policy.visits().filter(|visits| visits.purpose == purpose.id());
        html! {
            @if let Some(visits) = visits {
                tr {
                    td data-label=(words.cookie) { code { (visits.cookie.name) } }
                    td data-label=(words.what_for) { (words.footprint_what) }
                    td data-label=(words.provider) { (words.this_site) }
                    td data-label=(words.lasts) { (words.footprint_lasts) }
                }
            }
        }
    }

    fn necessary(&self, words: &Words) -> Markup {
        let rules = self.rules(None);
        let (values, bits) = self.policy.decision_values();
        let what = [words.own_what, words.own_basis, &capacity(words, values, bits)].join(" ");
        let own = self.own_cookie(words, self.policy.decision_cookie(), &what);
        html! {
            h2 { (words.necessary) }
            p { (words.necessary_why) }
            (self.cookie_table(words, words.necessary, &rules, own))
            @if self.policy.undeclared() == Undeclared::Hold { p { (words.undeclared) } }
        }
    }

    /// A cookie of ours that lives as long as a decision.
    pub(super) fn own_cookie(&self, words: &Words, cookie: OwnCookie, what: &str) -> Markup {
        html! {
            tr {
                td data-label=(words.cookie) { code { (cookie.name) } }
                td data-label=(words.what_for) { (what) }
                td data-label=(words.provider) { (words.this_site) }
                td data-label=(words.lasts) { (words.months(self.policy.lifetime_months().into())) }
            }
        }
    }

    /// The cookies for a purpose, or those that are strictly necessary: declared, or well known and set by this site.
    fn rules(&self, purpose: Option<&str>) -> Vec<&CookieRule> {
        let rules = (0..).zip(self.policy.register().rules());
        let shown = rules.filter(|(number, rule)| {
            rule.purpose() == purpose
                && (purpose.is_some() || !rule.is_well_known() || self.seen.has(*number))
        });
        shown.map(|(_, rule)| rule).collect()
    }

    /// The purpose in the language of the page; in English, and said to be, where the operator has written no Welsh.
    fn wording<'p>(&self, purpose: &'p Purpose) -> (&'p Wording, Option<&'static str>) {
        match (self.language, purpose.welsh()) {
            (Language::Welsh, Some(welsh)) => (welsh, None),
            _ => (purpose.english(), self.marks_english()),
        }
    }

    /// What a cookie does and how long it lasts, in the language of the page, or in English where there is no Welsh.
    fn words_of<'r>(&self, rule: &'r CookieRule) -> (&'r str, &'r str, Option<&'static str>) {
        match (self.language, rule.welsh()) {
            (Language::Welsh, Some((description, lifetime))) => (description, lifetime, None),
            _ => (rule.description(), rule.lifetime(), self.marks_english()),
        }
    }

    /// Marks what is written in English alone.
    fn marks_english(&self) -> Option<&'static str> {
        (self.language != Language::English).then(|| Language::English.code())
    }

    pub(super) fn cookie_table(
        &self,
        words: &Words,
        caption: &str,
        rules: &[&CookieRule],
        more_rows: Markup,
    ) -> Markup {
        if rules.is_empty() && more_rows.0.is_empty() {
            return html! { p { (words.none_declared) } };
        }
        html! {
            table aria-label=(caption) {
                thead {
                    tr {
                        th scope="col" { (words.cookie) }
                        th scope="col" { (words.what_for) }
                        th scope="col" { (words.provider) }
                        th scope="col" { (words.lasts) }
                    }
                }
                tbody {
                    @for rule in rules {
                        @let (description, lifetime, lang) = self.words_of(rule);
                        tr {
                            td data-label=(words.cookie) { code { (rule.pattern()) } }
                            td data-label=(words.what_for) { span lang=[lang] { (description) } }
                            td data-label=(words.provider) {
                                @if rule.provider().is_empty() { (words.this_site) } @else { (rule.provider()) }
                            }
                            td data-label=(words.lasts) { span lang=[lang] { (lifetime) } }
                        }
                    }
                    (more_rows)
                }
            }
        }
    }
}

/// How much a cookie of ours can tell.
pub(super) fn capacity(words: &Words, values: u64, bits: u32) -> String {
    with(&with(words.own_values, &values.to_string()), &words.bits(bits))
}
