//! The configuration and the store that a command goes by.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use pinfold::time::Calendar;
use pinfold_store::{Ledgers, Location};

use crate::config::{self, Checked, Fault, SOCKET, Settings};
use crate::exit::Failure;

/// A store, and the configuration by which it was found, if there is one.
pub(crate) struct Opened {
    pub(crate) ledgers: Ledgers,
    pub(crate) location: Location,
    pub(crate) calendar: Calendar,
    pub(crate) settings: Option<Settings>,
}

impl Opened {
    /// The store of a configuration, or that of this directory.
    pub(crate) fn by(config: Option<&Path>) -> Result<Self, Failure> {
        let settings = config::named_or_default(config).map(read).transpose()?;
        let calendar = match &settings {
            Some(settings) => settings.calendar.clone(),
            None => Calendar::named("Europe/London").map_err(Failure::of)?,
        };
        let location = location_of(settings.as_ref());
        let ledgers = Ledgers::open(location.clone()).map_err(Failure::of)?;
        Ok(Self { ledgers, location, calendar, settings })
    }

    /// Its site: the one of the configuration, or the only one there is.
    pub(crate) fn site(&self) -> Result<String, Failure> {
        if let Some(settings) = &self.settings {
            return Ok(settings.site.clone());
        }
        let mut sites = self.ledgers.sites().map_err(Failure::of)?;
        match (sites.pop(), sites.is_empty()) {
            (Some(site), true) => Ok(site),
            (Some(_), false) => {
                Err(Failure::misuse("the store holds several sites (name a configuration with --config)"))
            }
            (None, _) => Err(Failure::of("the store holds nothing yet (run the proxy first)")),
        }
    }

    /// Where its server listens for commands.
    pub(crate) fn socket(&self) -> &Path {
        self.settings.as_ref().map_or(Path::new(SOCKET), |settings| &settings.socket)
    }
}

/// The store of a configuration, or that of this directory.
pub(crate) fn location_of(settings: Option<&Settings>) -> Location {
    settings.map_or_else(|| PathBuf::from("pinfold.db").into(), |settings| settings.store.location.clone())
}

/// The settings of a file; its warnings go to standard error.
pub(crate) fn read(file: &Path) -> Result<Settings, Failure> {
    let Checked { settings, warnings, .. } = config::read(file);
    print_warnings(&warnings);
    settings.map_err(|faults| Failure::faults(&faults))
}

pub(crate) fn print_warnings(warnings: &[Fault]) {
    let mut stderr = std::io::stderr().lock();
    for warning in warnings {
        let _ = writeln!(stderr, "pinfold: warning: {warning}");
    }
}
