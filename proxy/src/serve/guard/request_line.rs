use super::super::limits::{LONGEST_METHOD, LONGEST_TARGET};
use super::super::refused::Refused;
use super::bytes::all_target;
use crate::token::is_token;

/// A version of HTTP/1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Minor {
    Zero,
    One,
}

/// Judges the first line of a request, without its end (RFC 9112 section 3).
pub(super) fn judge(line: &[u8]) -> Result<Minor, Refused> {
    judge_beginning(line)?;
    let mut parts = line.split(|&byte| byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Refused::MALFORMED);
    };
    let minor = judge_version(version)?;
    if matches!(method, b"CONNECT" | b"TRACE") {
        return Err(Refused::METHOD);
    }
    judge_target(method, target)?;
    Ok(minor)
}

/// Judges as much of a first line as has come: what is no request at all need not be waited for.
pub(super) fn judge_beginning(line: &[u8]) -> Result<(), Refused> {
    let method = memchr::memchr(b' ', line).map_or(line, |space| &line[..space]);
    if method.is_empty() && !line.is_empty() || !method.iter().copied().all(is_token) {
        return Err(Refused::MALFORMED);
    }
    if method.len() > LONGEST_METHOD {
        return Err(Refused::UNKNOWN_METHOD);
    }
    if line.len() > LONGEST_METHOD + LONGEST_TARGET + "  HTTP/1.1\r".len() {
        return Err(Refused::TARGET);
    }
    Ok(())
}

fn judge_version(version: &[u8]) -> Result<Minor, Refused> {
    match version {
        b"HTTP/1.1" => Ok(Minor::One),
        b"HTTP/1.0" => Ok(Minor::Zero),
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => Err(Refused::VERSION),
        _ => Err(Refused::MALFORMED),
    }
}

/// A path, the server as a whole, or an address of the web (RFC 9112 section 3.2).
fn judge_target(method: &[u8], target: &[u8]) -> Result<(), Refused> {
    if target.len() > LONGEST_TARGET {
        return Err(Refused::TARGET);
    }
    let begins =
        |scheme: &[u8]| target.len() > scheme.len() && target[..scheme.len()].eq_ignore_ascii_case(scheme);
    let form = match target {
        [b'/', ..] => true,
        b"*" => method == b"OPTIONS",
        _ => begins(b"http://") || begins(b"https://"),
    };
    // hyper reads no target that is not UTF-8.
    let sound = form && all_target(target) && std::str::from_utf8(target).is_ok();
    if sound { Ok(()) } else { Err(Refused::MALFORMED) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_11_to_13_first_lines() {
        for (line, expected) in [
            ("GET / HTTP/1.1", Ok(Minor::One)),
            ("GET / HTTP/1.0", Ok(Minor::Zero)),
            ("M-SEARCH /a?b HTTP/1.1", Ok(Minor::One)),
            ("OPTIONS * HTTP/1.1", Ok(Minor::One)),
            ("GET HTTPS://town.example/ HTTP/1.1", Ok(Minor::One)),
            ("GET /caf\u{e9} HTTP/1.1", Ok(Minor::One)),
            ("GET * HTTP/1.1", Err(Refused::MALFORMED)),
            ("GET http:// HTTP/1.1", Err(Refused::MALFORMED)),
            ("GET /a#b HTTP/1.1", Err(Refused::MALFORMED)),
            ("GET /a\x7f HTTP/1.1", Err(Refused::MALFORMED)),
            ("GET /a\t HTTP/1.1", Err(Refused::MALFORMED)),
            ("GET  / HTTP/1.1", Err(Refused::MALFORMED)),
            ("GET / HTTP/1.1 ", Err(Refused::MALFORMED)),
            ("GET /", Err(Refused::MALFORMED)),
            ("GET", Err(Refused::MALFORMED)),
            ("", Err(Refused::MALFORMED)),
            ("GET / HTTP/1.10", Err(Refused::MALFORMED)),
            ("GET / HTTP/2.0", Err(Refused::VERSION)),
            ("GET / http/1.1", Err(Refused::MALFORMED)),
            ("TRACE / HTTP/1.1", Err(Refused::METHOD)),
            ("CONNECT town.example:80 HTTP/1.1", Err(Refused::METHOD)),
            ("\x16\x03\x01", Err(Refused::MALFORMED)),
        ] {
            assert_eq!(judge(line.as_bytes()), expected, "{line:?}");
        }
    }

    #[test]
    fn frame_11_a_target_is_utf_8() {
        assert_eq!(judge(b"GET /caf\xe9 HTTP/1.1"), Err(Refused::MALFORMED));
    }

    #[test]
    fn frame_16_lengths() {
        let line = |method: usize, target: usize| {
            format!("{} /{} HTTP/1.1", "M".repeat(method), "x".repeat(target - 1))
        };
        for (line, expected) in [
            (line(LONGEST_METHOD, LONGEST_TARGET), Ok(Minor::One)),
            (line(LONGEST_METHOD + 1, 1), Err(Refused::UNKNOWN_METHOD)),
            (line(3, LONGEST_TARGET + 1), Err(Refused::TARGET)),
        ] {
            assert_eq!(judge(line.as_bytes()), expected);
        }
        assert_eq!(judge_beginning(&[b'x'; LONGEST_METHOD]), Ok(()));
        assert_eq!(judge_beginning(&[b'x'; LONGEST_METHOD + 1]), Err(Refused::UNKNOWN_METHOD));
        assert_eq!(judge_beginning(&[b"GET /", &[b'x'; 9000][..]].concat()), Err(Refused::TARGET));
    }
}
