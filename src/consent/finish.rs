//! What is done to the answer of the site before the visitor gets it.

use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::body::ResponseBody;
#[cfg(feature = "html")]
use super::cache::forbids_change;
use super::cache::{
    Keeping, forget_keeping, is_kept_by_nobody_else, keep_by_key, keep_from_others, varies_by,
};
use super::fetch::Fetch;
use super::judge::Judge;
use super::outcome::{ConsentOutcome, Deeds};
use super::outlook::Outlook;
use super::policy::{Mode, Policy, Undeclared};
use super::purpose::PurposeSet;
use super::remarks;
use super::response::{self, Filtered};
use super::service::{PINFOLD_CONSENT, PINFOLD_PREFERENCE};
use crate::time::Clock;

const CONTENT_SECURITY_POLICY: HeaderName = HeaderName::from_static("content-security-policy");

/// Holds cookies, takes back refused ones, keeps the page from others, and changes it.
pub(super) fn finish<B>(
    judge: &Judge<'_>,
    outlook: Outlook,
    mut deeds: Deeds,
    clock: &dyn Clock,
    mut response: Response<B>,
) -> Response<ResponseBody<B>> {
    let status = response.status();
    let headers = response.headers_mut();
    let mut said = Said::default();
    let Filtered { personal, news } =
        response::filter(judge, headers, &mut deeds, |name, value| said.see(name, value));
    if news {
        remarks::report(judge.policy, headers, clock.now());
    }
    let mut outcome = ConsentOutcome {
        state: Some(judge.standing.state),
        may_count: judge.policy.may_count_visits(judge.standing),
        ..ConsentOutcome::default()
    };
    // Pinfold alone sets these fields: for a cache in front all visitors are alike in them.
    let by_choice = said.varies
        && (varies_by(headers, &PINFOLD_CONSENT)
            || judge.policy.offer().is_some() && varies_by(headers, &PINFOLD_PREFERENCE));
    if judge.policy.mode() == Mode::Report {
        if by_choice {
            keep_from_others(headers, Keeping::PrivateChecked);
        }
        outcome.deeds = deeds;
        return response.map(|body| ResponseBody::site(body, outcome));
    }
    let shown = Shown::of(status, &said);
    let is_page = shown == Shown::Page;
    // An answer to the question whether a page is still good is about that page.
    let is_unchanged = status == StatusCode::NOT_MODIFIED && outlook.keeping.is_some();
    let is_unchanged_page = is_unchanged && outlook.fetch.may_load_more();
    let may_be_page = is_unchanged && outlook.fetch == Fetch::Script;
    let narrowed = match shown {
        Shown::Page => true,
        Shown::Document => outlook.fetch.may_load_more() && narrows(judge.policy),
        Shown::Part | Shown::Else => is_unchanged_page,
    };
    let mut keeping = personal.then_some(Keeping::Private);
    if by_choice {
        keeping = Some(Keeping::PrivateChecked);
    }
    if narrowed || shown == Shown::Part || (may_be_page && keeping.is_some()) {
        keeping = keeping.max(outlook.keeping);
    } else if may_be_page {
        // What was said with the page itself stands.
        forget_keeping(headers);
    }
    let mut shared = outlook.keyed && !personal;
    if let Some(withdrawal) = &outlook.withdrawal
        && (is_page || is_kept_by_nobody_else(status, headers))
        && withdrawal.take_back(judge.policy, judge.standing.refused(), clock.now(), headers, &mut deeds)
    {
        keeping = keeping.max(Some(Keeping::Private));
        shared = false;
    }
    // Asked before the field is written anew.
    #[cfg(feature = "html")]
    let changes = outlook.changes.filter(|_| is_unchanged_page || (is_page && !forbids_change(headers)));
    match (keeping, shared, &judge.policy.pages().cache_key) {
        (Some(_), true, Some(key)) => keep_by_key(headers, key),
        (Some(keeping), ..) => keep_from_others(headers, keeping),
        (None, ..) => {}
    }
    if narrowed {
        narrow(judge.policy, judge.standing.granted, headers);
    }
    outcome.deeds = deeds;
    #[cfg(feature = "html")]
    if let Some(changes) = changes {
        if outlook.is_head || is_unchanged_page {
            changes.tell(headers);
        } else {
            outcome.asked = changes.asks();
            if let Some(rewriter) = changes.rewriter(judge.policy, headers) {
                return response.map(|body| ResponseBody::changed(body, rewriter, outcome));
            }
            outcome.asked = false;
            tracing::debug!("a page cannot be changed: its encoding is not known here");
        }
    }
    response.map(|body| ResponseBody::site(body, outcome))
}

/// What the fields of an answer say of what it is.
#[derive(Debug, Default)]
struct Said {
    is_elsewhere: bool,
    /// Whether it hangs on some field of the request.
    varies: bool,
    kind: Option<Kind>,
    /// Whether it is to be saved, by the first field that says how to show it.
    is_saved: Option<bool>,
}

impl Said {
    fn see(&mut self, name: &HeaderName, value: &HeaderValue) {
        if name == CONTENT_TYPE {
            // Of several, which one counts is a matter of opinion.
            self.kind = self.kind.max(Some(Kind::of(value)));
        } else if name == CONTENT_DISPOSITION {
            let start = value.as_bytes().get(..10);
            let is_saved = start.is_some_and(|start| start.eq_ignore_ascii_case(b"attachment"));
            self.is_saved = self.is_saved.or(Some(is_saved));
        } else if name == LOCATION {
            self.is_elsewhere = true;
        } else if name == VARY {
            self.varies = true;
        }
    }
}

/// What a browser makes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// A whole page of HTML.
    Page,
    /// Something else that it can show by itself and that may load more: of another type, or of none, which it guesses.
    Document,
    /// A part of a page. A cache may put a whole one together from its parts.
    Part,
    /// A picture, a file to be saved, a redirect, nothing.
    Else,
}

impl Shown {
    fn of(status: StatusCode, said: &Said) -> Self {
        let moves = matches!(status.as_u16(), 301..=303 | 307 | 308) && said.is_elsewhere;
        let empty = [StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT, StatusCode::NOT_MODIFIED];
        if moves || status.is_informational() || empty.contains(&status) || said.is_saved == Some(true) {
            return Self::Else;
        }
        match said.kind.unwrap_or(Kind::Document) {
            Kind::Else => Self::Else,
            Kind::Html if status == StatusCode::PARTIAL_CONTENT => Self::Part,
            Kind::Html => Self::Page,
            Kind::Document => Self::Document,
        }
    }
}

/// What the type of an answer makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Else,
    Document,
    Html,
}

impl Kind {
    pub(super) fn of(content_type: &HeaderValue) -> Self {
        let content_type = content_type.as_bytes();
        // Nearly every page writes it so.
        if let Some([] | [b';', ..]) = content_type.strip_prefix(b"text/html") {
            return Self::Html;
        }
        let essence = content_type.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
        let ends = |end: &[u8]| {
            essence.len() >= end.len() && essence[essence.len() - end.len()..].eq_ignore_ascii_case(end)
        };
        if essence.eq_ignore_ascii_case(b"text/html") {
            Self::Html
        } else if ends(b"xml") {
            Self::Document
        } else {
            Self::Else
        }
    }
}

fn narrows(policy: &Policy) -> bool {
    !policy.pages().embeds.is_empty() && policy.undeclared() == Undeclared::Hold
}

/// Lets a page load only from where its visitor allows.
pub(super) fn narrow(policy: &Policy, granted: PurposeSet, headers: &mut HeaderMap) {
    let pages = policy.pages();
    if narrows(policy) {
        // Beside that of the site: a browser asks both.
        headers.append(CONTENT_SECURITY_POLICY, pages.embeds.security_policy(&pages.own_hosts, granted));
    }
    #[cfg(feature = "html")]
    if !pages.embeds.is_empty() {
        super::links::hold_links(headers, |host, port| match pages.embeds.purpose_of(host, port) {
            Some(Some(purpose)) => !policy.bit_of(purpose).is_some_and(|bit| granted.has(bit)),
            Some(None) | None => false,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_03_what_is_a_page() {
        use Shown::{Document, Else, Page, Part};
        let html = ("content-type", "text/html");
        for (status, fields, expected) in [
            (200, &[html][..], Page),
            (200, &[("content-type", "Text/HTML ; charset=utf-8")], Page),
            (404, &[html], Page),
            (500, &[html], Page),
            (204, &[html], Else),
            (206, &[html], Part),
            (304, &[html], Else),
            (302, &[html, ("location", "/")], Else),
            (302, &[html], Page),
            (300, &[html, ("location", "/")], Page),
            (200, &[("content-type", "text/htmlx")], Else),
            (200, &[("content-type", "application/json")], Else),
            (200, &[html, ("content-disposition", "attachment; filename=a.html")], Else),
            (200, &[html, ("content-disposition", "inline")], Page),
            (200, &[("content-type", "text/plain"), html], Page),
            (200, &[("content-type", "application/xhtml+xml")], Document),
            (200, &[("content-type", "image/svg+xml; charset=utf-8")], Document),
            (200, &[("content-type", "text/xml")], Document),
            (200, &[], Document),
        ] {
            let mut said = Said::default();
            fields.iter().for_each(|(name, value)| {
                said.see(&name.parse().unwrap(), &value.parse().unwrap());
            });
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(Shown::of(status, &said), expected, "{status} {fields:?}");
        }
    }
}
