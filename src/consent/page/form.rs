//! The form of the cookies page: whether it may be believed, and what it says.

use std::collections::BTreeMap;

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, StatusCode};

use super::address::within_site;
use crate::consent::policy::Policy;
use crate::consent::purpose::PurposeSet;

/// The longest form that is read, in bytes.
pub(crate) const LIMIT: usize = 8 * 1024;

/// The most fields that a form may have.
const MOST_FIELDS: usize = 200;

/// Whether a form may be read at all, judged by its header fields; the status of the refusal where it may not.
pub(crate) fn received(policy: &Policy, parts: &Parts) -> Result<(), StatusCode> {
    if !is_from_this_site(policy, parts) {
        return Err(StatusCode::FORBIDDEN);
    }
    let headers = &parts.headers;
    let mut lengths = headers.get_all(CONTENT_LENGTH).into_iter();
    if lengths.any(|length| {
        length.to_str().ok().and_then(|text| text.parse::<usize>().ok()).is_none_or(|n| n > LIMIT)
    }) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let essence = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = essence.split(';').next().unwrap_or_default().trim();
    if headers.contains_key(CONTENT_ENCODING)
        || !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
    {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    Ok(())
}

/// `Sec-Fetch-Site` decides where the browser sends it; else `Origin` must be the site itself.
fn is_from_this_site(policy: &Policy, parts: &Parts) -> bool {
    let single = |name: &str, headers: &HeaderMap| {
        let mut values = headers.get_all(name).into_iter();
        let first = values.next().cloned();
        (first, values.next().is_none())
    };
    match single("sec-fetch-site", &parts.headers) {
        (Some(value), true) => return value == "same-origin" || value == "none",
        (Some(_), false) => return false,
        (None, _) => {}
    }
    let (Some(origin), true) = single(ORIGIN.as_str(), &parts.headers) else { return false };
    let Ok(origin) = origin.to_str() else { return false };
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let asked = parts.uri.authority().map(|authority| authority.as_str());
    let host = asked.or_else(|| parts.headers.get(HOST).and_then(|host| host.to_str().ok()));
    policy.origin().starts_with(&format!("{scheme}://"))
        && host.is_some_and(|host| host.eq_ignore_ascii_case(authority))
}

/// What a visitor filled in.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answers {
    pub(super) answered: PurposeSet,
    pub(super) granted: PurposeSet,
    /// Whether everything was answered at once, and how.
    pub(super) all: Option<bool>,
    /// The value for each preference that is named, both by their places.
    pub(super) preferences: BTreeMap<usize, usize>,
    pub(super) back_to: Option<String>,
}

/// Reads a form. Fields that name no purpose and no preference are ignored, and so are values that are not declared. Of two answers
/// to one question the refusal counts, of two values for one preference the first.
pub(super) fn read(policy: &Policy, body: &[u8]) -> Result<Answers, StatusCode> {
    let mut answers = Answers::default();
    let mut refused = PurposeSet::NONE;
    for (count, (name, value)) in form_urlencoded::parse(body).enumerate() {
        if count >= MOST_FIELDS {
            return Err(StatusCode::BAD_REQUEST);
        }
        if name == "return" {
            answers.back_to = answers.back_to.or_else(|| within_site(&value).map(str::to_owned));
            continue;
        }
        let within = |list: &str| name.strip_prefix(list)?.strip_prefix('[')?.strip_suffix(']');
        if let (Some(preference), Some(offer)) = (within("preference"), policy.offer()) {
            if let Some((place, value)) = offer.find(preference.as_bytes(), value.as_bytes()) {
                answers.preferences.entry(place).or_insert(value);
            }
            continue;
        }
        let Some(question) = within("cookies") else { continue };
        let yes = match &*value {
            "yes" => true,
            "no" => false,
            _ => continue,
        };
        if question == "all" {
            answers.all = Some(yes && answers.all != Some(false));
        } else if let Some(bit) = policy.bit_of(question) {
            let purpose = PurposeSet::of(bit);
            answers.answered = answers.answered.or(purpose);
            if !yes {
                refused = refused.or(purpose);
            }
        }
    }
    if let Some(yes) = answers.all {
        answers.answered = policy.declared();
        if !yes {
            refused = policy.declared();
        }
    }
    answers.granted = answers.answered.without(refused);
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::consent::{LegalBasis, Preference, Purpose};

    fn policy() -> Policy {
        Policy::builder("Town", "https://www.example.gov.uk")
            .purpose(Purpose::new("statistics", LegalBasis::Statistics, "Statistics", "Words"))
            .purpose(Purpose::new("marketing", LegalBasis::Consent, "Marketing", "Words"))
            .preference(Preference::new("text-size", ["normal", "large"]))
            .preference(Preference::new("contrast", ["normal", "high"]))
            .build()
            .unwrap()
    }

    fn status(fields: &[(&str, &str)]) -> u16 {
        let mut request = Request::post("/cookies").header("host", "www.example.gov.uk");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        received(&policy(), &parts).err().map_or(200, |status| status.as_u16())
    }

    const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

    #[test]
    fn form_01_only_the_site_itself() {
        for (fields, expected) in [
            (&[("sec-fetch-site", "same-origin")][..], 200),
            (&[("sec-fetch-site", "none")], 200),
            (&[("sec-fetch-site", "same-origin"), ("origin", "null")], 200),
            (&[("sec-fetch-site", "cross-site")], 403),
            (&[("sec-fetch-site", "same-site")], 403),
            (&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")], 403),
            (&[("sec-fetch-site", "cross-site"), ("origin", "https://www.example.gov.uk")], 403),
            (&[("origin", "https://www.example.gov.uk")], 200),
            (&[("origin", "https://WWW.example.gov.uk")], 200),
            (&[("origin", "http://www.example.gov.uk")], 403),
            (&[("origin", "https://example.gov.uk")], 403),
            (&[("origin", "https://www.example.gov.uk.example.org")], 403),
            (&[("origin", "https://www.example.gov.uk"), ("origin", "https://example.org")], 403),
            (&[("origin", "null")], 403),
            (&[("referer", "https://www.example.gov.uk/")], 403),
            (&[], 403),
        ] {
            let fields: Vec<_> = fields.iter().copied().chain([FORM]).collect();
            assert_eq!(status(&fields), expected, "{fields:?}");
        }
    }

    #[test]
    fn form_02_size_and_type() {
        let same = ("sec-fetch-site", "same-origin");
        for (fields, expected) in [
            (&[same, FORM][..], 200),
            (&[same, ("content-type", "Application/X-WWW-Form-URLEncoded; charset=utf-8")], 200),
            (&[same, FORM, ("content-length", "8192")], 200),
            (&[same, FORM, ("content-length", "8193")], 413),
            (&[same, FORM, ("content-length", "99999999999999999999999")], 413),
            (&[same, FORM, ("content-encoding", "gzip")], 415),
            (&[same, ("content-type", "text/plain")], 415),
            (&[same, ("content-type", "multipart/form-data; boundary=x")], 415),
            (&[same], 415),
        ] {
            assert_eq!(status(fields), expected, "{fields:?}");
        }
    }

    #[test]
    fn what_a_form_says() {
        let policy = policy();
        for (body, answered, granted) in [
            ("cookies[marketing]=yes", 0b10, 0b10),
            ("cookies%5Bmarketing%5D=yes&cookies%5Bstatistics%5D=no", 0b11, 0b10),
            ("cookies[all]=yes", 0b11, 0b11),
            ("cookies[all]=no", 0b11, 0b00),
            ("cookies[all]=no&cookies[marketing]=yes", 0b11, 0b00),
            ("cookies[all]=yes&cookies[marketing]=no", 0b11, 0b01),
            ("cookies[all]=yes&cookies[all]=no", 0b11, 0b00),
            ("cookies[all]=no&cookies[all]=yes", 0b11, 0b00),
            ("cookies[marketing]=yes&cookies[marketing]=no", 0b10, 0b00),
            ("cookies[marketing]=maybe", 0, 0),
            ("cookies[unknown]=yes&other=1", 0, 0),
            ("cookies[marketing=yes", 0, 0),
            ("%ff%00=&&&=", 0, 0),
            ("", 0, 0),
        ] {
            let answers = read(&policy, body.as_bytes()).unwrap();
            assert_eq!((answers.answered.bits(), answers.granted.bits()), (answered, granted), "{body}");
        }
        assert_eq!(read(&policy, "a=1&".repeat(1000).as_bytes()), Err(StatusCode::BAD_REQUEST));
        assert_eq!(read(&policy, b"return=%2Fbins%3Fa%3D1").unwrap().back_to.as_deref(), Some("/bins?a=1"));
        assert_eq!(read(&policy, b"return=//example.org").unwrap().back_to, None);
    }

    #[test]
    fn what_a_form_prefers() {
        let policy = policy();
        for (body, expected) in [
            ("preference[text-size]=large", &[(0, 1)][..]),
            ("preference%5Bcontrast%5D=high&preference[text-size]=normal", &[(0, 0), (1, 1)]),
            ("preference[text-size]=large&preference[text-size]=normal", &[(0, 1)]),
            ("preference[text-size]=huge&preference[text-size]=large", &[(0, 1)]),
            ("preference[text-size]=Large", &[]),
            ("preference[text-size]=", &[]),
            ("preference[size]=large", &[]),
            ("preference[text-size=large", &[]),
            ("preference=large", &[]),
            ("cookies[text-size]=large", &[]),
        ] {
            let answers = read(&policy, body.as_bytes()).unwrap();
            assert!(
                answers
                    .preferences
                    .iter()
                    .map(|(place, value)| (*place, *value))
                    .eq(expected.iter().copied()),
                "{body}"
            );
            assert!(answers.answered.is_empty(), "{body}: no choice about cookies");
        }
    }
}
