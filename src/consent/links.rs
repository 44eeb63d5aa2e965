//! `Link` fields (RFC 8288), by which an answer has a browser load things, or connect, before it has read the page. Pure.

use http::header::LINK;
use http::{HeaderMap, HeaderValue};

use crate::html::host_of;

/// Takes out the links to hosts that are held.
pub(super) fn hold_links(headers: &mut HeaderMap, is_held: impl Fn(&str, Option<u16>) -> bool) {
    let holds = |link: &str| {
        let target = link.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
        target.and_then(|(target, _)| host_of(target)).is_some_and(|(host, port)| is_held(&host, port))
    };
    let lines = || headers.get_all(LINK).into_iter();
    if !lines().any(|line| line.to_str().is_ok_and(|line| links(line).any(holds))) {
        return;
    }
    let kept: Vec<HeaderValue> = lines()
        .filter_map(|line| match line.to_str() {
            Ok(text) if links(text).any(holds) => {
                let kept: Vec<_> = links(text).filter(|link| !holds(link)).map(str::trim).collect();
                HeaderValue::try_from(kept.join(", ")).ok().filter(|line| !line.is_empty())
            }
            _ => Some(line.clone()),
        })
        .collect();
    headers.remove(LINK);
    kept.into_iter().for_each(|line| {
        headers.append(LINK, line);
    });
}

/// The links of a line: at commas that are neither in an address nor in quotation marks.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let (mut address, mut quoted) = (false, false);
    line.split(move |letter| {
        match letter {
            '<' if !quoted => address = true,
            '>' if !quoted => address = false,
            '"' if !address => quoted = !quoted,
            _ => {}
        }
        letter == ',' && !address && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_held_hosts_go_and_others_stay_as_they_are() {
        for (lines, expected) in [
            (&["<https://bad.example>; rel=preconnect"][..], &[][..]),
            (
                &["</a.css>; rel=preload,  <https://ok.example/b>; rel=x"],
                &["</a.css>; rel=preload,  <https://ok.example/b>; rel=x"],
            ),
            (
                &["</a>; title=\"x, <y\", <//bad.example/b,c>; rel=preload, </d>", "</e>"],
                &["</a>; title=\"x, <y\", </d>", "</e>"],
            ),
            (&["nonsense", ""], &["nonsense", ""]),
        ] {
            let mut headers = HeaderMap::new();
            lines.iter().for_each(|line| {
                headers.append(LINK, line.parse().unwrap());
            });
            hold_links(&mut headers, |host, _| host == "bad.example");
            let left: Vec<_> = headers.get_all(LINK).into_iter().map(|line| line.to_str().unwrap()).collect();
            assert_eq!(left, expected);
        }
    }
}
