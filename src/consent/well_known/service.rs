use super::analytics::ANALYTICS;
use super::appearance::APPEARANCE;
use super::campaigns::CAMPAIGNS;
use super::choices::CHOICES;
use super::embedded::EMBEDDED;
use super::platforms::PLATFORMS;
use super::servers::SERVERS;

const ALL: [&[Service]; 7] = [PLATFORMS, SERVERS, CHOICES, APPEARANCE, ANALYTICS, CAMPAIGNS, EMBEDDED];

/// The service of this id, if it is known.
pub fn service(id: &str) -> Option<&'static Service> {
    services().find(|service| service.id == id)
}

/// Every service, those that are strictly necessary first.
pub fn services() -> impl Iterator<Item = &'static Service> {
    ALL.into_iter().flatten()
}

/// One product whose cookies are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Service {
    /// Its name in lower case with hyphens, such as `google-analytics`.
    pub id: &'static str,
    /// Who sets the cookies; empty for the site itself.
    pub provider: &'static str,
    /// What allows its cookies to be kept.
    pub kind: Kind,
    /// The address of public documentation. Where several pages name the cookies, it is the one that says most.
    pub source: &'static str,
    /// Its cookies.
    pub cookies: &'static [KnownCookie],
}

/// What allows a cookie to be kept on a visitor's device: PECR regulation 6 and its Schedule A1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// What the visitor asked for cannot be done, or done safely, without it (paragraphs 3 and 4).
    StrictlyNecessary,
    /// The appearance or function of the site follows what the visitor prefers (paragraph 6).
    Appearance,
    /// Statistics about how the site is used, which nobody else is given (paragraph 5).
    Statistics,
    /// The visitor has to agree first (paragraph 2): somebody else is told, or visitors are followed one by one.
    Consent,
}

/// One cookie, or all cookies whose names begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownCookie {
    /// A name, or the beginning of names with one trailing `*`.
    pub pattern: &'static str,
    /// What to tell visitors in English.
    pub english: Words,
    /// What to tell visitors in Welsh.
    pub welsh: Words,
}

/// What visitors are told of a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Words {
    /// What it does, in one plain sentence.
    pub what: &'static str,
    /// How long it lasts.
    pub lasts: &'static str,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::consent::own::is_own;
    use crate::consent::token::is_token;

    fn cookies() -> impl Iterator<Item = (&'static Service, &'static KnownCookie)> {
        services().flat_map(|service| service.cookies.iter().map(move |cookie| (service, cookie)))
    }

    /// The kind of the service that has a cookie of exactly this pattern.
    fn kind_of(pattern: &str) -> Option<Kind> {
        cookies().find(|(_, cookie)| cookie.pattern == pattern).map(|(service, _)| service.kind)
    }

    #[test]
    fn every_pattern_can_be_a_rule() {
        for (service, cookie) in cookies() {
            let literal = cookie.pattern.strip_suffix('*').unwrap_or(cookie.pattern).as_bytes();
            let sound = (3..=127).contains(&literal.len())
                && literal.iter().all(|&byte| is_token(byte) && byte != b'*')
                && !is_own(literal);
            assert!(sound, "{}: {}", service.id, cookie.pattern);
        }
    }

    #[test]
    fn no_pattern_occurs_twice() {
        let mut seen = BTreeSet::new();
        for (service, cookie) in cookies() {
            assert!(seen.insert(cookie.pattern), "{}: {}", service.id, cookie.pattern);
        }
    }

    #[test]
    fn every_service_has_an_id_of_its_own_a_source_and_cookies() {
        let mut seen = BTreeSet::new();
        for known in services() {
            let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            assert!(!known.id.is_empty() && known.id.bytes().all(sound), "{}", known.id);
            assert!(seen.insert(known.id), "{}", known.id);
            let place = known.source.strip_prefix("https://").unwrap_or_default();
            assert!(place.contains('.') && !place.contains(char::is_whitespace), "{}", known.source);
            assert!(!known.cookies.is_empty(), "{}", known.id);
            assert_eq!(service(known.id), Some(known));
        }
        assert_eq!(service("no-such-service"), None);
    }

    #[test]
    fn both_languages_say_the_same_amount() {
        for (service, cookie) in cookies() {
            let name = (service.id, cookie.pattern);
            let sentences = [cookie.english.what, cookie.welsh.what];
            for sentence in sentences {
                assert!(sentence.ends_with('.') && sentence.trim() == sentence, "{name:?}: {sentence}");
                assert_eq!(sentence.matches(". ").count(), 0, "{name:?}: {sentence}");
            }
            let lasts = [cookie.english.lasts, cookie.welsh.lasts];
            for words in lasts {
                assert!(!words.trim().is_empty() && !words.ends_with('.'), "{name:?}: {words}");
            }
            let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
            assert_eq!(digits(lasts[0]), digits(lasts[1]), "{name:?}");
            assert!(sentences[0] != sentences[1] && lasts[0] != lasts[1], "{name:?}");
        }
    }

    #[test]
    fn sessions_and_signing_in_are_strictly_necessary() {
        for pattern in [
            "SESS*",
            "SSESS*",
            "wordpress_logged_in_*",
            "wordpress_sec_*",
            "wordpress_*",
            "UMB_UCONTEXT",
            "UMB-XSRF-TOKEN",
            "ASP.NET_SessionId",
            ".AspNetCore.Session",
            ".AspNetCore.Antiforgery.*",
            "sessionid",
            "csrftoken",
            "PHPSESSID",
            "JSESSIONID",
            "COOKIE_SUPPORT",
        ] {
            assert_eq!(kind_of(pattern), Some(Kind::StrictlyNecessary), "{pattern}");
        }
    }

    #[test]
    fn what_is_shared_needs_consent_and_what_stays_here_does_not() {
        for (pattern, kind) in [
            ("_ga", Kind::Consent),
            ("_fbp", Kind::Consent),
            ("_hjSessionUser_*", Kind::Consent),
            ("_clck", Kind::Consent),
            ("VISITOR_INFO1_LIVE", Kind::Consent),
            ("_pk_hsr*", Kind::Consent),
            ("_pk_id*", Kind::Statistics),
            ("GUEST_LANGUAGE_ID", Kind::Appearance),
            ("Recite.*", Kind::Appearance),
            ("CookieControl", Kind::StrictlyNecessary),
        ] {
            assert_eq!(kind_of(pattern), Some(kind), "{pattern}");
        }
    }
}
