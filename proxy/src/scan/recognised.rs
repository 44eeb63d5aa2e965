//! Products that are known by what is in a page, before a visitor has done what makes them set a cookie. Pure.

use super::visit::Sign;

/// A product, and the well-known service whose cookies it sets later.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Product {
    pub(super) service: &'static str,
    /// What it is called, and when its cookies are set.
    pub(super) name: &'static str,
    pub(super) when: &'static str,
    /// Hosts that its pages ask from some browsers alone, and why.
    pub(super) hosts: Option<(&'static str, &'static str)>,
    marks: &'static [Mark],
}

/// By what a page gives a product away, in lower case.
#[derive(Debug, PartialEq, Eq)]
enum Mark {
    /// The address of what it loads, or of what a form is sent to.
    Address(&'static str),
    /// The name of a cookie, or its beginning.
    Cookie(&'static str),
    /// The name of a field of a form.
    Field(&'static str),
    /// The beginning of what it says that it was made with.
    Generator(&'static str),
}

use Mark::{Address, Cookie, Field, Generator};

const ON_CHOICE: &str = "set once a visitor chooses something";
const BY_SCRIPT: &str = "set by a script of it";

const PRODUCTS: [Product; 15] = [
    Product {
        service: "wordpress-preferences",
        name: "WordPress",
        when: "set once somebody comments, chooses a language or signs in",
        hosts: Some(("s.w.org", "pictures of emoji that a browser has no letters for")),
        marks: &[
            Generator("wordpress"),
            Field("wp-comment-cookies-consent"),
            Address("/wp-includes/"),
            Address("/wp-content/"),
            Cookie("wordpress_"),
        ],
    },
    product("polylang", "Polylang", ON_CHOICE, &[Address("/plugins/polylang")]),
    product("wpml", "WPML", ON_CHOICE, &[Address("/plugins/sitepress-multilingual-cms/"), Generator("wpml")]),
    product("localgov-drupal", "LocalGov Drupal", ON_CHOICE, &[Address("/localgov_alert_banner/")]),
    product("text-resize", "Text Resize", ON_CHOICE, &[Address("/text_resize/")]),
    product("django-language", "Django", ON_CHOICE, &[Address("/i18n/setlang/")]),
    product("recite-me", "Recite Me", ON_CHOICE, &[Address(".reciteme.com/")]),
    product("readspeaker", "ReadSpeaker", ON_CHOICE, &[Address(".readspeaker.com/")]),
    product("google-translate", "Google Translate", ON_CHOICE, &[Address("//translate.google.com/")]),
    product("weglot", "Weglot", ON_CHOICE, &[Address(".weglot.com/")]),
    product("matomo", "Matomo", BY_SCRIPT, &[Address("/matomo.js"), Address("/piwik.js")]),
    product(
        "google-analytics",
        "Google Analytics",
        BY_SCRIPT,
        &[Address("//www.googletagmanager.com/gtag/js"), Address(".google-analytics.com/")],
    ),
    product("siteimprove", "Siteimprove", BY_SCRIPT, &[Address("siteimproveanalytics.")]),
    product("hotjar", "Hotjar", BY_SCRIPT, &[Address("//static.hotjar.com/")]),
    product("meta-pixel", "Meta", BY_SCRIPT, &[Address("//connect.facebook.net/")]),
];

const fn product(
    service: &'static str,
    name: &'static str,
    when: &'static str,
    marks: &'static [Mark],
) -> Product {
    Product { service, name, when, hosts: None, marks }
}

/// The product that a sign is of.
pub(super) fn product_of(sign: &Sign) -> Option<&'static Product> {
    let is_of = |mark: &Mark| match (mark, sign) {
        (Address(part), Sign::Address(address)) => address.to_ascii_lowercase().contains(part),
        (Cookie(beginning), Sign::Cookie(name)) => name.starts_with(beginning),
        (Field(name), Sign::Field(field)) => field == name,
        (Generator(beginning), Sign::Generator(text)) => {
            text.trim_start().to_ascii_lowercase().starts_with(beginning)
        }
        _ => false,
    };
    PRODUCTS.iter().find(|product| product.marks.iter().any(is_of))
}

#[cfg(test)]
mod tests {
    use pinfold::consent::well_known::service;

    use super::*;

    #[test]
    fn every_product_sets_cookies_that_are_known() {
        for product in &PRODUCTS {
            assert!(service(product.service).is_some(), "{}", product.service);
        }
    }

    #[test]
    fn what_signs_say() {
        let text = str::to_owned;
        for (sign, expected) in [
            (Sign::Generator(text("WordPress 6.8.3")), Some("wordpress-preferences")),
            (Sign::Generator(text("A theme for WordPress")), None),
            (Sign::Field(text("wp-comment-cookies-consent")), Some("wordpress-preferences")),
            (Sign::Field(text("email")), None),
            (Sign::Cookie(text("wordpress_test_cookie")), Some("wordpress-preferences")),
            (Sign::Cookie(text("session")), None),
            (
                Sign::Address(text("https://www.example.gov.uk/wp-includes/js/a.js")),
                Some("wordpress-preferences"),
            ),
            (
                Sign::Address(text("https://www.googletagmanager.com/gtag/js?id=G-1")),
                Some("google-analytics"),
            ),
            (Sign::Address(text("//stats.example.gov.uk/Matomo.js")), Some("matomo")),
            (Sign::Address(text("/style.css")), None),
        ] {
            assert_eq!(product_of(&sign).map(|product| product.service), expected, "{sign:?}");
        }
    }
}
