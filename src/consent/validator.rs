//! Entity tags of pages that were changed for a visitor (RFC 9110 8.8.3). Pure.
//!
//! The same page is other bytes for a visitor with another choice, so its tag must be another too. The tag of the site goes
//! along inside ours and is handed back when the browser asks whether the page has changed.

use http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, ETAG, Entry, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED,
    RANGE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// What is said of the very bytes of a body.
const OF_BYTES: [HeaderName; 7] = [
    ACCEPT_RANGES,
    CONTENT_LENGTH,
    LAST_MODIFIED,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("repr-digest"),
];

const STRONG: &str = ";pinfold-";
const WEAK: &str = ";pinfold-w-";

/// Makes a request one whose answer is the whole page, or the word that the visitor's own variant of it is still good.
pub(super) fn ask_for_variant(headers: &mut HeaderMap, variant: impl FnOnce() -> String) {
    for name in &[IF_MODIFIED_SINCE, IF_RANGE, RANGE] {
        headers.remove(name);
    }
    if !headers.contains_key(IF_NONE_MATCH) {
        return;
    }
    let variant = variant();
    let restored: Vec<String> = headers
        .get_all(IF_NONE_MATCH)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(','))
        .filter_map(|tag| restored(tag.trim(), &variant))
        .collect();
    headers.remove(IF_NONE_MATCH);
    if let Some(tags) = HeaderValue::try_from(restored.join(", ")).ok().filter(|tags| !tags.is_empty()) {
        headers.insert(IF_NONE_MATCH, tags);
    }
}

/// Puts the variant into the tag of an answer, and takes away what is no longer true.
pub(super) fn tell_variant(headers: &mut HeaderMap, variant: impl FnOnce() -> String) {
    if let Entry::Occupied(mut tag) = headers.entry(ETAG) {
        let tagged = tag.get().to_str().ok().and_then(|tag| tagged(tag, &variant()));
        match tagged.and_then(|tag| HeaderValue::try_from(tag).ok()) {
            Some(tagged) => {
                tag.insert(tagged);
            }
            None => {
                tag.remove_entry_mult();
            }
        }
    }
    forget_bytes(headers);
}

/// Takes away what is true of the site's own bytes alone.
pub(super) fn forget_bytes(headers: &mut HeaderMap) {
    for name in &OF_BYTES {
        headers.remove(name);
    }
}

fn tagged(tag: &str, variant: &str) -> Option<String> {
    let (mark, opaque) = match tag.strip_prefix("W/") {
        Some(opaque) => (WEAK, opaque),
        None => (STRONG, tag),
    };
    let opaque = opaque.strip_prefix('"')?.strip_suffix('"').filter(|opaque| !opaque.contains('"'))?;
    Some(format!("W/\"{opaque}{mark}{variant}\""))
}

fn restored(tag: &str, variant: &str) -> Option<String> {
    let opaque =
        tag.strip_prefix("W/").unwrap_or(tag).strip_prefix('"')?.strip_suffix('"')?.strip_suffix(variant)?;
    match (opaque.strip_suffix(WEAK), opaque.strip_suffix(STRONG)) {
        (Some(opaque), _) => Some(format!("W/\"{opaque}\"")),
        (None, Some(opaque)) => Some(format!("\"{opaque}\"")),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_03_a_tag_goes_out_and_comes_back() {
        for tag in ["\"abc\"", "W/\"abc\"", "\"\"", "\"a;pinfold-x\""] {
            let out = tagged(tag, "v1").unwrap();
            assert!(out.starts_with("W/\""), "{out}");
            assert_eq!(restored(&out, "v1").as_deref(), Some(tag));
            assert_eq!(restored(&out, "v2"), None);
            assert_eq!(restored(tag, "v1"), None);
        }
        assert_eq!(tagged("abc", "v1"), None);
    }

    #[test]
    fn a_conditional_request_cannot_hide_a_banner() {
        let mut headers = HeaderMap::new();
        headers.insert(IF_NONE_MATCH, "\"abc\", W/\"def;pinfold-v1\"".parse().unwrap());
        headers.insert(IF_MODIFIED_SINCE, "Wed, 21 Oct 2026 07:28:00 GMT".parse().unwrap());
        headers.insert(RANGE, "bytes=0-9".parse().unwrap());
        let mut other = headers.clone();
        ask_for_variant(&mut headers, || "v1".to_owned());
        assert_eq!(headers.len(), 1);
        assert_eq!(headers[IF_NONE_MATCH], "\"def\"");
        ask_for_variant(&mut other, || "v2".to_owned());
        assert!(other.is_empty());
    }

    #[test]
    fn what_is_true_of_the_sites_bytes_alone_goes() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("etag", "\"abc\""),
            ("content-length", "10"),
            ("accept-ranges", "bytes"),
            ("last-modified", "Wed, 21 Oct 2026 07:28:00 GMT"),
            ("repr-digest", "sha-256=:x:"),
            ("content-type", "text/html"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        tell_variant(&mut headers, || "v1".to_owned());
        assert_eq!(headers.len(), 2);
        assert_eq!(headers[ETAG], "W/\"abc;pinfold-v1\"");
    }
}
