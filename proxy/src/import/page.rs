use http::StatusCode;
use pinfold::audit::MethodClass;

/// Ends of names that are pages. A name without an end is one as well.
const PAGES: [&str; 17] = [
    "action", "asp", "aspx", "cfm", "cgi", "do", "htm", "html", "jsf", "jsp", "jspx", "php", "phtml", "pl",
    "shtml", "xht", "xhtml",
];

/// The longest end of a name.
const LONGEST: usize = 12;

/// Whether a page was asked for and given, as far as a log tells: it has neither the type of the answer nor what the browser
/// would read.
pub(super) fn is_page(method: MethodClass, status: StatusCode, path: &str) -> bool {
    method == MethodClass::Get
        && (status.is_success() || status == StatusCode::NOT_MODIFIED)
        && is_named_like_page(path)
}

fn is_named_like_page(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let name = name.split(';').next().unwrap_or_default();
    let Some((_, end)) = name.rsplit_once('.') else { return true };
    let is_end = (1..=LONGEST).contains(&end.len())
        && end.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && end.bytes().any(|byte| byte.is_ascii_alphabetic());
    !is_end || PAGES.iter().any(|page| end.eq_ignore_ascii_case(page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_files() {
        for (path, page) in [
            ("/", true),
            ("/bins", true),
            ("/bins/", true),
            ("/index.html", true),
            ("/Default.ASPX", true),
            ("/page.jsp;jsessionid=1.x", true),
            ("/release-1.2", true),
            ("/minutes.of.the-council", true),
            ("/style.css", false),
            ("/a/b.PNG", false),
            ("/robots.txt", false),
            ("/data.json", false),
            ("/site.webmanifest", false),
            ("/video.mp4", false),
            ("/.env", false),
            ("/paper.pdf", false),
        ] {
            assert_eq!(is_page(MethodClass::Get, StatusCode::OK, path), page, "{path}");
        }
        for (method, status, page) in [
            (MethodClass::Get, 304, true),
            (MethodClass::Get, 301, false),
            (MethodClass::Get, 404, false),
            (MethodClass::Head, 200, false),
            (MethodClass::Post, 200, false),
        ] {
            assert_eq!(
                is_page(method, StatusCode::from_u16(status).unwrap(), "/"),
                page,
                "{method:?} {status}"
            );
        }
    }
}
