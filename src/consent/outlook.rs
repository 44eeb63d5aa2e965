//! What will have to be done to the answer of the site, as far as the request tells.

use http::header::SET_COOKIE;
use http::uri::Authority;
use http::{HeaderMap, Method, Uri};

use super::cache::Keeping;
#[cfg(feature = "html")]
use super::changes::Changes;
use super::decision::ChoiceState;
use super::fetch::Fetch;
use super::outcome::{Action, CookieSubject, Deed, Deeds, Direction};
use super::page::Visitor;
use super::policy::Policy;
use super::purpose::PurposeSet;
use super::withdrawal::{Held, Place, Unseen, held, removals};
use crate::time::UnixTime;

/// Kept from the request to the answer. It takes no memory of its own but for pages that are changed or take cookies back.
#[derive(Debug, Default)]
pub(super) struct Outlook {
    pub(super) fetch: Fetch,
    /// Who may keep a page; nothing where pages are as the site made them.
    pub(super) keeping: Option<Keeping>,
    /// Whether the shared cache in front knows this visitor for what they are.
    pub(super) keyed: bool,
    pub(super) is_head: bool,
    pub(super) withdrawal: Option<Box<Withdrawal>>,
    #[cfg(feature = "html")]
    pub(super) changes: Option<Box<Changes>>,
}

/// Cookies to be taken back.
#[derive(Debug)]
pub(super) struct Withdrawal {
    held: Vec<Held>,
    unseen: Unseen,
    host: String,
    path: String,
}

impl Outlook {
    pub(super) fn of(
        policy: &Policy,
        visitor: &Visitor,
        fetch: Fetch,
        asked: (&Method, &Uri),
        headers: &HeaderMap,
    ) -> Self {
        let (method, uri) = asked;
        let mut outlook = Self { fetch, is_head: method == Method::HEAD, ..Self::default() };
        outlook.withdrawal = Withdrawal::due(policy, visitor, fetch, uri, headers);
        let pages = policy.pages();
        if !pages.touched {
            return outlook;
        }
        let confirmation = visitor.confirmation(policy, uri).filter(|_| fetch.is_page());
        outlook.keeping = Some(match visitor.standing.state {
            _ if confirmation.is_some() => Keeping::Nobody,
            ChoiceState::Undecided if policy.asks_anything() => Keeping::Nobody,
            _ if pages.shows_choice => Keeping::PrivateChecked,
            _ => Keeping::Private,
        });
        // What else is asked for has other bytes, and the key says nothing of that.
        outlook.keyed = fetch == Fetch::Document
            && confirmation.is_none()
            && pages.cache_key.as_ref().is_some_and(|key| {
                headers
                    .get(key)
                    .is_some_and(|said| visitor.cache_key(policy).is_some_and(|key| said == key.as_str()))
            });
        #[cfg(feature = "html")]
        {
            let changes = Changes::of(policy, visitor, &outlook, confirmation, uri, headers);
            outlook.changes = changes.map(Box::new);
        }
        outlook
    }
}

impl Withdrawal {
    /// What is taken back with a page of this address.
    pub(super) fn due(
        policy: &Policy,
        visitor: &Visitor,
        fetch: Fetch,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Option<Box<Self>> {
        let refused = visitor.standing.refused();
        if refused.is_empty() || !fetch.is_page() {
            return None;
        }
        let unseen = if visitor.confirmation(policy, uri).is_some() {
            Unseen::RemovedFromTheLast
        } else {
            Unseen::Left
        };
        Self::of(policy, refused, unseen, uri, headers)
    }

    /// Nothing, where the browser holds nothing of the kind.
    pub(super) fn of(
        policy: &Policy,
        purposes: PurposeSet,
        unseen: Unseen,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Option<Box<Self>> {
        let held = held(policy, headers, purposes);
        if held.is_empty() && unseen == Unseen::Left {
            return None;
        }
        let authority = uri.authority().cloned().or_else(|| {
            let host = headers.get(http::header::HOST)?;
            Authority::try_from(host.as_bytes()).ok()
        });
        let host = authority.map(|authority| authority.host().to_ascii_lowercase()).unwrap_or_default();
        Some(Box::new(Self { held, unseen, host, path: uri.path().to_owned() }))
    }

    /// Puts the removals into the fields of an answer; tells whether there were any.
    pub(super) fn take_back(
        &self,
        policy: &Policy,
        refused: PurposeSet,
        now: UnixTime,
        headers: &mut HeaderMap,
        deeds: &mut Deeds,
    ) -> bool {
        // With another cookie first every second.
        let turn = usize::try_from(now.seconds()).unwrap_or_default();
        let place = Place { host: &self.host, path: &self.path };
        let fields = removals(policy, place, &self.held, (refused, self.unseen), turn);
        if fields.is_empty() {
            return false;
        }
        let rules = self.held.iter().map(Held::rule);
        for rule in rules.filter(|rule| policy.register().needed(*rule).meets(refused)) {
            deeds.push(Deed::new(CookieSubject::Rule(rule), Direction::Response, Action::Removed));
        }
        for field in fields {
            headers.append(SET_COOKIE, field);
        }
        true
    }
}
