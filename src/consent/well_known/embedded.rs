use super::service::{Kind, Service};
use super::wording::*;

/// Video, maps, chat and other content of third parties.
pub(super) const EMBEDDED: &[Service] = &[
    Service {
        id: "youtube",
        provider: "YouTube (Google)",
        kind: Kind::Consent,
        source: "https://policies.google.com/technologies/cookies",
        cookies: &[
            cookie("VISITOR_INFO1_LIVE", VIDEO_BROWSER, MONTHS_6),
            cookie("VISITOR_PRIVACY_METADATA", PROVIDER_CHOICE, MONTHS_6),
            cookie("__Secure-YEC", VIDEO_BROWSER, MONTHS_13),
            cookie("YSC", PROVIDER_FORGERY, VISIT),
        ],
    },
    Service {
        id: "vimeo",
        provider: "Vimeo",
        kind: Kind::Consent,
        source: "https://help.vimeo.com/hc/en-us/articles/26080940921361",
        cookies: &[cookie("vuid", VIDEO_WATCHED, YEARS_2), cookie("player", VIDEO_PLAYER, YEAR)],
    },
    Service {
        id: "google-maps",
        provider: "Google",
        kind: Kind::Consent,
        source: "https://policies.google.com/technologies/cookies",
        cookies: &[
            cookie("NID", PROVIDER_SETTINGS, MONTHS_6),
            cookie("__Secure-ENID", PROVIDER_SETTINGS, MONTHS_13),
            cookie("AEC", PROVIDER_FORGERY, MONTHS_6),
            cookie("SOCS", PROVIDER_CHOICE, MONTHS_13),
            cookie("CONSENT", PROVIDER_CHOICE, YEARS_2),
        ],
    },
    Service {
        id: "recaptcha",
        provider: "Google",
        kind: Kind::Consent,
        source: "https://docs.cloud.google.com/recaptcha/docs/faq",
        cookies: &[cookie("_GRECAPTCHA", PROVIDER_HUMAN, MONTHS_6)],
    },
    Service {
        id: "tawk-to",
        provider: "tawk.to",
        kind: Kind::Consent,
        source: "https://help.tawk.to/article/what-are-tawkto-cookies-and-what-do-they-do",
        cookies: &[
            cookie("tawk_uuid_*", CHAT_BROWSER, MONTHS_6),
            cookie("twk_uuid_*", CHAT_BROWSER, MONTHS_6),
            cookie("twk_idm_key", CHAT_CONNECTED, VISIT),
            cookie("TawkConnectionTime", CHAT_CONNECTED, VISIT),
        ],
    },
    Service {
        id: "livechat",
        provider: "LiveChat",
        kind: Kind::Consent,
        source: "https://www.cooki.fi/cookies/-lc-cid",
        cookies: &[
            cookie("__lc_cid", CHAT_BROWSER, UP_TO_YEARS_2),
            cookie("__lc_cst", CHAT_BROWSER, UP_TO_YEARS_2),
            cookie("__lc2_cid", CHAT_BROWSER, UP_TO_YEARS_2),
            cookie("__lc2_cst", CHAT_BROWSER, UP_TO_YEARS_2),
        ],
    },
    Service {
        id: "zendesk-chat",
        provider: "Zendesk",
        kind: Kind::Consent,
        source: "https://support.zendesk.com/hc/en-us/articles/4408828505754",
        cookies: &[cookie("__zlcmid", CHAT_BROWSER, YEAR), cookie("__zlcprivacy", PROVIDER_CHOICE, YEAR)],
    },
    Service {
        id: "liveperson",
        provider: "LivePerson",
        kind: Kind::Consent,
        source: "https://knowledge.liveperson.com/liveperson-browser-cookies-storage",
        cookies: &[cookie("LPVID", CHAT_BROWSER, UP_TO_YEARS_2), cookie("LPSID-*", CHAT_CONNECTED, VISIT)],
    },
    Service {
        id: "addthis",
        provider: "AddThis",
        kind: Kind::Consent,
        source: "https://www.iris-worldwide.com/cookies-policy/",
        cookies: &[cookie("__atuvc", SHARED, MONTHS_13), cookie("__atuvs", SHARED, MINUTES_30)],
    },
];
