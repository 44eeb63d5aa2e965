//! Files that pages refer to. Their addresses change whenever their contents do, so they can be cached for a year.

use std::borrow::Cow;
use std::sync::LazyLock;

use sha2::{Digest, Sha256};

use crate::consent::policy::Policy;
use crate::consent::purpose::{GOOGLE_CONSENT, PurposeSet};

const PAGE_CSS: &str = include_str!("cookies.css");
#[cfg(feature = "html")]
const BANNER_CSS: &str = include_str!("banner.css");
#[cfg(feature = "html")]
const BANNER_JS: &str = include_str!("banner.js");

/// The address of the stylesheet of the cookies page.
pub(super) static PAGE_STYLE: LazyLock<String> = LazyLock::new(|| address("cookies", "css", PAGE_CSS));

/// The address of the stylesheet of banner and placeholders.
#[cfg(feature = "html")]
pub(super) static BANNER_STYLE: LazyLock<String> = LazyLock::new(|| address("banner", "css", BANNER_CSS));

/// The address of the script with which the banner needs no reload.
#[cfg(feature = "html")]
pub(super) static BANNER_SCRIPT: LazyLock<String> = LazyLock::new(|| address("banner", "js", BANNER_JS));

/// What is served at an address.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asset {
    pub(super) content_type: &'static str,
    pub(super) body: Cow<'static, str>,
}

/// The file at a path.
pub(super) fn find(path: &str) -> Option<Asset> {
    const CSS: &str = "text/css; charset=utf-8";
    const JS: &str = "text/javascript; charset=utf-8";
    if path == *PAGE_STYLE {
        return Some(Asset { content_type: CSS, body: PAGE_CSS.into() });
    }
    #[cfg(feature = "html")]
    {
        if path == *BANNER_STYLE {
            return Some(Asset { content_type: CSS, body: BANNER_CSS.into() });
        }
        if path == *BANNER_SCRIPT {
            return Some(Asset { content_type: JS, body: BANNER_JS.into() });
        }
    }
    let granted = path.strip_prefix("/.pinfold/google-")?.split('-').next()?;
    let granted = u8::from_str_radix(granted, 16).ok()?;
    let script = google_script(granted);
    (path == address(&format!("google-{granted:02x}"), "js", &script))
        .then(|| Asset { content_type: JS, body: script.into() })
}

/// The address of the script that tells Google's tags what is granted; nothing where no purpose has to do with them.
pub(crate) fn google_address(policy: &Policy, granted: PurposeSet) -> Option<String> {
    let concerned = |(purpose, bit)| {
        let purpose: &crate::consent::Purpose = purpose;
        (!purpose.google_consent().is_empty()).then_some((purpose.google_consent(), bit))
    };
    let mut any = false;
    let mut types = 0;
    for (names, bit) in policy.purposes_with_bits().filter_map(concerned) {
        any = true;
        if granted.has(bit) {
            types |= bits_of(names);
        }
    }
    any.then(|| address(&format!("google-{types:02x}"), "js", &google_script(types)))
}

fn bits_of(names: &[String]) -> u8 {
    let known =
        GOOGLE_CONSENT.iter().enumerate().filter(|(_, known)| names.iter().any(|name| name == *known));
    known.fold(0, |bits, (place, _)| bits | 1 << place)
}

/// Google consent mode, version 2: what is said before any tag runs.
fn google_script(granted: u8) -> String {
    let types = GOOGLE_CONSENT.iter().enumerate().map(|(place, name)| {
        let said = if granted >> place & 1 == 1 { "granted" } else { "denied" };
        format!("{name}:\"{said}\"")
    });
    format!(
        "window.dataLayer=window.dataLayer||[];(function(){{dataLayer.push(arguments)}})(\"consent\",\"default\",{{{}}});\n",
        types.collect::<Vec<_>>().join(",")
    )
}

fn address(name: &str, extension: &str, contents: &str) -> String {
    let digest = Sha256::digest(contents);
    let short: String = digest[..6].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("/.pinfold/{name}-{short}.{extension}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::{LegalBasis, Purpose};

    #[test]
    fn every_address_leads_to_its_file() {
        assert!(find(&PAGE_STYLE).unwrap().body.contains("body.pinfold-page{"));
        for path in [
            "",
            "/.pinfold/",
            "/.pinfold/cookies-000000000000.css",
            "/.pinfold/google-zz-1.js",
            "/.pinfold/google-00",
        ] {
            assert_eq!(find(path), None, "{path}");
        }
    }

    #[cfg(feature = "html")]
    #[test]
    fn the_banner_is_small() {
        let size = BANNER_CSS.len() + BANNER_JS.len();
        assert!(size <= 4096, "{size} bytes");
    }

    #[test]
    fn google_is_told_what_is_granted() {
        let policy = Policy::builder("Town", "https://www.example.gov.uk")
            .purpose(
                Purpose::new("campaigns", LegalBasis::Consent, "C", "W")
                    .with_google_consent(["ad_storage", "ad_user_data"]),
            )
            .purpose(
                Purpose::new("visits", LegalBasis::Consent, "V", "W")
                    .with_google_consent(["analytics_storage"]),
            )
            .build()
            .unwrap();
        let script =
            |bits| find(&google_address(&policy, PurposeSet::from_bits(bits)).unwrap()).unwrap().body;
        assert!(script(0b00).contains("ad_storage:\"denied\",ad_user_data:\"denied\""));
        assert!(script(0b01).contains("ad_storage:\"granted\",ad_user_data:\"granted\""));
        assert!(script(0b01).contains("analytics_storage:\"denied\""));
        assert!(script(0b10).contains("analytics_storage:\"granted\""));
        let none = Policy::builder("Town", "https://www.example.gov.uk").build().unwrap();
        assert_eq!(google_address(&none, PurposeSet::NONE), None);
    }
}
