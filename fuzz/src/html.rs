//! Pages that are changed while they stream by: the same whatever the parts, nothing held slips, nothing else is altered.

use std::sync::LazyLock;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE};
use http::{HeaderValue, Method, Response};

use crate::parts::parts;
use crate::site::{Site, request, town, town_with_embeds, with_consent};

/// With content of hosts held, where the parser reads all of a page; and without, where it looks at the top alone until it must.
static TOWNS: LazyLock<[(Site, String); 2]> =
    LazyLock::new(|| [town_with_embeds(), town()].map(|town| with_consent(town.banner(true).gate(true))));

/// The first byte says in what parts the page comes, the second which town it is (1) and whether everything was agreed to (2).
pub fn run(data: &[u8]) {
    let [how, what, page @ ..] = data else { return };
    let (site, consent) = &TOWNS[usize::from(what & 1)];
    let shown = |how: u8| {
        let mut request = request(Method::GET, "/");
        if what & 2 != 0 {
            request.headers_mut().insert(COOKIE, HeaderValue::from_str(consent).expect("a sound cookie"));
        }
        let mut answer = Response::new(parts(page, how).map(Bytes::copy_from_slice).collect());
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        site.exchange(request, answer).answer.into_body()
    };
    let whole = shown(0);
    assert_eq!(shown(*how), whole, "it depends on the parts in which it comes");
    if what & 2 == 0 {
        crate::page::nothing_loads(&whole, what & 1 == 0);
    }
    // In a page of nothing but text nothing is held; what is put in comes after it.
    if !page.contains(&b'<') {
        assert!(whole.starts_with(page), "{}", whole.escape_ascii());
    }
}
