use super::service::{Kind, Service};
use super::wording::*;

/// What visitors chose about cookies, kept by other tools.
pub(super) const CHOICES: &[Service] = &[
    Service {
        id: "govuk-cookie-choice",
        provider: "",
        kind: Kind::StrictlyNecessary,
        source: "https://www.gov.uk/help/cookie-details",
        cookies: &[
            cookie("cookies_policy", CHOICE, YEAR),
            cookie("cookies_preferences_set", CHOICE_MADE, YEAR),
        ],
    },
    Service {
        id: "civic-cookie-control",
        provider: "",
        kind: Kind::StrictlyNecessary,
        source: "https://www.civicuk.com/cookie-control/documentation/cookies",
        cookies: &[cookie("CookieControl", CHOICE, DAYS_90)],
    },
    Service {
        id: "onetrust",
        provider: "",
        kind: Kind::StrictlyNecessary,
        source: "https://my.onetrust.com/articles/en_US/Knowledge/UUID-2dc719a8-4be5-8d16-1dc8-c7b4147b88e0",
        cookies: &[
            cookie("OptanonConsent", CHOICE, YEAR),
            cookie("OptanonAlertBoxClosed", CHOICE_MADE, YEAR),
        ],
    },
    Service {
        id: "cookieyes",
        provider: "",
        kind: Kind::StrictlyNecessary,
        source: "https://www.cookieyes.com/cookies-installed-by-cookieyes-and-their-purposes/",
        cookies: &[cookie("cookieyes-consent", CHOICE, YEAR), cookie("cky-consent", CHOICE, YEAR)],
    },
    Service {
        id: "gdpr-cookie-consent",
        provider: "",
        kind: Kind::StrictlyNecessary,
        source: "https://www.webtoffee.com/docs/gdpr-legacy/cookies-in-gdpr-cookie-consent-plugin/",
        cookies: &[
            cookie("viewed_cookie_policy", CHOICE_MADE, YEAR),
            cookie("cookielawinfo-checkbox-*", CHOICE, YEAR),
            cookie("CookieLawInfoConsent", CHOICE, YEAR),
        ],
    },
    Service {
        id: "cookiebot",
        provider: "",
        kind: Kind::StrictlyNecessary,
        source: "https://www.cookiebot.com/en/cookie-declaration/",
        cookies: &[cookie("CookieConsent", CHOICE, YEAR)],
    },
    // No `cmplz_*`: `cmplz_id` numbers visitors.
    Service {
        id: "complianz",
        provider: "",
        kind: Kind::StrictlyNecessary,
        source: "https://complianz.io/cookies-from-complianz-what-are-they-for-and-how-you-use-them/",
        cookies: &[
            cookie("cmplz_choice", CHOICE_MADE, YEAR),
            cookie("cmplz_banner-status", CHOICE_MADE, YEAR),
            cookie("cmplz_functional", CHOICE, YEAR),
            cookie("cmplz_preferences", CHOICE, YEAR),
            cookie("cmplz_stat*", CHOICE, YEAR),
            cookie("cmplz_marketing", CHOICE, YEAR),
            cookie("cmplz_policy_id", CHOICE_VERSION, YEAR),
        ],
    },
    Service {
        id: "drupal-eu-cookie-compliance",
        provider: "",
        kind: Kind::StrictlyNecessary,
        source: "https://www.drupal.org/project/eu_cookie_compliance",
        cookies: &[
            cookie("cookie-agreed", CHOICE, DAYS_100),
            cookie("cookie-agreed-categories", CHOICE, DAYS_100),
            cookie("cookie-agreed-version", CHOICE_VERSION, DAYS_100),
        ],
    },
    Service {
        id: "vanilla-cookieconsent",
        provider: "",
        kind: Kind::StrictlyNecessary,
        source: "https://cookieconsent.orestbida.com/reference/configuration-reference.html",
        cookies: &[cookie("cc_cookie", CHOICE, MONTHS_6)],
    },
    Service {
        id: "matomo-choice",
        provider: "",
        kind: Kind::StrictlyNecessary,
        source: "https://matomo.org/faq/general/faq_146/",
        cookies: &[
            cookie("mtm_consent", CHOICE, YEARS_30),
            cookie("mtm_cookie_consent", CHOICE, YEARS_30),
            cookie("mtm_consent_removed", NOT_COUNTED, YEARS_30),
            cookie("matomo_ignore", NOT_COUNTED, YEARS_30),
            cookie("MATOMO_SESSID", FORGERY, VISIT),
        ],
    },
];
