//! What is odd about a cookie that the site sets, for the operator to know. It is not changed: that could break signing in.

use cookie::{Cookie, Expiration};
use http::HeaderMap;
use http::header::SET_COOKIE;

use super::policy::Policy;
use crate::time::UnixTime;

/// Browsers keep no cookie longer (RFC 6265bis 5.5).
pub(super) const LONGEST_DAYS: i64 = 400;

/// Something odd about a `Set-Cookie` field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remark {
    /// It asks to be kept for more than 400 days.
    TooLong,
    /// It has `Partitioned` without `Secure`, so browsers refuse it (CHIPS).
    PartitionedWithoutSecure,
}

impl Remark {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::TooLong => "the site asks for a cookie to be kept longer than 400 days: browsers will not",
            Self::PartitionedWithoutSecure => {
                "the site sets a cookie with Partitioned and without Secure: browsers refuse it"
            }
        }
    }

    /// Everything odd about a field.
    pub(super) fn on(field: &str, now: UnixTime) -> Vec<Self> {
        let Ok(cookie) = Cookie::parse(field) else { return Vec::new() };
        let longest = LONGEST_DAYS * 86_400;
        // Max-Age overrules Expires (RFC 6265bis 5.7).
        let seconds = match (cookie.max_age(), cookie.expires()) {
            (Some(age), _) => Some(age.whole_seconds()),
            (None, Some(Expiration::DateTime(ends))) => Some(ends.unix_timestamp() - now.seconds()),
            (None, _) => None,
        };
        let too_long = seconds.is_some_and(|seconds| seconds > longest).then_some(Self::TooLong);
        let partitioned = cookie.partitioned() == Some(true) && cookie.secure() != Some(true);
        too_long.into_iter().chain(partitioned.then_some(Self::PartitionedWithoutSecure)).collect()
    }
}

/// Tells the log what is odd about the cookies of an answer, by the patterns of their rules.
#[cold]
pub(super) fn report(policy: &Policy, headers: &HeaderMap, now: UnixTime) {
    for field in headers.get_all(SET_COOKIE).into_iter().filter_map(|field| field.to_str().ok()) {
        let name = field.split(['=', ';']).next().unwrap_or_default().trim();
        let rule = policy
            .register()
            .find(name.as_bytes())
            .and_then(|(rule, _)| policy.register().rules().get(usize::from(rule)));
        if let Some(rule) = rule {
            for remark in Remark::on(field, now) {
                tracing::warn!(cookie = rule.pattern(), "{}", remark.text());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookie_04_and_cookie_16_what_is_odd() {
        // 22 November 2026.
        let now = UnixTime::from_seconds(1_795_341_600);
        for (field, expected) in [
            ("a=1; Max-Age=34560000", &[][..]),
            ("a=1; Max-Age=34560001", &[Remark::TooLong]),
            ("a=1; Max-Age=9; Expires=Fri, 31 Dec 9999 23:59:59 GMT", &[]),
            ("a=1; Expires=Fri, 31 Dec 9999 23:59:59 GMT", &[Remark::TooLong]),
            ("a=1; Expires=Wed, 01 Dec 2027 00:00:00 GMT", &[]),
            ("a=1; Expires=nonsense", &[]),
            ("a=1; Max-Age=99999999999999999999999", &[Remark::TooLong]),
            ("a=1; Partitioned", &[Remark::PartitionedWithoutSecure]),
            ("a=1; Partitioned; Secure", &[]),
            ("a=1; Partitioned; Max-Age=34560001", &[Remark::TooLong, Remark::PartitionedWithoutSecure]),
            ("", &[]),
        ] {
            assert_eq!(Remark::on(field, now), expected, "{field}");
        }
    }
}
