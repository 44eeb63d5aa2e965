//! The tables about visitors: what is asked, which cookies and hosts there are, and what pages are given.

use super::key::{Key, Kind, Unwritten};

pub(super) const CONSENT: &[Key] = &[
    Key::new("mode", Kind::Words(&["enforce", "report"]))
        .unwritten(Unwritten::Text("enforce"))
        .about("Whether cookies are held, or only counted as they would be: a quiet first week."),
    Key::new("page", Kind::Path)
        .unwritten(Unwritten::Text("/cookies"))
        .about("The path of the cookies page, without a query."),
    Key::new("lifetime", Kind::Months(1, 13))
        .unwritten(Unwritten::Text("12 months"))
        .about("How long a decision is kept. Browsers keep no cookie longer than 400 days.")
        .source("RFC 6265bis"),
    Key::new("undeclared", Kind::Words(&["hold", "pass"]))
        .unwritten(Unwritten::Text("hold"))
        .about("What is done with cookies that no [[cookie]] names, even where everything is accepted."),
    Key::new("regime", Kind::Words(&["uk", "consent"]))
        .unwritten(Unwritten::Text("uk"))
        .about("Whether statistics and appearance are on until refused, as the law of the United Kingdom allows, or everything is asked for first.")
        .source("PECR Schedule A1 paragraphs 5 and 6"),
    Key::new("global_privacy_control", Kind::Flag)
        .unwritten(Unwritten::Flag(true))
        .about("Whether `Sec-GPC: 1` refuses whatever needs consent, until the visitor has chosen.")
        .source("W3C Global Privacy Control"),
    Key::new("banner", Kind::Flag)
        .unwritten(Unwritten::Flag(true))
        .about("Whether undecided visitors are asked at the top of every page."),
    Key::new("link", Kind::Words(&["site", "insert"]))
        .unwritten(Unwritten::Text("site"))
        .about("Who links to the cookies page from every page: the site itself, or Pinfold at the end of each."),
    Key::new("gate", Kind::Flag)
        .unwritten(Unwritten::Words("as `banner`"))
        .example("true")
        .about("Whether elements with `data-consent` are held in pages until their purpose is granted."),
    Key::new("well_known", Kind::Flag)
        .unwritten(Unwritten::Flag(true))
        .about("Whether sessions, sign-in, load balancers and the like that are known to be strictly necessary need no [[cookie]]."),
    Key::new("clear_storage", Kind::Flag)
        .unwritten(Unwritten::Flag(false))
        .about("Whether the browser of a visitor who takes a grant back is told to forget what scripts kept for this host. That takes what the site keeps there, too.")
        .source("W3C Clear Site Data"),
    Key::new("shared_cache_key", Kind::Field)
        .unwritten(Unwritten::Words("pages are private"))
        .example("\"\"")
        .about("A field of requests on which a cache in front varies, so that it may keep pages: see docs/caches.md."),
    Key::new("shell", Kind::Path)
        .unwritten(Unwritten::Words("a page of its own"))
        .example("\"/about/cookies-shell\"")
        .about("A page of the site with an element `data-pinfold=\"cookies\"`, within which the cookies page is drawn.")
        .aside(),
];

/// Another first table would be of no use beside these: what visitors are asked has its words in it.
const TITLE: Key = Key::new("title", Kind::Text).about("What visitors read first.");
const DESCRIPTION: Key = Key::new("description", Kind::Text).about("What visitors read below it.");

pub(super) const PURPOSE: &[Key] = &[
    Key::new("id", Kind::Text)
        .unwritten(Unwritten::Required)
        .example("\"marketing\"")
        .about("How cookies, hosts and pages name it: up to 40 lower-case letters, digits and hyphens. The site is told it in `Pinfold-Consent`."),
    Key::new("basis", Kind::Words(&["appearance", "consent", "statistics"]))
        .unwritten(Unwritten::Required)
        .example("\"consent\"")
        .about("What allows its cookies. Statistics and appearance are on until refused; consent is asked for.")
        .source("PECR Schedule A1 paragraphs 2, 5 and 6"),
    TITLE.unwritten(Unwritten::Required).example("\"Cookies that measure campaigns\""),
    DESCRIPTION
        .unwritten(Unwritten::Required)
        .example("\"They tell Google and us which of our campaigns brought you here.\""),
    Key::new("uses", Kind::List(&Kind::Words(&["advertising", "profiling", "sharing", "cross-site", "individual"])))
        .example("[\"advertising\"]")
        .about("What else is done with the cookies. Each of these needs consent, so statistics and appearance are refused with it.")
        .source("PECR Schedule A1 paragraph 5"),
    Key::new("services", Kind::List(&Kind::Service))
        .example("[\"google-analytics\"]")
        .about("Products whose cookies are there for it: each of theirs that is well known is then declared. Those that are known are in docs/configuration.md."),
    Key::new(
        "google_consent",
        Kind::List(&Kind::Words(&[
            "ad_storage",
            "ad_user_data",
            "ad_personalization",
            "analytics_storage",
            "functionality_storage",
            "personalization_storage",
            "security_storage",
        ])),
    )
    .example("[\"ad_storage\", \"ad_user_data\", \"ad_personalization\", \"analytics_storage\"]")
    .about("The consent types that Google's tags are told with it.")
    .source("Google consent mode, version 2"),
    Key::new("cy", Kind::Table(PURPOSE_CY)).about("The same in Welsh, for visitors who read it."),
];

const PURPOSE_CY: &[Key] = &[
    TITLE.unwritten(Unwritten::Required).example("\"Cwcis sy'n mesur ymgyrchoedd\""),
    DESCRIPTION
        .unwritten(Unwritten::Required)
        .example("\"Maent yn dweud wrth Google ac wrthym ni pa rai o'n hymgyrchoedd a ddaeth â chi yma.\""),
];

pub(super) const MORE_PURPOSES: &str = r#"[[purpose]]
id = "statistics"
basis = "statistics"
title = "Cookies that count visits"
description = "They tell us which pages are used, so that we can make them better. Nobody else is given them."
[purpose.cy]
title = "Cwcis sy'n cyfrif ymweliadau"
description = "Maent yn dweud wrthym pa dudalennau a ddefnyddir, er mwyn i ni eu gwella. Nid oes neb arall yn eu cael."
"#;

pub(super) const COOKIE: &[Key] = &[
    Key::new("name", Kind::Text)
        .unwritten(Unwritten::Required)
        .example("\"promo*\"")
        .about("Its name, or the beginning of names with one trailing `*`; at most 127 letters."),
    Key::new("purpose", Kind::Text)
        .unwritten(Unwritten::Required)
        .example("\"marketing\"")
        .about("The `id` of its purpose, or \"strictly-necessary\"."),
    Key::new("provider", Kind::Text)
        .unwritten(Unwritten::Words("the council itself"))
        .example("\"\"")
        .about("Who sets it."),
    Key::new("description", Kind::Text)
        .example("\"Remembers which offers you have seen.\"")
        .about("What it does."),
    Key::new("lifetime", Kind::Text).example("\"13 months\"").about("How long it lasts, in words."),
    Key::new("domains", Kind::List(&Kind::Domain))
        .example("[\"example.gov.uk\"]")
        .about("Domains, beside the host itself and `cookie_domain`, that a removal must reach: one of `[site] hosts` is in each."),
    Key::new("paths", Kind::List(&Kind::Path))
        .example("[\"/offers\"]")
        .about("Paths beside `/` that a removal must reach."),
    Key::new("partitioned", Kind::Flag)
        .unwritten(Unwritten::Words("false"))
        .example("false")
        .about("Whether it is set with `Partitioned`, so that its removal must be.")
        .source("CHIPS"),
    Key::new("cy", Kind::Table(COOKIE_CY)).about("The same in Welsh, for visitors who read it."),
];

const COOKIE_CY: &[Key] = &[
    Key::new("description", Kind::Text)
        .example("\"Mae'n cofio pa gynigion a welsoch.\"")
        .about("What it does."),
    Key::new("lifetime", Kind::Text).example("\"13 mis\"").about("How long it lasts, in words."),
];

pub(super) const MORE_COOKIES: &str = r#"[[cookie]]
name = "SESS*"
purpose = "strictly-necessary"
description = "Keeps you signed in."
lifetime = "Until you close the browser"
[cookie.cy]
description = "Mae'n eich cadw wedi mewngofnodi."
lifetime = "Nes i chi gau'r porwr"
"#;

const LABELS: Key = Key::new("labels", Kind::List(&Kind::Text));

pub(super) const PREFERENCE: &[Key] = &[
    Key::new("name", Kind::Text)
        .unwritten(Unwritten::Required)
        .example("\"text-size\"")
        .about("Up to 24 lower-case letters, digits and hyphens: `<html data-text-size=\"large\">` in pages, `Pinfold-Preference: text-size=large` to the site.")
        .source("RFC 9651 section 3.2"),
    Key::new("values", Kind::List(&Kind::Text))
        .unwritten(Unwritten::Required)
        .example("[\"normal\", \"large\", \"largest\"]")
        .about("What can be chosen, two or more words; the first is what everybody has who chooses nothing. All preferences together have at most 256 choices."),
    TITLE.unwritten(Unwritten::Words("the name")).example("\"Text size\""),
    DESCRIPTION.example("\"How large the text of this site is.\""),
    LABELS
        .unwritten(Unwritten::Words("the values"))
        .example("[\"Normal\", \"Large\", \"Largest\"]")
        .about("What visitors read for each value, in the same order."),
    Key::new("cy", Kind::Table(PREFERENCE_CY)).about("The same in Welsh, for visitors who read it."),
];

const PREFERENCE_CY: &[Key] = &[
    TITLE.unwritten(Unwritten::Words("the English")).example("\"Maint y testun\""),
    DESCRIPTION.unwritten(Unwritten::Words("the English")).example("\"Pa mor fawr yw testun y wefan hon.\""),
    LABELS
        .unwritten(Unwritten::Words("the English"))
        .example("[\"Arferol\", \"Mawr\", \"Mwyaf\"]")
        .about("What visitors read for each value, in the same order."),
];

pub(super) const EMBED: &[Key] = &[
    Key::new("purpose", Kind::Text)
        .unwritten(Unwritten::Required)
        .example("\"marketing\"")
        .about("The `id` of its purpose, or \"strictly-necessary\"."),
    Key::new("hosts", Kind::List(&Kind::Host))
        .unwritten(Unwritten::Required)
        .example("[\"www.googletagmanager.com\", \"*.google-analytics.com\"]")
        .about("The hosts it comes from; `*.` stands for all below a domain, but for none of them while a host below it that another embed declares is refused.")
        .source("W3C Content Security Policy"),
];

pub(super) const MORE_EMBEDS: &str = r#"[[embed]]
purpose = "strictly-necessary"
hosts = ["cdn.example.com"]
"#;
