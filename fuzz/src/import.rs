//! Lines of access logs as requests of the past.

use pinfold_proxy::fuzzing::imported;

/// The first byte says how the log is written.
pub fn run(data: &[u8]) {
    let Some((&format, line)) = data.split_first() else { return };
    let Some(request) = imported(line, usize::from(format)) else { return };
    assert!((100..600).contains(&request.status), "{request:?}");
    assert!(request.path == "*" || request.path.starts_with('/'), "{request:?}");
    assert!(!request.path.contains(['?', '#']), "a query is left: {request:?}");
    if let Some(host) = &request.host {
        assert!(!host.bytes().any(|byte| byte.is_ascii_uppercase()), "{request:?}");
    }
    // Years of four digits.
    assert!((-62_200_000_000..253_500_000_000).contains(&request.at), "{request:?}");
}
