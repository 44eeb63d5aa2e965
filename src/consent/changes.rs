//! Which changes a page needs for one visitor.

use http::header::{ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Uri};

use super::decision::ChoiceState;
use super::doorman::PageDoorman;
use super::outlook::Outlook;
use super::page::{Confirmation, Language, Notice, Visitor, google_address, without_confirmation};
use super::policy::Policy;
use super::preference::Preferred;
use super::purpose::PurposeSet;
use super::validator::{ask_for_variant, tell_variant};
use crate::html::{Charset, Coding, Edits, Rewriter, Text};

/// What is to be put into a page, and held in it.
#[derive(Debug)]
pub(super) struct Changes {
    asks: bool,
    confirmation: Option<Confirmation>,
    gate: bool,
    link: bool,
    google: Option<String>,
    granted: PurposeSet,
    /// What the page is told that its visitor prefers.
    preferred: Preferred,
    /// Whether the browser said that it is a page.
    certain: bool,
    /// The address of the page, to come back to.
    page: String,
    language: Language,
    policy: Policy,
}

impl Changes {
    /// Nothing, where this visitor sees pages as the site made them.
    pub(super) fn of(
        policy: &Policy,
        visitor: &Visitor,
        outlook: &Outlook,
        confirmation: Option<Confirmation>,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Option<Self> {
        let pages = policy.pages();
        let standing = visitor.standing;
        let is_page = outlook.fetch.is_page();
        let asks =
            is_page && pages.banner && policy.asks_anything() && standing.state == ChoiceState::Undecided;
        let confirmation = confirmation.filter(|_| pages.banner && !asks);
        let gate = pages.gates && outlook.fetch.may_load_more();
        let link = is_page && pages.link;
        let google =
            outlook.fetch.may_load_more().then(|| google_address(policy, standing.granted)).flatten();
        let preferred = if outlook.fetch.may_load_more() { visitor.preferred } else { Preferred::default() };
        if !asks && confirmation.is_none() && !gate && !link && google.is_none() && preferred.is_usual() {
            return None;
        }
        let accept = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        // A shared cache keeps one page for visitors of every language.
        let accept = if outlook.keyed { "" } else { accept };
        let page = without_confirmation(uri);
        let page = page.as_ref().unwrap_or(uri).path_and_query().map_or("/", |page| page.as_str());
        Some(Self {
            asks,
            confirmation,
            gate,
            link,
            google,
            granted: standing.granted,
            preferred,
            certain: outlook.fetch != super::fetch::Fetch::Perhaps,
            page: page.to_owned(),
            language: Language::negotiate(policy.languages(), accept),
            policy: policy.clone(),
        })
    }

    /// Names what visitors like this one are shown.
    fn variant(&self) -> String {
        let shown = [self.asks, self.gate, self.link, self.google.is_some()];
        let shown = shown.iter().rev().fold(0, |bits, is_shown| bits << 1 | u8::from(*is_shown));
        let preferences = preferences(&self.policy, self.preferred);
        format!(
            "{}.{:x}.{shown:x}.{}{}",
            self.policy.fingerprint(),
            self.granted.bits(),
            env!("CARGO_PKG_VERSION"),
            preferences.map(|(name, value)| format!(";{name}={value}")).collect::<String>()
        )
    }

    /// The same for the cookies page, which asks, confirms and is where a link would lead.
    pub(super) fn without_notices(self) -> Self {
        Self { asks: false, confirmation: None, link: false, ..self }
    }

    /// Makes a request one whose answer can be changed.
    pub(super) fn prepare(&self, headers: &mut HeaderMap) {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        ask_for_variant(headers, || self.variant());
    }

    /// Whether the page will ask its visitor.
    pub(super) fn asks(&self) -> bool {
        self.asks
    }

    /// Makes the head of an answer fit for a changed body, and gives what changes it; nothing where it cannot be changed.
    pub(super) fn rewriter(self, policy: &Policy, headers: &mut HeaderMap) -> Option<Rewriter> {
        let text = |name| {
            let mut values = headers.get_all(name).into_iter();
            let first = values.next().map(|value| value.to_str().ok());
            values.next().is_none().then(|| first.unwrap_or(Some("")))?
        };
        let charset = text(CONTENT_TYPE).and_then(Charset::of)?;
        let coding = text(CONTENT_ENCODING).and_then(Coding::named)?;
        let language = text(CONTENT_LANGUAGE).and_then(|language| policy.language_of(Some(language)));
        let language = language.unwrap_or(self.language);
        headers.remove(CONTENT_ENCODING);
        self.tell(headers);
        Some(Rewriter::new(self.edits(policy, language), charset, coding))
    }

    /// Marks an answer with no body of its own, to `HEAD` or as 304, as one about the changed page.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        tell_variant(headers, || self.variant());
    }

    fn edits(self, policy: &Policy, language: Language) -> Edits {
        let notice = |draw: fn(&Notice<'_>, Option<Confirmation>) -> String| -> Text {
            let (policy, page, confirmation) = (policy.clone(), self.page.clone(), self.confirmation);
            Box::new(move |of_page| {
                let language = policy.language_of(of_page).unwrap_or(language);
                draw(&Notice { policy: &policy, language, page: &page }, confirmation)
            })
        };
        let top = if self.asks {
            Some(notice(|notice, _| notice.asking()))
        } else {
            self.confirmation.map(|_| {
                notice(|notice, confirmation| {
                    confirmation.map_or_else(String::new, |one| notice.confirming(one))
                })
            })
        };
        let bottom = self.link.then(|| notice(|notice, _| notice.link()));
        Edits {
            root: preferences(policy, self.preferred)
                .map(|(name, value)| (format!("data-{name}"), value.to_owned()))
                .collect(),
            head: self
                .google
                .map(|address| format!("<script src=\"{address}\"></script>"))
                .unwrap_or_default(),
            top,
            bottom,
            doorman: self.gate.then(|| {
                let doorman =
                    PageDoorman { policy: policy.clone(), granted: self.granted, language, page: self.page };
                std::sync::Arc::new(doorman) as _
            }),
            whole: self.certain,
        }
    }
}

fn preferences(policy: &Policy, preferred: Preferred) -> impl Iterator<Item = (&str, &str)> {
    policy.offer().into_iter().flat_map(move |offer| offer.chosen(preferred))
}
