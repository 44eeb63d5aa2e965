//! What is done with the store as a whole. Before it is taken away, that is entered in the action ledger: without a row there is no copy.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use pinfold::audit::ActionRow;
use pinfold::time::{CivilDate, Clock as _, SystemClock};
use pinfold_store::{Export, Field, Location, Period, StoreError, StoreStatus};
use serde_json::{Map, Value, json};

use crate::administer::{head_of_ledger, heads_of_ledgers};
use crate::cli::{CheckFormat, DbBackup, DbExport, DbStatus, DbStore};
use crate::config::{self, Configuration};
use crate::control::{Ask, Reply, SiteHead, Taking, ask};
use crate::exit::Failure;
use crate::opened::{Opened, location_of, read_all};
use crate::table::table;

/// Copies the store.
pub(crate) fn back_up(command: &DbBackup) -> Result<String, Failure> {
    let opened = Opened::whole(command.store.config.as_deref())?;
    if command.to.exists() {
        return Err(Failure::misuse(format!("{} exists (name a new file)", command.to.display())));
    }
    let sites = opened.all_sites()?;
    let heads = write_down(&opened, &sites, Taking::Backup, &command.reason, None)?;
    let made = opened.ledgers.back_up(&command.to).map_err(|error| {
        // What is entered stays: that nothing came of it is entered after it, if it can be.
        let last = write_down(&opened, &sites, Taking::FailedBackup, &command.reason, None);
        Failure::of(error).with_line(last.as_ref().unwrap_or(&heads).trim_end())
    })?;
    let (to, file) = (command.to.display(), &opened.location);
    Ok(format!(
        "{to} holds {} rows of {file}, and no addresses: keep it no longer than the store keeps them\n{}",
        made.rows, heads
    ))
}

/// Writes every row, but for addresses.
pub(crate) fn export(command: &DbExport) -> Result<String, Failure> {
    let opened = Opened::by(command.store.config.as_deref(), &command.site)?;
    let period = Period {
        from: command.from.unwrap_or(CivilDate::from_days(0)),
        to: command.to.unwrap_or(CivilDate::from_days(i32::MAX)),
    };
    if period.from > period.to {
        return Err(Failure::misuse(format!(
            "--from {} is after --to {} (turn them round)",
            period.from, period.to
        )));
    }
    let site = opened.site()?;
    let export = opened.ledgers.export(&site, period).map_err(Failure::of)?;
    let rows = export.rows().map_err(Failure::of)?;
    let heads =
        write_down(&opened, std::slice::from_ref(&site), Taking::Export, &command.reason, Some(rows))?;
    let Some(output) = &command.output else {
        write_rows(&export, io::stdout().lock(), Path::new("standard output"))?;
        return Ok(String::new());
    };
    let file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(output);
    write_rows(&export, file.map_err(|error| unwritten(output, &error))?, output)?;
    Ok(format!("{} holds {rows} rows, exact: not for publication\n{}", output.display(), heads))
}

/// Brings the store to the newest schema.
pub(crate) fn migrate(command: &DbStore) -> Result<String, Failure> {
    let read = config::named_or_default(command.config.as_deref()).map(read_all).transpose()?;
    let shown = location_of(read.as_ref().map(Configuration::shared_settings));
    let (before, after) = pinfold_store::migrate(shown.clone()).map_err(|error| match error {
        StoreError::InUse(store) => Failure::of(format!(
            "a server has the store {store} (stop it first: it would write as the schema was)"
        )),
        error => Failure::of(error),
    })?;
    Ok(if before == after {
        format!("{shown} has schema {after}, the newest: nothing to do\n")
    } else {
        format!("{shown} had schema {before}, and has {after} now\n")
    })
}

/// Says what is in the store. One that is damaged is a failure.
pub(crate) fn status(command: &DbStatus) -> Result<String, Failure> {
    let opened = Opened::whole(command.store.config.as_deref())?;
    let status = opened.ledgers.status().map_err(Failure::of)?;
    let shown = &opened.location;
    if let Some(damage) = &status.damage {
        return Err(Failure::misuse(format!(
            "the store {shown} is damaged: {damage} (stop the server and restore a backup)"
        )));
    }
    Ok(match command.format {
        CheckFormat::Human => format!("store   {shown}\n{}", in_words(&status)),
        CheckFormat::Json => format!("{:#}\n", in_json(&status, &opened.location)),
    })
}

/// Enters in the action ledgers of these sites that the store is about to be taken away: by its server, or here where there is none. The
/// new heads, to be noted.
fn write_down(
    opened: &Opened,
    sites: &[String],
    what: Taking,
    reason: &str,
    rows: Option<u64>,
) -> Result<String, Failure> {
    let row = ActionRow {
        at: SystemClock::new().now(),
        act: what.name().to_owned(),
        uid: rustix::process::getuid().as_raw(),
        requested_by: String::new(),
        approved_by: String::new(),
        basis: reason.trim().to_owned(),
        result: rows.map(|rows| format!("{rows} rows")).unwrap_or_default(),
    };
    let mut heads = Vec::new();
    for site in sites {
        match pinfold_store::record_action(opened.location.clone(), site, row.clone()) {
            Ok(head) => heads.push(SiteHead { site: site.clone(), head: head.to_string() }),
            Err(StoreError::InUse(_)) => return ask_to_write_down(opened, sites, what, reason, rows),
            Err(error) => return Err(Failure::of(error)),
        }
    }
    Ok(match &heads[..] {
        [one] => head_of_ledger(&one.head),
        several => heads_of_ledgers(several),
    })
}

fn ask_to_write_down(
    opened: &Opened,
    sites: &[String],
    what: Taking,
    reason: &str,
    rows: Option<u64>,
) -> Result<String, Failure> {
    let question = Ask::Take { what, reason: reason.to_owned(), rows };
    // Whoever takes the whole store takes it of every site that the server has.
    let site = sites.first().filter(|_| what == Taking::Export);
    match ask(opened.socket(), site.map(String::as_str), question)? {
        Reply::WrittenDown { head, heads } if heads.is_empty() => Ok(head_of_ledger(&head)),
        Reply::WrittenDown { heads, .. } => Ok(heads_of_ledgers(&heads)),
        _ => Err(Failure::of("the server answered something else (it is of another version)")),
    }
}

fn write_rows(export: &Export<'_>, output: impl Write, name: &Path) -> Result<(), Failure> {
    let unwritten = |error| unwritten(name, &error);
    let mut output = BufWriter::new(output);
    export.each(|ledger, fields| {
        let columns = fields.iter().map(|(name, field)| ((*name).to_owned(), value_of(field)));
        let row: Map<_, _> = [("ledger".to_owned(), json!(ledger))].into_iter().chain(columns).collect();
        serde_json::to_writer(&mut output, &row).map_err(|error| unwritten(error.into()))?;
        output.write_all(b"\n").map_err(unwritten)
    })?;
    output.flush().map_err(unwritten)
}

fn value_of(field: &Field) -> Value {
    match field {
        Field::Number(number) => json!(number),
        Field::Text(text) => json!(text),
        _ => Value::Null,
    }
}

fn unwritten(file: &Path, error: &io::Error) -> Failure {
    Failure::of(format!("{} cannot be written: {error} (name another file with -o)", file.display()))
}

fn in_words(status: &StoreStatus) -> String {
    let StoreStatus { schema, newest, bytes, in_use, .. } = status;
    let schema = match schema == newest {
        true => format!("{schema}, the newest"),
        false => format!("{schema}; this version has {newest} (`pinfold db migrate`)"),
    };
    let server = if *in_use { "a server has it" } else { "no server has it" };
    let rows = status.ledgers.iter().map(|ledger| {
        let day = |day: Option<CivilDate>| day.map(|day| day.to_string()).unwrap_or_default();
        [ledger.name.to_owned(), ledger.rows.to_string(), day(ledger.first), day(ledger.last)]
    });
    let table = table(["ledger", "rows", "first day", "last day"], rows);
    format!("size    {bytes} bytes\nschema  {schema}\nserver  {server}\nwhole   yes\n\n{table}")
}

fn in_json(status: &StoreStatus, store: &Location) -> Value {
    let ledgers = status.ledgers.iter().map(|ledger| {
        let day = |day: Option<CivilDate>| day.map(|day| day.to_string());
        json!({ "ledger": ledger.name, "rows": ledger.rows, "first_day": day(ledger.first), "last_day": day(ledger.last) })
    });
    json!({
        "store": store.to_string(), "bytes": status.bytes, "schema": status.schema, "newest_schema": status.newest, "in_use": status.in_use,
        "whole": true, "ledgers": ledgers.collect::<Vec<_>>(),
    })
}
