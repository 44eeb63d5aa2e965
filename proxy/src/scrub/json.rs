//! One line of a log in JSON, of which all that stays is byte for byte what it was.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use serde::de::IgnoredAny;

use super::edit::Edit;
use super::escapes::Unescaped;
use super::fields::Field;
use super::line;
use super::text::{Scrubber, Text};

/// Writes an object with what tells of a person replaced; the answer is no, and nothing is written, where it is none.
pub(super) fn scrub(line: &[u8], scrubber: &mut Scrubber, out: &mut Vec<u8>) -> bool {
    let is_object = line.trim_ascii_start().starts_with(b"{");
    if !is_object || serde_json::from_slice::<IgnoredAny>(line).is_err() {
        return false;
    }
    let values = values_by_object(line, scrubber);
    out.extend_from_slice(
        &Walk { line, edit: Edit::of(line), scrubber, values, within: Vec::new() }.finish(),
    );
    true
}

/// What `value` is in objects such as `{"name":"Cookie","value":"a=b"}`, whichever of the two comes first, by where they begin.
fn values_by_object(line: &[u8], scrubber: &mut Scrubber) -> HashMap<usize, Field> {
    let mut values = HashMap::new();
    // Few lines have any, and a letter can be hidden by an escape alone.
    if memchr::memmem::find(line, b"alue").is_none() && memchr::memchr(b'\\', line).is_none() {
        return values;
    }
    let (mut at, mut is_name) = (0, false);
    // Where each object begins that is open; nothing for a list.
    let mut within: Vec<Option<usize>> = Vec::new();
    while let Some(&byte) = line.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => {
                is_name = byte == b'{';
                within.push(is_name.then_some(at - 1));
            }
            b'}' | b']' => within.truncate(within.len().saturating_sub(1)),
            b',' => is_name = within.last().is_some_and(Option::is_some),
            b'"' => {
                let string = at..end_of_string(line, at);
                at = string.end + 1;
                let value = start_of_value(line, at) + 1;
                if std::mem::take(&mut is_name) && is_name_of_name(&line[string]) && line[value - 1] == b'"' {
                    let name = Unescaped::of(&line[value..end_of_string(line, value)]);
                    let field = scrubber.field(name.bytes());
                    values.extend(within.last().copied().flatten().zip(field));
                }
            }
            _ => {}
        }
    }
    values
}

fn is_name_of_name(name: &[u8]) -> bool {
    let name = Unescaped::of(name);
    [&b"header"[..], b"key", b"name"].iter().any(|one| name.bytes().eq_ignore_ascii_case(one))
}

/// Goes through a line that is known to be sound.
struct Walk<'a, 'b> {
    line: &'a [u8],
    edit: Edit<'a>,
    scrubber: &'b mut Scrubber,
    /// What `value` is in some objects, by where they begin.
    values: HashMap<usize, Field>,
    within: Vec<Open>,
}

/// An object or a list that is not closed yet.
#[derive(Debug, Clone, Copy)]
struct Open {
    is_object: bool,
    text: Text,
    /// What `value` is, beside `"name":"Cookie"`.
    value: Option<Field>,
}

impl<'a> Walk<'a, '_> {
    fn finish(mut self) -> Cow<'a, [u8]> {
        let (mut at, mut text, mut is_name) = (0, Text::Any, false);
        while let Some(&byte) = self.line.get(at) {
            at += 1;
            match byte {
                b'{' | b'[' => {
                    is_name = byte == b'{';
                    let value = self.values.get(&(at - 1)).copied();
                    self.within.push(Open { is_object: is_name, text, value });
                }
                b'}' | b']' => self.within.truncate(self.within.len().saturating_sub(1)),
                b',' => {
                    let open = self.within.last();
                    is_name = open.is_some_and(|open| open.is_object);
                    text = open.map_or(Text::Any, |open| open.text);
                }
                b'"' => {
                    let string = at..end_of_string(self.line, at);
                    at = string.end + 1;
                    if is_name {
                        is_name = false;
                        (at, text) = self.named(string, text);
                    } else {
                        self.clean(string, text);
                    }
                }
                _ => {}
            }
        }
        self.edit.finish()
    }

    /// A name has been read: where to go on, and what the texts of its value are.
    fn named(&mut self, name: Range<usize>, text: Text) -> (usize, Text) {
        let field = self.field(name.clone());
        self.clean(name.clone(), Text::Any);
        let value = start_of_value(self.line, name.end + 1);
        match field {
            Some(Field::Agent) => (value, Text::Agent),
            Some(field) if !self.is_kept(field) => (self.replace(value, field), text),
            _ => (value, text),
        }
    }

    /// What is in the field of a name; in `{"name":"Cookie","value":"a=b"}` the value is a field, too.
    fn field(&mut self, name: Range<usize>) -> Option<Field> {
        let unescaped = Unescaped::of(&self.line[name]);
        let field = self.scrubber.field(unescaped.bytes());
        let is_value =
            [&b"value"[..], b"values"].iter().any(|one| unescaped.bytes().eq_ignore_ascii_case(one));
        field.or_else(|| self.within.last().filter(|_| is_value)?.value)
    }

    fn is_kept(&self, field: Field) -> bool {
        match field {
            Field::Agent => true,
            Field::Cookie => false,
            Field::User => self.scrubber.keep.users,
            Field::Query => self.scrubber.keep.queries,
        }
    }

    /// Writes the least of its type in place of a value that says something; where that ended.
    fn replace(&mut self, start: usize, field: Field) -> usize {
        let end = end_of_value(self.line, start);
        let nothing: &[u8] = match self.line[start] {
            b'"' if field == Field::Query => br#""""#,
            b'"' => br#""-""#,
            b'{' => b"{}",
            b'[' => b"[]",
            b't' | b'f' | b'n' => return end,
            _ => b"null",
        };
        if ![nothing, br#""""#, br#""-""#].contains(&&self.line[start..end]) {
            self.edit.replace(start..end, nothing);
            let tally = &mut self.scrubber.tally;
            *match field {
                Field::Query => &mut tally.queries,
                Field::User => &mut tally.users,
                Field::Cookie | Field::Agent => &mut tally.cookies,
            } += 1;
        }
        end
    }

    fn clean(&mut self, string: Range<usize>, text: Text) {
        if let Some(line) = self.wrapped_line(string.clone()) {
            self.edit.replace(string, &line);
        } else if let Cow::Owned(cleaned) = self.scrubber.text(&self.line[string.clone()], text) {
            self.edit.replace(string, &cleaned);
        }
    }

    /// A string that is a line of an access log, as what collects the output of containers wraps it, with what tells of a person replaced.
    fn wrapped_line(&mut self, string: Range<usize>) -> Option<Vec<u8>> {
        // Its request is in quotation marks, behind a time in brackets.
        memchr::memmem::find(&self.line[string.clone()], b"] \\")?;
        let text: String = serde_json::from_slice(self.line.get(string.start - 1..=string.end)?).ok()?;
        let line = text.trim_end_matches(['\r', '\n']);
        let mut out = Vec::with_capacity(text.len());
        let done = line::scrub(line.as_bytes(), self.scrubber, &mut out)
            || line::scrub_after_site(line.as_bytes(), self.scrubber, &mut out);
        out.extend_from_slice(&text.as_bytes()[line.len()..]);
        let written = serde_json::to_string(&String::from_utf8_lossy(&out)).ok().filter(|_| done)?;
        Some(written.as_bytes()[1..written.len() - 1].to_vec())
    }
}

/// Behind the blanks and the colon that follow a name.
fn start_of_value(line: &[u8], from: usize) -> usize {
    from + line[from..].iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == b':').count()
}

fn end_of_value(line: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0_usize);
    loop {
        match line.get(at) {
            Some(b'"') => at = end_of_string(line, at + 1),
            Some(b'{' | b'[') => depth += 1,
            Some(b'}' | b']') if depth > 0 => depth -= 1,
            None | Some(b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n') if depth == 0 => return at,
            None => return line.len(),
            _ => {}
        }
        at += 1;
    }
}

/// Where the quotation mark is that ends a string.
fn end_of_string(line: &[u8], mut at: usize) -> usize {
    while let Some(mark) = memchr::memchr2(b'"', b'\\', &line[at..]) {
        if line[at + mark] == b'"' {
            return at + mark;
        }
        at += mark + 2;
    }
    line.len()
}

#[cfg(test)]
mod tests {
    use pinfold::pseudonym::EpochKey;

    use super::*;
    use crate::scrub::text::Keep;

    /// The line with `{1}` and `{2}` for the names of two addresses.
    fn scrubbed(line: &str, keep: Keep) -> Option<String> {
        let mut scrubber = Scrubber::new(EpochKey::from_root([7; 32], "scrub"), keep);
        let [one, other] = ["192.0.2.1", "2001:db8::1"]
            .map(|address| scrubber.names.of(address.parse().unwrap()).to_owned());
        let mut out = Vec::new();
        let done = scrub(line.as_bytes(), &mut scrubber, &mut out);
        assert!(done || out.is_empty());
        done.then(|| String::from_utf8(out).unwrap().replace(&one, "{1}").replace(&other, "{2}"))
    }

    #[test]
    fn what_tells_of_a_person_goes_wherever_it_stands() {
        for (line, expected) in [
            (
                r#"{"time":"x","remote_addr":"192.0.2.1","remote_user":"jo","request":"GET /a?b=c HTTP/1.1","status":200}"#,
                r#"{"time":"x","remote_addr":"{1}","remote_user":"-","request":"GET /a HTTP/1.1","status":200}"#,
            ),
            (
                r#"{"request":{"remote_ip":"192.0.2.1","uri":"/a?b","headers":{"X-Forwarded-For":["192.0.2.1, 2001:db8::1, x"],"Cookie":["a=b"],"User-Agent":["why? because"]}}}"#,
                r#"{"request":{"remote_ip":"{1}","uri":"/a","headers":{"X-Forwarded-For":["{1}, {2}, x"],"Cookie":[],"User-Agent":["why? because"]}}}"#,
            ),
            (
                r#"{"http_cookie":"sid=s","sent_http_set_cookie" : "a=b" }"#,
                r#"{"http_cookie":"-","sent_http_set_cookie" : "-" }"#,
            ),
            (r#"{"http_referer":"http://192.0.2.1/x"}"#, r#"{"http_referer":"http://{1}/x"}"#),
            (
                r#"{"x_real_ip":"192.0.2.1, 2001:db8::1","client":"192.0.2.1 "}"#,
                r#"{"x_real_ip":"{1}, {2}","client":"{1} "}"#,
            ),
            (r#"{"message":"client 192.0.2.1 asked"}"#, r#"{"message":"client {1} asked"}"#),
            (r#"{"192.0.2.1":{"[2001:db8::1]:80":1}}"#, r#"{"{1}":{"[{2}]:80":1}}"#),
            (r#"{"user":{"name":"jo","x":[{"y":"}"}]},"a":1}"#, r#"{"user":{},"a":1}"#),
            (r#"{"user_id":4711,"uid":-1.5e3}"#, r#"{"user_id":null,"uid":null}"#),
            (
                r#"{"query":{"postcode":"SW1A1AA"},"args":"a=b","params":["x"]}"#,
                r#"{"query":{},"args":"","params":[]}"#,
            ),
            (
                r#"{"log":"192.0.2.1 - jo [22/Nov/2026:10:00:00 +0000] \"GET /a?b HTTP/1.1\" 200 5 \"-\" \"x\"\n","stream":"stdout"}"#,
                r#"{"log":"{1} - - [22/Nov/2026:10:00:00 +0000] \"GET /a HTTP/1.1\" 200 5 \"-\" \"x\"\n","stream":"stdout"}"#,
            ),
            (r#"{"us\u0065r":"jo"}"#, r#"{"us\u0065r":"-"}"#),
            (r#"{"a":"\u0031\u00392.0.2.1 \u00e9"}"#, r#"{"a":"{1} \u00e9"}"#),
            (r#"{"a":"http:\/\/192.0.2.1\/b?c\"d"}"#, r#"{"a":"http:\/\/{1}\/b"}"#),
            (r#"{"a":"{\"ip\":\"\\u0031\\u00392.0.2.1\"}"}"#, r#"{"a":"{\"ip\":\"{1}\"}"}"#),
            (
                r#"{"headers":[{"name":"Cookie","value":"a=b"},{"name":"Host","value":"x"}]}"#,
                r#"{"headers":[{"name":"Cookie","value":"-"},{"name":"Host","value":"x"}]}"#,
            ),
            (
                r#"{"headers":[{"value":"a=b","name":"Cookie"},{"values":["c"],"x":{"name":"y"},"k\u0065y":"set-cookie"}],"value":"d"}"#,
                r#"{"headers":[{"value":"-","name":"Cookie"},{"values":[],"x":{"name":"y"},"k\u0065y":"set-cookie"}],"value":"d"}"#,
            ),
            (
                r#"{"user_agent":{"original":"Firefox/140.0.0.1"},"a":"Firefox/192.0.2.1"}"#,
                r#"{"user_agent":{"original":"Firefox/140.0.0.1"},"a":"Firefox/{1}"}"#,
            ),
            (r#"{"a":"\\","cookie":"\\\"","b":"192.0.2.1"}"#, r#"{"a":"\\","cookie":"-","b":"{1}"}"#),
            (r#"{"peer":"192.0.2.1:4711","n":1.50}"#, r#"{"peer":"{1}:4711","n":1.50}"#),
            (
                r#"{"mail":"jo@a.example","path":"/r/jo@a.example"}"#,
                r#"{"mail":"e-mail","path":"/r/e-mail"}"#,
            ),
        ] {
            assert_eq!(scrubbed(line, Keep::default()).as_deref(), Some(expected), "{line}");
            assert_eq!(scrubbed(expected, Keep::default()).as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn what_tells_of_nobody_is_byte_for_byte_the_same() {
        for line in [
            "{}",
            " { \"a\" : [ 1.50 , 12345678901234567890 , 1E+2 , true , null ] , \"a\" : \"\\u00e9\\/\" } ",
            r#"{"user":"-","cookie":"","query":"","session":{},"users":[],"user_id":null,"user":true}"#,
            r#"{"server_name":"a.example","name":"access","ssl_session_reused":".","http_user_agent":"Chrome/141.0.0.0"}"#,
            "{\"a\":\"\u{ff}\u{1f600}\"}",
        ] {
            assert_eq!(scrubbed(line, Keep::default()).as_deref(), Some(line));
        }
        let keep = Keep { users: true, queries: true, mails: true };
        let line = r#"{"user":{"mail":"jo@a.example"},"query":{"a":1},"path":"/a?b"}"#;
        assert_eq!(scrubbed(line, keep).as_deref(), Some(line));
        let deep = format!("{}1{}", "{\"a\":[".repeat(50_000), "]}".repeat(50_000));
        assert!(scrubbed(&deep, keep).is_some_and(|same| same == deep));
    }

    #[test]
    fn what_is_no_object_is_not_written() {
        for line in [
            "",
            "[]",
            "{",
            "192.0.2.1",
            r#"{"a":"\x22"}"#,
            r#"{"a":1}}"#,
            r#"{"a":1} 192.0.2.1"#,
            "{\"a\":\"\u{1}\"}",
        ] {
            assert_eq!(scrubbed(line, Keep::default()), None, "{line}");
        }
    }
}
