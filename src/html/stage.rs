use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use lol_html::send::Settings;
use lol_html::{AsciiCompatibleEncoding, HtmlRewriter, MemorySettings, OutputSink, send};

use super::charset::Charset;

/// The most memory that the parser may take: it holds on to one tag at a time.
const MEMORY: usize = 1024 * 1024;

/// One pass of the parser over a page, chunk by chunk.
pub(super) struct Stage {
    rewriter: Option<Box<HtmlRewriter<'static, Outlet, send::SendHandlerTypes>>>,
    out: Outlet,
}

/// Where the parser puts what it is done with.
#[derive(Clone, Default)]
struct Outlet(Arc<Mutex<Vec<u8>>>);

impl OutputSink for Outlet {
    fn handle_chunk(&mut self, chunk: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(chunk);
    }
}

impl Stage {
    pub(super) fn new(settings: Settings<'static, '_>) -> Self {
        let out = Outlet::default();
        Self { rewriter: Some(Box::new(HtmlRewriter::new(settings, out.clone()))), out }
    }

    /// Puts a part of the page in and what is done onto `done`.
    pub(super) fn write(&mut self, part: &[u8], done: &mut Vec<u8>) {
        match &mut self.rewriter {
            None => done.extend_from_slice(part),
            Some(rewriter) => {
                // On a failure the parser has handed out every byte that it was given, as it was.
                let failed = rewriter.write(part).is_err();
                self.take(done);
                if failed {
                    self.rewriter = None;
                }
            }
        }
    }

    /// Ends the pass; what is written after it goes through untouched.
    pub(super) fn end(&mut self, done: &mut Vec<u8>) {
        if let Some(rewriter) = self.rewriter.take() {
            // As above.
            let _ = rewriter.end();
            self.take(done);
        }
    }

    fn take(&self, done: &mut Vec<u8>) {
        done.append(&mut self.out.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// What every pass goes by.
pub(super) fn settings(charset: Charset) -> Settings<'static, 'static> {
    let encoding: AsciiCompatibleEncoding = charset.encoding;
    Settings::new_send()
        .with_encoding(encoding)
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
        f.debug_struct("Stage").field("ended", &self.rewriter.is_none()).finish()
    }
}
