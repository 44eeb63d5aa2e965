use std::sync::{Arc, Mutex, PoisonError};

use lol_html::element;
use lol_html::html_content::ContentType;
use lol_html::send::Element;

use super::charset::{Charset, is_utf_16};
use super::stage::{Stage, settings};

/// Puts a text, in ASCII, into the element of a page that has `data-pinfold="cookies"`, in the place of what is in it.
/// Nothing, where the page has no such element.
pub(crate) fn fill(page: &[u8], charset: Charset, content: String) -> Option<Vec<u8>> {
    if is_utf_16(page) {
        return None;
    }
    let content = Arc::new(Mutex::new(Some(content)));
    let left = content.clone();
    let mut stage = Stage::new(charset, move |charset| {
        let left = left.clone();
        settings(charset).append_element_content_handler(element!(
            r#"[data-pinfold="cookies"]"#,
            move |element: &mut Element<'_, '_>| {
                if let Some(content) = left.lock().unwrap_or_else(PoisonError::into_inner).take() {
                    element.set_inner_content(&content, ContentType::Html);
                }
                Ok(())
            }
        ))
    });
    let mut filled = Vec::with_capacity(page.len() + 16 * 1024);
    stage.write(page, &mut filled);
    stage.end(&mut filled);
    let is_used = content.lock().unwrap_or_else(PoisonError::into_inner).is_none();
    is_used.then_some(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_filled_once() {
        for (page, expected) in [
            (
                r#"<main data-pinfold="cookies">Old <b>text</b></main>"#,
                Some(r#"<main data-pinfold="cookies">[C]</main>"#),
            ),
            (
                r#"<div data-pinfold=cookies></div><div data-pinfold=cookies>x</div>"#,
                Some(r#"<div data-pinfold=cookies>[C]</div><div data-pinfold=cookies>x</div>"#),
            ),
            ("<main>Nothing here</main>", None),
            ("", None),
        ] {
            let filled = fill(page.as_bytes(), Charset::of("text/html").unwrap(), "[C]".to_owned());
            assert_eq!(filled.as_deref(), expected.map(str::as_bytes), "{page}");
        }
    }
}
