//! Why a request and its answer are treated as they are, by the code that treats them.

use http::{HeaderMap, Response, StatusCode, request, response};

use super::decision::{ChoiceState, Decision};
use super::fetch::Fetch;
use super::finish::finish;
use super::judge::Judge;
use super::outcome::{Action, CookieSubject, Deed, Deeds, Direction};
use super::outlook::Outlook;
use super::page::{Plan, Visitor, is_worth_a_plan, plan};
use super::policy::{Policy, Undeclared};
use super::recall::Recall;
use super::request::{filter, pairs};
use super::seen::SeenRules;
use super::service::Marks;
use super::undeclared::UndeclaredNames;
use crate::time::{Calendar, Clock};

/// What becomes of one recorded request, and of the site's answer to it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Explanation {
    /// Whether the visitor has chosen.
    pub state: ChoiceState,
    /// Why that is so, in a sentence.
    pub why: String,
    /// Who answers the request.
    pub answerer: Answerer,
    /// The ids of the purposes that are granted.
    pub granted: Vec<String>,
    /// What the visitor prefers otherwise than everybody has it, as the site is told.
    pub preferred: Option<String>,
    /// The cookies that the browser sent, in order.
    pub sent: Vec<CookieExplanation>,
    /// The cookies that the site set, in order.
    pub set: Vec<CookieExplanation>,
    /// The fields of the answer as the visitor gets them, if there was an answer.
    pub answer: Option<HeaderMap>,
    /// Whether the page asks its visitor.
    pub asks: bool,
}

/// Who answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answerer {
    /// Pinfold, with the cookies page.
    CookiesPage {
        /// Whether the site is asked for the page around it.
        within_site: bool,
    },
    /// Pinfold, which keeps the choice that the form makes.
    Form,
    /// Pinfold, with this.
    Pinfold(StatusCode),
    /// The site.
    Site,
}

/// What becomes of one cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CookieExplanation {
    /// Its name as it was sent; empty for one that has none.
    pub name: String,
    /// What is done with it.
    pub action: Action,
    /// Why, in a sentence.
    pub why: String,
}

impl Explanation {
    /// Explains a request, and an answer of the site to it.
    ///
    /// ```
    /// use pinfold::consent::{Action, Explanation, Policy};
    /// use pinfold::time::{Calendar, SystemClock};
    ///
    /// let policy = Policy::builder("Town", "https://www.example.gov.uk").build()?;
    /// let (request, ()) = http::Request::get("/").header("cookie", "PHPSESSID=1; _ga=2").body(())?.into_parts();
    /// let explanation = Explanation::of(&policy, &Calendar::named("Europe/London")?, &SystemClock::new(), &request, None);
    /// assert_eq!(explanation.sent[0].action, Action::Passed);
    /// assert_eq!(explanation.sent[1].why, "no rule names it, and undeclared cookies are held");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of(
        policy: &Policy,
        calendar: &Calendar,
        clock: &dyn Clock,
        asked: &request::Parts,
        answered: Option<&response::Parts>,
    ) -> Self {
        let marks = Marks::of(&asked.headers, policy);
        let visitor = Visitor::of(policy, calendar, clock, &asked.headers, marks.gpc());
        let (undeclared, seen, recall) =
            (UndeclaredNames::default(), SeenRules::default(), Recall::default());
        let judge = Judge {
            policy,
            standing: visitor.standing,
            undeclared: &undeclared,
            seen: &seen,
            values: None,
            recall: &recall,
        };

        let mut deeds = Deeds::default();
        filter(&judge, &mut asked.headers.clone(), &mut deeds);
        let lines = asked.headers.get_all(http::header::COOKIE).into_iter();
        let names = lines.flat_map(|line| pairs(line.as_bytes())).filter_map(|(name, value)| match name {
            Some(name) => Some(text(name)),
            None => (!value.is_empty()).then(String::new),
        });
        let sent = explained(&judge, names, deeds.iter());

        let fetch: Fetch = marks.fetch(&asked.headers);
        let outlook = Outlook::of(policy, &visitor, fetch, (&asked.method, &asked.uri), &asked.headers);
        let (mut set, mut answer, mut asks) = (Vec::new(), None, false);
        if let Some(answered) = answered {
            let fields = answered.headers.get_all(http::header::SET_COOKIE).into_iter();
            let names: Vec<_> = fields.map(|field| name_in(field.as_bytes())).collect();
            let mut response = Response::new(());
            *response.status_mut() = answered.status;
            *response.headers_mut() = answered.headers.clone();
            let response = finish(&judge, outlook, Deeds::default(), clock, response);
            let outcome = response.body().outcome();
            let deeds = outcome.deeds().filter(|deed| deed.direction == Direction::Response);
            set = explained(&judge, names.into_iter(), deeds);
            asks = outcome.asked();
            answer = Some(response.headers().clone());
        }
        let preferred = policy.offer().and_then(|offer| offer.field(visitor.preferred));
        let granted = policy.purposes_with_bits().filter(|(_, bit)| visitor.standing.granted.has(*bit));
        Self {
            state: visitor.standing.state,
            why: why(policy, calendar, clock, &visitor, &asked.headers),
            answerer: answerer(policy, &seen, &visitor, asked),
            granted: granted.map(|(purpose, _)| purpose.id().to_owned()).collect(),
            preferred: preferred.and_then(|field| field.to_str().ok()).map(str::to_owned),
            sent,
            set,
            answer,
            asks,
        }
    }
}

fn answerer(policy: &Policy, seen: &SeenRules, visitor: &Visitor, asked: &request::Parts) -> Answerer {
    if !is_worth_a_plan(policy, asked.uri.path()) {
        return Answerer::Site;
    }
    match plan(policy, seen, visitor, asked) {
        Plan::Answer(response) => Answerer::Pinfold(response.status()),
        Plan::Form => Answerer::Form,
        Plan::Page { content, .. } => Answerer::CookiesPage { within_site: content.is_some() },
        Plan::Site => Answerer::Site,
    }
}

fn why(
    policy: &Policy,
    calendar: &Calendar,
    clock: &dyn Clock,
    visitor: &Visitor,
    headers: &HeaderMap,
) -> String {
    let own = policy.decision_cookie().name;
    let lines = headers.get_all(http::header::COOKIE).into_iter();
    let found: Vec<_> = lines
        .flat_map(|line| pairs(line.as_bytes()))
        .filter_map(|(name, value)| (name == Some(own.as_bytes())).then_some(value))
        .collect();
    let now = calendar.day_of(clock.now()).month;
    let cookie = match found[..] {
        [] => format!("there is no cookie `{own}`"),
        [value] => match Decision::decode(value) {
            None => format!("the cookie `{own}` is broken"),
            Some(decision) if !decision.is_in_force(now, policy.lifetime_months()) => {
                format!("the choice of {} has run out", decision.month)
            }
            Some(decision) if visitor.standing.state == ChoiceState::Decided => {
                format!("the choice of {} is in force", decision.month)
            }
            Some(decision) if decision.policy() != policy.fingerprint() => {
                format!(
                    "version {} was answered, and version {} asks for more",
                    decision.policy(),
                    policy.fingerprint()
                )
            }
            Some(_) => "not everything that is asked was answered".to_owned(),
        },
        _ => format!("there are {} cookies `{own}`, so none counts", found.len()),
    };
    match visitor.standing.state {
        ChoiceState::Signal => format!("{cookie}, and the browser sends Sec-GPC: 1"),
        ChoiceState::Decided | ChoiceState::Undecided => cookie,
    }
}

fn explained(
    judge: &Judge<'_>,
    names: impl Iterator<Item = String>,
    deeds: impl Iterator<Item = Deed>,
) -> Vec<CookieExplanation> {
    names
        .zip(deeds)
        .map(|(name, deed)| CookieExplanation { name, action: deed.action, why: reason(judge, deed) })
        .collect()
}

fn reason(judge: &Judge<'_>, deed: Deed) -> String {
    match deed.subject {
        CookieSubject::Own => "it has a name of Pinfold's own".to_owned(),
        CookieSubject::Malformed => "it has no name, or one that servers read in different ways".to_owned(),
        CookieSubject::Undeclared(_) if judge.policy.undeclared() == Undeclared::Pass => {
            "no rule names it, and undeclared cookies pass".to_owned()
        }
        CookieSubject::Undeclared(_) => "no rule names it, and undeclared cookies are held".to_owned(),
        CookieSubject::Rule(number) => {
            let Some(rule) = judge.policy.register().rules().get(usize::from(number)) else {
                return String::new();
            };
            let known = if rule.is_well_known() { "well-known rule" } else { "rule" };
            let granted = judge.standing.granted.holds(judge.policy.register().needed(number));
            match (rule.purpose(), granted) {
                (None, _) => format!("{known} `{}` is strictly necessary", rule.pattern()),
                (Some(purpose), true) => {
                    format!("{known} `{}` needs `{purpose}`, which is granted", rule.pattern())
                }
                (Some(purpose), false) => {
                    format!("{known} `{}` needs `{purpose}`, which is not granted", rule.pattern())
                }
            }
        }
    }
}

/// The name in a `Set-Cookie` field.
fn name_in(field: &[u8]) -> String {
    let pair = field.split(|&byte| byte == b';').next().unwrap_or_default();
    match memchr::memchr(b'=', pair) {
        Some(equals) => text(pair[..equals].trim_ascii()),
        None => String::new(),
    }
}

fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::time::SystemClock;

    #[test]
    fn who_answers() {
        let policy = Policy::builder("Town", "https://www.town.example").build().unwrap();
        let form =
            [("origin", "https://www.town.example"), ("content-type", "application/x-www-form-urlencoded")];
        let foreign =
            [("origin", "https://other.example"), ("content-type", "application/x-www-form-urlencoded")];
        let own = |status: u16| Answerer::Pinfold(StatusCode::from_u16(status).unwrap());
        for (method, path, fields, expected) in [
            ("GET", "/bins", &[][..], Answerer::Site),
            ("GET", "/cookies", &[], Answerer::CookiesPage { within_site: false }),
            ("GET", "/cookies?lang=cy", &[], Answerer::CookiesPage { within_site: false }),
            ("GET", "/cookies/", &[], Answerer::Site),
            ("POST", "/cookies", &form, Answerer::Form),
            ("POST", "/cookies", &foreign, own(403)),
            ("DELETE", "/cookies", &[], own(405)),
            ("GET", "/.well-known/gpc.json", &[], own(200)),
            ("GET", "/.well-known/security.txt", &[], Answerer::Site),
            ("GET", "/.pinfold/nothing", &[], own(404)),
        ] {
            let mut request = Request::builder().method(method).uri(path).header("host", "www.town.example");
            for (name, value) in fields {
                request = request.header(*name, *value);
            }
            let (parts, ()) = request.body(()).unwrap().into_parts();
            let explained = Explanation::of(&policy, &Calendar::utc(), &SystemClock::new(), &parts, None);
            assert_eq!(explained.answerer, expected, "{method} {path}");
        }
    }
}
