//! What is done to pages of the site, beside their cookies.

use http::HeaderName;
use http::uri::PathAndQuery;

use super::embed::{Embed, Embeds};
use super::own::is_own_path;
use super::purpose::{Purpose, PurposeSet};
use crate::error::{ConfigError, Subject};

/// What an operator chose for pages.
#[derive(Debug, Clone, Default)]
pub(super) struct PageChoices {
    pub(super) banner: bool,
    pub(super) link: bool,
    pub(super) gate: bool,
    pub(super) embeds: Vec<Embed>,
    pub(super) own_hosts: Vec<String>,
    pub(super) cache_key: Option<String>,
    pub(super) shell: Option<String>,
}

/// The same, checked.
#[derive(Debug, Default)]
pub(super) struct Pages {
    /// Whether visitors are asked on every page.
    pub(super) banner: bool,
    /// Whether pages are given a link to the cookies page.
    pub(super) link: bool,
    pub(super) embeds: Embeds,
    /// Hosts of the council's own, from which pages may load, each with the purposes of what is declared beneath it.
    pub(super) own_hosts: Vec<(String, PurposeSet)>,
    /// The request field on which a shared cache varies.
    pub(super) cache_key: Option<HeaderName>,
    /// The page of the site within which the cookies page is drawn.
    pub(super) shell: Option<PathAndQuery>,
    /// Whether content of others may be held in pages.
    pub(super) gates: bool,
    /// Whether a page shows what its visitor has granted or prefers, so that one from before a change of mind must not be shown again.
    pub(super) shows_choice: bool,
    /// Whether any page may be another for another visitor.
    pub(super) touched: bool,
}

impl Pages {
    pub(super) fn new(
        choices: PageChoices,
        embeds: Embeds,
        purposes: &[(Purpose, u8)],
        (removal_domain, offers_preferences): (Option<&str>, bool),
        faults: &mut Vec<ConfigError>,
    ) -> Self {
        let mut own_hosts = choices.own_hosts;
        if let Some(domain) = removal_domain {
            own_hosts.extend([domain.to_owned(), format!("*.{domain}")]);
        }
        let own_hosts = own_hosts.into_iter().map(|host| {
            let host = host.to_ascii_lowercase();
            let lets_in = embeds.let_in_by(&host);
            (host, lets_in)
        });
        let own_hosts = own_hosts.collect();
        let cache_key = choices.cache_key.and_then(|name| {
            let parsed = HeaderName::try_from(&name).ok().filter(|name| !RESERVED.contains(&name.as_str()));
            if parsed.is_none() {
                faults.push(ConfigError::new(
                    Subject::SharedCacheKey,
                    format!("`{name}` cannot be the field that a shared cache varies on"),
                    "write a field of your own, such as X-Cookie-Choice, that the cache sets on every request",
                ));
            }
            parsed
        });
        let shell = choices.shell.and_then(|path| {
            let parsed =
                PathAndQuery::try_from(&path).ok().filter(|_| path.starts_with('/') && !is_own_path(&path));
            if parsed.is_none() {
                faults.push(ConfigError::new(
                    Subject::Shell,
                    format!("`{path}` cannot be the page around the cookies page"),
                    "write the path of a page of the site, such as /cookies-shell",
                ));
            }
            parsed
        });
        let PageChoices { banner, link, gate, .. } = choices;
        let gates = !embeds.is_empty() || (gate && !purposes.is_empty());
        let tells_google = purposes.iter().any(|(purpose, _)| !purpose.google_consent().is_empty());
        let shows_choice = gates || tells_google || offers_preferences;
        let touched = banner || link || shows_choice;
        Self { banner, link, embeds, own_hosts, cache_key, shell, gates, shows_choice, touched }
    }
}

/// Fields that mean something else, or of which there are too many values to keep a page for each.
const RESERVED: [&str; 6] = ["accept", "accept-encoding", "authorization", "cookie", "host", "user-agent"];
