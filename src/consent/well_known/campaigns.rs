use super::service::{Kind, Service};
use super::wording::*;

/// Advertising, and measuring what it brings.
pub(super) const CAMPAIGNS: &[Service] = &[
    Service {
        id: "google-ads",
        provider: "Google",
        kind: Kind::Consent,
        source: "https://business.safety.google/adscookies/",
        cookies: &[
            cookie("_gcl_*", AD_CLICK, DAYS_90),
            cookie("IDE", AD_BROWSER, MONTHS_13),
            cookie("test_cookie", COOKIES_WORK, MINUTES_15),
            cookie("__gads", AD_BROWSER, MONTHS_13),
        ],
    },
    Service {
        id: "meta-pixel",
        provider: "Meta (Facebook and Instagram)",
        kind: Kind::Consent,
        source: "https://www.facebook.com/privacy/policies/cookies/",
        cookies: &[cookie("_fbp", AD_BROWSER, DAYS_90), cookie("_fbc", AD_CLICK, DAYS_90)],
    },
    Service {
        id: "linkedin",
        provider: "LinkedIn",
        kind: Kind::Consent,
        source: "https://www.linkedin.com/legal/l/cookie-table",
        cookies: &[
            cookie("li_sugr", AD_MATCH, DAYS_90),
            cookie("li_fat_id", AD_CLICK, DAYS_30),
            cookie("UserMatchHistory", AD_MATCH, DAYS_30),
            cookie("AnalyticsSyncHistory", AD_MATCH, DAYS_30),
            cookie("lms_ads", AD_MATCH, DAYS_30),
            cookie("lms_analytics", AD_MATCH, DAYS_30),
            cookie("bcookie", PROVIDER_BROWSER, YEAR),
            cookie("bscookie", PROVIDER_BROWSER, YEAR),
            cookie("lidc", PROVIDER_SERVER, HOURS_24),
            cookie("li_gc", PROVIDER_CHOICE, MONTHS_6),
        ],
    },
    Service {
        id: "microsoft-advertising",
        provider: "Microsoft",
        kind: Kind::Consent,
        source: "https://help.ads.microsoft.com/apex/index/3/en/53056",
        cookies: &[
            cookie("_uetvid", AD_BROWSER, MONTHS_13),
            cookie("_uetsid", AD_VISIT, DAY),
            cookie("_uetmsclkid", AD_CLICK, DAYS_90),
            cookie("MUID", PROVIDER_BROWSER, MONTHS_13),
        ],
    },
    Service {
        id: "tiktok",
        provider: "TikTok",
        kind: Kind::Consent,
        source: "https://ads.tiktok.com/help/article/using-cookies-with-tiktok-pixel",
        cookies: &[
            cookie("_ttp", AD_BROWSER, MONTHS_13),
            cookie("_tt_enable_cookie", COOKIES_WORK, MONTHS_13),
            cookie("ttclid", AD_CLICK, MONTHS_13),
        ],
    },
    Service {
        id: "x",
        provider: "X (Twitter)",
        kind: Kind::Consent,
        source: "https://help.x.com/en/rules-and-policies/x-cookies",
        cookies: &[
            cookie("guest_id*", PROVIDER_BROWSER, YEARS_2),
            cookie("personalization_id", AD_BROWSER, YEARS_2),
            cookie("muc_ads", AD_BROWSER, YEARS_2),
        ],
    },
    Service {
        id: "snapchat",
        provider: "Snap",
        kind: Kind::Consent,
        source: "https://www.snap.com/en-GB/privacy/cookie-information",
        cookies: &[
            cookie("_scid", AD_BROWSER, MONTHS_13),
            cookie("_scid_r", AD_BROWSER, MONTHS_13),
            cookie("sc_at", AD_MATCH, YEAR),
        ],
    },
];
