//! Undoing the compression of a page, as it streams by and within bounds.

use std::fmt;
use std::io::{self, Write};

use brotli_decompressor::DecompressorWriter;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use zstd::stream::write::Decoder as ZstdDecoder;

/// How a body is compressed (RFC 9110 8.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// RFC 7932.
    Brotli,
    /// RFC 1950, or RFC 1951 alone, as some servers have it.
    Deflate,
    /// RFC 1952.
    Gzip,
    /// Not at all.
    Identity,
    /// RFC 8878.
    Zstd,
}

impl Coding {
    /// The coding that `Content-Encoding` names; nothing where it is another, or several.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Self::Identity),
            "br" => Some(Self::Brotli),
            "deflate" => Some(Self::Deflate),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// A body that cannot be passed on: what it says of itself is not true, or it unpacks to far more than it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the compressed body is broken")
    }
}

impl std::error::Error for Broken {}

/// How many bytes may come of one.
const MOST_RATIO: u64 = 200;

/// How many bytes may come of anything: short bodies may be nothing but blanks.
const ALWAYS: u64 = 256 * 1024;

/// How much is put in at once: this bounds what comes out before anybody looks.
const SLICE: usize = 512;

/// Takes compressed bytes and gives the bytes they stand for.
pub(super) struct Unpack {
    decoder: Option<Box<dyn Undo + Send>>,
    /// The first bytes of `deflate`, until there are enough to tell which of two formats it is.
    start: Vec<u8>,
    taken: u64,
}

/// A decoder that writes into bounds.
trait Undo: Write {
    fn bounded(&mut self) -> &mut Bounded;

    /// Undoes what is left.
    fn finish(&mut self) -> io::Result<()>;
}

/// Keeps what comes out, up to a bound.
#[derive(Default)]
struct Bounded {
    out: Vec<u8>,
    given: u64,
    most: u64,
}

impl Write for Bounded {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        self.given += part.len() as u64;
        if self.given > self.most {
            return Err(io::Error::other("too much comes out"));
        }
        self.out.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Unpack {
    /// Nothing, where there is nothing to undo.
    pub(super) fn new(coding: Coding) -> Option<Self> {
        let decoder: Option<Box<dyn Undo + Send>> = match coding {
            Coding::Identity => return None,
            Coding::Brotli => Some(Box::new(DecompressorWriter::new(Bounded::default(), 16 * 1024))),
            Coding::Deflate => None,
            Coding::Gzip => Some(Box::new(MultiGzDecoder::new(Bounded::default()))),
            Coding::Zstd => {
                let mut decoder = ZstdDecoder::new(Bounded::default()).ok()?;
                // 8 MiB, the window that a browser must have (RFC 9659).
                decoder.window_log_max(23).ok()?;
                Some(Box::new(decoder))
            }
        };
        Some(Self { decoder, start: Vec::new(), taken: 0 })
    }

    /// Undoes a part, and puts what comes of it onto `done`.
    pub(super) fn write(&mut self, part: &[u8], done: &mut Vec<u8>) -> Result<(), Broken> {
        if let Some(decoder) = &mut self.decoder {
            return slices(&mut **decoder, &mut self.taken, part, done);
        }
        self.start.extend_from_slice(part);
        let &[first, second, ..] = self.start.as_slice() else { return Ok(()) };
        // RFC 1950 section 2.2: method 8, and a check over both bytes.
        let is_zlib = first & 0x0f == 8 && u16::from_be_bytes([first, second]).is_multiple_of(31);
        let decoder: Box<dyn Undo + Send> = if is_zlib {
            Box::new(ZlibDecoder::new(Bounded::default()))
        } else {
            Box::new(DeflateDecoder::new(Bounded::default()))
        };
        let start = std::mem::take(&mut self.start);
        slices(&mut **self.decoder.insert(decoder), &mut self.taken, &start, done)
    }

    /// Undoes what is left.
    pub(super) fn end(&mut self, done: &mut Vec<u8>) -> Result<(), Broken> {
        let Some(decoder) = self.decoder.as_mut().filter(|_| self.taken > 0) else { return Ok(()) };
        decoder.finish().map_err(|_| Broken)?;
        done.append(&mut decoder.bounded().out);
        Ok(())
    }
}

fn slices(decoder: &mut dyn Undo, taken: &mut u64, part: &[u8], done: &mut Vec<u8>) -> Result<(), Broken> {
    for slice in part.chunks(SLICE) {
        *taken += slice.len() as u64;
        decoder.bounded().most = ALWAYS.max(taken.saturating_mul(MOST_RATIO));
        decoder.write_all(slice).map_err(|_| Broken)?;
        decoder.flush().map_err(|_| Broken)?;
        done.append(&mut decoder.bounded().out);
    }
    Ok(())
}

impl Undo for DecompressorWriter<Bounded> {
    fn bounded(&mut self) -> &mut Bounded {
        self.get_mut()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.close()
    }
}

impl Undo for DeflateDecoder<Bounded> {
    fn bounded(&mut self) -> &mut Bounded {
        self.get_mut()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.try_finish()
    }
}

impl Undo for MultiGzDecoder<Bounded> {
    fn bounded(&mut self) -> &mut Bounded {
        self.get_mut()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.try_finish()
    }
}

impl Undo for ZlibDecoder<Bounded> {
    fn bounded(&mut self) -> &mut Bounded {
        self.get_mut()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.try_finish()
    }
}

impl Undo for ZstdDecoder<'static, Bounded> {
    fn bounded(&mut self) -> &mut Bounded {
        self.get_mut()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.flush()
    }
}

impl fmt::Debug for Unpack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unpack").field("taken", &self.taken).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(coding: Coding, text: &[u8]) -> Vec<u8> {
        match coding {
            Coding::Gzip => {
                let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
                out.write_all(text).unwrap();
                out.finish().unwrap()
            }
            Coding::Deflate => {
                let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
                out.write_all(text).unwrap();
                out.finish().unwrap()
            }
            Coding::Zstd => zstd::encode_all(text, 19).unwrap(),
            Coding::Brotli | Coding::Identity => unreachable!("there is no encoder here"),
        }
    }

    fn unpacked(coding: Coding, packed: &[u8], chunk: usize) -> Result<Vec<u8>, Broken> {
        let mut unpack = Unpack::new(coding).unwrap();
        let mut done = Vec::new();
        for part in packed.chunks(chunk) {
            unpack.write(part, &mut done)?;
        }
        unpack.end(&mut done)?;
        Ok(done)
    }

    #[test]
    fn page_04_what_was_packed_comes_out() {
        let text: Vec<u8> = (0..20_000_u32).flat_map(|n| format!("<p>{n}</p>").into_bytes()).collect();
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Zstd] {
            let packed = packed(coding, &text);
            for chunk in [1, 1000, usize::MAX] {
                assert_eq!(
                    unpacked(coding, &packed, chunk).as_ref(),
                    Ok(&text),
                    "{coding:?} in parts of {chunk}"
                );
            }
        }
        let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        raw.write_all(&text).unwrap();
        assert_eq!(unpacked(Coding::Deflate, &raw.finish().unwrap(), 7), Ok(text));
        // "Hello, hello, hello" by the reference encoder.
        let brotli = [0x0b, 0x02, 0x80, b'H', b'e', b'l', b'l', b'o', 0x03];
        assert_eq!(unpacked(Coding::Brotli, &brotli, 2).as_deref(), Ok(&b"Hello"[..]));
    }

    #[test]
    fn form_06_a_bomb_is_cut_before_it_fills_memory() {
        let zeros = vec![0; 64 * 1024 * 1024];
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Zstd] {
            let bomb = packed(coding, &zeros);
            let mut unpack = Unpack::new(coding).unwrap();
            let mut most = 0;
            let outcome = bomb.chunks(16 * 1024).try_for_each(|part| {
                let mut done = Vec::new();
                let result = unpack.write(part, &mut done);
                most = most.max(done.len());
                result
            });
            assert_eq!(outcome, Err(Broken), "{coding:?}");
            assert!(most < 4 * 1024 * 1024, "{coding:?}: {most}");
        }
    }

    #[test]
    fn nonsense_is_broken() {
        for coding in [Coding::Brotli, Coding::Deflate, Coding::Gzip, Coding::Zstd] {
            assert_eq!(
                unpacked(coding, b"<html>this is not packed at all</html>", 5),
                Err(Broken),
                "{coding:?}"
            );
            assert_eq!(unpacked(coding, b"", 5), Ok(Vec::new()));
        }
    }
}
