//! Where a page can be cut: not within a tag, which may have to be changed as a whole.

/// Looks through a text that grows, each byte once, for a tag that has begun and not ended.
///
/// It knows as much of HTML (section 13.2.5) as it takes to tell a `<` that begins a tag from one in a comment, a script
/// or a value. Where it errs, a page is parsed that need not have been, or an element passes of which a part has gone on.
#[derive(Debug, Default)]
pub(super) struct OpenTag {
    /// How far it has looked.
    at: usize,
    place: Place,
}

#[derive(Debug, Default, Clone, Copy)]
enum Place {
    #[default]
    Text,
    /// In the tag at `tag`; `begins` is where that begins with which it is to stay together.
    Tag {
        tag: usize,
        begins: usize,
        quote: Option<u8>,
    },
    Comment,
    /// In an element in which no other can begin; `begins` where all of it is to stay together.
    Raw {
        name: &'static str,
        begins: Option<usize>,
    },
}

/// The elements in which no other can begin.
const RAW: [&str; 9] =
    ["iframe", "noembed", "noframes", "noscript", "script", "style", "textarea", "title", "xmp"];

/// How they begin.
const RAW_BEGINNINGS: [[u8; 2]; 7] = [*b"if", *b"no", *b"sc", *b"st", *b"te", *b"ti", *b"xm"];

/// The bit by which letters differ in case.
const LOWER_CASE: u8 = 0x20;

/// Its content is read as a part of the page by browsers without scripts.
const TOGETHER: &str = "noscript";

impl OpenTag {
    /// The length of the text without what must stay together and has not ended. The text begins with all that it was
    /// shown before.
    pub(super) fn before(&mut self, text: &[u8]) -> usize {
        loop {
            match self.place {
                Place::Text => {
                    let Some(begins) = next_of_note(text, self.at) else {
                        self.at = text.len();
                        return text.len();
                    };
                    self.at = begins;
                    match &text[begins + 1..] {
                        [] => return begins,
                        [b'!', b'-', b'-', ..] => (self.at, self.place) = (begins + 2, Place::Comment),
                        [b'!'] | [b'!', b'-'] => return begins,
                        [b'a'..=b'z' | b'A'..=b'Z' | b'/' | b'!' | b'?', ..] => {
                            (self.at, self.place) =
                                (begins + 1, Place::Tag { tag: begins, begins, quote: None });
                        }
                        _ => self.at = begins + 1,
                    }
                }
                Place::Tag { tag, begins, quote } => match end_of_tag(text, self.at, quote) {
                    Ok(end) => (self.at, self.place) = (end, place_after(&text[tag..end], begins)),
                    Err(quote) => {
                        (self.at, self.place) = (text.len(), Place::Tag { tag, begins, quote });
                        return begins;
                    }
                },
                Place::Comment => match memchr::memmem::find(&text[self.at..], b"-->") {
                    Some(found) => (self.at, self.place) = (self.at + found + 3, Place::Text),
                    None => {
                        self.at = self.at.max(text.len().saturating_sub(2));
                        return self.at;
                    }
                },
                Place::Raw { name, begins } => match memchr::memmem::find(&text[self.at..], b"</") {
                    None => {
                        self.at = self.at.max(text.len().saturating_sub(1));
                        return begins.unwrap_or(self.at);
                    }
                    Some(found) => {
                        let end_tag = self.at + found;
                        match text.get(end_tag + 2..end_tag + 3 + name.len()) {
                            None => {
                                self.at = end_tag;
                                return begins.unwrap_or(end_tag);
                            }
                            Some([word @ .., end])
                                if word.eq_ignore_ascii_case(name.as_bytes()) && ends_name(*end) =>
                            {
                                let begins = begins.unwrap_or(end_tag);
                                (self.at, self.place) =
                                    (end_tag + 2, Place::Tag { tag: end_tag, begins, quote: None });
                            }
                            Some(_) => self.at = end_tag + 2,
                        }
                    }
                },
            }
        }
    }
}

/// The place of the next `<` that begins anything but a tag that ends, and after which there is text. Nearly every one does, and is walked past here.
fn next_of_note(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let begins = next_angle(text, at)?;
        match text.get(begins + 1) {
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'/') => {}
            _ => return Some(begins),
        }
        match end_of_tag(text, begins + 1, None) {
            Ok(end) if raw_element(&text[begins..end]).is_none() => at = end,
            _ => return Some(begins),
        }
    }
}

/// The place of the next `<`. Most are near, and walked to; what is farther is jumped to.
fn next_angle(text: &[u8], from: usize) -> Option<usize> {
    const NEAR: usize = 16;
    let (near, far) = text[from..].split_at((text.len() - from).min(NEAR));
    let found = near.iter().position(|&byte| byte == b'<');
    let found = found.or_else(|| memchr::memchr(b'<', far).map(|found| near.len() + found));
    found.map(|found| from + found)
}

/// The place after the `>` that ends a tag, or the quotation mark that is open where the text ends.
fn end_of_tag(text: &[u8], from: usize, mut quote: Option<u8>) -> Result<usize, Option<u8>> {
    let mut at = from;
    loop {
        if let Some(open) = quote {
            at += memchr::memchr(open, &text[at..]).ok_or(quote)? + 1;
        }
        let is_mark = |byte: &u8| matches!(byte, b'>' | b'"' | b'\'');
        let found = text[at..].iter().position(is_mark).ok_or(None)?;
        at += found + 1;
        match text[at - 1] {
            b'>' => return Ok(at),
            mark => quote = Some(mark),
        }
    }
}

fn place_after(tag: &[u8], begins: usize) -> Place {
    raw_element(tag)
        .map_or(Place::Text, |name| Place::Raw { name, begins: (name == TOGETHER).then_some(begins) })
}

/// The element that a tag begins, if no other can begin in it.
pub(super) fn raw_element(tag: &[u8]) -> Option<&'static str> {
    let [_, name @ ..] = tag else { return None };
    // Nearly every tag fails here.
    if !RAW_BEGINNINGS.contains(&[name.first()? | LOWER_CASE, name.get(1)? | LOWER_CASE]) {
        return None;
    }
    let name = name.split(|byte| ends_name(*byte)).next().unwrap_or_default();
    RAW.into_iter().find(|raw| name.eq_ignore_ascii_case(raw.as_bytes()))
}

/// Whatever else follows is a part of the name: `<iframe_>` is no `iframe`.
fn ends_name(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ' | b'/' | b'>')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_in_which_no_other_begins_is_known() {
        for name in RAW {
            for tag in [format!("<{name}>"), format!("<{} a=b>", name.to_uppercase()), format!("<{name}\n")] {
                assert_eq!(raw_element(tag.as_bytes()), Some(name), "{tag}");
            }
            for tag in [format!("</{name}>"), format!("<{name}s>"), format!("<{}>", &name[..2])] {
                assert_eq!(raw_element(tag.as_bytes()), None, "{tag}");
            }
        }
        assert_eq!(raw_element(b"<"), None);
    }

    #[test]
    fn a_tag_that_has_not_ended_waits() {
        for (text, expected) in [
            ("<p>text", 7),
            ("<p>text<ifr", 7),
            ("<p>text<", 7),
            ("<p>a < b", 8),
            ("<p>text<img alt=\"a > b", 7),
            ("<p>text<img alt='a > b' src=x", 7),
            ("<p>text<img alt='a > b'>", 24),
            ("<iframe title=\"<b>Map</b>\" ", 0),
            ("<iframe title='it\"s <b>' ", 0),
            ("<!-- don't <p \"", 13),
            ("<!-- don't --><p>x", 18),
            ("<!-->x", 6),
            ("<p><!", 3),
            ("<!doctype html><p>", 18),
            ("<script>if (a<b) x = '<i", 23),
            ("<script>'</scr", 9),
            ("<script>\"</p '\"</script>x", 25),
            ("<SCRIPT>'</Script ", 9),
            ("<iframe\u{11} a><p", 11),
            ("<iframe_><p", 9),
            ("<script>'</scriptx>'<p", 21),
            ("<script>'</script", 9),
            ("<p><noscript><p>one</p>", 3),
            ("<p><noscript><p>one</p></noscript>x", 35),
            ("no tag", 6),
            ("", 0),
        ] {
            assert_eq!(OpenTag::default().before(text.as_bytes()), expected, "{text}");
            // The same, byte by byte.
            let (mut open, mut cut) = (OpenTag::default(), 0);
            for end in 0..=text.len() {
                let next = open.before(&text.as_bytes()[..end]);
                assert!(next >= cut, "{text} {end}");
                cut = next;
            }
            assert_eq!(cut, expected, "{text}");
        }
    }
}
