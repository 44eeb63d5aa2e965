//! Two readers of HTTP/1 requests, one with httparse at its heart, one written by the letter of RFC 9112.

use httparse::{EMPTY_HEADER, Header, Status, parse_chunk_size, parse_headers};

use crate::naive::is_token;

/// Fields in order, their names in lower case.
pub(crate) type Fields = Vec<(String, Vec<u8>)>;

/// A request as it was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) method: String,
    pub(crate) target: String,
    minor: u8,
    pub(crate) fields: Fields,
    /// Nothing where more of it must come.
    pub(crate) body: Option<Vec<u8>>,
}

/// How the end of a body is found.
enum Framing {
    Length(usize),
    Chunked,
}

impl Message {
    fn framing(&self) -> Result<Framing, String> {
        let values = |name: &str| -> Vec<&[u8]> {
            self.fields.iter().filter(|(its, _)| its == name).map(|(_, value)| &value[..]).collect()
        };
        match (&values("transfer-encoding")[..], &values("content-length")[..]) {
            ([], []) => Ok(Framing::Length(0)),
            ([], [length]) if !length.is_empty() && length.iter().all(u8::is_ascii_digit) => {
                let length = std::str::from_utf8(length).ok().and_then(|digits| digits.parse().ok());
                length.map(Framing::Length).ok_or_else(|| "a length is too great".to_owned())
            }
            ([coding], []) if coding.eq_ignore_ascii_case(b"chunked") && self.minor == 1 => {
                Ok(Framing::Chunked)
            }
            framing => Err(format!("{framing:?} is no framing")),
        }
    }
}

/// Every request of a connection.
pub(crate) fn by_httparse(mut rest: &[u8]) -> Result<Vec<Message>, String> {
    let mut found = Vec::new();
    while !rest.is_empty() {
        let mut fields = [EMPTY_HEADER; 128];
        let mut request = httparse::Request::new(&mut fields);
        let Ok(Status::Complete(length)) = request.parse(rest) else {
            return Err("httparse reads no head".to_owned());
        };
        let mut message = Message {
            method: request.method.unwrap_or_default().to_owned(),
            target: request.path.unwrap_or_default().to_owned(),
            minor: request.version.unwrap_or_default(),
            fields: request.headers.iter().map(owned).collect(),
            body: None,
        };
        let (body, length_of_body) = match message.framing()? {
            Framing::Length(length_of_body) => {
                (rest[length..].get(..length_of_body).map(<[u8]>::to_vec), length_of_body)
            }
            Framing::Chunked => chunked_by_httparse(&rest[length..])?,
        };
        let is_whole = body.is_some();
        message.body = body;
        found.push(message);
        if !is_whole {
            break;
        }
        rest = &rest[length + length_of_body..];
    }
    Ok(found)
}

fn owned(field: &Header<'_>) -> (String, Vec<u8>) {
    (field.name.to_ascii_lowercase(), field.value.to_vec())
}

pub(crate) fn chunked_by_httparse(all: &[u8]) -> Result<(Option<Vec<u8>>, usize), String> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let (start, size) = match parse_chunk_size(&all[at..]) {
            Ok(Status::Complete((start, size))) => (at + start, size),
            Ok(Status::Partial) => return Ok((None, 0)),
            Err(_) => return Err("httparse reads no size of a chunk".to_owned()),
        };
        if size == 0 {
            let mut trailers = [EMPTY_HEADER; 128];
            return match parse_headers(&all[start..], &mut trailers) {
                Ok(Status::Complete((length, _))) => Ok((Some(body), start + length)),
                Ok(Status::Partial) => Ok((None, 0)),
                Err(error) => Err(format!("httparse reads no trailers: {error}")),
            };
        }
        let end = usize::try_from(size).ok().and_then(|size| start.checked_add(size));
        let Some(data) = end.and_then(|end| all.get(start..end)) else { return Ok((None, 0)) };
        body.extend_from_slice(data);
        at = start + data.len();
        match all.get(at..at + 2) {
            Some(b"\r\n") => at += 2,
            Some(_) => return Err("a chunk does not end where it says".to_owned()),
            None => return Ok((None, 0)),
        }
    }
}

/// Every request of a connection.
pub(crate) fn by_the_letter(bytes: &[u8]) -> Result<Vec<Message>, String> {
    let (mut rest, mut found) = (Rest(bytes), Vec::new());
    while !rest.0.is_empty() {
        let mut line = rest.line()?.ok_or("a head is cut")?;
        if line.is_empty() {
            line = rest.line()?.ok_or("a head is cut")?;
        }
        let parts: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
        let [method, target, version] = parts[..] else { return Err("a line has three parts".to_owned()) };
        let minor = match version {
            b"HTTP/1.0" => 0,
            b"HTTP/1.1" => 1,
            _ => return Err("that is no version".to_owned()),
        };
        if !is_token(method) || target.is_empty() || target.iter().any(|&byte| byte <= b' ' || byte == 127) {
            return Err("that is no method, or no target".to_owned());
        }
        let fields = rest.fields()?.ok_or("a head is cut")?;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| "that is no text".to_owned());
        let mut message = Message { method: text(method)?, target: text(target)?, minor, fields, body: None };
        message.body = match message.framing()? {
            Framing::Length(length) => rest.take(length).map(<[u8]>::to_vec),
            Framing::Chunked => rest.chunks()?,
        };
        let is_whole = message.body.is_some();
        found.push(message);
        if !is_whole {
            break;
        }
    }
    Ok(found)
}

/// What has not been read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// A line without its end; nothing where it has none yet.
    fn line(&mut self) -> Result<Option<&'a [u8]>, String> {
        let Some(end) = self.0.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else { return Ok(None) };
        let line = &self.0[..end];
        match self.0.get(end..end + 2) {
            Some(b"\r\n") => self.0 = &self.0[end + 2..],
            None if self.0[end] == b'\r' => return Ok(None),
            _ => return Err("a line does not end in CRLF".to_owned()),
        }
        if line.iter().any(|&byte| byte < b' ' && byte != b'\t' || byte == 127) {
            return Err("a control is in a line".to_owned());
        }
        Ok(Some(line))
    }

    /// Up to the empty line.
    fn fields(&mut self) -> Result<Option<Fields>, String> {
        let mut fields = Vec::new();
        loop {
            let Some(line) = self.line()? else { return Ok(None) };
            if line.is_empty() {
                return Ok(Some(fields));
            }
            let colon = line.iter().position(|&byte| byte == b':').ok_or("a field has no colon")?;
            if !is_token(&line[..colon]) {
                return Err("a name is no token".to_owned());
            }
            let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
            fields.push((name, crate::naive::trim(&line[colon + 1..]).to_vec()));
        }
    }

    fn chunks(&mut self) -> Result<Option<Vec<u8>>, String> {
        let mut body = Vec::new();
        loop {
            let Some(line) = self.line()? else { return Ok(None) };
            let digits = line.split(|&byte| byte == b';').next().unwrap_or_default();
            if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
                return Err("that is no size of a chunk".to_owned());
            }
            let size =
                std::str::from_utf8(digits).ok().and_then(|digits| usize::from_str_radix(digits, 16).ok());
            let size = size.ok_or("a chunk is too large")?;
            if size == 0 {
                return Ok(self.fields()?.map(|_| body));
            }
            let Some(data) = self.take(size) else { return Ok(None) };
            body.extend_from_slice(data);
            match self.line()? {
                None => return Ok(None),
                Some(b"") => {}
                Some(_) => return Err("a chunk does not end where it says".to_owned()),
            }
        }
    }
}
