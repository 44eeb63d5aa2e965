//! What is kept of what fuzzing found: `corpora/<target>.txt`, an input a line, escaped as in Rust.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// What is kept of one target, at most.
const MOST_INPUTS: usize = 100;
const MOST_BYTES: usize = 8 * 1024;

/// Every input that is kept for a target, in order.
///
/// # Errors
///
/// Where the file cannot be read, or a line of it is not written so.
pub fn read(target: &str) -> io::Result<Vec<Vec<u8>>> {
    let text = fs::read_to_string(file(target))?;
    let line = |line: &str| {
        unescaped(line).ok_or_else(|| io::Error::other(format!("{target}: {line} is not escaped")))
    };
    text.lines().map(line).collect()
}

/// Writes each input into a file of its own, as libFuzzer wants them.
///
/// # Errors
///
/// Where it cannot be read or written.
pub fn unpack(target: &str, directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for (number, input) in read(target)?.iter().enumerate() {
        fs::write(directory.join(format!("kept-{number:03}")), input)?;
    }
    Ok(())
}

/// Keeps what is kept, and the shortest of what is in a directory, as far as there is room.
///
/// # Errors
///
/// Where it cannot be read or written.
pub fn pack(target: &str, directory: &Path) -> io::Result<()> {
    let mut kept = read(target)?;
    let known: BTreeSet<_> = kept.iter().cloned().collect();
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(directory)? {
        let input = fs::read(entry?.path())?;
        found.insert((input.len(), input));
    }
    kept.extend(found.into_iter().map(|(_, input)| input).filter(|input| !known.contains(input)));
    let mut text = String::new();
    for input in kept.iter().take(MOST_INPUTS) {
        let line = format!("{}\n", input.escape_ascii());
        if text.len() + line.len() <= MOST_BYTES {
            text.push_str(&line);
        }
    }
    fs::write(file(target), text)
}

fn file(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora").join(format!("{target}.txt"))
}

/// The bytes of a text as [`slice::escape_ascii`] writes them.
fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next()? {
                b'r' => b'\r',
                b'n' => b'\n',
                b't' => b'\t',
                b'x' => {
                    let mut digit = || char::from(rest.next()?).to_digit(16);
                    u8::try_from(digit()? << 4 | digit()?).ok()?
                }
                mark @ (b'\\' | b'\'' | b'"') => mark,
                _ => return None,
            },
            b' '..=b'~' => byte,
            _ => return None,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_read_as_it_was_written() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(unescaped(&all.escape_ascii().to_string()), Some(all));
        for text in ["\\", "\\q", "\\x1", "\\xgg", "\u{e9}", "\t"] {
            assert_eq!(unescaped(text), None, "{text}");
        }
    }
}
