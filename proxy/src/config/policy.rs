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
    page: Option<String>,
    lifetime: Option<u8>,
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
        if let Some(page) = self.page {
            policy = policy.page(page);
        }
        if let Some(lifetime) = self.lifetime {
            policy = policy.lifetime_months(lifetime);
        }
        if let Some(path) = self.shell {
            policy = policy.shell(path);
        }
        if let Some(field) = self.shared_cache_key {
            policy = policy.shared_cache_key(field);
        }
        policy
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
    if let Some(page) = &page {
        places.note(Subject::Page, &page.place);
    }
    let lifetime = section.parsed("lifetime", "a number of months, such as \"12 months\"", units::months);
    if let Some(lifetime) = &lifetime {
        places.note(Subject::Lifetime, &lifetime.place);
    }
    let undeclared = section.choice("undeclared", &[("hold", Undeclared::Hold), ("pass", Undeclared::Pass)]);
    let mode = section.choice("mode", &[("enforce", Mode::Enforce), ("report", Mode::Report)]);
    let regime = section.choice("regime", &[("uk", Regime::Uk), ("consent", Regime::Consent)]);
    let on_unless = |key| section.flag(key).is_none_or(|flag| flag.value);
    let (gpc, banner) = (on_unless("global_privacy_control"), on_unless("banner"));
    let gate = section.flag("gate").map_or(banner, |flag| flag.value);
    let well_known = on_unless("well_known");
    let clear_storage = section.flag("clear_storage").is_some_and(|flag| flag.value);
    let link = section.choice("link", &[("site", false), ("insert", true)]);
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
        page: page.map(|page| page.value),
        lifetime: lifetime.map(|lifetime| u8::try_from(lifetime.value).unwrap_or(u8::MAX)),
        undeclared: undeclared.map(|word| word.value).unwrap_or_default(),
        mode: mode.map(|word| word.value).unwrap_or_default(),
        regime: regime.map(|word| word.value).unwrap_or_default(),
        gpc,
        banner,
        link: link.is_some_and(|link| link.value),
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
