use std::fmt::Write as _;
use std::net::IpAddr;

use http::header::CACHE_CONTROL;
use pinfold::client_ip::{AddressSource, ClientIpResolver};
use pinfold::consent::{Action, Answerer, ChoiceState, CookieExplanation, Explanation};
use serde::Serialize;

use super::door::Door;

/// What is said of a recorded request and answer.
#[derive(Debug, Serialize)]
pub(crate) struct Account {
    client: Client,
    door: Door,
    answered_by: String,
    choice: &'static str,
    why: String,
    granted: Vec<String>,
    preferred: Option<String>,
    request_cookies: Vec<Cookie>,
    response_cookies: Vec<Cookie>,
    answer: Option<Answer>,
    #[serde(skip)]
    reaches_site: bool,
}

#[derive(Debug, Serialize)]
struct Client {
    address: Option<String>,
    source: &'static str,
    why: &'static str,
}

#[derive(Debug, Serialize)]
struct Cookie {
    name: String,
    action: &'static str,
    why: String,
}

#[derive(Debug, Serialize)]
struct Answer {
    asks: bool,
    set_cookie: Vec<String>,
    cache_control: Option<String>,
    content_security_policy: Vec<String>,
}

impl Account {
    pub(crate) fn new(
        resolver: &ClientIpResolver,
        peer: IpAddr,
        fields: &http::HeaderMap,
        door: Door,
        explained: Explanation,
    ) -> Self {
        let reaches_site =
            matches!(explained.answerer, Answerer::Site | Answerer::CookiesPage { within_site: true });
        let answers = explained.answerer == Answerer::Site;
        Self {
            client: client(resolver, peer, fields),
            door,
            answered_by: answered_by(explained.answerer),
            reaches_site,
            choice: match explained.state {
                ChoiceState::Decided => "decided",
                ChoiceState::Signal => "refused by signal",
                _ => "undecided",
            },
            why: explained.why,
            granted: explained.granted,
            preferred: explained.preferred,
            request_cookies: explained.sent.into_iter().filter(|_| reaches_site).map(Cookie::of).collect(),
            response_cookies: explained.set.into_iter().filter(|_| answers).map(Cookie::of).collect(),
            answer: explained.answer.filter(|_| answers).map(|fields| {
                let all = |name: &str| -> Vec<String> {
                    let values = fields.get_all(name).into_iter();
                    values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
                };
                Answer {
                    asks: explained.asks,
                    set_cookie: all("set-cookie").into_iter().map(|field| without_value(&field)).collect(),
                    cache_control: fields
                        .get(CACHE_CONTROL)
                        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
                    content_security_policy: all("content-security-policy"),
                }
            }),
        }
    }

    pub(crate) fn to_json(&self) -> String {
        // There is nothing in it that could not be written.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        let address = self.client.address.as_deref().unwrap_or("unknown");
        let _ = writeln!(text, "client    {address}: {}", self.client.why);
        text.push_str(&self.door.to_text());
        let _ = writeln!(text, "answer    {}", self.answered_by);
        let _ = writeln!(text, "choice    {}: {}", self.choice, self.why);
        let granted = if self.granted.is_empty() {
            "nothing beyond what is strictly necessary".to_owned()
        } else {
            self.granted.join(", ")
        };
        let _ = writeln!(text, "allowed   {granted}");
        if let Some(preferred) = &self.preferred {
            let _ = writeln!(text, "prefers   {preferred}");
        }
        if !self.reaches_site {
            return text;
        }
        write_cookies(&mut text, "cookies that the browser sent", &self.request_cookies);
        if let Some(answer) = &self.answer {
            write_cookies(&mut text, "cookies that the site set", &self.response_cookies);
            let _ = writeln!(text, "\nthe answer as the visitor gets it");
            let _ = writeln!(text, "  banner         {}", if answer.asks { "yes" } else { "no" });
            let _ =
                writeln!(text, "  Cache-Control  {}", answer.cache_control.as_deref().unwrap_or("(none)"));
            for field in &answer.set_cookie {
                let _ = writeln!(text, "  Set-Cookie     {field}");
            }
            for field in &answer.content_security_policy {
                let _ = writeln!(text, "  Content-Security-Policy  {field}");
            }
        }
        text
    }
}

fn answered_by(answerer: Answerer) -> String {
    match answerer {
        Answerer::CookiesPage { within_site: false } => {
            "by Pinfold itself, the cookies page: nothing reaches the site".to_owned()
        }
        Answerer::CookiesPage { within_site: true } => {
            "by Pinfold itself, the cookies page, within a page that the site is asked for".to_owned()
        }
        Answerer::Form => {
            "by Pinfold itself, which keeps the choice of the form and answers 303: nothing reaches the site"
                .to_owned()
        }
        Answerer::Pinfold(status) => {
            format!("by Pinfold itself, with {}: nothing reaches the site", status.as_u16())
        }
        _ => "by the site".to_owned(),
    }
}

fn write_cookies(text: &mut String, title: &str, cookies: &[Cookie]) {
    let _ = writeln!(text, "\n{title}");
    if cookies.is_empty() {
        let _ = writeln!(text, "  none");
    }
    let width = cookies.iter().map(|cookie| cookie.name.chars().count()).max().unwrap_or_default();
    for Cookie { name, action, why } in cookies {
        let name = if name.is_empty() { "(no name)" } else { name };
        let _ = writeln!(text, "  {name:width$}  {action}: {why}");
    }
}

impl Cookie {
    fn of(explained: CookieExplanation) -> Self {
        let action = match explained.action {
            Action::Passed => "passed",
            Action::Withheld => "held",
            Action::WouldWithhold => "passed in report mode, would be held",
            other => other.name(),
        };
        // A name may be anything that somebody sent.
        let name =
            explained.name.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect();
        Self { name, action, why: explained.why }
    }
}

/// What is recorded may be shown to others: values stay out of it.
fn without_value(field: &str) -> String {
    let (pair, attributes) = field.split_once(';').unwrap_or((field, ""));
    // Without `=` all of it is a value (RFC 6265bis section 5.7).
    let (name, value) = pair.split_once('=').unwrap_or(("", pair));
    let value = if value.is_empty() { "" } else { "..." };
    if attributes.is_empty() { format!("{name}={value}") } else { format!("{name}={value};{attributes}") }
}

fn client(resolver: &ClientIpResolver, peer: IpAddr, fields: &http::HeaderMap) -> Client {
    let Some(found) = resolver.resolve(Some(peer), fields) else {
        return Client { address: None, source: "unknown", why: "the peer is not known" };
    };
    let written = ["x-forwarded-for", "forwarded"].into_iter().flat_map(|name| fields.get_all(name));
    let written = written
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split([',', ';', ' ', '=', '"']));
    let named = written.filter_map(|word| {
        word.trim_matches(['[', ']'])
            .parse()
            .ok()
            .or_else(|| word.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()))
    });
    let address = std::iter::once(peer)
        .chain(named)
        .find(|address| found.is(*address))
        .map(|address| address.to_string());
    let why = match found.source() {
        AddressSource::Forwarded => "the nearest address in Forwarded that is no trusted proxy",
        AddressSource::XForwardedFor => "the nearest address in X-Forwarded-For that is no trusted proxy",
        AddressSource::ProxyProtocol => {
            "the peer, as a trusted proxy announced it at the start of the connection"
        }
        AddressSource::Peer => "the peer itself: it is not trusted to name another, or names none",
        _ => "the last sound address to the right of an entry that is none",
    };
    Client { address, source: found.source().name(), why }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_out() {
        for (field, expected) in [
            ("a=b; Path=/", "a=...; Path=/"),
            ("a=; Path=/", "a=; Path=/"),
            ("a=b=c", "a=..."),
            ("s3cr3t; Path=/", "=...; Path=/"),
            ("=s3cr3t", "=..."),
        ] {
            assert_eq!(without_value(field), expected);
        }
    }
}
