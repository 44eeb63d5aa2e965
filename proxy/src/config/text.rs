//! A file of the configuration as text.

use std::path::Path;

use super::check::unread;
use super::fault::{Fault, Faults, Place};

/// Reads a file.
///
/// # Errors
///
/// It is no file that can be read, for which the `remedy` is, or it is no text.
pub(super) fn read_text(file: &Path, remedy: &str) -> Result<String, Fault> {
    let bytes = std::fs::read(file).map_err(|error| unread(file, &error, remedy))?;
    as_text(file, bytes)
}

fn as_text(file: &Path, bytes: Vec<u8>) -> Result<String, Fault> {
    let (text, at, problem) = match (in_utf_16(&bytes), String::from_utf8(bytes)) {
        (Some(text), _) => (text, 0, "the file is written in UTF-16, as PowerShell writes files"),
        (None, Ok(text)) => return Ok(text),
        (None, Err(error)) => {
            let at = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            (text, at, "a letter is not written in UTF-8, but as in Latin-1 perhaps")
        }
    };
    let letter = text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    let remedy = "save the file as UTF-8, which editors ask for when they save";
    Err(Faults::new(file, &text).one(&Place::File(at..at + letter), problem, remedy))
}

/// What begins with the mark of UTF-16, or has a zero beside every letter of its beginning.
fn in_utf_16(bytes: &[u8]) -> Option<String> {
    let units = |unit: fn([u8; 2]) -> u16| {
        let units: Vec<_> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        Some(String::from_utf16_lossy(&units).trim_start_matches('\u{feff}').to_owned())
    };
    match bytes {
        [0xff, 0xfe, ..] | [1..=0x7f, 0, 1..=0x7f, 0, ..] => units(u16::from_le_bytes),
        [0xfe, 0xff, ..] | [0, 1..=0x7f, 0, 1..=0x7f, ..] => units(u16::from_be_bytes),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_shown_where_it_is_none() {
        let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        for (bytes, expected) in [
            (&b"name = \"Caf\xc3\xa9\"\n"[..], None),
            (b"[site]\nname = \"Caf\xe9\"\n", Some(("t.toml:2:12", "Latin-1", "name = \"Caf\u{fffd}\""))),
            (&utf_16("\u{feff}[site]\nname"), Some(("t.toml:1:1", "UTF-16", "[site]"))),
            (&utf_16("[site]"), Some(("t.toml:1:1", "UTF-16", "[site]"))),
            (b"\xfe\xff\0[\0s", Some(("t.toml:1:1", "UTF-16", "[s"))),
            (b"", None),
        ] {
            let read = as_text(Path::new("t.toml"), bytes.to_vec());
            match (read, expected) {
                (Ok(text), None) => assert_eq!(text.as_bytes(), bytes),
                (Err(fault), Some((place, problem, line))) => {
                    assert_eq!(fault.place, place);
                    assert!(fault.problem.contains(problem), "{fault}");
                    assert!(fault.with_excerpt().contains(line), "{}", fault.with_excerpt());
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
