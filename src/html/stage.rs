use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lol_html::errors::RewritingError;
use lol_html::html_content::BailOut;
use lol_html::send::Settings;
use lol_html::{AsciiCompatibleEncoding, HtmlRewriter, MemorySettings, OutputSink, send};

use super::charset::Charset;
use super::long_tag::LongTag;

/// The most memory that the parser may take: it holds on to one tag at a time, and to the names of elements that are open.
const MEMORY: usize = 1024 * 1024;

/// How much is parsed at once: no more elements can begin in it than a fresh parser has room for.
const SLICE: usize = 8 * 1024;

/// How much longer a part may become without being moved: what is put in is shorter, with few purposes.
pub(super) const ROOM: usize = 4 * 1024;

/// One pass over a page, chunk by chunk.
///
/// Where the parser has no more room, a fresh one goes on where it stopped, which knows nothing of what is open. A tag for
/// which that has none either passes as it is, and what comes after it is parsed.
pub(super) struct Stage {
    make: Make,
    charset: Charset,
    place: Place,
    out: Outlet,
}

/// Makes what a parser goes by. It is asked again for each fresh one, so what happens once must be remembered outside.
type Make = Box<dyn Fn(Charset) -> Settings<'static, 'static> + Send>;

enum Place {
    Parsing(Box<HtmlRewriter<'static, Outlet, send::SendHandlerTypes>>),
    /// In a tag that no parser has room for.
    Passing(LongTag),
    Ended,
}

/// Where the parser puts what it is done with.
#[derive(Clone, Default)]
struct Outlet(Arc<Mutex<Put>>);

#[derive(Default)]
struct Put {
    bytes: Vec<u8>,
    /// From where on they are as they came, because there was no room.
    unread: Option<usize>,
    encoding: Option<AsciiCompatibleEncoding>,
}

impl OutputSink for Outlet {
    fn handle_chunk(&mut self, chunk: &[u8]) {
        self.lock().bytes.extend_from_slice(chunk);
    }

    fn set_encoding(&mut self, encoding: AsciiCompatibleEncoding) {
        self.lock().encoding = Some(encoding);
    }
}

impl Outlet {
    fn lock(&self) -> MutexGuard<'_, Put> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stage {
    pub(super) fn new(
        charset: Charset,
        make: impl Fn(Charset) -> Settings<'static, 'static> + Send + 'static,
    ) -> Self {
        let mut stage = Self { make: Box::new(make), charset, place: Place::Ended, out: Outlet::default() };
        stage.begin();
        stage
    }

    /// Puts a part of the page in and what is done onto `done`.
    pub(super) fn write(&mut self, part: &[u8], done: &mut Vec<u8>) {
        for slice in part.chunks(SLICE) {
            let mut unread = self.parse(slice, done);
            while let Some(rest) = unread {
                self.begin();
                unread = self.parse(&rest, done);
                if let Some(tag) = unread.take_if(|again| again.len() >= rest.len()) {
                    say_once();
                    self.place = Place::Passing(LongTag::new(&tag));
                    unread = self.parse(&tag, done);
                }
            }
        }
    }

    /// Ends the pass; what is written after it goes through untouched.
    pub(super) fn end(&mut self, done: &mut Vec<u8>) {
        if let Place::Parsing(rewriter) = std::mem::replace(&mut self.place, Place::Ended) {
            // On a failure the parser has handed out every byte that it was given, as it was.
            let _ = rewriter.end();
            done.append(&mut self.out.lock().bytes);
        }
    }

    /// Puts a part in, and gives what is left of it where there is no more room.
    fn parse(&mut self, part: &[u8], done: &mut Vec<u8>) -> Option<Vec<u8>> {
        let mut rest = part;
        while !rest.is_empty() {
            match &mut self.place {
                Place::Ended => {
                    done.extend_from_slice(rest);
                    return None;
                }
                Place::Passing(tag) => {
                    let (length, ended) = tag.length_in(rest);
                    done.extend_from_slice(&rest[..length]);
                    rest = &rest[length..];
                    if ended {
                        let within = tag.opens();
                        self.begin();
                        if let Some(name) = within {
                            self.begin_within(name);
                        }
                    }
                }
                Place::Parsing(rewriter) => {
                    let (slice, after) = rest.split_at(rest.len().min(SLICE));
                    let failed = rewriter.write(slice).is_err();
                    let mut put = self.out.lock();
                    if failed {
                        let from = put.unread.take().unwrap_or_default();
                        let mut unread = put.bytes.split_off(from);
                        done.append(&mut put.bytes);
                        unread.extend_from_slice(after);
                        return Some(unread);
                    }
                    done.append(&mut put.bytes);
                    rest = after;
                }
            }
        }
        None
    }

    /// Takes a fresh parser, which reads in the encoding that the page has said meanwhile.
    fn begin(&mut self) {
        // The last one may have filled it.
        let Put { encoding, .. } = std::mem::take(&mut *self.out.lock());
        if let Some(encoding) = encoding.filter(|said| *said != self.charset.encoding) {
            self.charset = Charset { encoding, guessed: false };
        }
        let out = self.out.clone();
        let settings = (self.make)(self.charset).append_bail_out_handler(
            move |_: &RewritingError, _: &mut BailOut<'_>| {
                let mut put = out.lock();
                put.unread = Some(put.bytes.len());
            },
        );
        self.place = Place::Parsing(Box::new(HtmlRewriter::new(settings, self.out.clone())));
    }

    /// Lets a fresh parser believe that an element is open in which no other can begin.
    fn begin_within(&mut self, name: &str) {
        if let Place::Parsing(rewriter) = &mut self.place {
            // There is room for a name.
            let _ = rewriter.write(format!("<{name}>").as_bytes());
            self.out.lock().bytes.clear();
        }
    }
}

/// Tells the operator, without an address: those of pages are of what visitors read.
fn say_once() {
    static SAID: AtomicBool = AtomicBool::new(false);
    if !SAID.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            limit = MEMORY,
            "a page has a tag that is longer than the limit: it went on as it was, so keep pictures and pages out of \
             attributes (this is said once)"
        );
    }
}

/// What every pass goes by.
pub(super) fn settings(charset: Charset) -> Settings<'static, 'static> {
    Settings::new_send()
        .with_encoding(charset.encoding)
        .with_adjust_charset_on_meta_tag(charset.guessed)
        .with_strict(false)
        .with_memory_settings(
            MemorySettings::new()
                .with_max_allowed_memory_usage(MEMORY)
                .with_graceful_bail_out_on_memory_limit_exceeded(true),
        )
        .with_graceful_bail_out_on_content_handler_error(true)
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage").field("ended", &matches!(self.place, Place::Ended)).finish_non_exhaustive()
    }
}
