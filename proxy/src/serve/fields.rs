//! Which header fields go on, in both directions. Pure.

use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, Entry, FORWARDED, HOST, HeaderName, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderValue, StatusCode};

const HOP_BY_HOP: [HeaderName; 10] = [
    CONNECTION,
    EXPECT,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    // Behind CGI this becomes HTTP_PROXY (CVE-2016-5385).
    HeaderName::from_static("proxy"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHORIZATION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// What no client can take away by naming it in `Connection` (RFC 9110 7.6.1 would let it).
const PROTECTED: [HeaderName; 11] = [
    CONTENT_LENGTH,
    COOKIE,
    FORWARDED,
    HOST,
    X_FORWARDED_HOST,
    X_FORWARDED_PROTO,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("pinfold-consent"),
    HeaderName::from_static("pinfold-preference"),
    HeaderName::from_static("sec-gpc"),
];

const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Makes the fields of a request fit for the origin. Of those with `_` in their names, `underscored` alone pass.
pub(super) fn prepare_request(
    headers: &mut HeaderMap,
    host: &Authority,
    scheme: &Scheme,
    underscored: &[HeaderName],
) {
    remove_hop_by_hop(headers);
    // What it announces is dropped with the body.
    headers.remove(TRAILER);
    // Behind CGI and its like a `_` cannot be told from a `-`: such a field could pass for one of ours.
    let is_doubtful = |name: &&HeaderName| name.as_str().contains('_') && !underscored.contains(name);
    while let Some(name) = headers.keys().find(is_doubtful).cloned() {
        headers.remove(name);
    }
    for name in
        ["x-forwarded-port", "x-forwarded-server", "x-original-host", "x-original-url", "x-rewrite-url"]
    {
        headers.remove(name);
    }
    // Nearly every client writes it as the site is to have it.
    let written = headers.get(HOST).filter(|written| *written == host.as_str()).cloned();
    if let Some(host) = written.or_else(|| HeaderValue::from_str(host.as_str()).ok()) {
        headers.insert(X_FORWARDED_HOST, host.clone());
        headers.insert(HOST, host);
    }
    let scheme = if *scheme == Scheme::HTTPS { "https" } else { "http" };
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(scheme));
    join_cookies(headers);
}

/// Whether all readers of an answer see its end in one place: it is cut into chunks and nothing else, or has a length, or neither
/// (RFC 9112 section 6.3). What is coded otherwise as well cannot be passed on without the field that says so.
pub(super) fn is_framed_once(headers: &HeaderMap) -> bool {
    let mut lengths = headers.get_all(CONTENT_LENGTH).into_iter();
    let is_number =
        |length: &HeaderValue| !length.is_empty() && length.as_bytes().iter().all(u8::is_ascii_digit);
    if !lengths.next().is_none_or(is_number) || lengths.next().is_some() {
        return false;
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).into_iter();
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) => {
            coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked")
                && !headers.contains_key(CONTENT_LENGTH)
        }
        _ => false,
    }
}

/// Makes the fields of an answer fit for the client.
pub(super) fn prepare_response(status: StatusCode, headers: &mut HeaderMap) {
    remove_hop_by_hop(headers);
    headers.remove(PROXY_AUTHENTICATE);
    if status == StatusCode::NO_CONTENT {
        // It has none (RFC 9110 section 8.6), and clients of HTTP/2 would wait for it.
        headers.remove(CONTENT_LENGTH);
    }
}

/// Makes the fields after an answer fit for the client: those about the connection or the length have no meaning there
/// (RFC 9110 section 6.5.1), and HTTP/2 has none of them.
pub(super) fn prepare_trailers(trailers: &mut HeaderMap) {
    for name in HOP_BY_HOP.iter().chain(&[CONTENT_LENGTH, HOST, TRAILER]) {
        trailers.remove(name);
    }
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        // `close` is no field's name (RFC 9110 section 18.4), and `Keep-Alive` goes in any case.
        let is_usual = |name: &&[u8]| {
            [&b"close"[..], b"keep-alive"].iter().any(|usual| name.eq_ignore_ascii_case(usual))
        };
        let named: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .into_iter()
            .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|name| !is_usual(name))
            .filter_map(|name| HeaderName::from_bytes(name).ok())
            .filter(|name| !PROTECTED.contains(name))
            .collect();
        named.iter().for_each(|name| {
            headers.remove(name);
        });
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

/// HTTP/2 sends crumbs; HTTP/1.1 has one field (RFC 9113 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let Entry::Occupied(mut cookies) = headers.entry(COOKIE) else { return };
    if cookies.iter().nth(1).is_none() {
        return;
    }
    let crumbs: Vec<&[u8]> = cookies.iter().map(HeaderValue::as_bytes).collect();
    if let Ok(joined) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        cookies.insert(joined);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNDERSCORED: [HeaderName; 1] = [HeaderName::from_static("api_key")];

    fn prepared(fields: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        prepare_request(&mut headers, &Authority::from_static("town.example"), &Scheme::HTTPS, &UNDERSCORED);
        headers
    }

    #[test]
    fn frame_17_an_answer_has_one_length_or_none() {
        for (lengths, expected) in [
            (&[][..], true),
            (&["0"], true),
            (&["05"], true),
            (&["5", "5"], false),
            (&["5, 5"], false),
            (&["+5"], false),
            (&["5x"], false),
            (&[""], false),
        ] {
            let mut headers = HeaderMap::new();
            for length in lengths {
                headers.append(CONTENT_LENGTH, length.parse().unwrap());
            }
            assert_eq!(is_framed_once(&headers), expected, "{lengths:?}");
        }
    }

    #[test]
    fn frame_06_what_http_2_does_not_have_is_taken_out_of_answers() {
        for (status, kept) in [(204, false), (200, true), (304, true)] {
            let mut headers = HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from_static("5"))]);
            prepare_response(StatusCode::from_u16(status).unwrap(), &mut headers);
            assert_eq!(headers.contains_key(CONTENT_LENGTH), kept, "{status}");
        }
        let names = [
            "connection",
            "keep-alive",
            "te",
            "upgrade",
            "transfer-encoding",
            "proxy-connection",
            "content-length",
            "trailer",
            "host",
            "digest",
        ];
        let all = names.map(|name| (HeaderName::from_static(name), HeaderValue::from_static("x")));
        let mut trailers = HeaderMap::from_iter(all);
        prepare_trailers(&mut trailers);
        assert_eq!(trailers.keys().collect::<Vec<_>>(), ["digest"]);
    }

    #[test]
    fn frame_10_what_a_client_cannot_take_away() {
        let headers = prepared(&[
            ("connection", "close, X-Forwarded-Proto, Cookie, Host, Content-Length, X-Private"),
            ("cookie", "session=1"),
            ("content-length", "3"),
            ("x-private", "1"),
            ("keep-alive", "5"),
            ("proxy-connection", "x"),
            ("te", "trailers"),
            ("proxy", "http://evil.example"),
            ("upgrade", "h2c"),
            ("http2-settings", "x"),
            ("pinfold_consent", "marketing"),
            ("trailer", "cookie"),
        ]);
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-length", "cookie", "host", "x-forwarded-host", "x-forwarded-proto"]);
        assert_eq!(headers["host"], "town.example");
    }

    #[test]
    fn frame_17_answers_whose_end_everybody_sees_in_one_place() {
        for (fields, expected) in [
            (&[][..], true),
            (&[("content-length", "5")], true),
            (&[("transfer-encoding", "Chunked")], true),
            (&[("transfer-encoding", "chunked"), ("content-length", "5")], false),
            (&[("transfer-encoding", "gzip, chunked")], false),
            (&[("transfer-encoding", "gzip")], false),
            (&[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")], false),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            assert_eq!(is_framed_once(&headers), expected, "{fields:?}");
        }
    }

    #[test]
    fn frame_09_underscores_pass_by_name() {
        let headers = prepared(&[("api_key", "1"), ("api_keys", "2"), ("x_forwarded_for", "3"), ("a_", "4")]);
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["api_key", "host", "x-forwarded-host", "x-forwarded-proto"]);
    }

    #[test]
    fn forwarding_fields_are_pinfolds_own() {
        let headers = prepared(&[
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-proto", "gopher"),
            ("x-forwarded-port", "1"),
            ("host", "evil.example"),
        ]);
        assert_eq!(headers["x-forwarded-host"], "town.example");
        assert_eq!(headers["x-forwarded-proto"], "https");
        assert_eq!(headers.len(), 3);
    }

    #[test]
    fn http2_04_crumbs_become_one_field() {
        let headers = prepared(&[("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")]);
        assert_eq!(headers.get_all(COOKIE).into_iter().collect::<Vec<_>>(), ["a=1; b=2; c=3"]);
    }
}
