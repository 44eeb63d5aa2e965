use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _, Write as _};

use pinfold::consent::Policy;

use super::asker::{Asker, is_of};
use super::browser::{self, Browser};
use super::frontier::Frontier;
use super::plain::Plain;
use super::site::{Site, Whose};
use super::suggestion::{Suggestion, hosts_of};
use super::visit::{Opened, Visit, host_of};
use crate::cli::{CheckFormat, Scan};
use crate::config::{self, Settings};
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
    let settings = config::named_or_default(command.config.as_deref())
        .map(|file| read(file, &command.site))
        .transpose()?;
    // What is declared already: by a configuration, else by what is built in.
    let policy = match &settings {
        Some(settings) => serve::policy(settings)?,
        None => Policy::builder("this site", "https://site.invalid").build().map_err(Failure::of)?,
    };
    let url = &command.url;
    let named = site(command, settings.as_ref(), &policy)?;
    let is_elsewhere = named.is_none() && url.starts_with("http:");
    let site = named.filter(|site| !site.is_at(url));
    let start = site.as_ref().map_or_else(|| url.clone(), |site| site.page(url));
    let frontier = Frontier::from(url, None).and_then(|_| Frontier::from(&start, site.clone()));
    let mut frontier = frontier.ok_or_else(|| {
        Failure::misuse(format!(
            "`{url}` is not the address of a page (write http://127.0.0.1:8000 or the like)"
        ))
    })?;
    if site.is_some() {
        frontier.pass_over(policy.page());
    }
    let between = site.clone().map(|site| Ok((site, Asker::between(url, settings.as_ref())?)));
    let between =
        between.transpose().map_err(|why: String| Failure::of(format!("{url} cannot be asked: {why}")))?;
    let mut eye = Eye::of(command, between)?;
    let mut visit = Visit { is_elsewhere, ..Visit::default() };
    let mut own = BTreeSet::from_iter(host_of(&start));
    own.extend(site.iter().flat_map(|site| site.hosts().iter().cloned()));
    let watched = io::stderr().is_terminal();
    // Those that fail count, too: a site may have any number of links that lead nowhere.
    for asked in 0..command.pages {
        let Some(page) = frontier.next() else { break };
        if watched {
            let _ = write!(io::stderr(), "\r{asked} of {} pages", command.pages);
        }
        if let Some(Opened { address, links }) = eye.look(&page, &mut visit)? {
            if asked == 0 && site.is_none() {
                frontier.move_to(&address);
                own.extend(host_of(&address));
            }
            frontier.add(&address, links.iter().map(String::as_str));
        }
    }
    if watched {
        let _ = write!(io::stderr(), "\r");
    }
    visit.is_behind_pinfold = Plain::new(None).is_ok_and(|plain| plain.is_behind_pinfold(url));
    if visit.pages.is_empty() {
        return Err(Failure::of(unseen(url, &start, &visit)));
    }
    if site.is_none() {
        own.extend(hosts_of(visit.pages.iter()));
    }
    let asked = site.map(|site| (url.clone(), site.origin()));
    let suggestion = Suggestion::of(visit, asked, &own, &policy);
    Ok(match command.format {
        CheckFormat::Human => suggestion.to_toml(&eye.name()),
        CheckFormat::Json => suggestion.to_json(),
    })
}

/// The site that visitors see, where it is known.
fn site(command: &Scan, settings: Option<&Settings>, policy: &Policy) -> Result<Option<Site>, Failure> {
    let configured = settings.and_then(|settings| Site::at(policy.origin(), settings.hosts.named()));
    match &command.seen_as {
        // A file that merely lies here may be of another site than the one that is looked at.
        None => Ok(configured.filter(|site| {
            command.config.is_some()
                || site.whose(&command.url) != Whose::Others
                || settings.is_some_and(|settings| is_of(settings, &command.url))
        })),
        Some(url) => {
            let named = Site::at(url, &[]).ok_or_else(|| {
                Failure::misuse(format!(
                    "`{url}` is not the address of a site (write scheme and host: https://www.example.gov.uk)"
                ))
            })?;
            // The configuration knows the other hosts of its site.
            Ok(Some(configured.filter(|site| site.is_at(url)).unwrap_or(named)))
        }
    }
}

/// Why there is nothing to tell. A site may send its visitors on to an address that cannot be reached from here.
fn unseen(url: &str, start: &str, visit: &Visit) -> String {
    let shown = if start.starts_with(url) { url.to_owned() } else { format!("{url}, asked as {start},") };
    // What the page itself asked for in vain is before it.
    let Some((address, why)) = visit.failed.last() else { return format!("{shown} cannot be looked at") };
    if address.trim_end_matches('/') == start.trim_end_matches('/') {
        let remedy = if visit.is_behind_pinfold {
            " (Pinfold stands before this site: look at the web server behind it)"
        } else {
            ""
        };
        return format!("{shown} cannot be looked at: {why}{remedy}");
    }
    format!(
        "{shown} leads to {address}, which cannot be looked at: {why} (say by which address visitors reach the site: with --as, or `url` and \
         `hosts` of a configuration)"
    )
}

impl Eye {
    fn of(command: &Scan, between: Option<(Site, Asker)>) -> Result<Self, Failure> {
        let program = command.browser.clone().or_else(browser::installed).filter(|_| !command.plain);
        let Some(program) = program else { return Plain::new(between).map(Self::Plain).map_err(Failure::of) };
        let started = Browser::start(&program, between);
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
