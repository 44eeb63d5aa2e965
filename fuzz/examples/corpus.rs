//! `corpus unpack|pack TARGET DIRECTORY`: see `scripts/fuzz`.

use std::io;
use std::path::Path;

use pinfold_fuzz::corpus::{pack, unpack};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [act, target, directory] if act == "unpack" => unpack(target, Path::new(directory)),
        [act, target, directory] if act == "pack" => pack(target, Path::new(directory)),
        _ => Err(io::Error::other("write: corpus unpack|pack TARGET DIRECTORY")),
    }
}
