//! The catalogue as a page to look things up in.

use pinfold::consent::well_known::{self, Service, services};

use crate::config::catalogue::{FILE, Key, Kind, Unwritten};

const BEGINNING: &str = "# Configuration

Every key of `pinfold.toml`. This page is written by `pinfold config --reference`, from what the file is read by;
[pinfold.example.toml](pinfold.example.toml) is a complete file, and [pinfold.schema.json](pinfold.schema.json) a JSON Schema for editors
(`pinfold config --schema`).

- Unknown keys are refused. `pinfold check` finds every fault in one pass, and `pinfold config --effective` shows what is in force.
- Units are written with values: times in `ms`, `s`, `min`, `h` or `days`, long ones in `months` or `years`, sizes in `B`, `KiB`, `MiB` or `GiB`.
- A secret is never written here, but in a file of its own that is named. Names of files count from the directory of the configuration;
  `credential:NAME` is a credential of systemd.
- A variable of the environment overrides a key: `PINFOLD__SECTION__KEY`, such as `PINFOLD__LISTEN__HTTP=127.0.0.1:9000`. What is TOML is read so (`true`, `10`,
  `[\"a\", \"b\"]`), the rest as text.
";

/// The page, in Markdown.
pub(crate) fn reference() -> String {
    let mut page = BEGINNING.to_owned();
    let (values, tables): (Vec<_>, Vec<_>) = FILE.iter().partition(|key| inner(key.kind).is_none());
    page.push_str("\n## Before any table\n");
    rows(&values, &mut page);
    for key in tables {
        write_table("", key, &mut page);
    }
    write_services(&mut page);
    page
}

/// Every service that is known.
fn write_services(page: &mut String) {
    page.push_str(SERVICES);
    for service in services() {
        let Service { id, provider, kind, cookies, .. } = service;
        let whose = if provider.is_empty() { "the site itself" } else { provider };
        let allowed = match kind {
            well_known::Kind::StrictlyNecessary => "strictly necessary",
            well_known::Kind::Appearance => "appearance",
            well_known::Kind::Statistics => "statistics",
            _ => "consent",
        };
        let cookies: Vec<_> = cookies.iter().map(|cookie| format!("`{}`", cookie.pattern)).collect();
        page.push_str(&format!("| `{id}` | {whose} | {allowed} | {} |\n", cookies.join(", ")));
    }
}

const SERVICES: &str = "
## Services

What may stand in `services` of a `[[purpose]]`: products whose cookies are known by name. The third column is what allows them, by the strictest honest reading of PECR
Schedule A1; whoever has to ask for consent first may ask for the others, too. Those that are strictly necessary need no purpose: they pass unless `[consent] well_known` is false.

| service | whose cookies | allowed by | cookies |
|---|---|---|---|
";

fn write_table(path: &str, key: &Key, page: &mut String) {
    let Some(keys) = inner(key.kind) else { return };
    let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
    let heading = if let Kind::Tables(..) = key.kind { format!("[[{path}]]") } else { format!("[{path}]") };
    let level = if path.contains('.') { "###" } else { "##" };
    page.push_str(&format!("\n{level} `{heading}`\n\n{}\n", key.about));
    let (values, tables): (Vec<_>, Vec<_>) = keys.iter().partition(|key| inner(key.kind).is_none());
    rows(&values, page);
    for key in tables {
        write_table(&path, key, page);
    }
}

fn inner(kind: Kind) -> Option<&'static [Key]> {
    match kind {
        Kind::Table(keys) | Kind::Tables(keys, _) => Some(keys),
        _ => None,
    }
}

fn rows(keys: &[&Key], page: &mut String) {
    page.push_str("\n| key | holds | default | |\n|---|---|---|---|\n");
    for key in keys {
        let (name, holds, about) = (key.name, holds(key), key.about);
        let source = key.source.map_or_else(String::new, |source| format!(" ({source})"));
        page.push_str(&format!("| `{name}` | {holds} | {} | {about}{source} |\n", default(key)));
    }
}

fn default(key: &Key) -> String {
    match key.unwritten {
        Unwritten::Required => "**required**".to_owned(),
        Unwritten::Words(words) => words.to_owned(),
        unwritten => unwritten.written().map_or_else(String::new, |written| format!("`{written}`")),
    }
}

/// The kind, its limits, and an example where neither they nor the default give one.
fn holds(key: &Key) -> String {
    let mut text = key.kind.name();
    if let Some(limits) = key.limits() {
        text.push_str(&format!(": {limits}"));
    }
    let written = key.written();
    if key.unwritten.written().is_none()
        && !matches!(key.kind, Kind::Flag | Kind::Words(_))
        && written.len() > 2
    {
        text.push_str(&format!(", such as `{written}`"));
    }
    text
}
