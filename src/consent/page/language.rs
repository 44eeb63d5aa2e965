use crate::time::CivilMonth;

/// A language in which Pinfold speaks to visitors. Both are complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Language {
    /// English, `en`.
    English,
    /// Welsh, `cy`.
    Welsh,
}

impl Language {
    /// The code of the language (RFC 5646).
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Welsh => "cy",
        }
    }

    /// The language of a code; regions are ignored.
    pub fn from_code(code: &str) -> Option<Self> {
        let primary = code.split('-').next().unwrap_or_default();
        [Self::English, Self::Welsh]
            .into_iter()
            .find(|language| language.code().eq_ignore_ascii_case(primary))
    }

    /// A month by name, such as `November 2026`.
    pub fn month(self, month: CivilMonth) -> String {
        let names = match self {
            Self::English => &ENGLISH_MONTHS,
            Self::Welsh => &WELSH_MONTHS,
        };
        let name = usize::try_from(month.number() - 1).ok().and_then(|place| names.get(place));
        format!("{} {}", name.copied().unwrap_or_default(), month.year())
    }

    /// The offered language that `Accept-Language` (RFC 9110 12.5.4) likes best; the first one offered where it likes none.
    pub(in crate::consent) fn negotiate(offered: &[Self], accept: &str) -> Self {
        let mut best = (offered.first().copied().unwrap_or(Self::English), 0.0);
        for range in accept.split(',') {
            let (code, quality) = range.split_once(';').unwrap_or((range, "q=1"));
            let quality =
                quality.trim().strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).unwrap_or(0.0);
            let language = Self::from_code(code.trim()).filter(|language| offered.contains(language));
            if let Some(language) = language.filter(|_| quality > best.1 && quality <= 1.0) {
                best = (language, quality);
            }
        }
        best.0
    }
}

#[rustfmt::skip]
const ENGLISH_MONTHS: [&str; 12] = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
];

#[rustfmt::skip]
const WELSH_MONTHS: [&str; 12] = [
    "Ionawr", "Chwefror", "Mawrth", "Ebrill", "Mai", "Mehefin", "Gorffennaf", "Awst", "Medi", "Hydref", "Tachwedd", "Rhagfyr",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_08_the_language_a_visitor_likes_best() {
        use Language::{English, Welsh};
        for (offered, accept, expected) in [
            (&[English, Welsh][..], "cy", Welsh),
            (&[English, Welsh], "cy-GB, en;q=0.8", Welsh),
            (&[English, Welsh], "en-GB,en;q=0.9,cy;q=0.8", English),
            (&[English, Welsh], "en;q=0.5, cy;q=0.9", Welsh),
            (&[English, Welsh], "fr, de", English),
            (&[Welsh, English], "fr", Welsh),
            (&[English], "cy", English),
            (&[English, Welsh], "cy;q=0", English),
            (&[English, Welsh], "cy;q=NaN, ;;q, cy;q=9", English),
            (&[English, Welsh], "", English),
        ] {
            assert_eq!(Language::negotiate(offered, accept), expected, "{offered:?} {accept}");
        }
    }
}
