//! The words of the dashboard's first part, in English and Welsh.

use pinfold::consent::page::Language;

pub(super) struct Since {
    pub(super) title: &'static str,
    pub(super) traffic: &'static str,
    pub(super) key: &'static str,
    pub(super) lost: &'static str,
    pub(super) none_lost: &'static str,
    pub(super) unwell: &'static str,
    pub(super) details: &'static str,
    pub(super) metrics: &'static str,
    pub(super) readiness: &'static str,
    pub(super) cookies_and_choices: &'static str,
    pub(super) nothing: &'static str,
    pub(super) unreadable: &'static str,
    pub(super) in_front_of: &'static str,
    pub(super) all_sites: &'static str,
    pub(super) site: &'static str,
    pub(super) requests: &'static str,
    pub(super) servers: &'static str,
    pub(super) well: &'static str,
    pub(super) not_well: &'static str,
}

impl Since {
    pub(super) fn of(language: Language) -> &'static Self {
        if language == Language::Welsh { &WELSH } else { &ENGLISH }
    }
}

static ENGLISH: Since = Since {
    title: "Since the start",
    traffic: "{} requests, {} page views.",
    key: "The key of today is {} hours old.",
    lost: "{} rows of counts were lost.",
    none_lost: "No count was lost.",
    unwell: "These servers do not answer as they should: {}.",
    details: "Details of the period below are written when they are a crowd, at most once an hour, and at a clean stop.",
    metrics: "Metrics",
    readiness: "Readiness",
    cookies_and_choices: "Cookies and choices",
    nothing: "Nothing yet.",
    unreadable: "The ledgers cannot be read at the moment: {}",
    in_front_of: "Pinfold in front of {}",
    all_sites: "All sites",
    site: "Site",
    requests: "Requests",
    servers: "Servers",
    well: "all answer",
    not_well: "not all answer",
};

static WELSH: Since = Since {
    title: "Ers y cychwyn",
    traffic: "{} cais, {} tudalen a welwyd.",
    key: "Mae allwedd heddiw yn {} awr oed.",
    lost: "Collwyd {} rhes o gyfrifon.",
    none_lost: "Ni chollwyd yr un cyfrif.",
    unwell: "Nid yw'r gweinyddion hyn yn ateb fel y dylent: {}.",
    details: "Ysgrifennir manylion y cyfnod isod pan fydd digon o bobl, unwaith yr awr ar y mwyaf, ac wrth stopio'n lân.",
    metrics: "Metrigau",
    readiness: "Parodrwydd",
    cookies_and_choices: "Cwcis a dewisiadau",
    nothing: "Dim eto.",
    unreadable: "Ni ellir darllen y llyfrau ar hyn o bryd: {}",
    in_front_of: "Pinfold o flaen {}",
    all_sites: "Pob gwefan",
    site: "Gwefan",
    requests: "Ceisiadau",
    servers: "Gweinyddion",
    well: "pob un yn ateb",
    not_well: "nid yw pob un yn ateb",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_08_both_languages_have_places_for_the_same_values() {
        for (english, welsh) in [
            (ENGLISH.traffic, WELSH.traffic),
            (ENGLISH.key, WELSH.key),
            (ENGLISH.lost, WELSH.lost),
            (ENGLISH.unwell, WELSH.unwell),
            (ENGLISH.unreadable, WELSH.unreadable),
            (ENGLISH.in_front_of, WELSH.in_front_of),
        ] {
            assert_eq!(english.matches("{}").count(), welsh.matches("{}").count(), "{english}");
        }
    }
}
