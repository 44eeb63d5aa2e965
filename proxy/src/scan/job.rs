use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _, Write as _};

use pinfold::consent::Policy;

use super::browser::{self, Browser};
use super::frontier::Frontier;
use super::plain::Plain;
use super::suggestion::{Suggestion, hosts_of};
use super::visit::{Opened, Visit, host_of};
use crate::cli::{CheckFormat, Scan};
use crate::config;
use crate::exit::Failure;
use crate::opened::read;
use crate::serve;

/// What pages are looked at with.
enum Eye {
    Browser(Box<Browser>),
    Plain(Plain),
}

/// Visits a site, and says what to write of its cookies.
pub(crate) fn run(command: &Scan) -> Result<String, Failure> {
    let policy = policy(command)?;
    let mut frontier = Frontier::from(&command.url).ok_or_else(|| {
        let url = &command.url;
        Failure::misuse(format!(
            "`{url}` is not the address of a page (write http://127.0.0.1:8000 or the like)"
        ))
    })?;
    let mut eye = Eye::of(command)?;
    let mut visit = Visit::default();
    let mut own = BTreeSet::from_iter(host_of(&command.url));
    let watched = io::stderr().is_terminal();
    while visit.pages.len() < usize::from(command.pages)
        && let Some(page) = frontier.next()
    {
        if watched {
            let _ = write!(io::stderr(), "\r{} of {} pages", visit.pages.len(), command.pages);
        }
        let is_first = visit.pages.is_empty();
        if let Some(Opened { address, links }) = eye.look(&page, &mut visit)? {
            if is_first {
                frontier.move_to(&address);
                own.extend(host_of(&address));
            }
            frontier.add(&address, links.iter().map(String::as_str));
        }
    }
    if watched {
        let _ = write!(io::stderr(), "\r");
    }
    if visit.pages.is_empty() {
        return Err(Failure::of(unseen(&command.url, &visit)));
    }
    own.extend(hosts_of(visit.pages.iter()));
    visit.is_behind_pinfold = Plain::new().is_ok_and(|plain| plain.is_behind_pinfold(&command.url));
    let suggestion = Suggestion::of(visit, &own, &policy);
    Ok(match command.format {
        CheckFormat::Human => suggestion.to_toml(&eye.name()),
        CheckFormat::Json => suggestion.to_json(),
    })
}

/// Why there is nothing to tell. A site may send its visitors on to an address that cannot be reached from here.
fn unseen(url: &str, visit: &Visit) -> String {
    let Some((address, why)) = visit.failed.first() else { return format!("{url} cannot be looked at") };
    if address.trim_end_matches('/') == url.trim_end_matches('/') {
        return format!("{url} cannot be looked at: {why}");
    }
    format!(
        "{url} leads to {address}, which cannot be looked at: {why} (scan the address of the site that visitors use, from where it can be reached)"
    )
}

/// What is declared already: by a configuration, else by what is built in.
fn policy(command: &Scan) -> Result<Policy, Failure> {
    match config::named_or_default(command.config.as_deref()) {
        Some(file) => serve::policy(&read(file)?),
        None => Policy::builder("this site", "https://site.invalid").build().map_err(Failure::of),
    }
}

impl Eye {
    fn of(command: &Scan) -> Result<Self, Failure> {
        let program = command.browser.clone().or_else(browser::installed).filter(|_| !command.plain);
        let Some(program) = program else { return Plain::new().map(Self::Plain).map_err(Failure::of) };
        let started = Browser::start(&program);
        started.map(|browser| Self::Browser(Box::new(browser))).map_err(|error| {
            let shown = program.display();
            Failure::of(format!(
                "{shown} does not do as a browser: {error} (name another with --browser, or write --plain)"
            ))
        })
    }

    fn name(&self) -> String {
        match self {
            Self::Browser(browser) => browser.version.clone(),
            Self::Plain(_) => "requests alone: no script was run, and its cookies are not known".to_owned(),
        }
    }

    fn look(&mut self, page: &str, visit: &mut Visit) -> Result<Option<Opened>, Failure> {
        match self {
            Self::Browser(browser) => browser.look(page, visit).map_err(|error| {
                Failure::of(format!("the browser failed at {page}: {error} (try again, or with --plain)"))
            }),
            Self::Plain(plain) => Ok(plain.look(page, visit)),
        }
    }
}
