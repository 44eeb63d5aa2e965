use http::HeaderValue;

/// The field of the Global Privacy Control signal.
pub(super) const FIELD: &str = "sec-gpc";

/// Whether a value of it is the signal: exactly `1`. Of several fields one is enough.
pub(super) fn is_set(value: &HeaderValue) -> bool {
    value == "1"
}

/// `/.well-known/gpc.json` (Global Privacy Control, section 4): this site abides by the signal since Pinfold stands before it.
pub(super) const STATEMENT: &str = r#"{"gpc":true,"lastUpdate":"2026-11-22"}"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpc_01_exactly_one_counts() {
        for (value, expected) in [
            ("1", true),
            ("0", false),
            ("true", false),
            ("1,1", false),
            ("01", false),
            (" 1", false),
            ("", false),
        ] {
            assert_eq!(is_set(&value.parse().unwrap()), expected, "{value:?}");
        }
    }
}
