//! What is answered by Pinfold itself rather than by the site.

use bytes::Bytes;
use http::header::{
    ACCEPT_LANGUAGE, ALLOW, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_TYPE, LOCATION, SET_COOKIE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri};

use super::address::{Confirmation, field, with_confirmation, within_site};
use super::asset::{self, PAGE_STYLE};
use super::form;
use super::language::Language;
use super::view::View;
use crate::consent::decision::{ChoiceState, Decision, Standing};
use crate::consent::outcome::{Choice, ConsentEvent};
use crate::consent::policy::Policy;
use crate::consent::preference::Preferred;
use crate::consent::purpose::PurposeSet;
use crate::consent::seen::SeenRules;
use crate::consent::{request, signal};
use crate::time::{Calendar, CivilMonth, Clock, UnixTime};

/// No script, no frame, nothing from elsewhere.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visitor {
    pub(crate) standing: Standing,
    pub(crate) decision: Option<Decision>,
    pub(crate) preferred: Preferred,
    pub(crate) signal: bool,
}

/// What to do with a request.
#[derive(Debug)]
pub(crate) enum Plan {
    /// It is for the site.
    Site,
    /// Pinfold answers it now.
    Answer(Box<Response<Bytes>>),
    /// It is the cookies page. Where that is to be drawn within a page of the site, there is its content alone, too.
    Page {
        page: Box<Response<Bytes>>,
        /// Whether an undecided visitor is being asked.
        asks: bool,
        content: Option<String>,
    },
    /// It is the form: read the body, then call [`Visitor::choose`].
    Form,
}

/// A request that Pinfold will not do, in a few words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) StatusCode);

impl Refusal {
    pub(crate) fn response(self) -> Response<Bytes> {
        let text = match self.0 {
            StatusCode::FORBIDDEN => {
                "This form can only be sent from the site itself.\n\
                 Dim ond o'r wefan ei hun y gellir anfon y ffurflen hon.\n"
            }
            StatusCode::PAYLOAD_TOO_LARGE => "The form is too large.\nMae'r ffurflen yn rhy fawr.\n",
            // No browser sends our forms in another way: this is for whoever writes a program.
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "Send the form as application/x-www-form-urlencoded.\n",
            StatusCode::METHOD_NOT_ALLOWED => "This page can be read (GET) and answered (POST).\n",
            StatusCode::NOT_FOUND => "There is no such page.\nNid oes tudalen o'r fath.\n",
            _ => "The form could not be read.\nNid oedd modd darllen y ffurflen.\n",
        };
        let mut response = answer(self.0, "text/plain; charset=utf-8", text);
        if self.0 == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
        }
        response
    }
}

/// Whether a request may be for Pinfold. Nearly none is: two comparisons settle it.
pub(crate) fn is_worth_a_plan(policy: &Policy, path: &str) -> bool {
    path == policy.page() || path.starts_with("/.")
}

/// Whose a request is, and the answer where it can be given at once. Only POST to the cookies page changes anything.
pub(crate) fn plan(policy: &Policy, seen: &SeenRules, visitor: &Visitor, parts: &Parts) -> Plan {
    let path = parts.uri.path();
    let is_page = path == policy.page();
    let reading = parts.method == Method::GET || parts.method == Method::HEAD;
    let now = |response| Plan::Answer(Box::new(response));
    if is_page && reading {
        let undecided = visitor.standing.state == ChoiceState::Undecided && policy.asks_anything();
        let (page, content) = visitor.page(policy, seen, parts);
        Plan::Page { page: Box::new(page), asks: undecided && parts.method == Method::GET, content }
    } else if is_page && parts.method == Method::POST {
        match form::received(policy, parts) {
            Ok(()) => Plan::Form,
            Err(status) => now(Refusal(status).response()),
        }
    } else if is_page {
        now(Refusal(StatusCode::METHOD_NOT_ALLOWED).response())
    } else if path == "/.well-known/gpc.json" && policy.heeds_gpc() && reading {
        now(answer(StatusCode::OK, "application/json", signal::STATEMENT))
    } else if let Some(asset) = asset::find(path).filter(|_| reading) {
        let mut response = answer(StatusCode::OK, asset.content_type, asset.body.into_owned());
        let year = HeaderValue::from_static("public, max-age=31536000, immutable");
        response.headers_mut().insert(CACHE_CONTROL, year);
        now(response)
    } else if path.starts_with("/.pinfold/") {
        now(Refusal(StatusCode::NOT_FOUND).response())
    } else {
        Plan::Site
    }
}

impl Visitor {
    /// Who sends these fields.
    pub(crate) fn of(
        policy: &Policy,
        calendar: &Calendar,
        clock: &dyn Clock,
        headers: &HeaderMap,
        signal: bool,
    ) -> Self {
        let decision = request::decision(policy, headers);
        // The clock is read for a decision alone.
        let dated = decision.map(|decision| (decision, calendar.day_of(clock.now()).month));
        let preferred = request::preferred(policy, headers);
        Self { standing: policy.standing(dated, signal), decision, preferred, signal }
    }

    /// Who sends no cookie of ours.
    pub(crate) fn without_cookies(policy: &Policy, signal: bool) -> Self {
        let standing = policy.standing(None, signal);
        Self { standing, decision: None, preferred: Preferred::default(), signal }
    }

    /// The cookies page, and its content alone where that goes into a page of the site.
    fn page(&self, policy: &Policy, seen: &SeenRules, parts: &Parts) -> (Response<Bytes>, Option<String>) {
        let Parts { uri, headers, .. } = parts;
        let asked = Asking::read(uri);
        let accept = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let chosen = asked.language.filter(|language| policy.languages().contains(language));
        let language = chosen.unwrap_or_else(|| Language::negotiate(policy.languages(), accept));
        let other = policy.languages().iter().copied().find(|other| *other != language);
        let other_href = other.map(|other| asked.in_language(other).address(policy));
        let view = View {
            policy,
            seen,
            language,
            standing: self.standing,
            decision: self.decision,
            preferred: self.preferred,
            signal: self.signal && policy.heeds_gpc(),
            confirmation: self.confirmation(policy, uri).or_else(|| just_saved(policy, uri, headers)),
            back_to: asked.back_to.as_deref(),
            action: &asked.address(policy),
            other_language: other.zip(other_href.as_deref()),
            stylesheet: &PAGE_STYLE,
        };
        let mut response = answer(StatusCode::OK, "text/html; charset=utf-8", view.render());
        let headers = response.headers_mut();
        headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.code()));
        headers.insert("content-security-policy", HeaderValue::from_static(CONTENT_SECURITY_POLICY));
        headers.insert("referrer-policy", HeaderValue::from_static("same-origin"));
        #[cfg(feature = "html")]
        let content =
            (policy.pages().shell.is_some() && parts.method == Method::GET).then(|| view.render_for_shell());
        #[cfg(not(feature = "html"))]
        let content = None;
        (response, content)
    }

    /// Takes the choice that a form makes: the redirect with the new decision and preferences, and what there is to count.
    pub(crate) fn choose(
        &self,
        policy: &Policy,
        uri: &Uri,
        body: &[u8],
        now: UnixTime,
        calendar: &Calendar,
    ) -> Result<Chosen, Refusal> {
        let answers = form::read(policy, body).map_err(Refusal)?;
        let events = policy.purposes_with_bits().filter(|(_, bit)| answers.answered.has(*bit)).map(
            |(purpose, bit)| {
                let before = self.standing.answered.has(bit).then(|| self.standing.granted.has(bit));
                (purpose.id().to_owned(), ConsentEvent::of_answer(before, answers.granted.has(bit)))
            },
        );
        let choice = Choice::new(policy.fingerprint(), events.collect());
        let kept = self.standing.answered.without(answers.answered);
        let granted = self.standing.granted.and(kept).or(answers.granted);
        let this_month = calendar.day_of(now).month;
        // An answer that is kept does not get younger by another that is given beside it.
        let month = match self.decision {
            Some(decision) if !kept.is_empty() => decision.month.min(this_month),
            _ => this_month,
        };
        let decision = policy.decide(kept.or(answers.answered), granted, month);

        let confirmation = match answers.all {
            Some(true) if answers.granted == policy.declared() => Confirmation::Accepted,
            Some(false) => Confirmation::Rejected,
            _ => Confirmation::Saved,
        };
        let back_to = answers.back_to.unwrap_or_else(|| Asking::read(uri).address(policy));
        let mut response = answer(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", "");
        let headers = response.headers_mut();
        let chooses = !answers.answered.is_empty();
        // A form that answers nothing is not said to be saved.
        let says_nothing = !chooses && answers.preferences.is_empty();
        let location = if says_nothing { back_to } else { with_confirmation(&back_to, confirmation) };
        if let Ok(location) = HeaderValue::from_str(&location) {
            headers.insert(LOCATION, location);
        }
        let kept_from = |month: CivilMonth| {
            let ends = calendar.start_of(month.plus(policy.lifetime_months()));
            ends.seconds().saturating_sub(now.seconds())
        };
        if chooses {
            let cookie = policy.decision_cookie();
            headers.append(
                SET_COOKIE,
                cookie.field(decision.encode(), kept_from(month), policy.cookie_domain()),
            );
        }
        if let Some(offer) = policy.offer().filter(|_| !answers.preferences.is_empty()) {
            let preferred = offer.with(self.preferred, &answers.preferences);
            // Who prefers what everybody has needs no cookie.
            let seconds = if preferred.is_usual() { 0 } else { kept_from(this_month) };
            let value = if preferred.is_usual() { String::new() } else { offer.encode(preferred) };
            headers.append(SET_COOKIE, offer.cookie.field(value, seconds, policy.cookie_domain()));
        }
        let refused = if chooses { decision.answered.without(decision.granted) } else { PurposeSet::NONE };
        if policy.clears_storage() && refused.meets(self.standing.granted) {
            // Never "cookies": that would clear the whole registered domain, and sign everybody out.
            response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"storage\""));
        }
        Ok(Chosen { response, choice, refused })
    }

    /// What the address of a page says was just chosen, if that is so: anybody can pass such an address on.
    pub(crate) fn confirmation(&self, policy: &Policy, uri: &Uri) -> Option<Confirmation> {
        let Standing { answered, granted, .. } = self.standing;
        Confirmation::in_query(uri.query()?).filter(|confirmation| match confirmation {
            Confirmation::Accepted => !answered.is_empty() && granted == policy.declared(),
            Confirmation::Rejected => !answered.is_empty() && granted.is_empty(),
            Confirmation::Saved => !answered.is_empty() || !self.preferred.is_usual(),
        })
    }

    /// The value by which a shared cache tells this visitor from others; nothing where none would be right.
    pub(crate) fn cache_key(&self, policy: &Policy) -> Option<String> {
        if !self.preferred.is_usual() {
            return None;
        }
        match (self.decision, self.standing.state) {
            (None, ChoiceState::Signal) => Some("gpc".to_owned()),
            (None, _) => Some("none".to_owned()),
            (Some(decision), ChoiceState::Decided) if policy.fingerprint() == decision.policy() => {
                let Decision { answered, granted, .. } = decision;
                Some(format!("{}.{:x}.{:x}", decision.policy(), answered.bits(), granted.bits()))
            }
            (Some(_), _) => None,
        }
    }
}

/// Who goes back to what everybody has leaves no cookie that shows it. But nothing except a form or a link of this very site leads here
/// so, by the word of the browser.
fn just_saved(policy: &Policy, uri: &Uri, headers: &HeaderMap) -> Option<Confirmation> {
    let from_here = headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin");
    policy.offer().filter(|_| from_here)?;
    Confirmation::in_query(uri.query()?).filter(|confirmation| *confirmation == Confirmation::Saved)
}

/// A choice that a form has made.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// The redirect with the new decision.
    pub(crate) response: Response<Bytes>,
    /// What there is to count.
    pub(crate) choice: Choice,
    /// What is refused from now on.
    pub(crate) refused: PurposeSet,
}

/// What the query of the cookies page asks for.
struct Asking {
    language: Option<Language>,
    back_to: Option<String>,
}

impl Asking {
    fn read(uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default();
        let back_to = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "return");
        Self {
            language: field(query, "lang").and_then(Language::from_code),
            back_to: back_to.and_then(|(_, value)| within_site(&value).map(str::to_owned)),
        }
    }

    fn in_language(&self, language: Language) -> Self {
        Self { language: Some(language), back_to: self.back_to.clone() }
    }

    /// The cookies page, asked in the same way.
    fn address(&self, policy: &Policy) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(language) = self.language {
            query.append_pair("lang", language.code());
        }
        if let Some(back_to) = &self.back_to {
            query.append_pair("return", back_to);
        }
        let query = query.finish();
        if query.is_empty() { policy.page().to_owned() } else { format!("{}?{query}", policy.page()) }
    }
}

fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}
