use std::fmt::Write as _;
use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

/// One file of the pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Paper {
    pub(crate) name: &'static str,
    pub(crate) text: String,
}

/// Puts papers into a `.tar.gz`, in a directory of its own, with a list of their digests (SHA-256) that `sha256sum --check` takes.
/// Papers are dated `seconds` after 1970, and belong to nobody.
pub(crate) fn pack(
    mut papers: Vec<Paper>,
    directory: &str,
    seconds: u64,
    output: impl Write,
) -> io::Result<()> {
    let mut sums = String::new();
    for paper in &papers {
        let digest = Sha256::digest(paper.text.as_bytes());
        for byte in digest {
            let _ = write!(sums, "{byte:02x}");
        }
        let _ = writeln!(sums, "  {}", paper.name);
    }
    papers.push(Paper { name: "SHA256SUMS", text: sums });
    let mut archive = tar::Builder::new(GzEncoder::new(output, Compression::default()));
    for paper in papers {
        let mut header = tar::Header::new_ustar();
        header.set_size(paper.text.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(seconds);
        archive.append_data(&mut header, format!("{directory}/{}", paper.name), paper.text.as_bytes())?;
    }
    archive.into_inner()?.finish()?.flush()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn what_is_packed_is_there_with_its_digest() {
        let papers = vec![Paper { name: "a.txt", text: "abc".to_owned() }];
        let mut packed = Vec::new();
        pack(papers, "evidence", 1_795_341_600, &mut packed).unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&packed[..]));
        let mut found = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            found.push((entry.path().unwrap().display().to_string(), text));
        }
        // The digest of `abc` is that of FIPS 180-2, appendix B.1.
        let sums = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a.txt\n";
        let expected = [("evidence/a.txt", "abc"), ("evidence/SHA256SUMS", sums)];
        assert_eq!(found, expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
    }
}
