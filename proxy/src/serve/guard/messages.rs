use super::super::refused::Refused;
use super::chunks::{Chunks, Come};
use super::head::{Framing, Head};

/// Judges the requests of a connection, one after the other, as they come.
#[derive(Debug)]
pub(super) struct Messages {
    place: Place,
    heads: usize,
}

#[derive(Debug)]
enum Place {
    Head {
        head: Head,
        begun: bool,
    },
    Body {
        left: u64,
    },
    Chunks(Chunks),
    /// Of a head or of another protocol: the answer to the last request will tell.
    Undecided,
}

/// What may be handed on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Judged {
    /// So many bytes from the beginning.
    pub(super) sound: usize,
    /// Why nothing after them may.
    pub(super) refused: Option<Refused>,
}

impl Messages {
    pub(super) fn new() -> Self {
        Self { place: Place::head(), heads: 0 }
    }

    /// `bytes` is whatever has come and has not been found sound yet.
    pub(super) fn judge(&mut self, bytes: &[u8]) -> Judged {
        let mut sound = 0;
        while sound < bytes.len() {
            let rest = &bytes[sound..];
            match &mut self.place {
                Place::Head { head, begun } => {
                    *begun = true;
                    match head.judge(rest) {
                        Ok(None) => break,
                        Err(refused) => return Judged { sound, refused: Some(refused) },
                        Ok(Some((length, framing))) => {
                            sound += length;
                            self.heads += 1;
                            self.place = match framing {
                                Framing::Nothing | Framing::Length(0) => Place::head(),
                                Framing::Length(left) => Place::Body { left },
                                Framing::Undecided => Place::Undecided,
                                Framing::Chunks => Place::Chunks(Chunks::default()),
                            };
                        }
                    }
                }
                Place::Body { left } => {
                    let here = (*left).min(rest.len() as u64);
                    sound += here as usize;
                    *left -= here;
                    if *left == 0 {
                        self.place = Place::head();
                    }
                }
                Place::Undecided => break,
                Place::Chunks(chunks) => match chunks.judge(rest) {
                    Come::Part => sound = bytes.len(),
                    Come::Whole(length) => {
                        sound += length;
                        self.place = Place::head();
                    }
                    Come::Broken(length) => {
                        return Judged { sound: sound + length, refused: Some(Refused::MALFORMED) };
                    }
                },
            }
        }
        Judged { sound, refused: None }
    }

    /// How many heads were sound.
    pub(super) const fn heads(&self) -> usize {
        self.heads
    }

    /// Whether the next byte belongs to a body.
    pub(super) const fn in_body(&self) -> bool {
        matches!(self.place, Place::Body { .. } | Place::Chunks(_))
    }

    /// Whether a head has begun and is not whole.
    pub(super) const fn in_head(&self) -> bool {
        matches!(self.place, Place::Head { begun: true, .. })
    }

    /// Whether nobody knows before the answer to the last request whether another follows.
    pub(super) const fn is_undecided(&self) -> bool {
        matches!(self.place, Place::Undecided)
    }

    /// The answer is that HTTP goes on.
    pub(super) fn go_on(&mut self) {
        if self.is_undecided() {
            self.place = Place::head();
        }
    }
}

impl Place {
    fn head() -> Self {
        Self::Head { head: Head::default(), begun: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    const CHUNKED: &str =
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";

    #[test]
    fn messages_follow_each_other() {
        for (sound, rest, refused) in [
            (format!("{GET}{POST}{CHUNKED}{GET}"), "", None),
            (format!("{GET}{POST}"), "GET / HTTP/1.1\r\nHost:", None),
            (format!("{POST}{CHUNKED}"), "!GET / HTTP/1.1\r\n: x\r\n\r\n", Some(Refused::MALFORMED)),
            (GET.repeat(3), " ", Some(Refused::MALFORMED)),
            (CHUNKED.replace("0\r\n\r\n", ""), "hello", Some(Refused::MALFORMED)),
            (POST.replace("lo", ""), "", None),
            (String::new(), "", None),
        ] {
            let bytes = format!("{sound}{rest}");
            let expected = Judged { sound: sound.len(), refused };
            assert_eq!(Messages::new().judge(bytes.as_bytes()), expected, "{bytes:?}");
        }
    }

    #[test]
    fn upgrade_1_what_follows_is_not_judged_before_it_is_known_what_it_is() {
        let upgrade = GET.replace("Host", "Upgrade: websocket\r\nHost");
        let bytes = format!("{GET}{upgrade}\0{GET}");
        let sound = GET.len() + upgrade.len();
        let mut messages = Messages::new();
        assert_eq!(messages.judge(bytes.as_bytes()), Judged { sound, refused: None });
        let place = (messages.is_undecided(), messages.in_body(), messages.in_head());
        assert_eq!((messages.heads(), place), (2, (true, false, false)));
        let rest = &bytes.as_bytes()[sound..];
        assert_eq!(messages.judge(rest), Judged { sound: 0, refused: None });
        messages.go_on();
        assert!(!messages.is_undecided());
        assert_eq!(messages.judge(rest), Judged { sound: 0, refused: Some(Refused::MALFORMED) });
    }

    #[test]
    fn where_in_a_message_it_stands() {
        let mut messages = Messages::new();
        let mut step = |bytes: &str| {
            messages.judge(bytes.as_bytes());
            (messages.in_head(), messages.in_body())
        };
        assert_eq!(step("GET"), (true, false));
        assert_eq!(step(GET), (false, false));
        assert_eq!(step(&POST[..POST.len() - 1]), (false, true));
        assert_eq!(step("o"), (false, false));
    }
}
