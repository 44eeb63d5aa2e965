//! Where a tag ends that is too long to be read.

/// The elements in which no other can begin.
const RAW: [&str; 9] =
    ["iframe", "noembed", "noframes", "noscript", "script", "style", "textarea", "title", "xmp"];

/// How much of a tag is looked at for its name: longer than that of any element in which no other can begin.
const NAME: usize = 16;

/// Looks through a tag or a comment for its end, as a browser does (HTML, sections 13.2.5.6 to 13.2.5.55), and keeps nothing.
#[derive(Debug)]
pub(super) struct LongTag {
    opens: Option<&'static str>,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// In the name of the tag.
    Name,
    /// Where an attribute may begin.
    Between,
    /// In the name of an attribute.
    Attribute,
    /// After it and a blank.
    AfterAttribute,
    /// After its `=`.
    BeforeValue,
    Unquoted,
    Quoted(u8),
    /// Anything else that ends with the next `>`.
    Markup,
    /// In a comment, with so many of the last bytes being hyphens, of which two are enough; `!` may come after them.
    Comment {
        hyphens: u8,
        mark: bool,
    },
}

impl LongTag {
    /// `beginning` is what the tag begins with.
    pub(super) fn new(beginning: &[u8]) -> Self {
        let state = match beginning {
            [b'<', b'!', b'-', b'-', ..] => State::Comment { hyphens: 0, mark: false },
            [b'<', b'/', first, ..] | [b'<', first, ..] if first.is_ascii_alphabetic() => State::Name,
            _ => State::Markup,
        };
        Self { opens: raw_element(&beginning[..beginning.len().min(NAME)]), state }
    }

    /// The element that the tag begins, if no other can begin in it.
    pub(super) fn opens(&self) -> Option<&'static str> {
        self.opens
    }

    /// How much of a part belongs to the tag, which is shown all of it in turn, and whether it ends there.
    pub(super) fn length_in(&mut self, part: &[u8]) -> (usize, bool) {
        let mut at = 0;
        while at < part.len() {
            if let State::Quoted(mark) = self.state {
                let Some(found) = memchr::memchr(mark, &part[at..]) else { break };
                at += found;
            }
            let byte = part[at];
            at += 1;
            match self.state.after(byte) {
                Some(state) => self.state = state,
                None => return (at, true),
            }
        }
        (part.len(), false)
    }
}

impl State {
    /// The state after a byte; nothing where it is the last one.
    fn after(self, byte: u8) -> Option<Self> {
        let is_blank = matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ');
        Some(match (self, byte) {
            (Self::Quoted(mark), _) if byte == mark => Self::Between,
            (Self::Quoted(_), _) => self,
            (Self::Comment { hyphens: 2, .. }, b'>') => return None,
            (Self::Comment { mark: false, hyphens }, b'-') => {
                Self::Comment { hyphens: (hyphens + 1).min(2), mark: false }
            }
            (Self::Comment { hyphens: 2, mark: false }, b'!') => Self::Comment { hyphens: 2, mark: true },
            (Self::Comment { .. }, b'-') => Self::Comment { hyphens: 1, mark: false },
            (Self::Comment { .. }, _) => Self::Comment { hyphens: 0, mark: false },
            (_, b'>') => return None,
            (Self::Markup, _) => self,
            (Self::BeforeValue, b'"' | b'\'') => Self::Quoted(byte),
            (Self::BeforeValue, _) if is_blank => self,
            (Self::BeforeValue, _) => Self::Unquoted,
            (Self::Unquoted, _) if is_blank => Self::Between,
            (Self::Unquoted, _) => self,
            (Self::Attribute | Self::AfterAttribute, b'=') => Self::BeforeValue,
            (_, b'/') => Self::Between,
            (Self::Attribute | Self::AfterAttribute, _) if is_blank => Self::AfterAttribute,
            (Self::Name | Self::Between, _) if is_blank => Self::Between,
            (Self::Name, _) => self,
            (Self::Between | Self::Attribute | Self::AfterAttribute, _) => Self::Attribute,
        })
    }
}

/// The element that a tag begins, if no other can begin in it.
fn raw_element(tag: &[u8]) -> Option<&'static str> {
    // Nearly every tag fails here.
    if !matches!(tag.get(1)?.to_ascii_lowercase(), b'i' | b'n' | b's' | b't' | b'x') {
        return None;
    }
    let name = tag[1..].split(|byte| ends_name(*byte)).next().unwrap_or_default();
    RAW.into_iter().find(|raw| name.eq_ignore_ascii_case(raw.as_bytes()))
}

/// Whatever else follows is a part of the name: `<iframe_>` is no `iframe`.
pub(super) fn ends_name(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ' | b'/' | b'>')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_that_a_browser_finds() {
        for (tag, opens) in [
            ("<p>", None),
            ("<p title=\"a > b\">", None),
            ("<p title = 'a > \"b'>", None),
            ("<p title=a\"b>", None),
            ("<p it's>", None),
            ("<p it's=\">\">", None),
            ("<p =\">", None),
            ("<p a==\">", None),
            ("<p=\">", None),
            ("<p a = >", None),
            ("<p a \">", None),
            ("<p a/=\">", None),
            ("<p a=/>", None),
            ("<p a=\"x\"b='>'/>", None),
            ("<p\u{a0}a=\">", None),
            ("</p title=\">\">", None),
            ("</script title='>'>", None),
            ("<script src='>'>", Some("script")),
            ("<SCRIPT>", Some("script")),
            ("<scripts>", None),
            ("<title\n>", Some("title")),
            ("<!doctype html \">", None),
            ("<!>", None),
            ("<?x \">", None),
            ("</ \">", None),
            ("<!-- > -- > ->-!> -->", None),
            ("<!-- --!>", None),
            ("<!-- --!-->", None),
            ("<!-- --->", None),
        ] {
            let page = format!("{tag}x>\"'>-->");
            for chunk in [1, 2, 5, 100] {
                let mut long = LongTag::new(page.as_bytes());
                assert_eq!(long.opens(), opens, "{tag}");
                let mut found = 0;
                for part in page.as_bytes().chunks(chunk) {
                    let (length, ended) = long.length_in(part);
                    found += length;
                    if ended {
                        break;
                    }
                }
                assert_eq!(found, tag.len(), "{tag} in parts of {chunk}");
            }
        }
    }
}
