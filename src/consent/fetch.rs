use http::HeaderValue;

/// What a browser is loading, as far as its request tells (Fetch Metadata Request Headers, section 2.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Fetch {
    /// A page for a window.
    Document,
    /// A page for a frame within a page.
    Frame,
    /// Something else, or a part of a page.
    #[default]
    Part,
    /// Whatever a script asks for. It may be what a window is shown later from the browser's cache.
    Script,
    /// It does not say; a page would do.
    Perhaps,
}

impl Fetch {
    /// By `Sec-Fetch-Dest`, else by `Accept` and whether the rest of the request asks for a part: a script that says so, or
    /// somebody who goes on with a download.
    pub(super) fn of(
        destination: Option<&HeaderValue>,
        accept: Option<&HeaderValue>,
        asks_for_part: bool,
        prefetches: bool,
    ) -> Self {
        if let Some(destination) = destination {
            return match destination.as_bytes() {
                b"document" => Self::Document,
                b"embed" | b"frame" | b"iframe" | b"object" => Self::Frame,
                // A browser that fetches a page ahead may not know yet what it will be.
                b"empty" if prefetches => Self::Perhaps,
                b"empty" => Self::Script,
                _ => Self::Part,
            };
        }
        let takes_pages = accept.is_none_or(|accept| {
            let accept = accept.as_bytes();
            memchr::memmem::find(accept, b"text/html").is_some()
                || memchr::memmem::find(accept, b"*/*").is_some()
        });
        match (takes_pages, asks_for_part) {
            (true, false) => Self::Perhaps,
            (true, true) => Self::Script,
            (false, _) => Self::Part,
        }
    }

    /// Whether a visitor will see it as a page of its own.
    pub(super) fn is_page(self) -> bool {
        matches!(self, Self::Document | Self::Perhaps)
    }

    /// Whether it may be a page at all, with scripts and pictures of its own.
    pub(super) fn may_load_more(self) -> bool {
        !matches!(self, Self::Part | Self::Script)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_05_what_is_a_page_and_what_a_part_of_one() {
        use Fetch::{Document, Frame, Part, Perhaps, Script};
        for (destination, accept, asks_for_part, expected) in [
            (Some("document"), Some("*/*"), false, Document),
            (Some("document"), None, true, Document),
            (Some("iframe"), Some("text/html"), false, Frame),
            (Some("object"), Some("*/*"), false, Frame),
            (Some("empty"), Some("text/html"), false, Script),
            (Some("image"), None, false, Part),
            (Some("Document"), None, false, Part),
            (None, Some("text/html,application/xhtml+xml"), false, Perhaps),
            (None, Some("*/*"), false, Perhaps),
            (None, None, false, Perhaps),
            (None, Some("text/html, */*"), true, Script),
            (None, Some("application/json"), false, Part),
            (None, Some("image/png"), false, Part),
        ] {
            let value = |text: Option<&str>| text.map(|text| text.parse::<HeaderValue>().unwrap());
            let (destination, accept) = (value(destination), value(accept));
            assert_eq!(
                Fetch::of(destination.as_ref(), accept.as_ref(), asks_for_part, false),
                expected,
                "{destination:?} {accept:?}"
            );
        }
        let ahead = |destination| Fetch::of(Some(&HeaderValue::from_static(destination)), None, false, true);
        assert_eq!([ahead("document"), ahead("empty"), ahead("image")], [Document, Perhaps, Part]);
    }
}
