//! Which other protocols a client may ask for, and which of them an answer agrees to (RFC 9110 section 7.8). Pure.

use http::header::{CONNECTION, CONTENT_LENGTH, TRAILER, UPGRADE};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Version};
use http_body::Body;

use crate::token::is_token;

/// How the names of protocols begin that carry requests in their turn: those would pass no rule for cookies (h2c smuggling).
const CARRY_REQUESTS: [&[u8]; 3] = [b"h2", b"http", b"tls"];

/// The protocols that a client would rather speak than HTTP, as the origin is asked for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer(HeaderValue);

/// What an answer says of other protocols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// HTTP goes on.
    Stays,
    /// HTTP goes on, but not with requests like this one: what the origin would speak.
    Requires(HeaderValue),
    /// From now on it is this that is spoken.
    Switches(HeaderValue),
    /// It would switch to what nobody has asked for.
    Unasked,
}

impl Offer {
    /// What a request offers, where it may. HTTP/1.0 and HTTP/2 know no such thing. A request with a body stays what it is: whoever
    /// is asked may always go on with HTTP.
    pub(super) fn of<B: Body>(request: &Request<B>) -> Option<Self> {
        if request.version() != Version::HTTP_11 || !request.body().is_end_stream() {
            return None;
        }
        passable(request.headers()).map(Self)
    }

    /// Asks for it in the fields of a request that has none of the client's own connection any more.
    pub(super) fn ask(&self, headers: &mut HeaderMap) {
        say(headers, self.0.clone());
    }

    /// Agreed to is exactly one of what was offered.
    fn agreed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let mut fields = headers.get_all(UPGRADE).into_iter();
        let (Some(chosen), None) = (fields.next(), fields.next()) else { return None };
        let is_chosen = |offered: &[u8]| offered.eq_ignore_ascii_case(chosen.as_bytes());
        elements(&self.0).any(is_chosen).then(|| chosen.clone())
    }
}

impl Reply {
    /// What an answer says to whoever has made this offer, or none.
    pub(super) fn of(status: StatusCode, headers: &HeaderMap, offer: Option<&Offer>) -> Self {
        match (status, offer) {
            (StatusCode::SWITCHING_PROTOCOLS, offer) => {
                offer.and_then(|offer| offer.agreed(headers)).map_or(Self::Unasked, Self::Switches)
            }
            (StatusCode::UPGRADE_REQUIRED, Some(_)) => passable(headers).map_or(Self::Stays, Self::Requires),
            _ => Self::Stays,
        }
    }

    /// Says it in the fields of an answer that has none of the origin's own connection any more.
    pub(super) fn tell(self, headers: &mut HeaderMap) {
        match self {
            Self::Stays | Self::Unasked => {}
            Self::Requires(protocols) => say(headers, protocols),
            Self::Switches(protocol) => {
                // There is no body, whatever is said of it.
                headers.remove(CONTENT_LENGTH);
                headers.remove(TRAILER);
                say(headers, protocol);
            }
        }
    }
}

fn say(headers: &mut HeaderMap, protocols: HeaderValue) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, protocols);
}

/// What `Upgrade` names, where `Connection` says that it is meant, without what is no protocol or carries requests.
fn passable(headers: &HeaderMap) -> Option<HeaderValue> {
    let is_meant = |option: &[u8]| option.eq_ignore_ascii_case(b"upgrade");
    if !headers.get_all(CONNECTION).into_iter().flat_map(elements).any(is_meant) {
        return None;
    }
    let protocols = headers.get_all(UPGRADE).into_iter().flat_map(elements);
    let kept: Vec<&[u8]> =
        protocols.filter(|protocol| is_sound(protocol) && !carries_requests(protocol)).collect();
    if kept.is_empty() { None } else { HeaderValue::from_bytes(&kept.join(&b", "[..])).ok() }
}

fn elements(field: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    field.as_bytes().split(|&byte| byte == b',').map(<[u8]>::trim_ascii)
}

/// A name, and perhaps a version after a slash.
fn is_sound(protocol: &[u8]) -> bool {
    let is_sound = |part: &[u8]| !part.is_empty() && part.iter().copied().all(is_token);
    let mut parts = protocol.split(|&byte| byte == b'/');
    parts.clone().count() <= 2 && parts.all(is_sound)
}

fn carries_requests(protocol: &[u8]) -> bool {
    CARRY_REQUESTS.iter().any(|start| {
        protocol.get(..start.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(start))
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::Full;

    use super::*;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn offer(version: Version, fields: &[(&'static str, &str)], body: &'static str) -> Option<Offer> {
        let mut request = Request::new(Full::<Bytes>::from(body));
        *request.version_mut() = version;
        *request.headers_mut() = headers(fields);
        Offer::of(&request)
    }

    #[test]
    fn upgrade_1_and_http2_6_what_may_be_asked_for() {
        for (protocols, expected) in [
            ("websocket", Some("websocket")),
            ("WebSocket", Some("WebSocket")),
            ("irc/6.9, websocket", Some("irc/6.9, websocket")),
            ("h2c", None),
            ("H2C, websocket ,HTTP/2.0", Some("websocket")),
            ("h2c-14, h2", None),
            ("TLS/1.0", None),
            ("", None),
            (", ,", None),
            ("web socket", None),
            ("websocket/", None),
            ("a/b/c", None),
            ("\"websocket\"", None),
        ] {
            let asked =
                offer(Version::HTTP_11, &[("connection", "keep-alive, Upgrade"), ("upgrade", protocols)], "");
            let expected = expected.map(|expected| Offer(expected.parse().unwrap()));
            assert_eq!(asked, expected, "{protocols:?}");
        }
        let fields = [("connection", "upgrade"), ("upgrade", "websocket")];
        assert!(offer(Version::HTTP_11, &fields, "").is_some());
        for version in [Version::HTTP_10, Version::HTTP_2] {
            assert_eq!(offer(version, &fields, ""), None);
        }
        assert_eq!(offer(Version::HTTP_11, &fields, "body"), None);
        assert_eq!(offer(Version::HTTP_11, &fields[1..], ""), None, "nobody says that it is meant");
        assert_eq!(offer(Version::HTTP_11, &fields[..1], ""), None);
    }

    #[test]
    fn upgrade_2_a_switch_is_to_what_was_asked_for() {
        let offer = Offer("irc/6.9, websocket".parse().unwrap());
        let reply = |status: u16, fields: &[(&'static str, &str)], offer: Option<&Offer>| {
            Reply::of(StatusCode::from_u16(status).unwrap(), &headers(fields), offer)
        };
        for (chosen, expected) in [
            ("websocket", true),
            ("WEBSOCKET", true),
            ("IRC/6.9", true),
            ("irc", false),
            ("irc/7.0", false),
            ("h2c", false),
            ("irc/6.9, websocket", false),
            ("", false),
        ] {
            let fields = [("connection", "upgrade"), ("upgrade", chosen)];
            let switches = Reply::Switches(chosen.parse().unwrap());
            let expected = if expected { switches } else { Reply::Unasked };
            assert_eq!(reply(101, &fields, Some(&offer)), expected, "{chosen}");
            assert_eq!(reply(101, &fields, None), Reply::Unasked);
            assert_eq!(reply(200, &fields, Some(&offer)), Reply::Stays);
        }
        let mut twice = headers(&[("upgrade", "websocket")]);
        twice.append(UPGRADE, "websocket".parse().unwrap());
        assert_eq!(Reply::of(StatusCode::SWITCHING_PROTOCOLS, &twice, Some(&offer)), Reply::Unasked);
        let required = [("connection", "upgrade"), ("upgrade", "websocket, h2c")];
        assert_eq!(reply(426, &required, Some(&offer)), Reply::Requires("websocket".parse().unwrap()));
        assert_eq!(reply(426, &required, None), Reply::Stays);
    }

    #[test]
    fn a_switch_has_no_body() {
        let mut headers =
            headers(&[("content-length", "5"), ("trailer", "x"), ("sec-websocket-accept", "x")]);
        Reply::Switches(HeaderValue::from_static("websocket")).tell(&mut headers);
        let mut names: Vec<_> = headers.keys().map(http::HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["connection", "sec-websocket-accept", "upgrade"]);
    }
}
