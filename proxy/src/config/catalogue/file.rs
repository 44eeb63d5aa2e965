//! The whole file, and the tables by which a site is reached.

use super::keeping::{ADMIN, AUDIT, KEYS};
use super::key::{Key, Kind, Unwritten};
use super::visitors::{
    CONSENT, COOKIE, EMBED, MORE_COOKIES, MORE_EMBEDS, MORE_PURPOSES, PREFERENCE, PURPOSE,
};

/// Every key there is.
pub(in crate::config) const FILE: &[Key] = &[
    VERSION,
    SITE_TABLE,
    LISTEN_TABLE,
    ORIGIN_TABLE,
    CLIENT_ADDRESS_TABLE,
    CONSENT_TABLE,
    PURPOSES,
    COOKIES,
    PREFERENCES,
    EMBEDS,
    AUDIT_TABLE,
    KEYS_TABLE,
    ADMIN_TABLE,
];

/// Those of the file that several sites share.
pub(in crate::config) const SHARED: &[Key] = &[VERSION, LISTEN_TABLE, AUDIT_TABLE, KEYS_TABLE, ADMIN_TABLE];

/// Those of the file of one site among several.
pub(in crate::config) const OF_A_SITE: &[Key] = &[
    VERSION,
    SITE_TABLE,
    ORIGIN_TABLE,
    CLIENT_ADDRESS_TABLE,
    CONSENT_TABLE,
    PURPOSES,
    COOKIES,
    PREFERENCES,
    EMBEDS,
];

const VERSION: Key =
    Key::new("version", Kind::Number(1, 1)).unwritten(Unwritten::Number(1)).about("The form of this file.");
const SITE_TABLE: Key = Key::new("site", Kind::Table(SITE))
    .unwritten(Unwritten::Required)
    .about("The site, as visitors know it.");
const LISTEN_TABLE: Key = Key::new("listen", Kind::Table(LISTEN))
    .about("Where visitors come in, and what of their requests passes.");
const ORIGIN_TABLE: Key = Key::new("origin", Kind::Table(ORIGIN)).unwritten(Unwritten::Required).about(
    "The web server that Pinfold stands before, and those that have a part of the site to themselves.",
);
const CLIENT_ADDRESS_TABLE: Key = Key::new("client_address", Kind::Table(CLIENT_ADDRESS))
    .about("How the address of a client is known where other proxies stand before Pinfold, and what the site is told of it.");
const CONSENT_TABLE: Key = Key::new("consent", Kind::Table(CONSENT))
    .about("How visitors are asked, and what is done until they have answered.");
const PURPOSES: Key = Key::new("purpose", Kind::Tables(PURPOSE, MORE_PURPOSES))
    .about("One reason for which the site keeps cookies, in the words in which visitors are asked about it. Strictly necessary cookies need none.");
const COOKIES: Key = Key::new("cookie", Kind::Tables(COOKIE, MORE_COOKIES))
    .about("One cookie of the site, or all whose names begin alike. What visitors read of it is on the cookies page.");
const PREFERENCES: Key = Key::new("preference", Kind::Tables(PREFERENCE, ""))
    .about("One choice about how the site is for a visitor, made on the cookies page and kept in a cookie of at most 256 values.");
const EMBEDS: Key = Key::new("embed", Kind::Tables(EMBED, MORE_EMBEDS))
    .about("Content of others in pages, held until its purpose is granted. Once there is one, pages load from no other host.");
const AUDIT_TABLE: Key =
    Key::new("audit", Kind::Table(AUDIT)).about("What is counted, and how long it is kept.");
const KEYS_TABLE: Key =
    Key::new("keys", Kind::Table(KEYS)).about("Where the keys of pseudonyms live. They are on no disk.");
const ADMIN_TABLE: Key = Key::new("admin", Kind::Table(ADMIN)).about("What is for administrators alone.");

const SITE: &[Key] = &[
    Key::new("name", Kind::Text)
        .unwritten(Unwritten::Required)
        .example("\"Example Borough Council\"")
        .about("What the council or its website is called. Visitors read it."),
    Key::new("url", Kind::Url)
        .unwritten(Unwritten::Required)
        .example("\"https://www.example.gov.uk\"")
        .about("What visitors type. Its scheme decides on the prefixes of cookies; plain http is for loopback alone.")
        .source("RFC 6265bis section 4.1.3"),
    Key::new("hosts", Kind::List(&Kind::Host))
        .unwritten(Unwritten::Words("the host of `url`"))
        .example("[\"www.example.gov.uk\"]")
        .about("The hosts that are served, whatever their port. A request for any other is answered 421.")
        .source("RFC 9110 section 15.5.20"),
    Key::new("cookie_domain", Kind::Domain)
        .unwritten(Unwritten::Words("each host itself"))
        .example("\"example.gov.uk\"")
        .about("The widest domain from which refused cookies are removed. It must be the council's own, and no public suffix such as gov.uk.")
        .source("the Public Suffix List"),
    Key::new("shared_choice", Kind::Flag)
        .unwritten(Unwritten::Flag(false))
        .about("Whether one choice counts for every host under `cookie_domain`."),
    Key::new("languages", Kind::List(&Kind::Words(&["en", "cy"])))
        .unwritten(Unwritten::Texts(&["en", "cy"]))
        .about("The languages of the banner and the cookies page. The first is the default.")
        .source("Welsh Language (Wales) Measure 2011"),
    Key::new("time_zone", Kind::Zone)
        .unwritten(Unwritten::Text("Europe/London"))
        .about("The time zone of the site. Days are counted, and keys turn, by its midnight."),
];

const LISTEN: &[Key] = &[
    Key::new("http", Kind::Address)
        .unwritten(Unwritten::Words("127.0.0.1:8080, or nowhere where `https` is written"))
        .example("\"127.0.0.1:8080\"")
        .about("Where plain http is listened to."),
    Key::new("https", Kind::Table(HTTPS))
        .example("{ address = \"0.0.0.0:443\", certificate = \"cert.pem\", key = \"key.pem\" }")
        .about("Where TLS is spoken, 1.2 and 1.3. Renewed files are in use within a second.")
        .aside(),
    Key::new("underscore_fields", Kind::List(&Kind::Field))
        .unwritten(Unwritten::Words("none"))
        .example("[]")
        .about("Fields of requests that the site is sent although there is a `_` in their names. Many servers take it for a `-`, so others are dropped."),
];

const HTTPS: &[Key] = &[
    Key::new("address", Kind::Address)
        .unwritten(Unwritten::Required)
        .example("\"0.0.0.0:443\"")
        .about("Where it is listened to."),
    Key::new("certificate", Kind::File)
        .unwritten(Unwritten::Required)
        .example("\"cert.pem\"")
        .about("The certificate as PEM, with those between it and the root."),
    Key::new("key", Kind::File)
        .unwritten(Unwritten::Required)
        .example("\"key.pem\"")
        .about("Its private key as PEM, which only the user of Pinfold should be able to read."),
];

const ORIGIN_URL: Key = Key::new("url", Kind::OneOrMore(&Kind::Url))
    .unwritten(Unwritten::Required)
    .example("\"http://127.0.0.1:8000\"")
    .about(
        "Where the web server is reached: scheme, host and port. Of a list the first that is well is asked.",
    );

const CA: Key = Key::new("ca", Kind::File)
    .unwritten(Unwritten::Words("those that this machine trusts"))
    .example("\"ca.pem\"")
    .about("Authorities as PEM that alone may have signed the certificate of a web server reached by https.")
    .aside();

const TIMEOUT: Key = Key::new("timeout", Kind::Duration)
    .unwritten(Unwritten::Text("30 s"))
    .about("How long the web server may take to begin its answer; after that it is 504.");

const HTTP2: Key = Key::new("http2", Kind::Flag)
    .unwritten(Unwritten::Flag(false))
    .about("Whether it is spoken to in HTTP/2, which it is known to understand.")
    .source("RFC 9113 section 3");

const HEALTH: Key = Key::new("health", Kind::Path)
    .unwritten(Unwritten::Words("whoever takes a connection is well"))
    .example("\"/up\"")
    .about("What it is asked for every five seconds, to know that it is well.")
    .aside();

const ORIGIN: &[Key] = &[
    ORIGIN_URL,
    CA,
    TIMEOUT,
    HTTP2,
    HEALTH,
    Key::new("route", Kind::Tables(ROUTE, ""))
        .about("A web server that has some hosts or paths to itself. The most specific route has the request, and inherits nothing: see docs/origins.md."),
];

const ROUTE: &[Key] = &[
    Key::new("hosts", Kind::List(&Kind::Host))
        .unwritten(Unwritten::Words("every host"))
        .example("[\"www.example.gov.uk\"]")
        .about("For which of `[site] hosts` it is. A route needs hosts or a path."),
    Key::new("path", Kind::Path)
        .unwritten(Unwritten::Words("every path"))
        .example("\"/planning\"")
        .about("For which path it is, as it stands in requests, and whatever is below it."),
    ORIGIN_URL.example("[\"http://127.0.0.1:8001\", \"http://127.0.0.1:8002\"]"),
    CA,
    TIMEOUT,
    HTTP2,
    HEALTH,
];

const CLIENT_ADDRESS: &[Key] = &[
    Key::new("source", Kind::Words(&["peer", "x-forwarded-for", "forwarded", "proxy-protocol"]))
        .unwritten(Unwritten::Text("peer"))
        .example("\"x-forwarded-for\"")
        .about("Who says who the client is: whoever connects, a field of requests, or HAProxy's PROXY protocol, versions 1 and 2. Exactly one is read.")
        .source("RFC 7239"),
    Key::new("trusted_proxies", Kind::List(&Kind::Network))
        .unwritten(Unwritten::Words("none"))
        .example("[\"127.0.0.1\", \"::1\"]")
        .about("The addresses and networks whose word about a client is taken. What is more of the internet than anybody has is refused."),
    Key::new("to_origin", Kind::Words(&["none", "obfuscated", "address"]))
        .unwritten(Unwritten::Text("none"))
        .about("What the site is told of the client: nothing, a name for the day in `Forwarded`, or the address in `X-Forwarded-For` and `X-Real-IP`.")
        .source("RFC 7239 section 6.3"),
];
