//! What the sections about visitors say: what is asked, which cookies and hosts there are, and what pages are given.

use pinfold::consent::{
    CookieRule, Embed, LegalBasis, Mode, PolicyBuilder, Preference, Purpose, Regime, Undeclared,
};
use pinfold::{ConfigError, Subject};

use super::fault::{Faults, Place};
use super::reader::Section;
use super::units;

/// Where the subjects of library faults were written.
#[derive(Default)]
pub(super) struct Places {
    subjects: Vec<(Subject, Place)>,
}

impl Places {
    pub(super) fn note(&mut self, subject: Subject, place: &Place) {
        self.subjects.push((subject, place.clone()));
    }

    pub(super) fn report(&self, fault: &ConfigError, faults: &Faults) {
        // Of two things of one name the second is the one too many.
        let place = self.subjects.iter().rev().find(|(subject, _)| subject == fault.subject());
        let place = place.map_or(Place::Whole, |(_, place)| place.clone());
        faults.add(&place, fault.problem(), fault.remedy());
    }
}

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
    let page = section.text_or("page", "/cookies");
    places.note(Subject::Page, &page.place);
    let expected = "a number of months, such as \"12 months\"";
    let lifetime = section.parsed_or("lifetime", expected, "12 months", units::months);
    if let Some(lifetime) = &lifetime {
        places.note(Subject::Lifetime, &lifetime.place);
    }
    let undeclared =
        section.choice_or_first("undeclared", [("hold", Undeclared::Hold), ("pass", Undeclared::Pass)]).value;
    let mode = section.choice_or_first("mode", [("enforce", Mode::Enforce), ("report", Mode::Report)]).value;
    let regime = section.choice_or_first("regime", [("uk", Regime::Uk), ("consent", Regime::Consent)]).value;
    let gpc = section.flag_or("global_privacy_control", true);
    let banner = section.flag_or("banner", true);
    let gate = section.flag_or("gate", banner);
    let well_known = section.flag_or("well_known", true);
    let clear_storage = section.flag_or("clear_storage", false);
    let link = section.choice_or_first("link", [("site", false), ("insert", true)]).value;
    let shell = section.text("shell");
    if let Some(shell) = &shell {
        places.note(Subject::Shell, &shell.place);
    }
    let shared_cache_key = section.text("shared_cache_key").filter(|key| !key.value.is_empty());
    if let Some(key) = &shared_cache_key {
        places.note(Subject::SharedCacheKey, &key.place);
    }
    section.end();
    ConsentSettings {
        page: page.value,
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

pub(super) fn read_purpose(section: Section<'_>, places: &mut Places, faults: &Faults) -> Option<Purpose> {
    let id = section.required("id", "statistics");
    if let Some(id) = &id {
        places.note(Subject::Purpose(id.value.clone()), &id.place);
    }
    let bases = [LegalBasis::Appearance, LegalBasis::Consent, LegalBasis::Statistics];
    let basis = section.choice("basis", &bases.map(|basis| (basis.name(), basis)));
    if basis.is_none() && section.text("basis").is_none() {
        faults.add(
            section.place(),
            "a purpose has no `basis`",
            "write \"appearance\", \"consent\" or \"statistics\"",
        );
    }
    let title = section.required("title", "Cookies that count visits").map(|text| text.value);
    let description =
        section.required("description", "They tell us which pages are used.").map(|text| text.value);
    let texts = |key| section.texts(key).unwrap_or_default().into_iter().map(|text| text.value);
    let (uses, services, google) = (texts("uses"), texts("services"), texts("google_consent"));
    let welsh = section.section("cy");
    let is_written = welsh.place() != &Place::Whole;
    let welsh_words = is_written.then(|| {
        Some((welsh.required("title", "Teitl")?.value, welsh.required("description", "Disgrifiad")?.value))
    });
    welsh.end();
    section.end();
    let mut purpose = Purpose::new(id?.value, basis?.value, title?, description?)
        .with_uses(uses)
        .with_services(services)
        .with_google_consent(google);
    if let Some((title, description)) = welsh_words.flatten() {
        purpose = purpose.with_welsh(title, description);
    }
    Some(purpose)
}

pub(super) fn read_cookie(section: Section<'_>, places: &mut Places) -> Option<CookieRule> {
    let name = section.required("name", "_ga*");
    if let Some(name) = &name {
        places.note(Subject::Cookie(name.value.clone()), &name.place);
    }
    let purpose = section.required("purpose", "strictly-necessary").map(|text| text.value);
    let text = |key| section.text(key).map(|text| text.value).unwrap_or_default();
    let (provider, description, lifetime) = (text("provider"), text("description"), text("lifetime"));
    let texts = |key| section.texts(key).unwrap_or_default().into_iter().map(|text| text.value);
    let (domains, paths) = (texts("domains"), texts("paths"));
    let partitioned = section.flag("partitioned").is_some_and(|flag| flag.value);
    let welsh = section.section("cy");
    let welsh_words = ["description", "lifetime"].map(|key| welsh.text(key).map(|text| text.value));
    welsh.end();
    section.end();
    let (name, purpose) = (name?.value, purpose?);
    let rule = if purpose == "strictly-necessary" {
        CookieRule::strictly_necessary(name)
    } else {
        CookieRule::new(name, purpose)
    };
    let mut rule = rule
        .with_provider(provider)
        .with_description(description)
        .with_lifetime(lifetime)
        .with_domains(domains)
        .with_paths(paths)
        .partitioned(partitioned);
    if let [Some(description), Some(lifetime)] = welsh_words {
        rule = rule.with_welsh(description, lifetime);
    }
    Some(rule)
}

pub(super) fn read_preference(section: Section<'_>, places: &mut Places) -> Option<Preference> {
    let name = section.required("name", "text-size");
    if let Some(name) = &name {
        places.note(Subject::Preference(name.value.clone()), &name.place);
    }
    let texts = |section: &Section<'_>, key| {
        section.texts(key).map(|texts| texts.into_iter().map(|text| text.value).collect::<Vec<_>>())
    };
    let values = texts(&section, "values");
    if values.is_none() {
        section.required("values", "normal");
    }
    let words = |section: &Section<'_>| {
        let [title, description] =
            ["title", "description"].map(|key| section.text(key).map_or_else(String::new, |text| text.value));
        (title, description, texts(section, "labels").unwrap_or_default())
    };
    let (title, description, labels) = words(&section);
    let welsh = section.section("cy");
    let (welsh_title, welsh_description, welsh_labels) = words(&welsh);
    welsh.end();
    section.end();
    let preference = Preference::new(name?.value, values?)
        .with_english(title, description)
        .with_labels(labels)
        .with_welsh(welsh_title, welsh_description)
        .with_welsh_labels(welsh_labels);
    Some(preference)
}

pub(super) fn read_embed(section: Section<'_>, places: &mut Places) -> Option<Embed> {
    let purpose = section.required("purpose", "marketing");
    let hosts = section.texts("hosts");
    if hosts.is_none() {
        section.required("hosts", "www.example.com");
    }
    let hosts = hosts.unwrap_or_default();
    for host in &hosts {
        places.note(Subject::Host(host.value.to_ascii_lowercase()), &host.place);
    }
    section.end();
    let hosts = hosts.into_iter().map(|host| host.value);
    let purpose = purpose?.value;
    Some(if purpose == "strictly-necessary" {
        Embed::strictly_necessary(hosts)
    } else {
        Embed::new(purpose, hosts)
    })
}
