//! Paths as routes: nothing that could be somebody's survives.

use std::sync::LazyLock;

use pinfold::audit::Routes;

static ROUTES: LazyLock<Routes> =
    LazyLock::new(|| Routes::new(["/planning/:application", "/council-tax/*"]).expect("these are routes"));

pub fn run(data: &[u8]) {
    // A path ends where a query begins.
    let path = data.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default();
    let path = String::from_utf8_lossy(path);
    let route = ROUTES.route_of(&path);
    assert!(route.starts_with('/') && route.len() < 400, "{route}");
    assert!(!route.bytes().any(|byte| byte.is_ascii_digit()), "a number is in {route}");
    assert!(
        !route.contains(['@', '?', '#', ';', '%']) && route.bytes().all(|byte| byte.is_ascii_graphic()),
        "{route}"
    );
    for segment in route.split('/') {
        assert!(segment.len() <= 200, "{segment}");
        // Sixteen letters and more, all of them digits of a hexadecimal number, are an identifier.
        let is_hex = |run: &&str| run.len() >= 16 && run.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(
            !segment.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|run| is_hex(&run)),
            "{segment}"
        );
    }
    if !route.contains([':', '*']) {
        assert!(route == path || !path.starts_with('/') || path.contains(';'), "{path} became {route}");
    }
}
