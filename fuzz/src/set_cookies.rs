//! `Set-Cookie` fields on their way to the visitor: what is held is not among them, and what is allowed passes unchanged.

use bytes::Bytes;
use http::header::SET_COOKIE;
use http::{HeaderValue, Method, Response};

use crate::naive::{is_token, may_pass, trim};
use crate::site::{LENIENT_TOWN, TOWN, request};

/// The first byte says whether undeclared cookies pass (2); a field a line follows.
pub fn run(data: &[u8]) {
    let Some((&how, rest)) = data.split_first() else { return };
    let lenient = how & 2 != 0;
    let (site, _) = if lenient { &*LENIENT_TOWN } else { &*TOWN };
    let mut answer = Response::new(vec![Bytes::from_static(b"hello")]);
    let lines: Vec<&[u8]> =
        rest.split(|&byte| byte == b'\n').filter(|line| HeaderValue::from_bytes(line).is_ok()).collect();
    for line in &lines {
        let value = HeaderValue::from_bytes(line).expect("looked at above");
        answer.headers_mut().append(SET_COOKIE, value);
    }
    let answer = site.exchange(request(Method::GET, "/"), answer).answer;
    let passed: Vec<&[u8]> = answer.headers().get_all(SET_COOKIE).iter().map(HeaderValue::as_bytes).collect();
    let mut left = lines.iter();
    for field in &passed {
        assert!(left.any(|line| line == field), "{} was not set there", field.escape_ascii());
        let pair = field.split(|&byte| byte == b';').next().unwrap_or_default();
        let name = trim(pair.split(|&byte| byte == b'=').next().unwrap_or_default());
        assert!(!name.is_empty() && pair.contains(&b'='), "{} has no name", field.escape_ascii());
        assert!(may_pass(name, false, lenient), "{} is held", field.escape_ascii());
    }
    let is_sound = |field: &&&[u8]| {
        let name = field.split(|&byte| byte == b'=').next().unwrap_or_default();
        field.contains(&b'=') && is_token(name) && may_pass(name, false, lenient)
    };
    assert_eq!(
        lines.iter().filter(is_sound).count(),
        passed.iter().filter(is_sound).count(),
        "a cookie is missing"
    );
}
