//! What is done to the answer of the site before the visitor gets it.

use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, Response, StatusCode};

use super::body::ResponseBody;
use super::cache::{Keeping, forbids_change, is_kept_by_nobody_else, keep_by_key, keep_from_others};
use super::judge::Judge;
use super::outcome::{ConsentOutcome, Deeds};
use super::outlook::Outlook;
use super::policy::{Mode, Undeclared};
use super::remarks;
use super::response::{self, Filtered};
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
    let Filtered { personal, news } = response::filter(judge, headers, &mut deeds);
    if news {
        remarks::report(judge.policy, headers, clock.now());
    }
    let mut outcome = ConsentOutcome { state: Some(judge.standing.state), ..ConsentOutcome::default() };
    if judge.policy.mode() == Mode::Report {
        outcome.deeds = deeds;
        return response.map(|body| ResponseBody::site(body, outcome));
    }
    let is_page = is_page(status, headers);
    // An answer to the question whether a changed page is still good is about that page.
    let is_unchanged_page = status == StatusCode::NOT_MODIFIED && outlook.changes_pages();
    let mut keeping = personal.then_some(Keeping::Private);
    // A cache may put a whole page together from its parts.
    let is_part_of_page = status == StatusCode::PARTIAL_CONTENT && is_html(headers);
    if is_page || is_unchanged_page || is_part_of_page {
        keeping = keeping.max(outlook.keeping);
    }
    let mut shared = outlook.keyed && !personal;
    if let Some(withdrawal) = &outlook.withdrawal
        && (is_page || is_kept_by_nobody_else(status, headers))
        && withdrawal.take_back(judge.policy, judge.standing.refused(), clock.now(), headers, &mut deeds)
    {
        keeping = keeping.max(Some(Keeping::Private));
        shared = false;
    }
    let forbids_change = forbids_change(headers);
    match (keeping, shared, &judge.policy.pages().cache_key) {
        (Some(_), true, Some(key)) => keep_by_key(headers, key),
        (Some(keeping), ..) => keep_from_others(headers, keeping),
        (None, ..) => {}
    }
    if is_page || is_unchanged_page {
        narrow(judge, headers);
    }
    outcome.deeds = deeds;
    #[cfg(feature = "html")]
    if let Some(changes) = outlook.changes.filter(|_| (is_page && !forbids_change) || is_unchanged_page) {
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
    #[cfg(not(feature = "html"))]
    let _ = forbids_change;
    response.map(|body| ResponseBody::site(body, outcome))
}

/// Whether an answer is a whole page, for a browser to show.
fn is_page(status: StatusCode, headers: &HeaderMap) -> bool {
    let whole = ![StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT, StatusCode::PARTIAL_CONTENT]
        .contains(&status)
        && !status.is_informational()
        && !status.is_redirection();
    let is_saved = |value: &http::HeaderValue| {
        value.as_bytes().get(..10).is_some_and(|start| start.eq_ignore_ascii_case(b"attachment"))
    };
    whole && is_html(headers) && !headers.get(CONTENT_DISPOSITION).is_some_and(is_saved)
}

fn is_html(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| {
        let essence = value.as_bytes().split(|&byte| byte == b';').next().unwrap_or_default();
        essence.trim_ascii().eq_ignore_ascii_case(b"text/html")
    })
}

/// Lets a page load only from where its visitor allows.
fn narrow(judge: &Judge<'_>, headers: &mut HeaderMap) {
    let pages = judge.policy.pages();
    if !pages.embeds.is_empty() && judge.policy.undeclared() == Undeclared::Hold {
        let policy = pages.embeds.security_policy(&pages.own_hosts, judge.standing.granted);
        // Beside that of the site: a browser asks both.
        headers.append(CONTENT_SECURITY_POLICY, policy);
    }
}

impl Outlook {
    fn changes_pages(&self) -> bool {
        #[cfg(feature = "html")]
        return self.changes.is_some();
        #[cfg(not(feature = "html"))]
        return false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_03_what_is_a_page() {
        for (status, fields, expected) in [
            (200, &[("content-type", "text/html")][..], true),
            (200, &[("content-type", "Text/HTML ; charset=utf-8")], true),
            (404, &[("content-type", "text/html")], true),
            (500, &[("content-type", "text/html")], true),
            (204, &[("content-type", "text/html")], false),
            (206, &[("content-type", "text/html")], false),
            (304, &[("content-type", "text/html")], false),
            (302, &[("content-type", "text/html")], false),
            (200, &[("content-type", "text/htmlx")], false),
            (200, &[("content-type", "application/json")], false),
            (
                200,
                &[("content-type", "text/html"), ("content-disposition", "attachment; filename=a.html")],
                false,
            ),
            (200, &[("content-type", "text/html"), ("content-disposition", "inline")], true),
            (200, &[], false),
        ] {
            let mut headers = HeaderMap::new();
            fields.iter().for_each(|(name, value)| {
                headers.insert(*name, value.parse().unwrap());
            });
            assert_eq!(
                is_page(StatusCode::from_u16(status).unwrap(), &headers),
                expected,
                "{status} {fields:?}"
            );
        }
    }
}
