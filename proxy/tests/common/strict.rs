//! A strict reader of HTTP/1.1 requests, written apart from the one in the proxy: a second opinion.

/// A request as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) line: String,
    /// Names in lower case.
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    /// All of it as it was sent.
    pub(crate) raw: Vec<u8>,
}

impl Message {
    /// The values of a field.
    pub(crate) fn values(&self, name: &str) -> Vec<&[u8]> {
        self.fields.iter().filter(|(its, _)| its == name).map(|(_, value)| &value[..]).collect()
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.values(name).first().and_then(|value| std::str::from_utf8(value).ok())
    }
}

/// One message from the beginning of `bytes` and how many of them it has; nothing where more must come.
pub(crate) fn read(bytes: &[u8]) -> Result<Option<(Message, usize)>, &'static str> {
    let Some(head) = find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let text = &bytes[..head];
    let mut lines = text.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let ends = text.windows(2).filter(|pair| pair == b"\r\n").count();
    let controls = text.iter().filter(|&&byte| byte == b'\r' || byte == b'\n').count();
    if controls != 2 * ends {
        return Err("a line ends in something other than CRLF");
    }
    let line = lines.next().ok_or("no line")?;
    let parts: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
    let [method, target, version] = parts[..] else { return Err("a request line has three parts") };
    if method.is_empty() || !method.iter().all(|&byte| is_token(byte)) {
        return Err("a method is a token");
    }
    if target.is_empty() || target.iter().any(|&byte| byte <= b' ' || byte == 127 || byte == b'#') {
        return Err("a target has no such byte");
    }
    if version != b"HTTP/1.1" {
        return Err("the version is HTTP/1.1");
    }
    let mut fields = Vec::new();
    for line in lines {
        let colon = line.iter().position(|&byte| byte == b':').ok_or("a field has a colon")?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if name.is_empty() || !name.iter().all(|&byte| is_token(byte)) {
            return Err("a name is a token");
        }
        if value.iter().any(|&byte| byte != b'\t' && (byte < b' ' || byte == 127)) {
            return Err("a value has no such byte");
        }
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        fields.push((name, value.trim_ascii().to_vec()));
    }
    let line = String::from_utf8_lossy(line).into_owned();
    let mut message = Message { line, fields, body: Vec::new(), raw: Vec::new() };
    if message.values("host").len() != 1 {
        return Err("there is one host");
    }
    let rest = &bytes[head + 4..];
    let codings = message.values("transfer-encoding");
    let body = match (&codings[..], &message.values("content-length")[..]) {
        ([], []) => Some((Vec::new(), 0)),
        ([], [length]) => {
            if length.is_empty() || length.len() > 18 || !length.iter().all(u8::is_ascii_digit) {
                return Err("a length is a number");
            }
            let length: usize = std::str::from_utf8(length).unwrap().parse().unwrap();
            rest.get(..length).map(|body| (body.to_vec(), length))
        }
        ([coding], []) if coding.eq_ignore_ascii_case(b"chunked") => chunks(rest)?,
        _ => return Err("there is one framing"),
    };
    Ok(body.map(|(body, length)| {
        let whole = head + 4 + length;
        message.raw = bytes[..whole].to_vec();
        message.body = body;
        (message, whole)
    }))
}

fn chunks(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, &'static str> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let Some(end) = find(&bytes[at..], b"\r\n") else { return Ok(None) };
        let size = &bytes[at..at + end];
        if size.is_empty() || size.len() > 16 || !size.iter().all(u8::is_ascii_hexdigit) {
            return Err("a size is a hexadecimal number, and nothing follows it");
        }
        let size = usize::from_str_radix(std::str::from_utf8(size).unwrap(), 16).map_err(|_| "too large")?;
        at += end + 2;
        let Some(data) = bytes.get(at..at.saturating_add(size)) else { return Ok(None) };
        body.extend_from_slice(data);
        at += size;
        match bytes.get(at..at + 2) {
            None => return Ok(None),
            Some(b"\r\n") => at += 2,
            Some(_) => return Err("a chunk ends where it says; there are no trailers"),
        }
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
