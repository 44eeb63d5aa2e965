use super::service::{Kind, Service};
use super::wording::*;

/// Languages, accessibility and other settings that visitors choose.
pub(super) const APPEARANCE: &[Service] = &[
    Service {
        id: "recite-me",
        provider: "Recite Me",
        kind: Kind::Appearance,
        source: "https://www.cambridge.gov.uk/cookies",
        cookies: &[cookie("Recite.*", TOOLBAR, UP_TO_YEAR), cookie("Recite_Session", TOOLBAR, VISIT)],
    },
    Service {
        id: "readspeaker",
        provider: "ReadSpeaker",
        kind: Kind::Appearance,
        source: "https://wrdev.readspeaker.com/index.php/faq/product-qa/what-cookies-does-webreader-se",
        cookies: &[
            cookie("_rspkrLoadCore", READ_ALOUD, VISIT),
            cookie("ReadSpeakerSettings", READ_ALOUD_SETTINGS, DAYS_4),
        ],
    },
    Service {
        id: "text-resize",
        provider: "",
        kind: Kind::Appearance,
        source: "https://www.drupal.org/project/text_resize",
        cookies: &[cookie("text_resize", TEXT_SIZE, YEAR)],
    },
    Service {
        id: "localgov-drupal",
        provider: "",
        kind: Kind::Appearance,
        source: "https://github.com/localgovdrupal/localgov_alert_banner",
        cookies: &[cookie("hide-alert-banner-token", NOTICES_CLOSED, DAYS_30)],
    },
    Service {
        id: "google-translate",
        provider: "Google",
        kind: Kind::Appearance,
        source: "https://domesticabusecommissioner.uk/cookie-policy/",
        cookies: &[cookie("googtrans", LANGUAGE, VISIT)],
    },
    Service {
        id: "weglot",
        provider: "",
        kind: Kind::Appearance,
        source: "https://developers.weglot.com/cookies",
        cookies: &[cookie("wglang", LANGUAGE, VISIT), cookie("WG_CHOOSE_ORIGINAL", LANGUAGE_ORIGINAL, MONTH)],
    },
    Service {
        id: "polylang",
        provider: "",
        kind: Kind::Appearance,
        source: "https://polylang.pro/doc/is-polylang-compatible-with-the-eu-cookie-law/",
        cookies: &[cookie("pll_language", LANGUAGE, YEAR)],
    },
    Service {
        id: "wpml",
        provider: "",
        kind: Kind::Appearance,
        source: "https://wpml.org/documentation/support/browser-cookies-stored-wpml/",
        cookies: &[
            cookie("wp-wpml_current_language", LANGUAGE, DAY),
            cookie("_icl_visitor_lang_js", LANGUAGE_SENT_TO, DAY),
            cookie("wpml_browser_redirect_test", COOKIES_WORK, VISIT),
        ],
    },
    Service {
        id: "wordpress-preferences",
        provider: "",
        kind: Kind::Appearance,
        source: "https://developer.wordpress.org/advanced-administration/wordpress/cookies/",
        cookies: &[
            cookie("wp-settings-*", EDITOR_SETTINGS, YEAR),
            cookie("wp_lang", LANGUAGE, VISIT),
            cookie("comment_author_*", COMMENTER, UP_TO_YEAR),
        ],
    },
    Service {
        id: "liferay-language",
        provider: "",
        kind: Kind::Appearance,
        source: "https://learn.liferay.com/w/dxp/installation-and-upgrades/reference/liferays-cookies",
        cookies: &[cookie("GUEST_LANGUAGE_ID", LANGUAGE, YEAR)],
    },
    Service {
        id: "asp-net-core-language",
        provider: "",
        kind: Kind::Appearance,
        source: "https://learn.microsoft.com/aspnet/core/fundamentals/localization/select-language-culture",
        cookies: &[cookie(".AspNetCore.Culture", LANGUAGE, SET_BY_SITE)],
    },
    Service {
        id: "django-language",
        provider: "",
        kind: Kind::Appearance,
        source: "https://docs.djangoproject.com/en/stable/ref/settings/",
        cookies: &[cookie("django_language", LANGUAGE, VISIT)],
    },
];
