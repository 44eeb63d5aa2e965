//! The pages of the manual about places in a chain: what they show is what is tested.

use std::fs;
use std::path::Path;

/// What the pages call the site.
const DOCUMENTED: &str = "www.example.gov.uk";

/// The block of a language on a page, counted from 0, with the host of the test.
pub(crate) fn block(page: &str, language: &str, number: usize) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/places").join(page).with_extension("md");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let fence = format!("```{language}\n");
    let block = text.split(&fence).nth(number + 1).and_then(|rest| rest.split("```").next());
    let block = block.unwrap_or_else(|| panic!("{} has no block {number} of {language}", path.display()));
    block.replace(DOCUMENTED, crate::common::tls::NAME)
}

/// The block, with other ports and files. Each of them has to be there.
pub(crate) fn put(block: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(block.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from:?} is not in\n{text}");
        text.replace(from, to)
    })
}
