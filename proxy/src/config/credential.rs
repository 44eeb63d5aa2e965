//! Files that systemd hands to the service alone (LoadCredential= in systemd.exec(5)): `credential:NAME` in place of a path.

use std::path::{Path, PathBuf};

use super::fault::Faults;
use super::reader::Located;
use super::settings::File;

const SCHEME: &str = "credential:";

/// Where the files lie that a configuration names.
#[derive(Debug, Clone, Copy)]
pub(super) struct NamedFiles<'a> {
    /// The directory of the configuration.
    pub(super) directory: &'a Path,
    /// `$CREDENTIALS_DIRECTORY`, which the service has and commands beside it have not.
    pub(super) credentials: Option<&'a Path>,
}

impl NamedFiles<'_> {
    /// The file that is named, unless it is a credential that there could not be.
    pub(super) fn file(&self, text: Located<String>, faults: &Faults) -> Option<File> {
        let path = self.find(&text.value);
        if path.is_none() {
            let remedy =
                "write credential: and a name of LoadCredential=, such as credential:pinfold.tls-key";
            faults.add(&text.place, format!("`{}` names no credential", text.value), remedy);
        }
        Some(File { path: path?, place: text.place })
    }

    /// The path that is meant, or nothing where the text names no credential that there could be. A credential stays as it is
    /// written where this process has none.
    fn find(&self, text: &str) -> Option<PathBuf> {
        let Some(name) = text.strip_prefix(SCHEME) else { return Some(self.directory.join(text)) };
        let is_name = !name.is_empty() && ![".", ".."].contains(&name) && !name.contains(['/', ':', '\0']);
        let path = self.credentials.map_or_else(|| PathBuf::from(text), |directory| directory.join(name));
        is_name.then_some(path)
    }
}

/// Whether a path stands for a credential that this process was not given.
pub(super) fn is_withheld(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().starts_with(SCHEME.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_where_systemd_puts_it() {
        let directory = Path::new("/etc/pinfold");
        let within =
            NamedFiles { directory, credentials: Some(Path::new("/run/credentials/pinfold.service")) };
        let beside = NamedFiles { directory, credentials: None };
        for (text, expected, beside_it) in [
            ("key.pem", Some("/etc/pinfold/key.pem"), Some("/etc/pinfold/key.pem")),
            ("/srv/key.pem", Some("/srv/key.pem"), Some("/srv/key.pem")),
            (
                "credential:tls-key",
                Some("/run/credentials/pinfold.service/tls-key"),
                Some("credential:tls-key"),
            ),
            ("credential:", None, None),
            ("credential:..", None, None),
            ("credential:../x", None, None),
            ("credential:/etc/shadow", None, None),
        ] {
            assert_eq!(within.find(text).as_deref(), expected.map(Path::new), "{text}");
            let found = beside.find(text);
            assert_eq!(found.as_deref(), beside_it.map(Path::new), "{text}");
            assert_eq!(found.is_some_and(|path| is_withheld(&path)), beside_it == Some("credential:tls-key"));
        }
    }
}
