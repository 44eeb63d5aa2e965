//! What somebody may have meant.

/// The known name that is at most a third of its letters away, whatever their case.
pub(super) fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let name = name.to_lowercase();
    let length = |text: &str| text.chars().count();
    let close = known.into_iter().map(|one| (distance(&name, &one.to_lowercase()), one)).min();
    close.filter(|(distance, one)| *distance * 3 <= length(one).max(length(&name))).map(|(_, one)| one)
}

/// The known name that is at most two letters away: for names that are long and much alike.
pub(super) fn very_near<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    nearest(name, known).filter(|near| distance(&name.to_lowercase(), &near.to_lowercase()) <= 2)
}

/// Letters to put in, take out, change, or let change places (Damerau and Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    strsim::damerau_levenshtein(one, other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name() {
        let known = ["timeout", "url", "listen", "lifetime", "name", "address", "enforce", "Europe/London"];
        for (name, expected) in [
            ("timout", Some("timeout")),
            ("lifetme", Some("lifetime")),
            ("uri", Some("url")),
            ("ulr", Some("url")),
            ("nmae", Some("name")),
            ("adress", Some("address")),
            ("adderss", Some("address")),
            ("enfroce", Some("enforce")),
            ("enforced", Some("enforce")),
            ("ENFORCE", Some("enforce")),
            ("Europe/Londn", Some("Europe/London")),
            ("europe/london", Some("Europe/London")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known), expected, "{name}");
        }
        assert_eq!(nearest("Europe/Cardiff", ["Europe/Madrid"]), Some("Europe/Madrid"));
        assert_eq!(very_near("Europe/Cardiff", ["Europe/Madrid"]), None);
        assert_eq!(very_near("Europe/Londn", known), Some("Europe/London"));
    }
}
