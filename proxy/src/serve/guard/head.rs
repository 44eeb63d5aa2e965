use super::super::limits::{LONGEST_COOKIE, LONGEST_HEAD, MOST_FIELDS};
use super::super::refused::Refused;
use super::bytes::{all_value, trim};
use super::request_line::{self, Minor};
use crate::token::is_token;

/// What follows a head (RFC 9112 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Nothing,
    /// No body; and then another protocol, if the answer agrees to it (RFC 9110 section 7.8).
    Undecided,
    Length(u64),
    Chunks,
}

/// Judges the head of a request, line by line, as it comes.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// How many bytes have been judged: whole lines.
    judged: usize,
    /// How many bytes have been searched for the end of a line.
    searched: usize,
    /// Nothing before the first line.
    version: Option<Minor>,
    fields: usize,
    length: Option<u64>,
    coding: Option<Coding>,
    /// Whether there is an `Upgrade`.
    upgrades: bool,
}

/// What `Transfer-Encoding` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Chunked,
    Unknown,
}

/// Judges a head that is all there.
pub(in super::super) fn judge_whole(bytes: &[u8]) -> Result<(), Refused> {
    Head::default().judge(bytes).map(|_| ())
}

impl Head {
    /// `bytes` begins where the head does, and is never shorter than the last time. Once the head is whole: how long it is, and what
    /// follows.
    pub(super) fn judge(&mut self, bytes: &[u8]) -> Result<Option<(usize, Framing)>, Refused> {
        while let Some(end) = memchr::memchr(b'\n', &bytes[self.searched..]) {
            let end = self.searched + end;
            if end >= LONGEST_HEAD {
                return Err(self.too_long());
            }
            let line = &bytes[self.judged..end];
            let line = line.strip_suffix(b"\r").ok_or(Refused::MALFORMED)?;
            let is_first = self.judged == 0;
            self.judged = end + 1;
            self.searched = end + 1;
            match self.version {
                // One empty line before a request may be left over from the last (RFC 9112 section 2.2).
                None if line.is_empty() && is_first => {}
                None => self.version = Some(request_line::judge(line)?),
                Some(version) if line.is_empty() => return Ok(Some((self.judged, self.framing(version)?))),
                Some(_) => self.field(line)?,
            }
        }
        self.searched = bytes.len();
        if self.version.is_none() && bytes[self.judged..] != *b"\r" {
            request_line::judge_beginning(&bytes[self.judged..])?;
        }
        if bytes.len() > LONGEST_HEAD { Err(self.too_long()) } else { Ok(None) }
    }

    fn too_long(&self) -> Refused {
        if self.version.is_none() { Refused::TARGET } else { Refused::FIELDS }
    }

    /// One line that is not the first (RFC 9112 section 5). Whoever folds it or puts a blank before its colon has no sound name.
    fn field(&mut self, line: &[u8]) -> Result<(), Refused> {
        let colon = memchr::memchr(b':', line).ok_or(Refused::MALFORMED)?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if name.is_empty() || !name.iter().copied().all(is_token) || !all_value(value) {
            return Err(Refused::MALFORMED);
        }
        self.fields += 1;
        if self.fields > MOST_FIELDS {
            return Err(Refused::FIELDS);
        }
        match name.len() {
            6 if name.eq_ignore_ascii_case(b"cookie") && trim(value).len() > LONGEST_COOKIE => {
                Err(Refused::FIELDS)
            }
            7 if name.eq_ignore_ascii_case(b"upgrade") => {
                self.upgrades = true;
                Ok(())
            }
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                match self.length.replace(length(trim(value)).ok_or(Refused::MALFORMED)?) {
                    None => Ok(()),
                    Some(_) => Err(Refused::MALFORMED),
                }
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                let chunked = trim(value).eq_ignore_ascii_case(b"chunked");
                match self.coding.replace(if chunked { Coding::Chunked } else { Coding::Unknown }) {
                    None => Ok(()),
                    Some(_) => Err(Refused::MALFORMED),
                }
            }
            _ => Ok(()),
        }
    }

    /// One of the two framings of RFC 9112 section 6, never both, and no transfer coding but `chunked`.
    fn framing(&self, version: Minor) -> Result<Framing, Refused> {
        match (self.coding, self.length) {
            (None, None | Some(0)) if self.upgrades && version == Minor::One => Ok(Framing::Undecided),
            (None, None) => Ok(Framing::Nothing),
            (None, Some(length)) => Ok(Framing::Length(length)),
            (Some(_), Some(_)) => Err(Refused::MALFORMED),
            (Some(_), None) if version == Minor::Zero => Err(Refused::MALFORMED),
            (Some(Coding::Unknown), None) => Err(Refused::CODING),
            (Some(Coding::Chunked), None) => Ok(Framing::Chunks),
        }
    }
}

/// Digits alone, and so few that no arithmetic overflows anywhere.
fn length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 18 {
        return None;
    }
    value.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(head: &[u8]) -> Result<Option<(usize, Framing)>, Refused> {
        let whole = Head::default().judge(head);
        // Byte by byte it is the same.
        let mut head_so_far = Head::default();
        let step = (1..=head.len())
            .map(|length| head_so_far.judge(&head[..length]))
            .find(|step| !matches!(step, Ok(None)))
            .unwrap_or(Ok(None));
        assert_eq!(whole, step, "{:?}", head.escape_ascii().to_string());
        whole
    }

    fn with(fields: &str) -> Result<Framing, Refused> {
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let judged = judge(head.as_bytes())?;
        let (length, framing) = judged.unwrap();
        assert_eq!(length, head.len());
        Ok(framing)
    }

    #[test]
    fn frame_01_to_3_framings() {
        for (fields, expected) in [
            ("", Ok(Framing::Nothing)),
            ("Content-Length: 0\r\n", Ok(Framing::Length(0))),
            ("content-length:\t 17 \r\n", Ok(Framing::Length(17))),
            ("Content-Length: 999999999999999999\r\n", Ok(Framing::Length(999_999_999_999_999_999))),
            ("Content-Length: 1000000000000000000\r\n", Err(Refused::MALFORMED)),
            ("Content-Length: \r\n", Err(Refused::MALFORMED)),
            ("Content-Length: +1\r\n", Err(Refused::MALFORMED)),
            ("Content-Length: 1,1\r\n", Err(Refused::MALFORMED)),
            ("Content-Length: 1\r\nContent-Length: 1\r\n", Err(Refused::MALFORMED)),
            ("Transfer-Encoding: CHUNKED\r\n", Ok(Framing::Chunks)),
            ("Transfer-Encoding: gzip, chunked\r\n", Err(Refused::CODING)),
            ("Transfer-Encoding: \r\n", Err(Refused::CODING)),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Err(Refused::MALFORMED)),
            ("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", Err(Refused::MALFORMED)),
            ("Content-Length: 1\r\nTransfer-Encoding: gzip\r\n", Err(Refused::MALFORMED)),
        ] {
            assert_eq!(with(fields), expected, "{fields:?}");
        }
        for (fields, expected) in [
            ("Upgrade: websocket\r\n", Framing::Undecided),
            ("content-length: 0\r\nUPGRADE: x\r\nupgrade:\r\n", Framing::Undecided),
            ("Upgrade: websocket\r\nContent-Length: 1\r\n", Framing::Length(1)),
            ("Upgrade: websocket\r\nTransfer-Encoding: chunked\r\n", Framing::Chunks),
            ("Upgraded: websocket\r\n", Framing::Nothing),
        ] {
            assert_eq!(with(fields), Ok(expected), "{fields:?}");
        }
        let old = b"GET / HTTP/1.0\r\nUpgrade: websocket\r\n\r\n";
        assert_eq!(judge(old), Ok(Some((old.len(), Framing::Nothing))));
        let old = b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(judge(old), Err(Refused::MALFORMED));
    }

    #[test]
    fn frame_08_lines() {
        for head in [
            "GET / HTTP/1.1\n\n",
            "GET / HTTP/1.1\r\na: b\n\r\n",
            "GET / HTTP/1.1\r\na: b\r\n\n",
            "GET / HTTP/1.1\r\na: b\rc\r\n\r\n",
            "GET / HTTP/1.1\r\na: b\r\n c\r\n\r\n",
            "GET / HTTP/1.1\r\na : b\r\n\r\n",
            "GET / HTTP/1.1\r\n: b\r\n\r\n",
            "GET / HTTP/1.1\r\na\r\n\r\n",
            "GET / HTTP/1.1\r\na: \x1b\r\n\r\n",
            "\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            "\n",
            " ",
        ] {
            assert_eq!(judge(head.as_bytes()), Err(Refused::MALFORMED), "{head:?}");
        }
        for head in ["", "\r", "\r\n", "GET / HTTP/1.1\r\na: b\r\n", "GET / HTTP/1.1\r\na: b\r\n\r"] {
            assert_eq!(judge(head.as_bytes()), Ok(None), "{head:?}");
        }
        let led = b"\r\nGET / HTTP/1.1\r\n\r\nGET";
        assert_eq!(judge(led), Ok(Some((led.len() - 3, Framing::Nothing))));
    }

    #[test]
    fn frame_16_limits() {
        let fields = |count: usize| "a: b\r\n".repeat(count);
        assert_eq!(with(&fields(MOST_FIELDS - 1)), Ok(Framing::Nothing));
        assert_eq!(with(&fields(MOST_FIELDS)), Err(Refused::FIELDS));
        let cookie = |length: usize| format!("Cookie: {}\r\n", "x".repeat(length));
        assert_eq!(with(&cookie(LONGEST_COOKIE)), Ok(Framing::Nothing));
        assert_eq!(with(&cookie(LONGEST_COOKIE + 1)), Err(Refused::FIELDS));
        let long = |length: usize| {
            let rest = "GET / HTTP/1.1\r\nx: \r\n\r\n".len();
            format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(length - rest))
        };
        let longest = long(LONGEST_HEAD);
        assert_eq!(Head::default().judge(longest.as_bytes()), Ok(Some((LONGEST_HEAD, Framing::Nothing))));
        let longer = long(LONGEST_HEAD + 1);
        assert_eq!(Head::default().judge(longer.as_bytes()), Err(Refused::FIELDS));
        assert_eq!(Head::default().judge(&longer.as_bytes()[..LONGEST_HEAD]), Ok(None));
    }
}
