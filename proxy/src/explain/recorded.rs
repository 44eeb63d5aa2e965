use http::{HeaderName, HeaderValue, Request, Response, Version, request, response};

use crate::serve::{Refused, judge_head};

/// A request, and perhaps the answer to it, as text.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// Unless the door does not even read it.
    pub(crate) request: Result<request::Parts, Refused>,
    pub(crate) response: Option<response::Parts>,
}

/// How many fields a head may have.
const MOST_FIELDS: usize = 256;

impl Recorded {
    /// Reads heads as they go over the wire, or as `curl -v` prints them, with any line ends. Bodies are passed over.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let from_curl = text.lines().any(|line| line.starts_with("> ")) && text.lines().all(is_of_curl);
        let (request, response) = if from_curl {
            let marked = |mark: &str| -> String {
                let lines = text.lines().filter_map(|line| line.strip_prefix(mark));
                lines.map(|line| format!("{}\r\n", line.strip_prefix(' ').unwrap_or(line))).collect()
            };
            (head(&marked(">")), Some(last_head(&marked("<"))).filter(|head| !head.trim().is_empty()))
        } else {
            let begins = text.lines().skip(1).position(|line| line.starts_with("HTTP/"));
            let lines: Vec<_> = text.lines().collect();
            let (first, rest) = lines.split_at(begins.map_or(lines.len(), |place| place + 1));
            (head(&first.join("\r\n")), (!rest.is_empty()).then(|| last_head(&rest.join("\r\n"))))
        };
        match read_request(&request)? {
            Ok(request) => {
                let response = response.map(|response| read_response(&response)).transpose()?;
                Ok(Self { request: Ok(request), response })
            }
            // Nobody is asked for an answer.
            Err(refused) => Ok(Self { request: Err(refused), response: None }),
        }
    }
}

fn is_of_curl(line: &str) -> bool {
    line.is_empty()
        || ["> ", "< ", "* ", "{ ", "} "].iter().any(|mark| line.starts_with(mark))
        || [">", "<"].contains(&line)
}

/// The lines up to the first empty one, ended as on the wire.
fn head(text: &str) -> String {
    let lines = text
        .trim_start_matches(['\r', '\n'])
        .lines()
        .take_while(|line| !line.trim_end_matches('\r').is_empty());
    let mut head: String = lines.map(|line| format!("{}\r\n", line.trim_end_matches('\r'))).collect();
    head.push_str("\r\n");
    head
}

/// The head of the answer itself: of those that only say that it is to come (RFC 9110 section 15.2) nothing is asked.
fn last_head(text: &str) -> String {
    let mut rest = text.trim_start_matches(['\r', '\n']);
    loop {
        let head = head(rest);
        let status = head.lines().next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
        let is_interim = status.len() == 3 && status.starts_with('1') && status != "101";
        let Some(next) = rest.find("\nHTTP/").filter(|_| is_interim) else { return head };
        rest = &rest[next + 1..];
    }
}

fn read_request(head: &str) -> Result<Result<request::Parts, Refused>, String> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut parsed = httparse::Request::new(&mut fields);
    let wrong = |what: &str| {
        format!(
            "the request cannot be read: {what} (record it as `GET / HTTP/1.1` with its fields, a line each)"
        )
    };
    let (line, rest) = head.split_once("\r\n").unwrap_or((head, ""));
    if line.rsplit(' ').next().is_none_or(|version| !version.starts_with("HTTP/")) {
        return Err(wrong("it does not begin as a request does"));
    }
    // As of the answer.
    let newer = line.strip_suffix(" HTTP/2").or_else(|| line.strip_suffix(" HTTP/3"));
    let head = newer.map_or_else(|| head.to_owned(), |line| format!("{line} HTTP/1.1\r\n{rest}"));
    // Newer versions cannot be malformed as lines can. What was no UTF-8 is none again.
    if newer.is_none()
        && let Err(refused) = judge_head(&unreplaced(&head))
    {
        return Ok(Err(refused));
    }
    match parsed.parse(head.as_bytes()) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(wrong("it is not whole")),
        Err(error) => return Err(wrong(&error.to_string())),
    }
    let version = if newer.is_some() { Version::HTTP_2 } else { Version::HTTP_11 };
    let mut request = Request::builder()
        .method(parsed.method.unwrap_or("GET"))
        .uri(parsed.path.unwrap_or("/"))
        .version(version);
    for field in parsed.headers.iter() {
        let (name, value) = read_field(field).ok_or_else(|| wrong(&format!("the field `{}`", field.name)))?;
        request = request.header(name, value);
    }
    let request = request.body(()).map_err(|error| wrong(&error.to_string()))?;
    Ok(Ok(request.into_parts().0))
}

fn unreplaced(text: &str) -> Vec<u8> {
    let parts: Vec<_> = text.split(char::REPLACEMENT_CHARACTER).map(str::as_bytes).collect();
    parts.join(&b'\xff')
}

fn read_response(head: &str) -> Result<response::Parts, String> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut parsed = httparse::Response::new(&mut fields);
    let wrong = |what: &str| {
        format!(
            "the answer cannot be read: {what} (record it as `HTTP/1.1 200 OK` with its fields, a line each)"
        )
    };
    // `curl` writes `HTTP/2 200`; for what is asked here all versions are alike.
    let (line, rest) = head.split_once("\r\n").unwrap_or((head, ""));
    let (_, status) = line.split_once(' ').unwrap_or((line, ""));
    let head = format!("HTTP/1.1 {status}\r\n{rest}");
    match parsed.parse(head.as_bytes()) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(wrong("it is not whole")),
        Err(error) => return Err(wrong(&error.to_string())),
    }
    let mut response = Response::builder().status(parsed.code.unwrap_or(200));
    for field in parsed.headers.iter() {
        let (name, value) = read_field(field).ok_or_else(|| wrong(&format!("the field `{}`", field.name)))?;
        response = response.header(name, value);
    }
    let response = response.body(()).map_err(|error| wrong(&error.to_string()))?;
    Ok(response.into_parts().0)
}

fn read_field(field: &httparse::Header<'_>) -> Option<(HeaderName, HeaderValue)> {
    Some((HeaderName::from_bytes(field.name.as_bytes()).ok()?, HeaderValue::from_bytes(field.value).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_answers_in_every_form() {
        for text in [
            "GET /bins HTTP/1.1\r\nHost: town.example\r\nCookie: a=1\r\n\r\nHTTP/1.1 200 OK\r\nSet-Cookie: b=2\r\n\r\n<p>HTTP/1.1",
            "GET /bins HTTP/1.1\nHost: town.example\nCookie: a=1\n\nHTTP/2 200\nSet-Cookie: b=2\n",
            "\nGET /bins HTTP/1.1\nHost: town.example\nCookie: a=1\n\nsome=body\nHTTP/1.1 200 OK\nSet-Cookie: b=2",
            "* Connected\n> GET /bins HTTP/2\n> Host: town.example\n> Cookie: a=1\n>\n< HTTP/2 200 \n< set-cookie: b=2\n<\n",
            "> GET /bins HTTP/1.1\n> Cookie: a=1\n>\n< HTTP/1.1 100 Continue\n<\n< HTTP/1.1 103 Early Hints\n< link: x\n<\n< HTTP/1.1 200 OK\n< set-cookie: b=2\n<\n",
            "GET /bins HTTP/1.1\nCookie: a=1\n\nHTTP/1.1 103 Early Hints\nLink: x\n\nHTTP/1.1 200 OK\nSet-Cookie: b=2\n\n",
        ] {
            let recorded = Recorded::read(text).unwrap();
            let request = recorded.request.unwrap();
            assert_eq!(request.uri, "/bins", "{text}");
            assert_eq!(request.headers["cookie"], "a=1");
            assert_eq!(recorded.response.unwrap().headers["set-cookie"], "b=2");
        }
        assert!(Recorded::read("GET / HTTP/1.1\nHost: x").unwrap().response.is_none());
    }

    #[test]
    fn nonsense_is_named() {
        for (text, words) in [
            ("", "the request cannot be read"),
            ("hello", "the request cannot be read"),
            ("GET /", "the request cannot be read"),
            ("GET / HTTP/1.1\nA: b\n\nHTTP/1.1 abc\n", "the answer cannot be read"),
        ] {
            let error = Recorded::read(text).unwrap_err();
            assert!(error.contains(words), "{text:?}: {error}");
        }
    }

    #[test]
    fn what_the_door_does_not_read() {
        for (text, status) in [
            ("GET / HTTP/1.1\nno colon", 400),
            ("GET / HTTP/1.1\nHost: a\n folded", 400),
            ("> GET / HTTP/1.1\n> Host: a\n>  folded: x\n>\n", 400),
            ("GET / HTTP/1.1\nHost : a", 400),
            ("GET / HTTP/1.1\nHost: a\rb", 400),
            ("GET  / HTTP/1.1\nHost: a", 400),
            ("GET /\u{fffd} HTTP/1.1\nHost: a", 400),
            ("POST / HTTP/1.1\nHost: a\nContent-Length: 3\nTransfer-Encoding: chunked", 400),
            ("POST / HTTP/1.1\nHost: a\nContent-Length: 3\nContent-Length: 3", 400),
            ("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: gzip", 501),
            ("TRACE / HTTP/1.1\nHost: a", 405),
            ("GET / HTTP/1.2\nHost: a", 505),
        ] {
            let refused = Recorded::read(text).unwrap().request.unwrap_err();
            assert_eq!(refused.status.as_u16(), status, "{text}");
        }
        // Such a byte may stand in a value.
        let text = "GET / HTTP/1.1\nHost: a\nX: caf\u{fffd}\n";
        assert!(Recorded::read(text).unwrap().request.is_ok());
    }
}
