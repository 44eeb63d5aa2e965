//! What to write in a configuration about what was seen. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use pinfold::consent::well_known::{Kind, KnownCookie, Service, service, services};
use pinfold::consent::{CookieRule, LegalBasis, Policy};
use serde::Serialize;

use super::visit::{Visit, host_of};

/// How much of what a site has chosen is told, in letters.
const MOST_LETTERS: usize = 200;

/// Pinfold's own cookies, without prefix: nobody declares them.
const OWN: [&str; 3] = ["pinfold-consent", "pinfold-preferences", "pinfold-visit"];

/// Everything about a visit that an operator should know.
#[derive(Debug, Serialize)]
pub(super) struct Suggestion {
    /// The web server that was asked, and as which site, where that is not the same.
    asked: Option<(String, String)>,
    /// Whether visitors come in elsewhere, and see more.
    is_elsewhere: bool,
    pages: Vec<String>,
    /// Pages that could not be looked at, and why.
    failed: Vec<(String, String)>,
    /// Whether Pinfold holds most of what there would be to see.
    is_behind_pinfold: bool,
    /// Cookies that no browser keeps of the address that was looked at, and why.
    refused: BTreeMap<String, String>,
    /// Cookies whose names no rule can have: they are held whatever is declared.
    unnameable: BTreeSet<String>,
    /// Cookies that the configuration, or what is built in, has a rule for.
    declared: Vec<Declared>,
    /// Services whose cookies are known, and which no purpose has.
    services: Vec<Known>,
    /// Cookies that somebody must decide on.
    undeclared: Vec<Undeclared>,
    /// Cookies of other sites: those are set within what they embed, and cannot be held or taken back but by holding that.
    of_others: Vec<(String, String)>,
    /// Hosts of others that no `[[embed]]` names, each with a page that asks it.
    hosts: BTreeMap<String, String>,
    /// Hosts that some browsers are sent to by a product that is known, and for what.
    hosts_of_products: BTreeMap<&'static str, String>,
    /// Whether visitors are told in Welsh, too.
    #[serde(skip)]
    in_welsh: bool,
    /// The basis of each purpose that there is, by its id.
    #[serde(skip)]
    purposes: BTreeMap<String, &'static str>,
}

#[derive(Debug, Serialize)]
struct Declared {
    name: String,
    rule: String,
    purpose: String,
}

#[derive(Debug, Serialize)]
struct Known {
    id: &'static str,
    provider: &'static str,
    basis: &'static str,
    /// The purpose of the configuration that is of this basis, if there is one alone.
    purpose: Option<String>,
    cookies: BTreeSet<String>,
    /// Why it is thought to be there, where its cookies were not seen.
    made_by: Option<String>,
    source: &'static str,
}

#[derive(Debug, Serialize)]
struct Undeclared {
    name: String,
    /// The names that it stands for, where it is the beginning of several.
    seen: BTreeSet<String>,
    lifetime: String,
    lifetime_in_welsh: String,
    partitioned: bool,
    by_script: bool,
    page: String,
}

impl Suggestion {
    /// About a visit of the site at these hosts, to go with a policy.
    pub(super) fn of(
        visit: Visit,
        asked: Option<(String, String)>,
        own: &BTreeSet<String>,
        policy: &Policy,
    ) -> Self {
        let mut suggestion = Self {
            asked,
            is_elsewhere: visit.is_elsewhere,
            pages: visit.pages,
            failed: visit.failed,
            is_behind_pinfold: visit.is_behind_pinfold,
            refused: visit.refused,
            unnameable: BTreeSet::new(),
            declared: Vec::new(),
            services: Vec::new(),
            undeclared: Vec::new(),
            of_others: Vec::new(),
            hosts: visit.hosts,
            hosts_of_products: BTreeMap::new(),
            in_welsh: policy.languages().iter().any(|language| language.code() == "cy"),
            purposes: policy
                .purposes()
                .map(|purpose| (purpose.id().to_owned(), purpose.basis().name()))
                .collect(),
        };
        suggestion.hosts.retain(|host, _| !own.contains(host) && !policy.declares_host(host));
        for ((name, domain, _), cookie) in visit.cookies {
            let is_own = own.iter().any(|host| {
                *host == domain || host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'))
            });
            let bare = name.trim_start_matches("__Host-").trim_start_matches("__Secure-");
            if OWN.contains(&bare) {
                continue;
            }
            if !is_own {
                suggestion.of_others.push((name, domain));
            } else if let Some(rule) = policy.register().rule_of(name.as_bytes()) {
                let purpose = rule.purpose().unwrap_or("strictly-necessary").to_owned();
                if !suggestion.declared.iter().any(|one| one.name == name) {
                    suggestion.declared.push(Declared { name, rule: rule.pattern().to_owned(), purpose });
                }
            } else if !can_be_named(&name) {
                suggestion.unnameable.insert(name);
            } else if let Some((service, _)) = known(&name) {
                suggestion.add_service(service, policy).cookies.insert(name);
            } else {
                let by_script = !visit.in_fields.contains(&name);
                suggestion.add_undeclared(name, &cookie, by_script);
            }
        }
        for (id, (product, page)) in visit.products {
            let Some(service) = service(id) else { continue };
            let is_declared = service.cookies.iter().all(|cookie| {
                let beginning = cookie.pattern.trim_end_matches('*');
                policy.register().rule_of(beginning.as_bytes()).is_some()
            });
            if !is_declared {
                let known = suggestion.add_service(service, policy);
                if known.cookies.is_empty() {
                    known.cookies.extend(service.cookies.iter().map(|cookie| cookie.pattern.to_owned()));
                    known.made_by =
                        Some(format!("{} is known by {}: {}", product.name, short(&page), product.when));
                }
            }
            let asks = product.hosts.filter(|(host, _)| !policy.declares_host(host));
            suggestion
                .hosts_of_products
                .extend(asks.map(|(host, for_what)| (host, format!("{}: {for_what}", product.name))));
        }
        suggestion
    }

    fn add_service(&mut self, service: &'static Service, policy: &Policy) -> &mut Known {
        let place = self.services.iter().position(|known| known.id == service.id).unwrap_or_else(|| {
            let basis = basis_of(service.kind);
            let mut purposes = policy.purposes().filter(|purpose| purpose.basis() == basis);
            let purpose =
                purposes.next().filter(|_| purposes.next().is_none()).map(|purpose| purpose.id().to_owned());
            self.services.push(Known {
                id: service.id,
                provider: service.provider,
                basis: basis.name(),
                purpose,
                cookies: BTreeSet::new(),
                made_by: None,
                source: service.source,
            });
            self.services.len() - 1
        });
        &mut self.services[place]
    }

    fn add_undeclared(&mut self, name: String, cookie: &super::visit::Cookie, by_script: bool) {
        let pattern = pattern_of(&name);
        if let Some(known) = self.undeclared.iter_mut().find(|known| known.name == pattern) {
            known.seen.insert(name);
            return;
        }
        self.undeclared.push(Undeclared {
            name: pattern,
            seen: BTreeSet::from([name]),
            lifetime: in_words(cookie.lifetime),
            lifetime_in_welsh: in_welsh(cookie.lifetime),
            partitioned: cookie.partitioned,
            by_script,
            page: cookie.page.clone(),
        });
    }

    /// As part of a configuration, with what else there is to know in its remarks.
    pub(super) fn to_toml(&self, looked_with: &str) -> String {
        let mut text = String::new();
        self.write_remarks(looked_with, &mut text);
        for basis in [LegalBasis::Appearance, LegalBasis::Statistics, LegalBasis::Consent] {
            self.write_services(basis, &mut text);
        }
        for cookie in &self.undeclared {
            self.write_cookie(cookie, &mut text);
        }
        self.write_hosts(&mut text);
        text
    }

    fn write_remarks(&self, looked_with: &str, text: &mut String) {
        let mut remark = |words: String| {
            // Writing into a string does not fail.
            let _ = writeln!(text, "# {}", plain(&words));
        };
        let pages = self.pages.len();
        remark(format!(
            "{pages} {} looked at with {looked_with}.",
            if pages == 1 { "page was" } else { "pages were" }
        ));
        if let Some((server, site)) = &self.asked {
            remark(format!("{server} was asked as {site}."));
        }
        if self.is_elsewhere {
            remark(
                "Not seen: what scripts set for https or for a whole domain, and what only visitors of the site itself are sent \
                 (give its address with --as, or its configuration with --config)."
                    .to_owned(),
            );
        }
        if self.is_behind_pinfold {
            remark(
                "Pinfold stands before this site and holds cookies: look at the web server behind it."
                    .to_owned(),
            );
        }
        for (page, why) in &self.failed {
            remark(format!("Not looked at: {} ({why})", short(page)));
        }
        for (name, why) in &self.refused {
            let here = if self.is_elsewhere { " here" } else { "" };
            remark(format!("No browser keeps it{here}: {} ({why})", short(name)));
        }
        for name in &self.unnameable {
            remark(format!("Held whatever is declared, because of its name: {}", short(name)));
        }
        for one in &self.declared {
            remark(format!("Declared already: {} (`{}`, {})", short(&one.name), one.rule, one.purpose));
        }
        for (name, domain) in &self.of_others {
            remark(format!("Of another site, held with what it embeds: {} of {domain}", short(name)));
        }
    }

    /// The services of a basis, in a purpose of their own where there is none for them.
    fn write_services(&self, basis: LegalBasis, text: &mut String) {
        let services: Vec<_> = self.services.iter().filter(|known| known.basis == basis.name()).collect();
        let is_there = self.purposes.values().any(|other| *other == basis.name());
        for known in &services {
            let names = known.cookies.iter().map(|name| short(name)).collect::<Vec<_>>().join(", ");
            let _ = writeln!(text, "\n# {names}: known as {} ({})", known.id, known.source);
            if let Some(made_by) = &known.made_by {
                let _ = writeln!(text, "# {}", plain(made_by));
            }
            let (id, basis) = (known.id, known.basis);
            match &known.purpose {
                Some(purpose) => {
                    let none = if basis == "statistics" { " (add it where there is none)" } else { "" };
                    let _ = writeln!(text, "# In [[purpose]] `{purpose}`{none} write: services = [\"{id}\"]");
                }
                // Which of several it belongs to is for somebody to decide.
                None if is_there => {
                    let _ = writeln!(
                        text,
                        "# In a [[purpose]] with basis = \"{basis}\" write: services = [\"{id}\"]"
                    );
                }
                None => {}
            }
        }
        let is_to_decide = !self.undeclared.is_empty() || !self.hosts.is_empty();
        if is_there || services.is_empty() && !(basis == LegalBasis::Consent && is_to_decide) {
            return;
        }
        let (id, english, welsh) = words_of(basis, &services);
        let id = if self.purposes.contains_key(id) { format!("{id}-2") } else { id.to_owned() };
        let ids = services.iter().map(|known| quoted(known.id)).collect::<Vec<_>>().join(", ");
        if services.is_empty() {
            text.push_str("\n# For what visitors have to agree to; leave it out if nothing below is:");
        }
        let _ = write!(text, "\n[[purpose]]\nid = {}\nbasis = {}\n", quoted(&id), quoted(basis.name()));
        write_words(
            english,
            ("such as \"Cookies that measure campaigns\"", "what they tell whom, in one plain sentence"),
            text,
        );
        if !services.is_empty() {
            let _ = writeln!(text, "services = [{ids}]");
        }
        if self.in_welsh {
            text.push_str("[purpose.cy]\n");
            write_words(welsh, ("the same in Welsh", "the same in Welsh"), text);
        }
    }

    fn write_cookie(&self, cookie: &Undeclared, text: &mut String) {
        let by = if cookie.by_script { "a script" } else { "the server" };
        let others =
            if cookie.seen.len() > 1 { format!(", {} names", cookie.seen.len()) } else { String::new() };
        let _ = writeln!(text, "\n# Set by {by}, first seen on {}{others}", short(&cookie.page));
        let _ = writeln!(text, "[[cookie]]\nname = {}", quoted(&cookie.name));
        let _ = writeln!(text, "purpose = \"\"  # decide: \"strictly-necessary\", or the id of a purpose");
        let _ = writeln!(text, "description = \"\"  # what it does, in one plain sentence");
        let _ = writeln!(text, "lifetime = {}", quoted(&cookie.lifetime));
        if cookie.partitioned {
            text.push_str("partitioned = true\n");
        }
        if self.in_welsh {
            let lifetime = quoted(&cookie.lifetime_in_welsh);
            let _ =
                writeln!(text, "[cookie.cy]\ndescription = \"\"  # the same in Welsh\nlifetime = {lifetime}");
        }
    }

    fn write_hosts(&self, text: &mut String) {
        if self.hosts.is_empty() {
            return;
        }
        text.push_str("\n# Pages have browsers ask these hosts of others before any choice:\n[[embed]]\n");
        text.push_str("purpose = \"\"  # decide: the id of a purpose, or \"strictly-necessary\" where a page cannot do without\nhosts = [\n");
        for (host, page) in &self.hosts {
            let _ = writeln!(text, "    {},  # {}", quoted(host), short(page));
        }
        text.push_str("]\n");
        // Once one host is named, no other may be asked.
        for (host, for_what) in
            self.hosts_of_products.iter().filter(|(host, _)| !self.hosts.contains_key(**host))
        {
            let _ = writeln!(
                text,
                "\n# {for_what}\n[[embed]]\npurpose = \"strictly-necessary\"\nhosts = [{}]",
                quoted(host)
            );
        }
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// The well-known cookie that has this name: of an exact name, else of the longest beginning.
fn known(name: &str) -> Option<(&'static Service, &'static KnownCookie)> {
    let all = services().flat_map(|service| service.cookies.iter().map(move |cookie| (service, cookie)));
    let fits = all.filter(|(_, cookie)| match cookie.pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == cookie.pattern,
    });
    fits.max_by_key(|(_, cookie)| (!cookie.pattern.ends_with('*'), cookie.pattern.len()))
}

fn basis_of(kind: Kind) -> LegalBasis {
    match kind {
        Kind::Appearance => LegalBasis::Appearance,
        Kind::Statistics => LegalBasis::Statistics,
        _ => LegalBasis::Consent,
    }
}

/// A name, or its beginning where it ends in what looks like a number of a visitor, an account or a form.
fn pattern_of(name: &str) -> String {
    let Some(mark) = name.rfind(['_', '-', '.']) else { return name.to_owned() };
    let end = &name[mark + 1..];
    let is_number = end.len() >= 6
        && end.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && end.bytes().any(|byte| byte.is_ascii_digit());
    // What is left must say something.
    if is_number && mark >= 2 { format!("{}*", &name[..=mark]) } else { name.to_owned() }
}

/// Whether a rule can be for cookies of this name.
fn can_be_named(name: &str) -> bool {
    // A star would make it a rule for others, too.
    !name.contains('*') && CookieRule::strictly_necessary(name).check().is_ok()
}

/// The id of a purpose that has these services alone, and what visitors are told of it, in English and in Welsh. Empty where that is for
/// somebody to say.
fn words_of(basis: LegalBasis, services: &[&Known]) -> (&'static str, [String; 2], [String; 2]) {
    let told: BTreeSet<_> =
        services.iter().map(|known| known.provider).filter(|name| !name.is_empty()).collect();
    let told = told.into_iter().collect::<Vec<_>>().join(", ");
    let both = |title: &str, description: String| [title.to_owned(), description];
    match basis {
        LegalBasis::Appearance => (
            "preferences",
            both(
                "Cookies that remember how you like the site",
                "They keep what you have chosen or typed, so that you need not do it again.".to_owned(),
            ),
            both(
                "Cwcis sy'n cofio sut rydych yn hoffi'r wefan",
                "Maent yn cadw'r hyn rydych wedi'i ddewis neu ei deipio, fel nad oes rhaid i chi ei wneud eto.".to_owned(),
            ),
        ),
        LegalBasis::Statistics => (
            "statistics",
            both(
                "Cookies that count visits",
                "They count how many people visit, and which pages they look at, to improve this website.".to_owned(),
            ),
            both(
                "Cwcis sy'n cyfri ymweliadau",
                "Maent yn cyfri faint o bobl sy'n ymweld, a pha dudalennau y maent yn edrych arnynt, er mwyn gwella'r wefan hon."
                    .to_owned(),
            ),
        ),
        _ if told.is_empty() => ("marketing", Default::default(), Default::default()),
        _ => (
            "marketing",
            both("Additional cookies", format!("They tell others how you use this website: {told}.")),
            both("Cwcis ychwanegol", format!("Maent yn dweud wrth eraill sut rydych yn defnyddio'r wefan hon: {told}.")),
        ),
    }
}

fn write_words(
    [title, description]: [String; 2],
    (of_title, of_description): (&str, &str),
    text: &mut String,
) {
    for (key, words, remark) in [("title", title, of_title), ("description", description, of_description)] {
        let remark = if words.is_empty() { format!("  # {remark}") } else { String::new() };
        let _ = writeln!(text, "{key} = {}{remark}", quoted(&words));
    }
}

/// A lifetime, rounded up: how many of which unit. Nothing where it ends with the session.
fn rounded(seconds: Option<u64>) -> Option<(u64, Unit)> {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = seconds?;
    Some(match seconds {
        0..=3_599 => (seconds.div_ceil(MINUTE).max(1), Unit::Minute),
        3_600..=172_799 => (seconds.div_ceil(HOUR), Unit::Hour),
        172_800..=5_183_999 => (seconds.div_ceil(DAY), Unit::Day),
        _ => (seconds.div_ceil(DAY) * 12 / 365, Unit::Month),
    })
}

#[derive(Debug, Clone, Copy)]
enum Unit {
    Day,
    Hour,
    Minute,
    Month,
}

/// A lifetime as visitors are told it.
fn in_words(seconds: Option<u64>) -> String {
    let Some((number, unit)) = rounded(seconds) else { return "until the browser is closed".to_owned() };
    let unit = match unit {
        Unit::Day => "day",
        Unit::Hour => "hour",
        Unit::Minute => "minute",
        Unit::Month => "month",
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// The same in Welsh, where a number is followed by the singular, and two softens its first letter.
fn in_welsh(seconds: Option<u64>) -> String {
    let Some((number, unit)) = rounded(seconds) else { return "nes cau'r porwr".to_owned() };
    let unit = match (unit, number) {
        (Unit::Day, 2) => "ddiwrnod",
        (Unit::Day, _) => "diwrnod",
        (Unit::Hour, _) => "awr",
        (Unit::Minute, 2) => "funud",
        (Unit::Minute, _) => "munud",
        (Unit::Month, 2) => "fis",
        (Unit::Month, _) => "mis",
    };
    format!("{number} {unit}")
}

/// A text within one line.
fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

/// A name or an address that a site has chosen, within a remark; it ends in `…` where it goes on.
fn short(text: &str) -> String {
    let mut letters = text.chars();
    let mut short = plain(&letters.by_ref().take(MOST_LETTERS).collect::<String>());
    if letters.next().is_some() {
        short.push('…');
    }
    short
}

/// A text as TOML has it.
fn quoted(text: &str) -> String {
    // Without control characters, a text of JSON is one of TOML.
    serde_json::Value::from(plain(text)).to_string()
}

/// The hosts of the pages of a visit.
pub(super) fn hosts_of<'a>(pages: impl Iterator<Item = &'a String>) -> BTreeSet<String> {
    pages.filter_map(|page| host_of(page)).collect()
}

#[cfg(test)]
mod tests {
    use pinfold::consent::{Embed, PolicyBuilder, Purpose};

    use super::super::visit::Cookie;
    use super::*;

    #[test]
    fn names_that_end_in_a_number_are_beginnings() {
        for (name, pattern) in [
            ("session", "session"),
            ("_hjSession_123456", "_hjSession_*"),
            ("form-seen-4a7b9c1d", "form-seen-*"),
            ("survey_closed", "survey_closed"),
            ("v1.2", "v1.2"),
            ("_123456", "_123456"),
            ("a_123456", "a_123456"),
        ] {
            assert_eq!(pattern_of(name), pattern);
        }
    }

    #[test]
    fn names_that_a_rule_can_have() {
        for (name, expected) in [
            ("session", true),
            ("a!#$%&'+-.^_`|~1", true),
            (&*"a".repeat(127), true),
            (&*"a".repeat(128), false),
            ("", false),
            ("*", false),
            ("survey*", false),
            ("lang\"x", false),
            ("Pinfold-Visit", false),
        ] {
            assert_eq!(can_be_named(name), expected, "{name}");
        }
    }

    #[test]
    fn only_what_a_site_has_chosen_is_cut() {
        let long = format!("https://www.example.gov.uk/{}", "a".repeat(300));
        let mut visit = visit_of(&[]);
        visit.fail(&*long, "because of this");
        let why = format!("{} and because of that", "this ".repeat(60));
        visit.refused.insert("odd".to_owned(), why.clone());
        let policy = Policy::builder("Town", "https://www.example.gov.uk").build().unwrap();
        let text = Suggestion::of(visit, None, &BTreeSet::new(), &policy).to_toml("a test");
        assert!(text.contains(&format!("# Not looked at: {}… (because of this)\n", &long[..200])), "{text}");
        assert!(text.contains(&format!("# No browser keeps it: odd ({why})\n")), "{text}");
    }

    #[test]
    fn lifetimes_in_words() {
        for (seconds, words, welsh) in [
            (None, "until the browser is closed", "nes cau'r porwr"),
            (Some(1), "1 minute", "1 munud"),
            (Some(120), "2 minutes", "2 funud"),
            (Some(1_800), "30 minutes", "30 munud"),
            (Some(86_400), "24 hours", "24 awr"),
            (Some(2 * 86_400), "2 days", "2 ddiwrnod"),
            (Some(86_399 * 7), "7 days", "7 diwrnod"),
            (Some(61 * 86_400), "2 months", "2 fis"),
            (Some(365 * 86_400), "12 months", "12 mis"),
            (Some(400 * 86_400), "13 months", "13 mis"),
        ] {
            assert_eq!(
                (in_words(seconds).as_str(), in_welsh(seconds).as_str()),
                (words, welsh),
                "{seconds:?}"
            );
        }
    }

    fn visit_of(cookies: &[(&str, &str, Option<u64>)]) -> Visit {
        let page = "https://www.example.gov.uk/".to_owned();
        let mut visit = Visit { pages: vec![page.clone()], ..Visit::default() };
        for (name, domain, lifetime) in cookies {
            visit.note(
                (name, domain, "/"),
                Cookie { lifetime: *lifetime, partitioned: false, page: page.clone() },
            );
        }
        visit
    }

    #[test]
    fn what_is_suggested_can_be_pasted_and_says_what_is_left_to_decide() {
        let mut visit = visit_of(&[
            ("PHPSESSID", "www.example.gov.uk", None),
            ("_ga", ".example.gov.uk", Some(34_560_000)),
            ("_ga_ABC123", ".example.gov.uk", Some(34_560_000)),
            ("survey_123456", "www.example.gov.uk", Some(86_400 * 30)),
            ("survey_654321", "www.example.gov.uk", Some(86_400 * 30)),
            ("od\"d\u{1b}", "www.example.gov.uk", None),
            ("IDE", ".doubleclick.net", Some(1)),
        ]);
        visit.refused.insert("sec".to_owned(), "it is `Secure`".to_owned());
        visit.in_fields.insert("survey_123456".to_owned());
        for host in ["www.example.gov.uk", "www.googletagmanager.com", "maps.example"] {
            visit.hosts.insert(host.to_owned(), "https://www.example.gov.uk/".to_owned());
        }
        let embed = Embed::strictly_necessary(["maps.example"]);
        let policy = Policy::builder("Town", "https://www.example.gov.uk").embed(embed).build().unwrap();
        let own = hosts_of(visit.pages.iter());
        let asked = Some(("http://127.0.0.1:8000".to_owned(), "https://www.example.gov.uk".to_owned()));
        let suggestion = Suggestion::of(visit, asked, &own, &policy);
        let text = suggestion.to_toml("a test");
        for words in [
            "# Declared already: PHPSESSID (`PHPSESSID`, strictly-necessary)\n",
            "# _ga, _ga_ABC123: known as google-analytics (https://",
            "# http://127.0.0.1:8000 was asked as https://www.example.gov.uk.\n",
            "# No browser keeps it: sec (it is `Secure`)\n",
            "# Held whatever is declared, because of its name: od\"d\u{fffd}\n",
            "[[purpose]]\nid = \"marketing\"\nbasis = \"consent\"\ntitle = \"Additional cookies\"\n",
            "how you use this website: Google.\"\nservices = [\"google-analytics\"]\n[purpose.cy]\n",
            "[cookie.cy]\ndescription = \"\"  # the same in Welsh\nlifetime = \"30 diwrnod\"\n",
            "# Of another site, held with what it embeds: IDE of doubleclick.net\n",
            "[[cookie]]\nname = \"survey_*\"\npurpose = \"\"",
            "lifetime = \"30 days\"\n",
            "    \"www.googletagmanager.com\",  # https://www.example.gov.uk/\n",
        ] {
            assert!(text.contains(words), "{words}\n{text}");
        }
        assert!(!text.contains('\u{1b}') && !text.contains("maps.example"));
        let parsed = toml::de::DeTable::parse(&text).unwrap().into_inner();
        let tables = |key: &str| parsed[key].as_ref().as_array().unwrap().len();
        assert_eq!((tables("cookie"), tables("embed"), tables("purpose")), (1, 1, 1));
        assert!(suggestion.to_json().contains("\"by_script\": false"));
    }

    #[test]
    fn what_a_product_sets_later_is_suggested_where_nothing_is_for_it() {
        let with = |purposes: &[Purpose]| {
            let mut visit = visit_of(&[("wordpress_test_cookie", "www.example.gov.uk", None)]);
            visit.hosts.insert("www.youtube.com".to_owned(), "https://www.example.gov.uk/".to_owned());
            let policy = Policy::builder("Town", "https://www.example.gov.uk");
            let policy = purposes.iter().cloned().fold(policy, PolicyBuilder::purpose).build().unwrap();
            let own = hosts_of(visit.pages.iter());
            Suggestion::of(visit, None, &own, &policy).to_toml("a test")
        };
        let appearance = |id: &str| Purpose::new(id, LegalBasis::Appearance, "Title", "Words");
        const SUGGESTED: &str =
            "# comment_author_*, wp-settings-*, wp_lang: known as wordpress-preferences (";
        let none = with(&[]);
        for words in [
            SUGGESTED,
            "# WordPress is known by https://www.example.gov.uk/: set once somebody comments",
            "[[purpose]]\nid = \"preferences\"\nbasis = \"appearance\"\ntitle = \"Cookies that remember",
            "services = [\"wordpress-preferences\"]\n",
            "[[purpose]]\nid = \"marketing\"\nbasis = \"consent\"\ntitle = \"\"  # such as",
            "[[embed]]\npurpose = \"strictly-necessary\"\nhosts = [\"s.w.org\"]\n",
        ] {
            assert!(none.contains(words), "{words}\n{none}");
        }
        let one = with(&[appearance("a")]);
        assert!(
            one.contains("# In [[purpose]] `a` write: services = [\"wordpress-preferences\"]\n"),
            "{one}"
        );
        let two = with(&[appearance("a"), appearance("b")]);
        assert!(two.contains("# In a [[purpose]] with basis = \"appearance\" write: services ="), "{two}");
        let declared = with(&[appearance("a").with_services(["wordpress-preferences"])]);
        assert!(!declared.contains("known as wordpress-preferences"), "{declared}");
    }
}
