//! What the sections about visitors say: what is asked, which cookies and hosts there are, and what pages are given.

use pinfold::Subject;
use pinfold::consent::{
    CookieRule, Embed, LegalBasis, Mode, PolicyBuilder, Preference, Purpose, Regime, Undeclared,
};

use super::catalogue::Kind;
use super::fault::Faults;
use super::known::{Declared, doubt_of_cookie, doubt_of_host};
use super::places::{Item, NAMELESS, Places, STRICTLY_NECESSARY, Said};
use super::reader::{Located, Section};
use super::site::{is_public_suffix, is_within};
use super::units;

pub(super) struct ConsentSettings {
    page: String,
    lifetime: u8,
    undeclared: Undeclared,
    mode: Mode,
    regime: Regime,
    gpc: bool,
    banner: bool,
    link: bool,
    gate: bool,
    well_known: bool,
    clear_storage: bool,
    shell: Option<String>,
    shared_cache_key: Option<String>,
}

impl ConsentSettings {
    pub(super) fn apply(self, mut policy: PolicyBuilder) -> PolicyBuilder {
        if let Some(path) = self.shell {
            policy = policy.shell(path);
        }
        if let Some(field) = self.shared_cache_key {
            policy = policy.shared_cache_key(field);
        }
        policy
            .page(self.page)
            .lifetime_months(self.lifetime)
            .undeclared(self.undeclared)
            .mode(self.mode)
            .regime(self.regime)
            .global_privacy_control(self.gpc)
            .banner(self.banner)
            .link(self.link)
            .gate(self.gate)
            .well_known(self.well_known)
            .clear_storage(self.clear_storage)
    }
}

pub(super) fn read_consent(section: Section<'_>, places: &mut Places) -> ConsentSettings {
    let page = section.text("page");
    let lifetime = section.parsed("lifetime", units::months);
    let undeclared =
        section.choice_or_first("undeclared", [("hold", Undeclared::Hold), ("pass", Undeclared::Pass)]).value;
    let mode = section.choice_or_first("mode", [("enforce", Mode::Enforce), ("report", Mode::Report)]).value;
    let regime = section.choice_or_first("regime", [("uk", Regime::Uk), ("consent", Regime::Consent)]).value;
    let gpc = section.flag("global_privacy_control").value;
    let banner = section.flag("banner").value;
    let gate = section.flag_or("gate", banner);
    let well_known = section.flag("well_known").value;
    let clear_storage = section.flag("clear_storage").value;
    let link = section.choice_or_first("link", [("site", false), ("insert", true)]).value;
    let shell = section.text("shell");
    let shared_cache_key = section.text("shared_cache_key").filter(|key| !key.value.is_empty());
    section.end();
    let subjects =
        [(Subject::Page, &page), (Subject::Shell, &shell), (Subject::SharedCacheKey, &shared_cache_key)];
    for (subject, text) in subjects {
        if let Some(text) = text {
            places.note(subject, &text.place);
        }
    }
    if let Some(lifetime) = &lifetime {
        places.note(Subject::Lifetime, &lifetime.place);
    }
    ConsentSettings {
        page: page.map_or_else(String::new, |page| page.value),
        lifetime: lifetime.map_or(0, |lifetime| u8::try_from(lifetime.value).unwrap_or(u8::MAX)),
        undeclared,
        mode,
        regime,
        gpc,
        banner,
        link,
        gate,
        well_known,
        clear_storage,
        shell: shell.map(|shell| shell.value),
        shared_cache_key: shared_cache_key.map(|key| key.value),
    }
}

/// What else there is to know of a site.
pub(super) struct Visitors<'a> {
    /// Its hosts.
    pub(super) hosts: &'a [String],
    /// Whether visitors may read Welsh.
    pub(super) speaks_welsh: bool,
    /// Whether visits are counted, which brings a purpose of its own.
    pub(super) counts_visits: bool,
}

/// What is declared of visitors' cookies and of pages; every fault in it goes to `faults`.
pub(super) fn read_declared(
    root: &Section<'_>,
    Visitors { hosts, speaks_welsh, counts_visits }: Visitors<'_>,
    mut policy: PolicyBuilder,
    places: &mut Places,
    faults: &Faults,
) -> PolicyBuilder {
    let mut reader = Reader { hosts, speaks_welsh, places, faults, bases: Vec::new(), had: Vec::new() };
    for section in root.sections("purpose") {
        if let Some(purpose) = reader.purpose(section) {
            policy = policy.purpose(purpose);
        }
    }
    if counts_visits && !reader.bases.iter().any(|(_, basis)| *basis == LegalBasis::Statistics) {
        reader.bases.push((STATISTICS.to_owned(), LegalBasis::Statistics));
        reader.places.bring(STATISTICS);
    }
    let mut cookies = Vec::new();
    for section in root.sections("cookie") {
        let (rule, purpose) = reader.cookie(section);
        cookies
            .extend(rule.as_ref().zip(purpose).map(|(rule, purpose)| (rule.pattern().to_owned(), purpose)));
        policy = rule.into_iter().fold(policy, PolicyBuilder::cookie);
    }
    reader.doubt_cookies(&cookies);
    for section in root.sections("embed") {
        policy = policy.embed(reader.embed(section));
    }
    for section in root.sections("preference") {
        policy = reader.preference(section).into_iter().fold(policy, PolicyBuilder::preference);
    }
    policy
}

/// How the names of cookies begin that browsers keep for one host alone, and for every path.
const HOST_PREFIX: &str = "__Host-";

/// The purpose that counting visits brings where there is none of this basis.
const STATISTICS: &str = "statistics";

struct Reader<'r> {
    /// Those of the site.
    hosts: &'r [String],
    /// Whether visitors may read Welsh.
    speaks_welsh: bool,
    places: &'r mut Places,
    faults: &'r Faults,
    /// What allows the cookies of each purpose.
    bases: Vec<(String, LegalBasis)>,
    /// What some purpose has: which kind of thing, which one, and whose.
    had: Vec<(&'static str, String, String)>,
}

impl Reader<'_> {
    /// A purpose that has an id. What else is missing is a fault already, and nothing more is said of it.
    fn purpose(&mut self, section: Section<'_>) -> Option<Purpose> {
        let id = section.text("id");
        let bases = [LegalBasis::Appearance, LegalBasis::Consent, LegalBasis::Statistics];
        let basis = section.choice("basis", bases.map(|basis| (basis.name(), basis)));
        let [title, description] = ["title", "description"]
            .map(|key| section.text(key).map_or_else(|| NAMELESS.to_owned(), |text| text.value));
        let texts = |key| section.texts(key).unwrap_or_default();
        let (uses, services, google) = (texts("uses"), texts("services"), texts("google_consent"));
        let welsh = section.section("cy");
        // What is missing from a table that is there is a fault already.
        let welsh_text = |key| welsh.text(key).map_or_else(|| NAMELESS.to_owned(), |text| text.value);
        let welsh_words = welsh.is_written().then(|| (welsh_text("title"), welsh_text("description")));
        welsh.end();
        let name = id.as_ref().map_or(NAMELESS, |id| id.value.as_str());
        let (welsh_title, welsh_description) = welsh_words.clone().unwrap_or_default();
        let pairs = [
            ("title", title.as_str(), welsh_title.as_str()),
            ("description", &description, &welsh_description),
        ];
        self.untold(&section, &format!("the purpose `{name}`"), "purpose", &pairs);
        let word_of = |key| match section.key(key).kind {
            Kind::List(Kind::Words(words)) => Said::OneOf(words),
            _ => Said::Other,
        };
        let item = Item::of(Subject::Purpose(name.to_owned()), &section)
            .saying(Said::Service, &services)
            .saying(word_of("uses"), &uses)
            .saying(word_of("google_consent"), &google);
        section.end();
        self.warn_of_same("service", name, &services);
        self.warn_of_same("Google consent type", name, &google);
        let [uses, services, google] = [uses, services, google].map(values);
        let basis = basis.map_or(LegalBasis::Consent, |basis| basis.value);
        let mut purpose = Purpose::new(name, basis, title, description)
            .with_uses(uses)
            .with_services(services)
            .with_google_consent(google);
        if let Some((title, description)) = welsh_words {
            purpose = purpose.with_welsh(title, description);
        }
        self.places.add(item.checked(purpose.check()), self.faults);
        let id = id?;
        self.bases.push((id.value, basis));
        Some(purpose)
    }

    /// Warns of what another purpose has already: a visitor may grant the one and refuse the other.
    fn warn_of_same(&mut self, what: &'static str, purpose: &str, of: &[Located<String>]) {
        for Located { value, place } in of {
            match self.had.iter().find(|(kind, one, _)| (*kind, one) == (what, value)) {
                Some((.., other)) => self.faults.warn(
                    place,
                    format!("the purpose `{purpose}` has the {what} `{value}`, as `{other}` has"),
                    "leave it to one of the two",
                ),
                None => self.had.push((what, value.clone(), purpose.to_owned())),
            }
        }
    }

    /// A cookie that has a name, and its purpose, if it has one.
    fn cookie(&mut self, section: Section<'_>) -> (Option<CookieRule>, Option<Located<String>>) {
        let (name, purpose) = (section.text("name"), section.text("purpose"));
        let text = |key| section.text(key).map(|text| text.value).unwrap_or_default();
        let (provider, description, lifetime) = (text("provider"), text("description"), text("lifetime"));
        let texts = |key| section.texts(key).unwrap_or_default();
        let (domains, paths) = (texts("domains"), texts("paths"));
        let partitioned = section.flag("partitioned").value;
        let welsh = section.section("cy");
        let [welsh_description, welsh_lifetime] =
            ["description", "lifetime"].map(|key| welsh.text(key).map(|text| text.value).unwrap_or_default());
        welsh.end();
        let shown = name.as_ref().map_or(NAMELESS, |name| name.value.as_str()).to_owned();
        let pairs = [
            ("description", description.as_str(), welsh_description.as_str()),
            ("lifetime", &lifetime, &welsh_lifetime),
        ];
        let untold = self.untold(&section, &format!("the cookie `{shown}`"), "cookie", &pairs);
        let item = Item::of(Subject::Cookie(shown.clone()), &section)
            .saying(Said::Purpose, &purpose)
            .saying(Said::Other, domains.iter().chain(&paths));
        section.end();
        for Located { value, place } in domains.iter().filter(|domain| !self.is_reached(&domain.value)) {
            self.faults.warn(
                place,
                format!("no host of the site is in `{value}`, so browsers take no removal for it from here"),
                "write a domain of your own that one of `hosts` is in",
            );
        }
        // RFC 6265bis section 4.1.3.2.
        if shown.get(..HOST_PREFIX.len()).is_some_and(|begins| begins.eq_ignore_ascii_case(HOST_PREFIX)) {
            for Located { place, .. } in domains.iter().chain(paths.iter().filter(|path| path.value != "/")) {
                let problem = format!("browsers keep `{shown}` for one host and every path");
                self.faults.warn(place, problem, "leave out what else is said of where it is");
            }
        }
        let rule = match &purpose {
            Some(purpose) if purpose.value != STRICTLY_NECESSARY => {
                CookieRule::new(shown.clone(), purpose.value.clone())
            }
            _ => CookieRule::strictly_necessary(shown.clone()),
        };
        let mut rule = rule
            .with_provider(provider)
            .with_description(description)
            .with_lifetime(lifetime)
            .with_domains(values(domains))
            .with_paths(values(paths))
            .partitioned(partitioned);
        let says_anything = !welsh_description.is_empty() || !welsh_lifetime.is_empty();
        if says_anything && !untold {
            rule = rule.with_welsh(welsh_description, welsh_lifetime);
        }
        self.places.add(item.checked(rule.check()), self.faults);
        if name.is_none() {
            self.places.look_for_purpose(&format!("the cookie `{NAMELESS}`"), purpose.as_ref(), self.faults);
        }
        (name.map(|_| rule), purpose)
    }

    fn embed(&mut self, section: Section<'_>) -> Embed {
        let (purpose, hosts) = (section.text("purpose"), section.texts("hosts").unwrap_or_default());
        section.end();
        if hosts.is_empty() {
            self.places.look_for_purpose("an embed", purpose.as_ref(), self.faults);
        }
        for host in &hosts {
            let item = Item::at(Subject::Host(host.value.to_ascii_lowercase()), &host.place);
            self.places.add(item.saying(Said::Purpose, &purpose), self.faults);
            if is_for_many(&host.value) {
                self.faults.warn(
                    &host.place,
                    format!("`{}` takes in the hosts of many organisations", host.value),
                    "name the domain of one, such as *.example.com",
                );
            }
            if let Some(basis) = self.basis_of(purpose.as_ref())
                && let Some(doubt) = doubt_of_host(&host.value, basis)
            {
                self.faults.warn(&host.place, doubt.problem(&host.value, basis), doubt.remedy());
            }
        }
        let hosts = values(hosts);
        match purpose {
            Some(purpose) if purpose.value != STRICTLY_NECESSARY => Embed::new(purpose.value, hosts),
            _ => Embed::strictly_necessary(hosts),
        }
    }

    /// A preference that has a name. Whatever values it is to have, there are two or more.
    fn preference(&mut self, section: Section<'_>) -> Option<Preference> {
        const SOME: [&str; 2] = ["one", "other"];
        let (name, offered) = (section.text("name"), section.texts("values"));
        let labels = |section: &Section<'_>| values(section.texts("labels").unwrap_or_default());
        let ((title, description), english_labels) = (words(&section), labels(&section));
        let welsh = section.section("cy");
        let ((welsh_title, welsh_description), welsh_labels) = (words(&welsh), labels(&welsh));
        welsh.end();
        let shown = name.as_ref().map_or(NAMELESS, |name| name.value.as_str()).to_owned();
        let (all_labels, all_welsh_labels) = (english_labels.concat(), welsh_labels.concat());
        let pairs = [
            ("title", title.as_str(), welsh_title.as_str()),
            ("description", &description, &welsh_description),
            ("labels", &all_labels, &all_welsh_labels),
        ];
        self.untold(&section, &format!("the preference `{shown}`"), "preference", &pairs);
        let mut preference = match &offered {
            Some(offered) => Preference::new(shown.clone(), offered.iter().map(|value| value.value.clone()))
                .with_labels(english_labels)
                .with_welsh_labels(welsh_labels),
            None => Preference::new(shown.clone(), SOME),
        };
        preference = preference.with_english(title, description).with_welsh(welsh_title, welsh_description);
        let item =
            Item::of(Subject::Preference(shown), &section).saying(Said::Other, offered.iter().flatten());
        section.end();
        self.places.add(item.checked(preference.check()), self.faults);
        name.map(|_| preference)
    }

    /// Whether browsers take a cookie of a domain from a host of the site, if that is to be known.
    fn is_reached(&self, domain: &str) -> bool {
        let domain = domain.trim_start_matches('.').to_ascii_lowercase();
        let is_reached = self.hosts.iter().any(|host| is_within(host, &domain));
        self.hosts.is_empty() || is_reached && !is_public_suffix(&domain)
    }

    /// Warns of cookies that are known to need more than they are declared for asks.
    fn doubt_cookies(&self, cookies: &[(String, Located<String>)]) {
        let declared = |(pattern, purpose): &'_ (String, Located<String>)| {
            Some((pattern.clone(), self.basis_of(Some(purpose))?, purpose.place.clone()))
        };
        let declared: Vec<_> = cookies.iter().filter_map(declared).collect();
        let all: Vec<_> =
            declared.iter().map(|(pattern, basis, _)| Declared { pattern, basis: *basis }).collect();
        for (one, (pattern, basis, place)) in all.iter().zip(&declared) {
            if let Some(doubt) = doubt_of_cookie(*one, &all) {
                self.faults.warn(place, doubt.problem(pattern, *basis), doubt.remedy());
            }
        }
    }

    /// What allows what is there for a purpose, or that it is strictly necessary; nothing where that is not to be known.
    fn basis_of(&self, purpose: Option<&Located<String>>) -> Option<Option<LegalBasis>> {
        let purpose = &purpose?.value;
        if purpose == STRICTLY_NECESSARY {
            return Some(None);
        }
        self.bases.iter().find(|(id, _)| id == purpose).map(|(_, basis)| Some(*basis))
    }

    /// Whether something is said in English that is not said in Welsh. Where visitors may read Welsh, that is a warning.
    fn untold(&self, section: &Section<'_>, what: &str, table: &str, pairs: &[(&str, &str, &str)]) -> bool {
        let untold =
            pairs.iter().filter(|(_, english, welsh)| !english.is_empty() && welsh.trim().is_empty());
        let untold: Vec<_> = untold.map(|(key, ..)| *key).collect();
        if self.speaks_welsh && !untold.is_empty() {
            self.faults.warn(
                section.place(),
                format!(
                    "visitors who read Welsh are told in English: {what} has no {} in Welsh",
                    untold.join(" or ")
                ),
                format!("write [{table}.cy] below it, or [site] languages = [\"en\"]"),
            );
        }
        !untold.is_empty()
    }
}

/// Whether all hosts beneath a pattern have no one owner: `*.com`, `*.gov.uk`.
fn is_for_many(pattern: &str) -> bool {
    let Some(domain) = pattern.strip_prefix("*.").map(str::to_ascii_lowercase) else { return false };
    let domain = domain.split(':').next().unwrap_or_default();
    psl::suffix(domain.as_bytes())
        .is_some_and(|suffix| suffix == domain.as_bytes() && suffix.typ() == Some(psl::Type::Icann))
}

/// The title and the description of something.
fn words(section: &Section<'_>) -> (String, String) {
    let text = |key| section.text(key).map(|text| text.value).unwrap_or_default();
    (text("title"), text("description"))
}

fn values(texts: Vec<Located<String>>) -> Vec<String> {
    texts.into_iter().map(|text| text.value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_take_in_the_hosts_of_many() {
        for (pattern, expected) in [
            ("*.com", true),
            ("*.gov.uk", true),
            ("*.CO.UK:443", true),
            ("*.internal", false),
            ("*.example.com", false),
            ("*.cloudfront.net", false),
            ("*.localhost", false),
            ("com", false),
            ("www.example.com", false),
        ] {
            assert_eq!(is_for_many(pattern), expected, "{pattern}");
        }
    }
}
