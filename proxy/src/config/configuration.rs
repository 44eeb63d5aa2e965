//! A configuration as commands go by it: of one site in a file, or of several in a directory.

use std::path::{Path, PathBuf};

use super::check::{environment, parse_and};
use super::directory::{SHARED_FILE, SITES, read_directory};
use super::effective::Entry;
use super::fault::Fault;
use super::files::look_into;
use super::nearest::nearest;
use super::settings::Settings;
use super::text::read_text;

/// What became of it.
#[derive(Debug)]
pub(crate) struct Read {
    /// What can be run, or every fault of every file.
    pub(crate) configuration: Result<Configuration, Vec<Fault>>,
    pub(crate) warnings: Vec<Fault>,
}

/// A configuration that can be run.
#[derive(Debug, Clone)]
pub(crate) struct Configuration {
    /// At least one, in the order of their names.
    pub(crate) sites: Vec<Site>,
    /// What the file of a directory says that all sites share; nothing where one file says all.
    pub(crate) shared: Vec<Entry>,
    /// Whether it is a directory, in which there may be several.
    pub(crate) is_directory: bool,
}

/// One site.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) settings: Settings,
    /// What its file says.
    pub(crate) entries: Vec<Entry>,
}

/// Reads a file or a directory, with the environment over it.
pub(crate) fn read(path: &Path) -> Read {
    read_and(path, false)
}

/// The same, and looks into the files that it names, which not everybody may read.
pub(crate) fn read_with_files(path: &Path) -> Read {
    read_and(path, true)
}

fn read_and(path: &Path, looks: bool) -> Read {
    let environment = environment();
    if path.is_dir() {
        return read_directory(path, &environment, looks);
    }
    let text = match read_text(path, "name a file or a directory with --config") {
        Ok(text) => text,
        Err(fault) => return Read { configuration: Err(vec![fault]), warnings: Vec::new() },
    };
    let checked = parse_and(path, &text, &environment, |settings, faults| {
        if looks {
            look_into(settings, faults);
        }
    });
    let (entries, mut warnings) = (checked.entries, checked.warnings);
    let (_, directory) = shared_file(path);
    if checked.settings.is_err() && !text.contains("[site]") && directory.join(SITES).is_dir() {
        warnings.push(Fault {
            place: path.display().to_string(),
            problem: format!("`{SITES}` beside it is not read"),
            remedy: "name the directory with --config where there are several sites".to_owned(),
            excerpt: None,
        });
    }
    let configuration =
        checked.settings.map(|settings| Configuration::of(vec![Site { settings, entries }], None));
    Read { configuration, warnings }
}

impl Configuration {
    /// Of these sites, with what they share where each has a file of its own.
    pub(super) fn of(mut sites: Vec<Site>, shared: Option<Vec<Entry>>) -> Self {
        sites.sort_by(|one, other| one.name().cmp(other.name()));
        Self { sites, is_directory: shared.is_some(), shared: shared.unwrap_or_default() }
    }

    /// Of one site, with nothing written.
    pub(crate) fn of_one(settings: Settings) -> Self {
        Self::of(vec![Site { settings, entries: Vec::new() }], None)
    }

    /// Every host that is served.
    pub(crate) fn hosts(&self) -> Vec<String> {
        self.sites.iter().flat_map(|site| site.settings.hosts.named().to_vec()).collect()
    }

    /// Settings in which whatever is not of one site can be read.
    pub(crate) fn shared_settings(&self) -> &Settings {
        &self.sites[0].settings
    }

    /// The site of a name, or the only one where none is named.
    ///
    /// # Errors
    ///
    /// What is wrong with the name, and which there are.
    pub(crate) fn choose(self, name: Option<&str>) -> Result<Settings, String> {
        self.choose_with_entries(name).map(|(settings, _)| settings)
    }

    /// The same, with all that is in force for it: what sites share comes first.
    pub(crate) fn choose_with_entries(
        mut self,
        name: Option<&str>,
    ) -> Result<(Settings, Vec<Entry>), String> {
        let names: Vec<_> = self.sites.iter().map(Site::name).collect();
        let place = chosen(&names, name)?;
        let Site { settings, entries } = self.sites.swap_remove(place);
        // Both files may say what form they have: once is enough.
        let own = entries.into_iter().filter(|entry| !self.is_directory || !entry.heading.is_empty());
        Ok((settings, self.shared.into_iter().chain(own).collect()))
    }
}

impl Site {
    /// Under which the store keeps it, and commands name it: the host of its address.
    pub(crate) fn name(&self) -> &str {
        &self.settings.site
    }
}

/// Which of several sites is meant, by its place.
///
/// # Errors
///
/// What is wrong with the name, and which there are.
pub(crate) fn chosen(names: &[&str], name: Option<&str>) -> Result<usize, String> {
    match (name, names) {
        (None, [_]) => Ok(0),
        (None, _) => Err(format!("there are several sites (name one with --site: {})", names.join(", "))),
        (Some(name), _) => {
            let lower = name.to_ascii_lowercase();
            names.iter().position(|one| *one == lower).ok_or_else(|| {
                match nearest(&lower, names.iter().copied()) {
                    Some(near) => format!("there is no site `{name}` (did you mean `{near}`?)"),
                    None => format!("there is no site `{name}` (there is {})", names.join(", ")),
                }
            })
        }
    }
}

/// The file in which a configuration says what is not of one site, and the directory from which the names of files count.
pub(super) fn shared_file(path: &Path) -> (PathBuf, PathBuf) {
    if path.is_dir() {
        return (path.join(SHARED_FILE), path.to_owned());
    }
    (path.to_owned(), path.parent().unwrap_or(Path::new(".")).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_named_where_there_are_several() {
        let (one, two) = (&["www.a.example"][..], &["www.a.example", "www.b.example:8443"][..]);
        for (names, name, expected) in [
            (one, None, Ok(0)),
            (one, Some("www.a.example"), Ok(0)),
            (
                one,
                Some("www.z.example"),
                Err("there is no site `www.z.example` (did you mean `www.a.example`?)"),
            ),
            (two, Some("WWW.B.example:8443"), Ok(1)),
            (two, Some("b"), Err("there is no site `b` (there is www.a.example, www.b.example:8443)")),
            (
                two,
                None,
                Err("there are several sites (name one with --site: www.a.example, www.b.example:8443)"),
            ),
        ] {
            assert_eq!(chosen(names, name), expected.map_err(str::to_owned), "{name:?}");
        }
    }
}
