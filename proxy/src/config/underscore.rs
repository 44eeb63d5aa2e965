//! Fields with `_` in their names that the site needs all the same.

use http::{HeaderMap, HeaderName, HeaderValue};
use pinfold::client_ip::AddressFields;

use super::fault::Faults;
use super::reader::{Located, Section};

/// The names under `underscore_fields`.
pub(super) fn read_underscore_fields(section: &Section<'_>, faults: &Faults) -> Vec<HeaderName> {
    let name = |Located { value, place }: Located<String>| {
        let name = HeaderName::from_bytes(value.as_bytes()).ok().filter(|name| name.as_str().contains('_'));
        match name {
            None => faults.add(
                &place,
                format!("`{value}` is not the name of a field with `_` in it"),
                "write a name such as \"api_key\"; fields without `_` pass anyway",
            ),
            Some(name) if passes_for_another(&name) => faults.add(
                &place,
                format!(
                    "to many servers `{value}` is `{}`, which is not for visitors to write",
                    dashed(&name)
                ),
                "let the site read another field",
            ),
            Some(name) => return Some(name),
        }
        None
    };
    section.texts("underscore_fields").unwrap_or_default().into_iter().filter_map(name).collect()
}

fn dashed(name: &HeaderName) -> String {
    name.as_str().replace('_', "-")
}

/// Whether a server behind CGI and its like would take it for a field that is Pinfold's own to write or remove.
fn passes_for_another(name: &HeaderName) -> bool {
    const OTHERS: [&str; 8] = [
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "host",
        "proxy",
        "sec-gpc",
        "transfer-encoding",
    ];
    let dashed = dashed(name);
    let is_address = HeaderName::from_bytes(dashed.as_bytes()).is_ok_and(|name| {
        let mut fields = HeaderMap::new();
        fields.insert(name, HeaderValue::from_static("x"));
        AddressFields::None.rewrite(&mut fields, None);
        fields.is_empty()
    });
    let ours = ["pinfold-", "x-forwarded-", "x-original-", "x-rewrite-"];
    is_address || OTHERS.contains(&dashed.as_str()) || ours.iter().any(|ours| dashed.starts_with(ours))
}
