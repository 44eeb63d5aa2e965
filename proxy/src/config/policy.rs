//! What the sections about visitors say: what is asked, which cookies and hosts there are, and what pages are given.

use pinfold::Subject;
use pinfold::consent::{
    CookieRule, Embed, LegalBasis, Mode, PolicyBuilder, Preference, Purpose, Regime, Undeclared,
};

use super::places::{Places, STRICTLY_NECESSARY, Said};
use super::reader::{Located, Section};
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

/// A purpose, as soon as it has an id: what else is missing is a fault already, and its cookies are none.
pub(super) fn read_purpose(section: Section<'_>, places: &mut Places) -> Option<Purpose> {
    let id = section.text("id");
    let bases = [LegalBasis::Appearance, LegalBasis::Consent, LegalBasis::Statistics];
    let basis = section.choice("basis", bases.map(|basis| (basis.name(), basis)));
    let (title, description) = words(&section);
    let texts = |key| section.texts(key).unwrap_or_default();
    let (uses, services, google) = (texts("uses"), texts("services"), texts("google_consent"));
    let welsh = section.section("cy");
    let welsh_words = welsh.is_written().then(|| words(&welsh));
    welsh.end();
    section.end();
    let id = id?;
    let subject = Subject::Purpose(id.value.clone());
    places.note(subject.clone(), &id.place);
    places.note_words(&subject, Said::Service, &services);
    places.note_words(&subject, Said::Other, uses.iter().chain(&google));
    let [uses, services, google] = [uses, services, google].map(values);
    let mut purpose =
        Purpose::new(id.value, basis.map_or(LegalBasis::Consent, |basis| basis.value), title, description)
            .with_uses(uses)
            .with_services(services)
            .with_google_consent(google);
    if let Some((title, description)) = welsh_words {
        purpose = purpose.with_welsh(title, description);
    }
    Some(purpose)
}

pub(super) fn read_cookie(section: Section<'_>, places: &mut Places) -> Option<CookieRule> {
    let (name, purpose) = (section.text("name"), section.text("purpose"));
    let text = |key| section.text(key).map(|text| text.value).unwrap_or_default();
    let (provider, description, lifetime) = (text("provider"), text("description"), text("lifetime"));
    let texts = |key| section.texts(key).unwrap_or_default();
    let (domains, paths) = (texts("domains"), texts("paths"));
    let partitioned = section.flag("partitioned").value;
    let welsh = section.section("cy");
    let welsh_words = ["description", "lifetime"].map(|key| welsh.text(key).map(|text| text.value));
    welsh.end();
    section.end();
    let (name, purpose) = (name?, purpose?);
    let subject = Subject::Cookie(name.value.clone());
    places.note(subject.clone(), &name.place);
    places.note_words(&subject, Said::Purpose, [&purpose]);
    places.note_words(&subject, Said::Other, domains.iter().chain(&paths));
    let rule = match purpose.value {
        purpose if purpose == STRICTLY_NECESSARY => CookieRule::strictly_necessary(name.value),
        purpose => CookieRule::new(name.value, purpose),
    };
    let mut rule = rule
        .with_provider(provider)
        .with_description(description)
        .with_lifetime(lifetime)
        .with_domains(values(domains))
        .with_paths(values(paths))
        .partitioned(partitioned);
    if let [Some(description), Some(lifetime)] = welsh_words {
        rule = rule.with_welsh(description, lifetime);
    }
    Some(rule)
}

pub(super) fn read_preference(section: Section<'_>, places: &mut Places) -> Option<Preference> {
    let (name, offered) = (section.text("name"), section.texts("values"));
    let labels = |section: &Section<'_>| values(section.texts("labels").unwrap_or_default());
    let ((title, description), english_labels) = (words(&section), labels(&section));
    let welsh = section.section("cy");
    let ((welsh_title, welsh_description), welsh_labels) = (words(&welsh), labels(&welsh));
    welsh.end();
    section.end();
    let (name, offered) = (name?, offered?);
    let subject = Subject::Preference(name.value.clone());
    places.note(subject.clone(), &name.place);
    places.note_words(&subject, Said::Other, &offered);
    let preference = Preference::new(name.value, values(offered))
        .with_english(title, description)
        .with_labels(english_labels)
        .with_welsh(welsh_title, welsh_description)
        .with_welsh_labels(welsh_labels);
    Some(preference)
}

pub(super) fn read_embed(section: Section<'_>, places: &mut Places) -> Option<Embed> {
    let (purpose, hosts) = (section.text("purpose"), section.texts("hosts").unwrap_or_default());
    section.end();
    let purpose = purpose?;
    for host in &hosts {
        let subject = Subject::Host(host.value.to_ascii_lowercase());
        places.note(subject.clone(), &host.place);
        places.note_words(&subject, Said::Purpose, [&purpose]);
    }
    let hosts = values(hosts);
    Some(match purpose.value {
        purpose if purpose == STRICTLY_NECESSARY => Embed::strictly_necessary(hosts),
        purpose => Embed::new(purpose, hosts),
    })
}

/// The title and the description of something.
fn words(section: &Section<'_>) -> (String, String) {
    let text = |key| section.text(key).map(|text| text.value).unwrap_or_default();
    (text("title"), text("description"))
}

fn values(texts: Vec<Located<String>>) -> Vec<String> {
    texts.into_iter().map(|text| text.value).collect()
}
