use std::fmt::Write as _;

use pinfold::audit::{ActionEntry, ChainHash};
use pinfold::consent::Policy;
use pinfold::consent::page::Language;

use super::pack::Paper;
use crate::report::{Audit, Published, Shelf, csv_line, shown_alone};

/// Everything that is shown, from what the ledgers say. Nothing in it is about a person: not who was asked about, nor who asked.
///
/// Where the policy in force is known, what a privacy notice has to say of it is there, too.
pub(crate) fn papers(
    published: &Published,
    policy: Option<&Policy>,
    actions: &[ActionEntry],
    head: ChainHash,
) -> Vec<Paper> {
    let audit = published.audit();
    let paper = |name, text| Paper { name, text };
    let mut papers = vec![
        paper("README.txt", read_me(audit, policy.is_some(), actions.len(), head)),
        paper("report.html", published.to_html(Language::English, Shelf::File, policy)),
        paper("report-cy.html", published.to_html(Language::Welsh, Shelf::File, policy)),
        paper("report.csv", published.to_csv()),
        paper("questions.txt", questions(audit)),
        paper("cookies.csv", cookies(audit)),
        paper("keys.csv", keys(audit)),
        paper("actions.csv", written(actions)),
    ];
    if let Some(policy) = policy {
        let privacy = |language| policy.privacy_section(language).to_markdown();
        papers.push(paper("privacy.md", privacy(Language::English)));
        papers.push(paper("privacy-cy.md", privacy(Language::Welsh)));
    }
    papers
}

fn read_me(audit: &Audit, has_policy: bool, actions: usize, head: ChainHash) -> String {
    let privacy = if has_policy {
        "privacy.md, privacy-cy.md    what a privacy notice has to say, from the settings as they are now\n"
    } else {
        ""
    };
    format!(
        "Evidence of how {site} uses cookies and addresses\n\
         from {from} to {to}, written {written} by Pinfold {version}\n\
         \n\
         How it came about\n\
         \n\
         Pinfold stands before the website. It holds cookies back until a visitor agrees, counts what passes, and keeps addresses as keyed\n\
         hashes whose keys are destroyed after 48 hours at most. Nothing is recorded for each request or visitor. What follows are counts\n\
         from its ledgers, as they are on the day above. Numbers are rounded to the nearest 5, and 1 to 4 are shown as <5;\n\
         each number of a day is rounded by itself, and totals are added up of these.\n\
         There is no personal data in this pack.\n\
         \n\
         What is in it\n\
         \n\
         report.html, report-cy.html  how the website was used, in English and Welsh\n\
         report.csv                   the same for a spreadsheet, with choices by purpose and version of the questions\n\
         questions.txt                each version of what visitors were asked, word for word, and when\n\
         cookies.csv                  each cookie: its purpose, what was done with it, first and last seen\n\
         keys.csv                     each key of the address ledger: when it was made, when and how it was destroyed\n\
         actions.csv                  what administrators did, without names: {actions} entries\n\
         {privacy}\
         SHA256SUMS                   digests of these files: sha256sum --check SHA256SUMS\n\
         \n\
         The entries of the action ledger are a chain: each holds the digest of the one before. Its head is\n\
         {head}\n\
         Whoever noted an earlier head can check that nothing was changed since: pinfold ledger verify --head HEAD\n",
        site = audit.site,
        from = audit.from,
        to = audit.to,
        written = audit.written_at,
        version = env!("CARGO_PKG_VERSION"),
    )
}

fn questions(audit: &Audit) -> String {
    let mut text = String::new();
    for policy in &audit.policies {
        let to = policy.to.as_deref().unwrap_or("now");
        let _ = writeln!(text, "version {}, asked from {} to {to}\n", policy.fingerprint, policy.from);
        for line in policy.statement.lines() {
            let _ = writeln!(text, "  {}", line.replace('\t', " | "));
        }
        text.push('\n');
    }
    text
}

fn cookies(audit: &Audit) -> String {
    let mut text = "cookie,purpose,direction,action,first seen,last seen,values in a thousand requests,looks like an identifier\r\n".to_owned();
    for row in &audit.cookies {
        let values = row.values.map(|values| shown_alone(values.into())).unwrap_or_default();
        let identifies = if row.identifies { "yes" } else { "" };
        let [first, last] = [&row.first_day, &row.last_day];
        let (pattern, purpose, direction, action) = (&row.pattern, &row.purpose, &row.direction, &row.action);
        csv_line(&mut text, [pattern, purpose, direction, action, first, last, &values, identifies]);
    }
    text
}

fn keys(audit: &Audit) -> String {
    let mut text = "key,made,destroyed,how\r\n".to_owned();
    for key in &audit.keys {
        let destroyed = key.destroyed.as_deref().unwrap_or("not yet");
        csv_line(&mut text, [&key.epoch, &key.made, destroyed, key.how.as_deref().unwrap_or_default()]);
    }
    text
}

fn written(actions: &[ActionEntry]) -> String {
    let mut text = "number,when,what,digest of the one before,digest\r\n".to_owned();
    for entry in actions {
        let cells = [
            entry.sequence.to_string(),
            entry.row.at.to_string(),
            entry.row.act.clone(),
            entry.previous.to_string(),
            entry.hash.to_string(),
        ];
        csv_line(&mut text, cells.each_ref().map(String::as_str));
    }
    text
}
