use http::{HeaderMap, HeaderName};

const SEC_GPC: HeaderName = HeaderName::from_static("sec-gpc");

/// Whether the browser sends the Global Privacy Control signal: at least one `Sec-GPC` field of exactly `1`.
pub(super) fn gpc(headers: &HeaderMap) -> bool {
    headers.get_all(SEC_GPC).into_iter().any(|value| value == "1")
}

/// `/.well-known/gpc.json` (Global Privacy Control, section 4): this site abides by the signal since Pinfold stands before it.
pub(super) const STATEMENT: &str = r#"{"gpc":true,"lastUpdate":"2026-11-22"}"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpc1_exactly_one_counts() {
        for (values, expected) in [
            (&["1"][..], true),
            (&["0", "1"], true),
            (&["1", "1"], true),
            (&[], false),
            (&["0"], false),
            (&["true"], false),
            (&["1,1"], false),
            (&["01"], false),
            (&[""], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(SEC_GPC, value.parse().unwrap());
            }
            assert_eq!(gpc(&headers), expected, "{values:?}");
        }
    }
}
