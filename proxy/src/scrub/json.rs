//! One line of a log in JSON.

use std::net::{IpAddr, SocketAddr};

use serde_json::Value;

use super::line::Keep;
use super::names::Names;

/// Fields in which user names stand.
const USERS: [&str; 5] = ["auth_user", "remote_user", "user", "user_id", "username"];

/// Fields that hold nothing but what follows `?`.
const QUERIES: [&str; 4] = ["args", "query", "query_params", "query_string"];

/// Fields of requests that tell who somebody is.
const SECRETS: [&str; 4] = ["authorization", "cookie", "proxy_authorization", "set_cookie"];

/// Writes an object with every address in it replaced; the answer is no, and nothing is written, where it is none.
pub(super) fn scrub(line: &[u8], keep: Keep, names: &mut Names, out: &mut Vec<u8>) -> bool {
    let Ok(mut object @ Value::Object(_)) = serde_json::from_slice::<Value>(line) else { return false };
    clean("", &mut object, keep, names);
    serde_json::to_writer(out, &object).is_ok()
}

fn clean(field: &str, value: &mut Value, keep: Keep, names: &mut Names) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                let field = field.to_ascii_lowercase().replace('-', "_");
                clean(&field, value, keep, names);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| clean(field, value, keep, names)),
        Value::String(text) => {
            if let Some(cleaned) = cleaned(field, text, keep, names) {
                *text = cleaned;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn cleaned(field: &str, text: &str, keep: Keep, names: &mut Names) -> Option<String> {
    if SECRETS.contains(&field) || (!keep.users && USERS.contains(&field)) {
        return Some("-".to_owned());
    }
    if !keep.queries && QUERIES.contains(&field) {
        return Some(String::new());
    }
    if is_list_of_addresses(field) {
        let list: Vec<_> = text.split(',').map(|word| name(word.trim(), names)).collect();
        return Some(
            list.into_iter()
                .map(|name| name.unwrap_or_else(|| "-".to_owned()))
                .collect::<Vec<_>>()
                .join(", "),
        );
    }
    if let Some(name) = name(text, names) {
        return Some(name);
    }
    let query = text.find('?').filter(|_| !keep.queries && looks_like_an_address_of_a_page(text))?;
    let version = text[query..].rfind(" HTTP/").map(|version| &text[query + version..]).unwrap_or_default();
    Some(format!("{}{version}", &text[..query]))
}

/// Fields in which proxies write whom they speak for.
fn is_list_of_addresses(field: &str) -> bool {
    field.contains("forwarded")
        && !field.contains("proto")
        && !field.contains("host")
        && !field.contains("port")
}

/// The name of an address, which may have a port.
fn name(word: &str, names: &mut Names) -> Option<String> {
    if let Ok(address) = word.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Some(names.of(address).to_owned());
    }
    let socket = word.parse::<SocketAddr>().ok()?;
    Some(SocketAddr::new(names.of(socket.ip()).parse().ok()?, socket.port()).to_string())
}

/// `/path?query`, `https://site/path?query` or `GET /path?query HTTP/1.1`.
fn looks_like_an_address_of_a_page(text: &str) -> bool {
    text.starts_with('/')
        || text.contains("://")
        || text.split(' ').nth(1).is_some_and(|word| word.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use pinfold::pseudonym::EpochKey;

    use super::*;

    #[test]
    fn addresses_go_wherever_they_stand() {
        let mut names = Names::new(EpochKey::from_root([7; 32], "scrub"));
        let [one, other] =
            ["192.0.2.1", "198.51.100.7"].map(|address| names.of(address.parse().unwrap()).to_owned());
        for (line, expected) in [
            (
                r#"{"time":"x","remote_addr":"192.0.2.1","remote_user":"jo","request":"GET /a?b=c HTTP/1.1","status":200}"#,
                r#"{"time":"x","remote_addr":"{1}","remote_user":"-","request":"GET /a HTTP/1.1","status":200}"#,
            ),
            (
                r#"{"request":{"remote_ip":"192.0.2.1","uri":"/a?b","headers":{"X-Forwarded-For":["192.0.2.1, 198.51.100.7, x"],"Cookie":["a=b"],"User-Agent":["why? because"]}}}"#,
                r#"{"request":{"remote_ip":"{1}","uri":"/a","headers":{"X-Forwarded-For":["{1}, {2}, -"],"Cookie":["-"],"User-Agent":["why? because"]}}}"#,
            ),
            (r#"{"peer":"192.0.2.1:4711","n":1.5}"#, r#"{"peer":"{1}:4711","n":1.5}"#),
        ] {
            let mut out = Vec::new();
            assert!(scrub(line.as_bytes(), Keep::default(), &mut names, &mut out));
            let text = String::from_utf8(out).unwrap().replace(&one, "{1}").replace(&other, "{2}");
            assert_eq!(text, expected);
        }
        for line in ["", "[]", "{", "192.0.2.1"] {
            let mut out = Vec::new();
            assert!(
                !scrub(line.as_bytes(), Keep::default(), &mut names, &mut out) && out.is_empty(),
                "{line}"
            );
        }
    }
}
