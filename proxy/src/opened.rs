//! The configuration and the store that a command goes by.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use pinfold::time::Calendar;
use pinfold_store::{Ledgers, Location};

use crate::cli::OneSite;
use crate::config::{self, Configuration, Fault, Read, SOCKET, Settings, chosen};
use crate::exit::Failure;

/// A store, and the configuration by which it was found, if there is one.
pub(crate) struct Opened {
    pub(crate) ledgers: Ledgers,
    pub(crate) location: Location,
    pub(crate) calendar: Calendar,
    pub(crate) settings: Option<Settings>,
    /// Which site is named, where there is no configuration.
    named: Option<String>,
}

impl Opened {
    /// The store of a site of a configuration, or that of this directory.
    pub(crate) fn by(config: Option<&Path>, site: &OneSite) -> Result<Self, Failure> {
        let settings = config::named_or_default(config).map(|path| read(path, site)).transpose()?;
        Self::with(settings, site.name.clone())
    }

    /// The store of a configuration, whatever sites it holds, or that of this directory.
    pub(crate) fn whole(config: Option<&Path>) -> Result<Self, Failure> {
        let read = config::named_or_default(config).map(read_all).transpose()?;
        Self::with(read.map(|read| read.shared_settings().clone()), None)
    }

    fn with(settings: Option<Settings>, named: Option<String>) -> Result<Self, Failure> {
        let calendar = match &settings {
            Some(settings) => settings.calendar.clone(),
            None => Calendar::named("Europe/London").map_err(Failure::of)?,
        };
        let location = location_of(settings.as_ref());
        let ledgers = Ledgers::open(location.clone()).map_err(Failure::of)?;
        Ok(Self { ledgers, location, calendar, settings, named })
    }

    /// Every site that is in the store, unless the configuration is of one alone.
    pub(crate) fn all_sites(&self) -> Result<Vec<String>, Failure> {
        let sites = match &self.settings {
            Some(settings) if !settings.is_among_others => Vec::new(),
            _ => self.ledgers.sites().map_err(Failure::of)?,
        };
        if sites.is_empty() { Ok(vec![self.site()?]) } else { Ok(sites) }
    }

    /// Its site: the one of the configuration, else the one that is named, or the only one there is.
    pub(crate) fn site(&self) -> Result<String, Failure> {
        if let Some(settings) = &self.settings {
            return Ok(settings.site.clone());
        }
        let sites = self.ledgers.sites().map_err(Failure::of)?;
        if sites.is_empty() {
            return Err(Failure::of("the store holds nothing yet (run the proxy first)"));
        }
        let names: Vec<_> = sites.iter().map(String::as_str).collect();
        let place = chosen(&names, self.named.as_deref()).map_err(Failure::misuse)?;
        Ok(sites.into_iter().nth(place).unwrap_or_default())
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

/// The settings of one site.
pub(crate) fn read(path: &Path, site: &OneSite) -> Result<Settings, Failure> {
    read_all(path)?.choose(site.name.as_deref()).map_err(Failure::misuse)
}

/// All of a configuration. Its warnings are for `check` and the server: here they are printed beside faults alone.
pub(crate) fn read_all(path: &Path) -> Result<Configuration, Failure> {
    let Read { configuration, warnings } = config::read(path);
    if configuration.is_err() {
        print_warnings(&warnings);
    }
    configuration.map_err(|faults| Failure::faults(&faults))
}

pub(crate) fn print_warnings(warnings: &[Fault]) {
    let mut stderr = std::io::stderr().lock();
    for warning in warnings {
        let _ = writeln!(stderr, "pinfold: warning: {warning}");
    }
}
