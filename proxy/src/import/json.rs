//! A line of a log in JSON: nginx and Apache as they are usually told to write it, Caddy, Traefik.

use std::borrow::Cow;
use std::fmt;

use http::StatusCode;
use pinfold::time::UnixTime;
use serde::de::{DeserializeSeed, Deserializer as _, MapAccess, SeqAccess, Visitor};

use super::entry::{Entry, asked, host_alone, method_of, path_of, status};
use crate::access_log::Stamps;

/// What an object says, if it says when what was asked and what was answered.
pub(super) fn read<'a>(line: &'a [u8], stamps: &mut Stamps) -> Option<Entry<'a>> {
    let mut fields = Fields::default();
    let mut deserializer = serde_json::Deserializer::from_slice(line);
    deserializer.deserialize_map(Reading { fields: &mut fields, field: None, in_request: false }).ok()?;
    deserializer.end().ok()?;
    let (method, path) = match (fields.method, fields.target, &fields.request) {
        (Some(method), Some(target), _) => (method_of(method.as_bytes())?, owned_path(target)?),
        (_, _, Some(request)) => {
            let (method, target) = asked(request.as_bytes())?;
            (method, Cow::Owned(path_of(target)?.into_owned()))
        }
        _ => return None,
    };
    Some(Entry {
        host: fields.host.as_deref().map(host_alone),
        at: moment(fields.time?, stamps)?,
        method,
        status: fields.status?,
        path,
        referrer: fields.referrer.map(as_bytes),
        agent: fields.agent.map(as_bytes),
    })
}

fn owned_path(target: Cow<'_, str>) -> Option<Cow<'_, str>> {
    match target {
        Cow::Borrowed(target) => path_of(target.as_bytes()),
        Cow::Owned(target) => Some(Cow::Owned(path_of(target.as_bytes())?.into_owned())),
    }
}

fn as_bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed("-") => Cow::Borrowed(b""),
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

fn moment(time: Time<'_>, stamps: &mut Stamps) -> Option<UnixTime> {
    match time {
        // Seconds, or thousandths of them.
        Time::Number(number) if number.abs() < 1e11 => Some(UnixTime::from_seconds(number as i64)),
        Time::Number(number) => Some(UnixTime::from_seconds((number / 1_000.0) as i64)),
        Time::Text(text) => {
            let of_rfc_3339 = || text.parse::<jiff::Timestamp>().ok();
            let seconds = || text.parse::<f64>().ok().filter(|number| number.is_finite());
            stamps
                .read(text.trim_matches(['[', ']']).as_bytes())
                .or_else(|| of_rfc_3339().map(|at| UnixTime::from_seconds(at.as_second())))
                .or_else(|| moment(Time::Number(seconds()?), stamps))
        }
    }
}

#[derive(Default)]
struct Fields<'a> {
    time: Option<Time<'a>>,
    request: Option<Cow<'a, str>>,
    method: Option<Cow<'a, str>>,
    target: Option<Cow<'a, str>>,
    status: Option<StatusCode>,
    referrer: Option<Cow<'a, str>>,
    agent: Option<Cow<'a, str>>,
    host: Option<Cow<'a, str>>,
}

enum Time<'a> {
    Number(f64),
    Text(Cow<'a, str>),
}

/// What a field is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Agent,
    Host,
    Method,
    Referrer,
    Request,
    Status,
    Target,
    Time,
}

/// Names of fields, in lower case with `_` for `-`.
const FIELDS: &[(&str, Field)] = &[
    ("agent", Field::Agent),
    ("http_user_agent", Field::Agent),
    ("request_user_agent", Field::Agent),
    ("user_agent", Field::Agent),
    ("useragent", Field::Agent),
    ("http_host", Field::Host),
    ("requesthost", Field::Host),
    ("server_name", Field::Host),
    ("vhost", Field::Host),
    ("http_method", Field::Method),
    ("method", Field::Method),
    ("request_method", Field::Method),
    ("requestmethod", Field::Method),
    ("http_referer", Field::Referrer),
    ("http_referrer", Field::Referrer),
    ("referer", Field::Referrer),
    ("referrer", Field::Referrer),
    ("request_referer", Field::Referrer),
    ("request", Field::Request),
    ("request_line", Field::Request),
    ("downstreamstatus", Field::Status),
    ("response_code", Field::Status),
    ("response_status", Field::Status),
    ("status", Field::Status),
    ("status_code", Field::Status),
    ("path", Field::Target),
    ("request_path", Field::Target),
    ("request_uri", Field::Target),
    ("requestpath", Field::Target),
    ("uri", Field::Target),
    ("url", Field::Target),
    ("@timestamp", Field::Time),
    ("msec", Field::Time),
    ("startutc", Field::Time),
    ("time", Field::Time),
    ("time_iso8601", Field::Time),
    ("time_local", Field::Time),
    ("timestamp", Field::Time),
    ("ts", Field::Time),
];

fn field_of(name: &str, in_request: bool) -> Option<Field> {
    let same = |known: &str| {
        let letter = |byte: u8| if byte == b'-' { b'_' } else { byte.to_ascii_lowercase() };
        known.len() == name.len()
            && known.bytes().zip(name.bytes()).all(|(known, byte)| known == letter(byte))
    };
    // Elsewhere it is the machine that wrote the log.
    if in_request && same("host") {
        return Some(Field::Host);
    }
    FIELDS.iter().find(|(known, _)| same(known)).map(|(_, field)| *field)
}

/// Reads a value into the field it stands in. Of a list the first counts, of an object each field; of several fields about one
/// thing the first.
struct Reading<'f, 'a> {
    fields: &'f mut Fields<'a>,
    field: Option<Field>,
    in_request: bool,
}

impl<'a> Reading<'_, 'a> {
    fn text(self, text: Cow<'a, str>) {
        let Self { fields, field, .. } = self;
        let place = match field {
            Some(Field::Agent) => &mut fields.agent,
            Some(Field::Host) => &mut fields.host,
            Some(Field::Method) => &mut fields.method,
            Some(Field::Referrer) => &mut fields.referrer,
            Some(Field::Request) => &mut fields.request,
            Some(Field::Target) => &mut fields.target,
            Some(Field::Status) => {
                fields.status = fields.status.or_else(|| status(text.as_bytes()));
                return;
            }
            Some(Field::Time) => {
                fields.time.get_or_insert(Time::Text(text));
                return;
            }
            None => return,
        };
        place.get_or_insert(text);
    }

    fn number(self, number: f64) {
        match self.field {
            Some(Field::Status) if (100.0..600.0).contains(&number) => {
                self.fields.status = self.fields.status.or_else(|| StatusCode::from_u16(number as u16).ok());
            }
            Some(Field::Time) => {
                self.fields.time.get_or_insert(Time::Number(number));
            }
            _ => {}
        }
    }
}

impl<'a> DeserializeSeed<'a> for Reading<'_, 'a> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Reading<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of a log")
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<(), E> {
        self.text(Cow::Borrowed(text));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.text(Cow::Owned(text.to_owned()));
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.number(number as f64);
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.number(number as f64);
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.number(number);
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { fields, field, in_request } = self;
        while list.next_element_seed(Reading { fields: &mut *fields, field, in_request })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'a>>(self, mut object: A) -> Result<(), A::Error> {
        let Self { fields, field, in_request } = self;
        let in_request = in_request || field == Some(Field::Request);
        while let Some(found) = object.next_key_seed(Name { in_request })? {
            object.next_value_seed(Reading { fields: &mut *fields, field: found, in_request })?;
        }
        Ok(())
    }
}

/// Reads the name of a field: what it is about.
struct Name {
    in_request: bool,
}

impl<'a> DeserializeSeed<'a> for Name {
    type Value = Option<Field>;

    fn deserialize<D: serde::Deserializer<'a>>(self, deserializer: D) -> Result<Option<Field>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<Field>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E>(self, name: &str) -> Result<Option<Field>, E> {
        Ok(field_of(name, self.in_request))
    }
}

#[cfg(test)]
mod tests {
    use pinfold::audit::MethodClass;

    use super::*;

    #[test]
    fn what_servers_write() {
        for (line, says) in [
            (
                r#"{"time_local":"22/Nov/2026:10:00:00 +0000","remote_addr":"192.0.2.1","request":"GET /bins?a HTTP/1.1","status":"200","http_referer":"-","http_user_agent":"Firefox"}"#,
                Some("? 2026-11-22T10:00:00Z GET 200 /bins <> <Firefox>"),
            ),
            (
                r#"{"time_iso8601":"2026-11-22T11:00:00+01:00","request_method":"POST","request_uri":"\/pay?x=1","status":303,"http_host":"www.town.example"}"#,
                Some("www.town.example 2026-11-22T10:00:00Z POST 303 /pay <?> <?>"),
            ),
            (
                r#"{"level":"info","ts":1795341600.123,"logger":"http.log.access","request":{"remote_ip":"192.0.2.1","proto":"HTTP/2.0","method":"GET","host":"www.town.example:443","uri":"/bins","headers":{"User-Agent":["Firefox"],"Referer":["https://x.example/"]},"tls":{"server_name":"other.example"}},"duration":0.1,"size":9,"status":200,"resp_headers":{"Content-Type":["text/html"]}}"#,
                Some("www.town.example 2026-11-22T10:00:00Z GET 200 /bins <https://x.example/> <Firefox>"),
            ),
            (
                r#"{"StartUTC":"2026-11-22T10:00:00.5Z","RequestMethod":"GET","RequestPath":"/a","DownstreamStatus":404,"request_User-Agent":"x"}"#,
                Some("? 2026-11-22T10:00:00Z GET 404 /a <?> <x>"),
            ),
            (
                r#"{"msec":"1795341600.000","method":"GET","uri":"/a","status":200,"host":"web-3"}"#,
                Some("? 2026-11-22T10:00:00Z GET 200 /a <?> <?>"),
            ),
            (
                r#"{"timestamp":1795341600123,"method":"GET","uri":"/a","status":200}"#,
                Some("? 2026-11-22T10:00:00Z GET 200 /a <?> <?>"),
            ),
            (r#"{"method":"GET","uri":"/a","status":200}"#, None),
            (r#"{"ts":1,"method":"GET","uri":"/a","status":7}"#, None),
            (r#"{"ts":1,"method":"GET","uri":"/a","status":200} x"#, None),
            (r#"{"ts":1,"method":"GET","uri":"/a","status":200"#, None),
            ("[]", None),
            ("", None),
        ] {
            let entry = read(line.as_bytes(), &mut Stamps::default());
            let said = entry.map(|entry| {
                let text = |field: &Option<Cow<'_, [u8]>>| {
                    field.as_ref().map_or("?".to_owned(), |field| String::from_utf8_lossy(field).into_owned())
                };
                format!(
                    "{} {} {} {} {} <{}> <{}>",
                    entry.host.as_deref().unwrap_or("?"),
                    entry.at,
                    entry.method.name(),
                    entry.status.as_u16(),
                    entry.path,
                    text(&entry.referrer),
                    text(&entry.agent)
                )
            });
            assert_eq!(said.as_deref(), says, "{line}");
        }
        let deep = "{\"a\":".repeat(100_000);
        assert!(read(deep.as_bytes(), &mut Stamps::default()).is_none());
    }

    #[test]
    fn methods_of_their_own_are_other() {
        let line = br#"{"ts":1,"method":"PURGE","uri":"/a","status":200}"#;
        assert_eq!(read(line, &mut Stamps::default()).unwrap().method, MethodClass::Other);
    }
}
