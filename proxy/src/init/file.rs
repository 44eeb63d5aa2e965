use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

/// Why a file cannot be written, if it is there already: known before anybody is asked anything.
pub(crate) fn taken(file: &Path) -> Option<String> {
    file.exists().then(|| is_there(file))
}

fn is_there(file: &Path) -> String {
    format!("{} is there already (name another file with --output)", file.display())
}

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
        std::io::ErrorKind::AlreadyExists => is_there(file),
        _ => format!("{shown} cannot be written: {error} (name another file with --output)"),
    })
}
