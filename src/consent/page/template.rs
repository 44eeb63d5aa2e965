use super::banner::ascii;

/// A text of which nothing but the address of a page differs from page to page: drawn once, so that each page costs a copy.
#[derive(Debug)]
pub(super) struct Template {
    /// Each with what comes after it.
    parts: Vec<(String, Place)>,
    rest: String,
}

/// How the address stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// As the value of an attribute.
    Value,
    /// In the query of another address.
    Query,
}

/// What stands for the address while the text is drawn. No escaping changes a letter of it but the slash.
const MARK: &str = "pinfold-page-";

impl Template {
    /// Of what `draw` makes of the path of a page, in ASCII.
    pub(super) fn of(draw: impl Fn(&str) -> String) -> Self {
        let without = draw("/");
        let marks = (0_u32..).map(|number| format!("{MARK}{number}-"));
        let mark = marks.into_iter().find(|mark| !without.contains(mark)).unwrap_or_default();
        let text = draw(&format!("/{mark}"));
        let mut template = Self { parts: Vec::new(), rest: String::new() };
        let mut pieces = text.split(&mark).peekable();
        while let Some(piece) = pieces.next() {
            if pieces.peek().is_none() {
                template.rest = piece.to_owned();
            } else if let Some(before) = piece.strip_suffix("%2F") {
                template.parts.push((before.to_owned(), Place::Query));
            } else {
                let before = piece.strip_suffix('/').unwrap_or(piece);
                template.parts.push((before.to_owned(), Place::Value));
            }
        }
        template
    }

    /// The text for one page.
    pub(super) fn fill(&self, page: &str) -> String {
        let value = ascii(maud::html! { (page) });
        let query: String = form_urlencoded::byte_serialize(page.as_bytes()).collect();
        let fixed: usize = self.parts.iter().map(|(part, _)| part.len()).sum();
        let longest = value.len().max(query.len());
        let mut text = String::with_capacity(fixed + self.rest.len() + self.parts.len() * longest);
        for (part, place) in &self.parts {
            text.push_str(part);
            text.push_str(match place {
                Place::Value => &value,
                Place::Query => &query,
            });
        }
        text.push_str(&self.rest);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_stands_where_it_was_drawn() {
        let draw = |page: &str| {
            let query: String = form_urlencoded::byte_serialize(page.as_bytes()).collect();
            let value = ascii(maud::html! { (page) });
            format!("{value}<a href='/cookies?to={query}&x=1'>pinfold-page-0-</a>{value}{query}")
        };
        let template = Template::of(draw);
        assert_eq!(template.parts.len(), 4);
        for page in
            ["/", "/bins?a=1&b=%22", "/\"><script>", "/\u{175}y?x=\u{fe}", "/pinfold-page-1-", "/a b+c/"]
        {
            assert_eq!(template.fill(page), draw(page), "{page}");
        }
        assert_eq!(Template::of(|_| "no page".to_owned()).fill("/x"), "no page");
    }
}
