use super::address_use::{AddressUse, Lookup, ToSite};
use super::sentences::Sentences;
use crate::consent::page::Language;
use crate::consent::page::words::{Words, with};
use crate::consent::policy::{Mode, Policy, Undeclared, bits_of};
use crate::consent::purpose::{LegalBasis, Purpose};

/// The section on the use of IP addresses and cookies in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivacySection {
    language: Language,
    parts: Vec<PrivacyPart>,
}

/// A part of the section.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PrivacyPart {
    /// The heading of all of it.
    Title(String),
    /// The heading of what follows.
    Heading(String),
    /// A paragraph.
    Paragraph(Vec<Phrase>),
    /// A list, item by item.
    List(Vec<Vec<Phrase>>),
}

/// Some words in a paragraph or an item.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phrase {
    /// Words in a language.
    Words(String, Language),
    /// The name of a cookie.
    Code(String),
}

impl PrivacySection {
    /// The language that it is written in. What the operator wrote in English alone is in English.
    pub fn language(&self) -> Language {
        self.language
    }

    /// Its parts, in order.
    pub fn parts(&self) -> &[PrivacyPart] {
        &self.parts
    }
}

impl Policy {
    /// What a privacy notice has to say of IP addresses and cookies, as this policy enforces it: what is collected, why, on which
    /// legal basis, for how long, and how visitors change their choice.
    ///
    /// Nothing is said of addresses unless [`crate::consent::PolicyBuilder::address_use`] was told of them.
    pub fn privacy_section(&self, language: Language) -> PrivacySection {
        let (say, words) = (Sentences::of(language), Words::of(language));
        let writer = Writer { policy: self, language, say, words };
        let title = if self.address_use().is_some() { say.title } else { say.title_without_addresses };
        let mut parts = vec![PrivacyPart::Title(title.to_owned())];
        parts.push(writer.paragraph([with(say.intro, self.site_name())]));
        if let Some(facts) = self.address_use() {
            writer.addresses(facts, &mut parts);
            writer.counts(facts, &mut parts);
        }
        writer.cookies(&mut parts);
        writer.change(&mut parts);
        parts.push(writer.paragraph([with(say.end, &self.fingerprint())]));
        PrivacySection { language, parts }
    }
}

struct Writer<'a> {
    policy: &'a Policy,
    language: Language,
    say: &'static Sentences,
    words: &'static Words,
}

impl Writer<'_> {
    fn addresses(&self, facts: &AddressUse, parts: &mut Vec<PrivacyPart>) {
        let say = self.say;
        let site = match facts.to_site {
            ToSite::Nothing => say.site_told_nothing,
            ToSite::Name => say.site_told_name,
            ToSite::Address => say.site_told_address,
        };
        let lookup: &[&str] = match facts.lookup {
            Lookup::None => &[],
            Lookup::Named => &[say.lookup],
            Lookup::SecondUser => &[say.lookup, say.lookup_second],
        };
        let crowd = with(say.crowd, &facts.crowd.to_string());
        let rest = [say.code, &crowd, say.beside, say.key, say.apart].map(str::to_owned);
        let lookup = (!lookup.is_empty()).then(|| lookup.join(" "));
        let items = std::iter::once(site.to_owned()).chain(rest).chain(lookup);
        // What the systems behind do with it, nobody here knows.
        let only = (facts.to_site == ToSite::Nothing).then_some(say.addresses_only);
        let why = [say.addresses_why].into_iter().chain(only);
        parts.extend([
            PrivacyPart::Heading(say.addresses.to_owned()),
            self.paragraph(why.map(str::to_owned)),
            self.paragraph([say.addresses_basis.to_owned()]),
            PrivacyPart::List(items.map(|item| vec![self.spoken(item)]).collect()),
        ]);
    }

    fn counts(&self, facts: &AddressUse, parts: &mut Vec<PrivacyPart>) {
        let say = self.say;
        let visits = match self.counts_visits_until_refused() {
            None => say.visits_off,
            Some(true) => say.visits_on,
            Some(false) => say.visits_asked,
        };
        let kept = facts.months_kept.map(|months| with(say.totals_kept, &self.words.months(months)));
        parts.push(PrivacyPart::Heading(say.counts.to_owned()));
        parts.push(self.paragraph([say.totals.to_owned()].into_iter().chain(kept)));
        parts.push(self.paragraph([visits.to_owned()]));
        if facts.months_kept.is_some() {
            parts.push(self.paragraph([say.proof.to_owned()]));
        }
    }

    fn cookies(&self, parts: &mut Vec<PrivacyPart>) {
        let (say, policy) = (self.say, self.policy);
        let holds: &[&str] = match (policy.mode(), policy.undeclared()) {
            (Mode::Report, _) => &[say.reported],
            (Mode::Enforce, Undeclared::Hold) => &[say.enforced, say.undeclared_held],
            (Mode::Enforce, Undeclared::Pass) => &[say.enforced, say.undeclared_passed],
        };
        let necessary = vec![self.spoken(say.necessary.to_owned())];
        let purposes = policy.purposes().map(|purpose| self.purpose(purpose));
        parts.extend([
            PrivacyPart::Heading(say.cookies.to_owned()),
            self.paragraph([say.law.to_owned()]),
            PrivacyPart::List(self.own_cookies()),
            self.paragraph(holds.iter().map(|sentence| (*sentence).to_owned())),
            PrivacyPart::List(std::iter::once(necessary).chain(purposes).collect()),
            self.paragraph([with(say.listed, &self.cookies_page()), say.of_others.to_owned()]),
        ]);
    }

    /// Each of ours: what it is for, on which basis, for how long, and how much it can tell.
    fn own_cookies(&self) -> Vec<Vec<Phrase>> {
        let (say, policy) = (self.say, self.policy);
        let lifetime = self.words.months(policy.lifetime_months().into());
        let cookie = |name: &str, sentence, basis: &str, lasts: &str, values: u64, bits: u32| {
            let own = [lasts, &values.to_string(), &self.words.bits(bits)];
            let own = own.iter().fold(say.own.to_owned(), |text, fill| with(&text, fill));
            let basis = if basis.is_empty() { String::new() } else { format!(" {basis}") };
            let mut phrases = self.around(sentence, Phrase::Code(name.to_owned()));
            phrases.push(self.spoken(format!("{basis} {own}")));
            phrases
        };
        let (values, bits) = policy.decision_values();
        let decision = cookie(policy.decision_cookie().name, say.decision, "", &lifetime, values, bits);
        let visits = policy.visits().map(|visits| {
            let basis = match self.counts_visits_until_refused() {
                Some(true) => say.visit_on,
                _ => say.visit_asked,
            };
            cookie(visits.cookie.name, say.visit, basis, self.words.footprint_lasts, 256, 8)
        });
        let preferences = policy.offer().map(|offer| {
            let choices = offer.choices();
            cookie(offer.cookie.name, say.preferences, "", &lifetime, choices, bits_of(choices))
        });
        std::iter::once(decision).chain(visits).chain(preferences).collect()
    }

    fn purpose(&self, purpose: &Purpose) -> Vec<Phrase> {
        let say = self.say;
        let (wording, language) = match (self.language, purpose.welsh()) {
            (Language::Welsh, Some(welsh)) => (welsh, Language::Welsh),
            _ => (purpose.english(), Language::English),
        };
        let basis = match purpose.basis() {
            _ if !self.policy.is_on_until_refused(purpose) => say.asked,
            LegalBasis::Statistics => say.statistics,
            LegalBasis::Appearance => say.appearance,
            LegalBasis::Consent => say.asked,
        };
        let register = self.policy.register().rules().iter();
        let mut providers: Vec<_> = register
            .filter(|rule| rule.purpose() == Some(purpose.id()) && !rule.provider().is_empty())
            .map(|rule| rule.provider())
            .collect();
        providers.sort_unstable();
        providers.dedup();
        let hosts = self.policy.pages().embeds.hosts();
        let hosts: Vec<_> =
            hosts.filter(|(_, needed)| *needed == Some(purpose.id())).map(|(host, _)| host).collect();
        let list = |sentence, names: &[&str]| {
            if names.is_empty() { String::new() } else { format!(" {}", with(sentence, &names.join(", "))) }
        };
        vec![
            Phrase::Words(format!("{}: {}", wording.title.trim(), wording.description.trim()), language),
            self.spoken(format!(" {basis}{}{}", list(say.set_by, &providers), list(say.content_of, &hosts))),
        ]
    }

    fn change(&self, parts: &mut Vec<PrivacyPart>) {
        let (say, policy) = (self.say, self.policy);
        if policy.purposes().next().is_none() && policy.offer().is_none() {
            return;
        }
        let enforced = policy.mode() == Mode::Enforce;
        let change = with(say.change_at, &self.cookies_page());
        let again = with(say.asked_again, &self.words.months(policy.lifetime_months().into()));
        let shared = policy.cookie_domain().map(|domain| with(say.shared, domain));
        let removed = enforced.then(|| say.removed.to_owned());
        let storage = policy.clears_storage().then(|| say.storage.to_owned());
        parts.push(PrivacyPart::Heading(say.change.to_owned()));
        parts.push(
            self.paragraph(
                [Some(change), policy.asks_anything().then_some(again), shared, removed, storage]
                    .into_iter()
                    .flatten(),
            ),
        );
        let (asks, counts) = (policy.asks_anything(), policy.visits().is_some());
        let signal: Vec<_> = match policy.heeds_gpc() {
            false => vec![say.signal_ignored],
            true => {
                let both = [(say.signal, asks && enforced), (say.signal_and_visits, counts)];
                both.into_iter().filter(|(_, holds)| *holds).map(|(sentence, _)| sentence).collect()
            }
        };
        if !signal.is_empty() && (asks || counts) {
            parts.push(self.paragraph(signal.into_iter().map(str::to_owned)));
        }
    }

    /// Whether visits are counted until a visitor refuses, or only of those who agree; nothing where they are not.
    fn counts_visits_until_refused(&self) -> Option<bool> {
        let visits = self.policy.visits()?;
        let purpose = self.policy.purposes().find(|purpose| purpose.id() == visits.purpose)?;
        Some(self.policy.is_on_until_refused(purpose))
    }

    /// Its address, as people write it.
    fn cookies_page(&self) -> String {
        let origin = self.policy.origin();
        let host = origin.split_once("://").map_or(origin, |(_, host)| host);
        format!("{host}{}", self.policy.page())
    }

    fn paragraph(&self, sentences: impl IntoIterator<Item = String>) -> PrivacyPart {
        let all: Vec<_> = sentences.into_iter().collect();
        PrivacyPart::Paragraph(vec![self.spoken(all.join(" "))])
    }

    fn spoken(&self, text: String) -> Phrase {
        Phrase::Words(text, self.language)
    }

    /// A sentence with a phrase in the place of `{}`.
    fn around(&self, sentence: &str, phrase: Phrase) -> Vec<Phrase> {
        let (before, after) = sentence.split_once("{}").unwrap_or((sentence, ""));
        let before = (!before.is_empty()).then(|| self.spoken(before.to_owned()));
        before.into_iter().chain([phrase, self.spoken(after.to_owned())]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::{CookieRule, Embed, PolicyBuilder, Preference, Regime};

    fn base() -> PolicyBuilder {
        Policy::builder("Town", "https://www.example.gov.uk")
            .purpose(Purpose::new("statistics", LegalBasis::Statistics, "Statistics", "They count."))
            .purpose(Purpose::new("marketing", LegalBasis::Consent, "Campaigns", "They measure."))
            .cookie(CookieRule::new("_ga*", "marketing").with_provider("Google"))
            .address_use(facts(|_| ()))
            .footprint(true)
    }

    fn facts(change: impl FnOnce(&mut AddressUse)) -> AddressUse {
        let mut facts = AddressUse::of_crowd(10);
        facts.months_kept = Some(25);
        change(&mut facts);
        facts
    }

    fn text(policy: PolicyBuilder, language: Language) -> String {
        policy.build().unwrap().privacy_section(language).to_markdown()
    }

    /// Each setting that changes a promise, what is said without it, and what with it.
    #[test]
    fn every_promise_follows_its_setting() {
        let cases: [(PolicyBuilder, &[&str], &[&str]); 20] = [
            (
                base().address_use(facts(|facts| facts.crowd = 50)),
                &["addresses of 10 or more different networks"],
                &["addresses of 50 or more different networks"],
            ),
            (
                base().address_use(facts(|facts| facts.to_site = ToSite::Name)),
                &["are not told your address.", "for nothing else"],
                &["are not told your address, but a name"],
            ),
            (
                base().address_use(facts(|facts| facts.to_site = ToSite::Address)),
                &["are not told your address", "for nothing else"],
                &["behind this website are told your address. What they do with it is not described here"],
            ),
            (
                base().address_use(facts(|facts| facts.lookup = Lookup::Named)),
                &[],
                &["we can tell whether an address came here", "Who asked, on what ground"],
            ),
            (
                base().address_use(facts(|facts| facts.lookup = Lookup::SecondUser)),
                &[],
                &["we can tell whether an address came here", "a second person has to let it through"],
            ),
            (
                base().address_use(facts(|facts| facts.months_kept = Some(1))),
                &["kept for 25 months"],
                &["kept for 1 month."],
            ),
            (
                base().address_use(facts(|facts| facts.months_kept = None)),
                &["kept for 25 months", "for six years"],
                &["What is in a cookie is never kept.\n"],
            ),
            (
                base().footprint(false),
                &[
                    "a cookie helps us to count visits",
                    "pinfold-visit",
                    "we do not count your visit by a cookie",
                ],
                &["We do not count visits by a cookie."],
            ),
            (
                base().regime(Regime::Consent),
                &["Unless you refuse, a cookie helps", "on until you refuse"],
                &["If you agree, a cookie helps", "It is set only if you agree (paragraph 2)."],
            ),
            (
                base().mode(Mode::Report),
                &[
                    "are held back on their way",
                    "held back as well",
                    "is removed from your device",
                    "take that for a refusal",
                ],
                &["At present this website only counts which cookies would be held back."],
            ),
            (
                base().undeclared(Undeclared::Pass),
                &["A cookie that is not described to you is held back as well."],
                &["A cookie that nobody has described may pass."],
            ),
            (
                base().global_privacy_control(false),
                &["we take that for a refusal", "we do not count your visit by a cookie"],
                &["We do not act on the Global Privacy Control signal"],
            ),
            (
                base().lifetime_months(6),
                &["It lasts 12 months", "ask again after 12 months"],
                &["It lasts 6 months", "ask again after 6 months"],
            ),
            (
                base().preference(Preference::new("contrast", ["normal", "high"])),
                &[],
                &[
                    "`__Host-pinfold-preferences` keeps how you would like this site, because you asked for that (paragraphs 4 and 6). It \
                   lasts 12 months and can have at most 2 different values (1 bit)",
                ],
            ),
            (
                base().shared_under("example.gov.uk"),
                &["__Host-"],
                &["Your choice counts for every website under example.gov.uk.", "`__Secure-pinfold-consent`"],
            ),
            (
                base().clear_storage(true),
                &[],
                &["what scripts have kept on your device for this website is cleared"],
            ),
            (
                base().page("/about/cookies"),
                &["www.example.gov.uk/cookies"],
                &["at www.example.gov.uk/about/cookies."],
            ),
            (
                base().purpose(Purpose::new("look", LegalBasis::Appearance, "Look", "It looks.")),
                &[],
                &["Look: It looks. They are on until you refuse (paragraph 6: appearance)."],
            ),
            (
                base().embed(Embed::new("marketing", ["video.example"])),
                &[],
                &[
                    "They are off until you agree (paragraph 2: consent). Set by: Google. Content comes from: video.example.",
                ],
            ),
            (
                Policy::builder("Town", "https://www.example.gov.uk"),
                &["IP addresses", "What we count", "How to change", "Global Privacy Control"],
                &["## Use of cookies\n"],
            ),
        ];
        let usual = text(base(), Language::English);
        for (place, (policy, without, with)) in cases.into_iter().enumerate() {
            let changed = text(policy.clone(), Language::English);
            for gone in without {
                assert!(usual.contains(gone) && !changed.contains(gone), "{place}: {gone}\n{changed}");
            }
            for new in with {
                assert!(changed.contains(new), "{place}: {new}\n{changed}");
            }
            assert_ne!(text(policy, Language::Welsh), text(base(), Language::Welsh), "{place} in Welsh");
        }
    }

    #[test]
    fn page_08_both_languages_say_as_much() {
        let lookup = facts(|facts| facts.lookup = Lookup::SecondUser);
        let policy = base().address_use(lookup).preference(Preference::new("contrast", ["normal", "high"]));
        for policy in
            [policy.clone(), policy.clone().mode(Mode::Report), policy.global_privacy_control(false)]
        {
            let policy = policy.build().unwrap();
            let [english, welsh] =
                [Language::English, Language::Welsh].map(|one| policy.privacy_section(one));
            let shape = |section: &PrivacySection| -> Vec<(u8, usize)> {
                let kind = |part: &PrivacyPart| match part {
                    PrivacyPart::Title(_) => (0, 1),
                    PrivacyPart::Heading(_) => (1, 1),
                    PrivacyPart::Paragraph(phrases) => (2, phrases.len()),
                    PrivacyPart::List(items) => (3, items.len()),
                };
                section.parts().iter().map(kind).collect()
            };
            assert_eq!(shape(&english), shape(&welsh));
            for section in [english, welsh] {
                assert!(!section.to_markdown().contains("{}"), "{}", section.to_markdown());
            }
        }
    }

    #[test]
    fn law_08_addresses_serve_no_statistics() {
        let text = text(base(), Language::English);
        assert!(
            text.contains("to administer this website and to audit its use")
                && text.contains("for nothing else")
        );
        assert!(
            text.contains("never joined with what is counted of pages, with cookies, or with your choice")
        );
        assert!(
            text.contains("48 hours after it was made, at the latest") && text.contains("not legal advice")
        );
    }
}
