//! What each command does.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::Permissions;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use pinfold::audit::{BrokenAt, ChainHash, verify_chain};
use pinfold::consent::{Explanation, Policy};
use pinfold::time::{CivilDate, Clock, SystemClock, UnixTime};
use pinfold_store::{Ledgers, Period};
use serde_json::json;

use crate::cli::{
    Check, CheckFormat, Cli, Command, Completions, Config, DbCommand, Demo, Evidence, Explain, Healthcheck,
    Import, Init, KeptPeriod, KeysCommand, LedgerCommand, Manual, Report, ReportFormat, Run, Scrub, Secret,
    Verify,
};
use crate::config::{Configuration, Read, Settings, Site, chosen};
use crate::connect::Found;
use crate::exit::{Exit, Failure};
use crate::explain::{Account, Door, Recorded};
use crate::import::Tally;
use crate::init::{Answers, Asked};
use crate::opened::{Opened, print_warnings, read, read_all};
use crate::scrub::{self, Keep};
use crate::{
    administer, config, connect, db, demo, evidence, healthcheck, hold, import, init, manual, misuse, report,
    scan, serve,
};

/// Runs the command line `args`, the name of the program first.
pub fn run(args: impl IntoIterator<Item = OsString>) -> Exit {
    let args: Vec<_> = args.into_iter().collect();
    let cli = match Cli::read(args.iter().cloned()) {
        Ok(cli) => cli,
        Err(error) if is_help(&error) => {
            let misused = error.use_stderr();
            // Standard output may be closed; there is nobody left to tell.
            let _ = error.print();
            return if misused { Exit::Misused } else { Exit::Success };
        }
        Err(error) => return told(&Failure::misuse(misuse::in_one_line(&error, &args))),
    };
    let result = match cli.command {
        Command::Approve(command) => say(administer::approve(&command)),
        Command::Block(command) => say(administer::block(&command)),
        Command::Blocks(command) => say(administer::blocks(&command)),
        Command::Check(command) => check(&command),
        Command::Completions(command) => complete(&command),
        Command::Config(command) => show_configuration(&command),
        Command::Db { command } => match command {
            DbCommand::Backup(command) => say(db::back_up(&command)),
            DbCommand::Export(command) => say(db::export(&command)),
            DbCommand::Migrate(command) => say(db::migrate(&command)),
            DbCommand::Status(command) => say(db::status(&command)),
        },
        Command::Demo(command) => start_demo(command),
        Command::Evidence(command) => gather(&command),
        Command::Explain(command) => explain_recorded(&command),
        Command::Healthcheck(command) => check_health(&command),
        Command::Import(command) => import_logs(&command),
        Command::Init(command) => begin(command),
        Command::Keys { command: Some(KeysCommand::Secret(command)), .. } => make_secret(&command),
        Command::Keys { server, command: None } => say(administer::keys(&server)),
        Command::Ledger { command: LedgerCommand::Verify(command) } => verify(&command),
        Command::Lookup(command) => say(administer::lookup(&command)),
        Command::Man(command) => print_manual(&command),
        Command::Reload(command) => say(administer::reload(&command)),
        Command::Report(command) => print_report(&command),
        Command::Run(command) => start(&command),
        Command::Scan(command) => say(scan::run(&command)),
        Command::Scrub(command) => scrub_logs(&command),
        Command::Top(command) => say(administer::top(&command)),
        Command::Unblock(command) => say(administer::unblock(&command)),
    };
    result.unwrap_or_else(|failure| told(&failure))
}

fn is_help(error: &clap::Error) -> bool {
    use clap::error::ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion};
    matches!(error.kind(), DisplayHelp | DisplayHelpOnMissingArgumentOrSubcommand | DisplayVersion)
}

fn told(failure: &Failure) -> Exit {
    let mut stderr = std::io::stderr().lock();
    for line in failure.lines() {
        let _ = writeln!(stderr, "pinfold: {line}");
    }
    failure.exit()
}

fn say(text: Result<String, Failure>) -> Result<Exit, Failure> {
    print(&text?)?;
    Ok(Exit::Success)
}

fn check(command: &Check) -> Result<Exit, Failure> {
    let Read { configuration, warnings } = config::read_with_files(&command.config);
    let found = match &configuration {
        Ok(configuration) if command.connect => connect::look(configuration)?,
        _ => Vec::new(),
    };
    let (amiss, doubts) = (
        found.iter().any(|one| matches!(one, Found::Amiss(_))),
        found.iter().any(|one| matches!(one, Found::Doubt(_))),
    );
    let is_sound = configuration.is_ok();
    let exit = match (is_sound && !amiss, warnings.is_empty() && !doubts || !command.strict) {
        (false, _) => Exit::Misused,
        (true, false) => Exit::Warned,
        (true, true) => Exit::Success,
    };
    if let CheckFormat::Json = command.format {
        let own_cookies = |settings: &Settings| -> Vec<_> {
            let json = |(name, values, bits)| json!({ "name": name, "values": values, "bits": bits });
            own_cookies(settings).into_iter().map(json).collect()
        };
        let mut all = json!({
            "sound": is_sound, "faults": configuration.as_ref().err().cloned().unwrap_or_default(), "warnings": warnings,
            "own_cookies": [], "connected": found,
        });
        match &configuration {
            Ok(Configuration { sites, is_directory: true, .. }) => {
                let site =
                    |site: &Site| json!({ "site": site.name(), "own_cookies": own_cookies(&site.settings) });
                all["sites"] = sites.iter().map(site).collect();
            }
            Ok(one) => all["own_cookies"] = own_cookies(one.shared_settings()).into(),
            Err(_) => {}
        }
        let withheld = configuration.as_ref().map(withheld).unwrap_or_default();
        if !withheld.is_empty() {
            all["withheld"] = json!(withheld);
        }
        print(&format!("{all:#}\n"))?;
        return Ok(exit);
    }
    let mut stderr = std::io::stderr().lock();
    for warning in &warnings {
        let _ = writeln!(stderr, "pinfold: warning: {}", warning.with_excerpt());
    }
    drop(stderr);
    let configuration = configuration.map_err(|faults| Failure::faults_in_full(&faults))?;
    let mut text = sound_in_words(&command.config, &configuration);
    print_found(&found, &mut text);
    print(&text)?;
    Ok(exit)
}

fn sound_in_words(path: &Path, configuration: &Configuration) -> String {
    let mut text = format!("{} is sound\n", path.display());
    for site in &configuration.sites {
        let of_site = if configuration.is_directory { format!("{}: ", site.name()) } else { String::new() };
        let own_cookies = own_cookies(&site.settings);
        for (name, values, bits) in &own_cookies {
            text.push_str(&format!("{of_site}{name} can have {values} values: at most {bits} bits\n"));
        }
        let all: u32 = own_cookies.iter().map(|(_, _, bits)| bits).sum();
        text.push_str(&format!("{of_site}all cookies of Pinfold together: at most {all} bits\n"));
    }
    for file in withheld(configuration) {
        text.push_str(&format!(
            "{file} is not looked into from here: systemd gives it to the service alone (`pinfold reload` looks there)\n"
        ));
    }
    text
}

fn withheld(configuration: &Configuration) -> BTreeSet<String> {
    configuration.sites.iter().flat_map(|site| config::withheld(&site.settings)).collect()
}

/// The name of each cookie of ours, how many values it can have, and how many bits those are.
fn own_cookies(settings: &Settings) -> Vec<(&'static str, u64, u32)> {
    settings.policy(BTreeMap::new(), Vec::new()).map(|policy| policy.own_cookies()).unwrap_or_default()
}

fn show_configuration(command: &Config) -> Result<Exit, Failure> {
    match command {
        Config { example: true, .. } => say(Ok(config::example())),
        Config { reference: true, .. } => say(Ok(config::reference())),
        Config { schema: true, .. } => say(Ok(config::schema())),
        _ => show_values(command),
    }
}

fn show_values(command: &Config) -> Result<Exit, Failure> {
    let configuration = read_all(&command.config)?;
    let (settings, mut entries) =
        configuration.choose_with_entries(command.site.name.as_deref()).map_err(Failure::misuse)?;
    let policy = settings.policy(BTreeMap::new(), Vec::new()).map_err(Failure::misuse)?;
    let built_in = config::built_in(&policy, &entries);
    entries.extend(built_in);
    print(&match command.format {
        CheckFormat::Human => config::to_toml(&entries),
        CheckFormat::Json => format!("{:#}\n", json!({ "values": entries })),
    })?;
    Ok(Exit::Success)
}

fn start(command: &Run) -> Result<Exit, Failure> {
    let (configuration, path) = match &command.origin {
        Some(origin) => {
            let settings = Settings::to_run(origin, command.listen).map_err(Failure::misuse)?;
            (Configuration::of_one(settings), None)
        }
        None => {
            let path = command.config.clone().unwrap_or_else(|| PathBuf::from("pinfold.toml"));
            let Read { configuration, warnings } = config::read_with_files(&path);
            print_warnings(&warnings);
            (configuration.map_err(|faults| Failure::faults(&faults))?, Some(path))
        }
    };
    let _log = serve::log_to_stderr();
    serve::run(configuration, path, |addresses| {
        let https = addresses.https.map(tracing::field::display);
        tracing::info!(site = %addresses.site, https, admin = %addresses.admin, "ready");
        Ok(())
    })?;
    Ok(Exit::Success)
}

fn start_demo(command: Demo) -> Result<Exit, Failure> {
    let _log = serve::log_to_stderr();
    let temporary = match &command.dir {
        Some(_) => None,
        None => Some(
            tempfile::tempdir().map_err(|error| Failure::of(format!("no temporary directory: {error}")))?,
        ),
    };
    let directory: PathBuf = match (&command.dir, &temporary) {
        (Some(directory), _) => directory.clone(),
        (None, Some(temporary)) => temporary.path().to_owned(),
        (None, None) => PathBuf::from("."),
    };
    demo::run(command.listen, command.admin, &directory, |addresses| {
        print(&format!("site http://{}\nadmin http://{}\n", addresses.site, addresses.admin))
    })?;
    Ok(Exit::Success)
}

fn explain_recorded(command: &Explain) -> Result<Exit, Failure> {
    let mut sites = read_all(&command.config)?.sites;
    let names: Vec<_> = sites.iter().map(Site::name).collect();
    let asked = command.site.name.as_deref().map(|name| chosen(&names, Some(name)));
    let asked = asked.transpose().map_err(Failure::misuse)?;
    let file = command.recorded.display();
    let unread = |error: std::io::Error| {
        Failure::misuse(format!("{file} cannot be read: {error} (name a file, or - for standard input)"))
    };
    let mut recorded = Vec::new();
    if command.recorded == Path::new("-") {
        std::io::stdin().lock().take(MOST_RECORDED).read_to_end(&mut recorded).map_err(unread)?;
    } else {
        let file = std::fs::File::open(&command.recorded).map_err(unread)?;
        file.take(MOST_RECORDED).read_to_end(&mut recorded).map_err(unread)?;
    }
    // Who announces connections is the same for all sites.
    let announcers = sites.first().and_then(|site| site.settings.announcers.as_ref());
    let (peer, begins) = match announcers {
        None => (command.peer, 0),
        Some(trusted) => match serve::recorded_announcement(&recorded, command.peer, trusted) {
            Ok(announced) => announced,
            Err(why) => {
                return say(Ok(match command.format {
                    CheckFormat::Human => format!(
                        "client    unknown: the connection is closed with nothing served, because {why}\n"
                    ),
                    CheckFormat::Json => format!("{:#}\n", json!({ "closed": why })),
                }));
            }
        },
    };
    let recorded = Recorded::read(&String::from_utf8_lossy(recorded.get(begins..).unwrap_or_default()))
        .map_err(|problem| Failure::misuse(format!("{file}: {problem}")))?;
    let Recorded { request, response } = &recorded;
    let door = Door::of(request, &sites, asked);
    let (Ok(request), Some(site)) = (request, door.site) else {
        return say(Ok(match command.format {
            CheckFormat::Human => door.to_text(),
            CheckFormat::Json => door.to_json(),
        }));
    };
    let settings = sites.swap_remove(site).settings;
    let policy = serve::policy(&settings)?;
    let door = door.or_to_https(&settings, &policy, request, peer);
    let explained =
        Explanation::of(&policy, &settings.calendar, &SystemClock::new(), request, response.as_ref());
    let account = Account::new(settings.audit.client_ip(), peer, &request.headers, door, explained);
    print(&match command.format {
        CheckFormat::Human => account.to_text(),
        CheckFormat::Json => account.to_json(),
    })?;
    Ok(Exit::Success)
}

/// How much of a recording is read: heads are short, and bodies are passed over.
const MOST_RECORDED: u64 = 4 * 1024 * 1024;

fn verify(command: &Verify) -> Result<Exit, Failure> {
    let opened = Opened::by(command.config.as_deref(), &command.site)?;
    let site = opened.site()?;
    let entries = opened.ledgers.actions(&site).map_err(Failure::of)?;
    let head = verify_chain(&site, &entries).map_err(|BrokenAt(place)| {
        Failure::misuse(format!(
            "the action ledger is broken at entry {place}: it does not follow from the one before (something was changed)"
        ))
    })?;
    if let Some(noted) = command.head.filter(|noted| !entries.iter().any(|entry| entry.hash == *noted)) {
        return Err(Failure::misuse(format!(
            "no entry of the action ledger has the head {noted} (this is not the ledger from which it was noted)"
        )));
    }
    print(&format!("whole: {} entries, head {head}\n", entries.len()))?;
    Ok(Exit::Success)
}

fn print_report(command: &Report) -> Result<Exit, Failure> {
    let ledgers = read_period(&command.period, 30)?;
    let policy = &ledgers.policy;
    let text = match command.format {
        ReportFormat::Csv => ledgers.published()?.to_csv(),
        ReportFormat::Html => {
            ledgers.published()?.to_html(command.language, report::Shelf::File, policy.as_ref())
        }
        ReportFormat::Json => ledgers.exact()?.to_json(),
        ReportFormat::Md => {
            let privacy = policy.as_ref().map(|policy| policy.privacy_section(command.language));
            ledgers.exact()?.to_markdown(privacy.as_ref())
        }
    };
    match &command.output {
        None => print(&text)?,
        Some(file) => std::fs::write(file, text).map_err(|error| unwritten(file, &error))?,
    }
    Ok(Exit::Success)
}

fn begin(command: Init) -> Result<Exit, Failure> {
    let Init { origin, site_name, host, output } = command;
    let asked = Asked { origin, site_name, host };
    let is_printed = output == Path::new("-");
    if let Some(taken) = init::taken(&output).filter(|_| !is_printed) {
        return Err(Failure::misuse(taken));
    }
    let (stdin, stderr) = (std::io::stdin(), std::io::stderr());
    let answers = if stdin.is_terminal() && stderr.is_terminal() {
        Answers::asked(asked, stdin.lock(), stderr.lock())
    } else {
        Answers::guessed(asked)
    };
    let text = answers.map_err(Failure::misuse)?.to_toml();
    if is_printed {
        return say(Ok(text));
    }
    init::write_new(&output, &text).map_err(Failure::misuse)?;
    let shown = output.display();
    print(&format!(
        "{shown} is written\nnext: pinfold check --config {shown}, then pinfold run --config {shown}\n"
    ))?;
    Ok(Exit::Success)
}

fn make_secret(command: &Secret) -> Result<Exit, Failure> {
    hold::make_secret(&command.output).map_err(Failure::misuse)?;
    let shown = command.output.display();
    print(&format!("{shown} is written (give every node the same, and keep it where Valkey is not)\n"))?;
    Ok(Exit::Success)
}

fn complete(command: &Completions) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(command.shell, &mut Cli::all(), "pinfold", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Success)
}

fn print_manual(command: &Manual) -> Result<Exit, Failure> {
    let page = manual::page(&command.command).map_err(Failure::of)?;
    say(page.ok_or_else(|| {
        // What is said of a command that there is not is said in one place.
        let words = ["pinfold"].into_iter().chain(command.command.iter().map(String::as_str));
        let args: Vec<_> = words.chain(["--help"]).map(OsString::from).collect();
        match Cli::read(args.iter().cloned()) {
            Err(error) => Failure::misuse(misuse::in_one_line(&error, &args)),
            Ok(_) => Failure::misuse("there is no such command (see `pinfold --help`)"),
        }
    }))
}

fn check_health(command: &Healthcheck) -> Result<Exit, Failure> {
    let admin = match (command.admin, config::named_or_default(command.config.as_deref())) {
        (Some(admin), _) => admin,
        (None, Some(path)) => config::admin(path),
        (None, None) => config::ADMIN,
    };
    healthcheck::ask(admin).map_err(|problem| {
        Failure::of(format!("{problem} (start it, or name its admin listener with --admin)"))
    })?;
    print("alive\n")?;
    Ok(Exit::Success)
}

fn gather(command: &Evidence) -> Result<Exit, Failure> {
    let read = read_period(&command.period, 365)?;
    let published = read.published()?;
    let Kept { ledgers, site, period, policy, now } = read;
    let actions = ledgers.actions(&site).map_err(Failure::of)?;
    let head = actions.last().map_or(ChainHash::START, |entry| entry.hash);
    let papers = evidence::papers(&published, policy.as_ref(), &actions, head);
    let seconds = u64::try_from(now.seconds()).unwrap_or_default();
    let directory = format!("evidence-{}-{}", site.replace(':', "-"), period.to);
    let mut packed = Vec::new();
    evidence::pack(papers, &directory, seconds, &mut packed)
        .and_then(|()| write_whole(&command.output, &packed))
        .map_err(|error| unwritten(&command.output, &error))?;
    print(&format!(
        "{} holds the evidence from {} to {}\n",
        command.output.display(),
        period.from,
        period.to
    ))?;
    Ok(Exit::Success)
}

/// Puts a file in its place once all of it is written: half a pack could be taken for a whole one.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    // What is no file (`/dev/stdout`) is written to, and not put away.
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        return std::fs::write(path, bytes);
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file =
        tempfile::Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

fn unwritten(file: &Path, error: &std::io::Error) -> Failure {
    Failure::of(format!("{} cannot be written: {error} (name another file with -o)", file.display()))
}

/// The ledgers of a site, and the period that is asked for.
struct Kept {
    ledgers: Ledgers,
    site: String,
    period: Period,
    /// What is in force by the configuration, if there is one.
    policy: Option<Policy>,
    now: UnixTime,
}

impl Kept {
    fn exact(&self) -> Result<report::Audit, Failure> {
        report::Audit::read(&self.ledgers, &self.site, self.period, self.now).map_err(Failure::of)
    }

    fn published(&self) -> Result<report::Published, Failure> {
        report::Published::read(&self.ledgers, &self.site, self.period, self.now).map_err(Failure::of)
    }
}

/// From the first day to the last, which is today unless it is said; the first is `days` before it unless it is said.
fn read_period(period: &KeptPeriod, days: i32) -> Result<Kept, Failure> {
    let KeptPeriod { config, site, from, to } = period;
    let opened = Opened::by(config.as_deref(), site)?;
    let site = opened.site()?;
    let Opened { ledgers, calendar, settings, .. } = opened;
    let now = SystemClock::new().now();
    let to = to.unwrap_or_else(|| calendar.day_of(now).date);
    let from = from.unwrap_or_else(|| CivilDate::from_days(to.days().saturating_sub(days)));
    if from > to {
        return Err(Failure::misuse(format!("--from {from} is after --to {to} (turn them round)")));
    }
    let policy = settings.as_ref().map(serve::policy).transpose()?;
    Ok(Kept { ledgers, site, period: Period { from, to }, policy, now })
}

fn import_logs(command: &Import) -> Result<Exit, Failure> {
    let settings = match (config::named_or_default(command.config.as_deref()), &command.host) {
        (Some(path), None) => read(path, &command.site)?,
        // Its store may be kept for longer than what is kept without one.
        (Some(path), Some(_)) => {
            return Err(Failure::misuse(format!(
                "--host is for where there is no configuration, and {} is here (leave --host out)",
                path.display()
            )));
        }
        (None, host) => Settings::for_host(host.as_deref()).map_err(Failure::misuse)?,
    };
    let (mut sum, mut senseless) = (Tally::default(), Vec::new());
    import::run(&settings, &command.files, command.format, |file, tally| {
        sum += *tally;
        if tally.makes_no_sense() {
            senseless.push(file.to_owned());
        }
        print(&format!("{}: {tally}\n", file.display()))
    })?;
    if command.files.len() > 1 {
        print(&format!("together: {sum}\n"))?;
    }
    match senseless.first() {
        None => Ok(Exit::Success),
        Some(file) => Err(Failure::of(format!(
            "{} holds no line of an access log that is known (name how it is written with --format)",
            file.display()
        ))),
    }
}

fn scrub_logs(command: &Scrub) -> Result<Exit, Failure> {
    let keep = Keep { users: command.keep_users, queries: command.keep_queries, mails: command.keep_emails };
    let done = scrub::run(&command.files, &command.output, command.format, keep)?;
    // Standard output may be the log.
    let _ = writeln!(
        std::io::stderr(),
        "pinfold: {} lines read, {} written, {} left out because they could not be read; replaced: {}; the key is destroyed",
        done.read,
        done.read - done.left_out,
        done.left_out,
        done.replaced
    );
    Ok(Exit::Success)
}

/// What is well goes with the rest, what is not to standard error.
fn print_found(found: &[Found], text: &mut String) {
    let mut stderr = std::io::stderr().lock();
    for one in found {
        let _ = match one {
            Found::Well(what) => {
                text.push_str(what);
                text.push('\n');
                Ok(())
            }
            Found::Doubt(what) => writeln!(stderr, "pinfold: warning: {what}"),
            Found::Amiss(what) => writeln!(stderr, "pinfold: {what}"),
        };
    }
}

fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|error| Failure::of(format!("standard output cannot be written: {error}")))
}
