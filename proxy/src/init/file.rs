use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

/// Writes a file that is not there yet.
///
/// # Errors
///
/// What is wrong and what to do.
pub(crate) fn write_new(file: &Path, text: &str) -> Result<(), String> {
    let shown = file.display();
    let opened = OpenOptions::new().write(true).create_new(true).open(file);
    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            format!("{shown} is there already (name another file with --output)")
        }
        _ => format!("{shown} cannot be written: {error} (name another file with --output)"),
    })
}
