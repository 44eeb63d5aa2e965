use std::ffi::OsString;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Arg, ArgAction, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use pinfold::audit::ChainHash;
use pinfold::consent::page::Language;
use pinfold::pseudonym::Pseudonym;
use pinfold::time::{CivilDate, UnixTime};

use crate::access_log::Format;
use crate::config::duration;
use crate::control::Rank;

/// Holds cookies nobody agreed to, counts visits without visitors, in front of any web server.
#[derive(Debug, Parser)]
#[command(name = "pinfold", version, max_term_width = 80, arg_required_else_help = true)]
#[command(after_help = "Example: `pinfold demo`, and then `pinfold run --origin http://127.0.0.1:8000`")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands as `pinfold --help` lists them: more than a screen has lines for, so those that belong together share one.
const TOGETHER: [(&[&str], &str); 10] = [
    (&["demo", "run", "healthcheck"], "Start a sample site, or the proxy; is it alive?"),
    (&["init", "check", "config"], "Write a configuration, find its faults, print it"),
    (&["reload"], "Let a running server read its configuration again"),
    (&["scan", "explain"], "Which cookies a site sets; what becomes of them"),
    (&["import", "scrub"], "Read access logs; take addresses out of them"),
    (&["report", "evidence"], "The audit of use; what can be shown, in one file"),
    (&["top", "block", "unblock", "blocks"], "Who asks most; refuse somebody for a while"),
    (&["lookup", "approve"], "Was an address here; let that of another through"),
    (&["keys", "ledger", "db"], "Keys that live; what was done; the store"),
    (&["completions", "man"], "For a shell; the manual, with all of this in full"),
];

impl Cli {
    /// The command line, if it is sound; else what to print, which may be help.
    pub(crate) fn read(args: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut matches =
            on_one_screen(Self::command()).help_template(template()).try_get_matches_from(args)?;
        Self::from_arg_matches_mut(&mut matches)
    }

    /// All commands, for programs that draw something from them.
    pub(crate) fn all() -> clap::Command {
        Self::command()
    }
}

fn template() -> String {
    let lines = TOGETHER.map(|(names, words)| format!("  {:<29}{words}\n", names.join(", "))).concat();
    format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\nCommands:\n{lines}\nOptions:\n{{options}}{{after-help}}"
    )
}

/// Gives every command a help that fits one screen: the list of options without a line between any two, then the first of what there is
/// to know, then an example. The manual has the rest.
fn on_one_screen(mut command: clap::Command) -> clap::Command {
    let long = command.get_long_about().map(ToString::to_string);
    let more = long.as_deref().and_then(|long| long.split("\n\n").nth(1)).map(str::to_owned);
    if let Some(more) = more {
        let example = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        command = command.after_help(format!("{more}\n\n{example}"));
    }
    let names: Vec<_> = command.get_subcommands().map(|one| one.get_name().to_owned()).collect();
    for name in names {
        command = command.mut_subcommand(name, on_one_screen);
    }
    let help = Arg::new("help").short('h').long("help").action(ArgAction::HelpShort).help("Print this");
    command.disable_help_flag(true).disable_help_subcommand(true).arg(help)
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Let the look-up of another user through, where two are needed
    ///
    /// Without a number, those that wait are listed. Whoever asked cannot approve: the server goes by the users of this machine.
    #[command(after_help = "Example: pinfold approve 4711")]
    Approve(Approve),
    /// Refuse the requests of a host or network for a while
    ///
    /// By the name that `top` gives it. The block follows its sender from day to day and ends by itself, or with the keys of the server.
    #[command(after_help = "Example: pinfold block c0d076b0448e3785 --for 1h --reason 'tries passwords'")]
    Block(BlockFor),
    /// List who is refused, until when and why
    #[command(after_help = "Example: pinfold blocks")]
    Blocks(Administer),
    /// Check a configuration: every fault in one pass, each with its line
    ///
    /// Exit code 0: sound. 1: warnings, with --strict. 2: faults.
    #[command(after_help = "Example: pinfold check --config pinfold.toml --connect")]
    Check(Check),
    /// Print what makes a shell complete these commands
    #[command(after_help = "Example: pinfold completions bash > /etc/bash_completion.d/pinfold")]
    Completions(Completions),
    /// Print every value in force and where each came from, or what can be written
    ///
    /// A value comes from a line of the file, a variable of the environment, a default, or is built in. Passwords are masked. It is a
    /// file that comes to the same; built-in cookies and purposes stand in its remarks. The others need no configuration.
    #[command(after_help = "Example: pinfold config --effective --config pinfold.toml")]
    Config(Config),
    /// Look at the store, copy it, export its rows, carry it forward
    #[command(after_help = "Example: pinfold db status")]
    Db {
        #[command(subcommand)]
        command: DbCommand,
    },
    /// Start a sample council site with Pinfold in front of it
    ///
    /// Both run in this one process, on loopback, until Ctrl-C. Open the address printed as `site`.
    #[command(after_help = "Example: pinfold demo --listen 127.0.0.1:9000")]
    Demo(Demo),
    /// Gather what can be shown of cookies, choices and keys into one file
    ///
    /// For a data-protection officer, or a request under the Freedom of Information Act: the report, every version of the questions,
    /// cookies, keys and actions, with a note of method and digests. Nothing personal is in it. The server may be running.
    #[command(after_help = "Example: pinfold evidence -o evidence-2026.tar.gz")]
    Evidence(Evidence),
    /// Say what becomes of a recorded request and answer, and why
    ///
    /// The file holds their heads as they go over the wire, or as `curl -v` prints them. `-` reads standard input.
    #[command(
        after_help = "Example: curl -sv -H 'Host: www.example.gov.uk' http://127.0.0.1:8000/ 2>&1 >/dev/null | pinfold explain -"
    )]
    Explain(Explain),
    /// Ask a running server whether it is alive
    ///
    /// By its admin listener. Exit code 0: alive. 3: not.
    #[command(after_help = "Example: pinfold healthcheck --admin 127.0.0.1:8081")]
    Healthcheck(Healthcheck),
    /// Read existing access logs into the ledgers, for a report without any traffic
    ///
    /// Plain, gzip, or - for standard input. Each line counts once, however often its log is read. The server must not be running.
    ///
    /// What was read is noted with what was counted: a log that has grown, was renamed or was compressed is read on from there. No
    /// address is read.
    #[command(after_help = "Example: pinfold import --host www.example.gov.uk access.log access.log.1.gz")]
    Import(Import),
    /// Write a first configuration, with a word on everything in it
    ///
    /// Asks for what is missing where a terminal is there to answer; else it takes what can be guessed.
    #[command(
        after_help = "Example: pinfold init --origin http://127.0.0.1:8000 --site-name 'Example Borough Council' --host www.example.gov.uk"
    )]
    Init(Init),
    /// List the keys that live: their days, ages, and when they die
    ///
    /// Nothing of a key itself is shown. `keys secret` makes what the nodes of a cluster hold.
    #[command(after_help = "Example: pinfold keys", args_conflicts_with_subcommands = true)]
    Keys {
        #[command(flatten)]
        server: Administer,
        #[command(subcommand)]
        command: Option<KeysCommand>,
    },
    /// Check the ledger of what administrators did
    #[command(after_help = "Example: pinfold ledger verify")]
    Ledger {
        #[command(subcommand)]
        command: LedgerCommand,
    },
    /// Say whether an address was here, while the key of the day lives
    ///
    /// The question is written to the action ledger before it is answered, and so is a refusal. At most ten an hour.
    /// The two names are a record, not a control, unless `lookup_approval` is "second-user": then it waits for `pinfold approve`.
    #[command(
        after_help = "Example: pinfold lookup --ip 203.0.113.7 --basis 'DPA 2018 Sch 2 para 2' --requested-by 'PC 4711' --approved-by 'Head of IT'"
    )]
    Lookup(Lookup),
    /// Print the manual page: of everything, or of one command
    #[command(after_help = "Example: pinfold man > /usr/local/share/man/man1/pinfold.1")]
    Man(Manual),
    /// Let a running server read its configuration again, without losing a request
    ///
    /// It is checked whole first: a faulty one changes nothing, and each fault is printed. What has come into force is said, and what
    /// waits for a restart. SIGHUP does the same, with its answer in the log. Exit code 0: in force. 2: faults.
    #[command(after_help = "Example: pinfold reload --config /etc/pinfold/pinfold.toml")]
    Reload(Reload),
    /// Print the audit of use
    ///
    /// Reads the store of the configuration; the server may be running.
    #[command(after_help = "Example: pinfold report --from 2026-11-01 --to 2026-11-30 -o november.html")]
    Report(Report),
    /// Run the proxy in the foreground
    ///
    /// Stops on SIGTERM or Ctrl-C: answers what is under way, writes what is counted, then ends. For several sites --config names a
    /// directory: `pinfold.toml` in it says what they share, and a file in `sites/` what each has to itself.
    #[command(after_help = "Example: pinfold run --origin http://127.0.0.1:8000")]
    Run(Run),
    /// Visit a site and say which cookies it sets, and what to write of them
    ///
    /// Give the address of the web server itself: it is asked as the site that visitors see, and nothing else of the site is. Without
    /// --config, pinfold.toml says so of its own servers alone. With Chromium, cookies of scripts are seen, too.
    ///
    /// What is printed can be pasted into a configuration.
    #[command(after_help = "Example: pinfold scan http://127.0.0.1:8000 --config pinfold.toml")]
    Scan(Scan),
    /// Rewrite access logs with their addresses replaced
    ///
    /// Addresses become others, under a key that is destroyed at the end. User names, cookies, e-mail addresses and what follows ?
    /// are left out. `pinfold man scrub` says what it cannot find.
    ///
    /// The others are of 240.0.0.0/4 and fd00::/8: the same address has the same name within one run, and nobody can tell which
    /// it was.
    ///
    /// It cannot find names in paths or in free text, addresses within a word (host names), in decimal or hexadecimal, or written as
    /// the version of a browser (Name/1.2.3.4).
    #[command(after_help = "Example: pinfold scrub access.log access.log.1.gz --output scrubbed.log")]
    Scrub(Scrub),
    /// List who asks most of the running server today
    ///
    /// Hosts and networks, by the names that they have today alone.
    #[command(after_help = "Example: pinfold top --by errors")]
    Top(Top),
    /// Let a host or network in again
    #[command(after_help = "Example: pinfold unblock c0d076b0448e3785")]
    Unblock(Unblock),
}

/// Which of several sites.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct OneSite {
    /// Which site of a directory: the host of its `url`
    #[arg(long = "site", value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// Which server is asked, and how its answer is written.
#[derive(Debug, Args)]
pub(crate) struct Administer {
    /// The configuration of the server
    ///
    /// Without it `pinfold.toml`, or the server of this directory.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) site: OneSite,
    /// How it is said
    #[arg(long, value_enum, default_value_t = CheckFormat::Human)]
    pub(crate) format: CheckFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Reload {
    /// The configuration of the server
    ///
    /// Without it `pinfold.toml`, or the server of this directory.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// How it is said
    #[arg(long, value_enum, default_value_t = CheckFormat::Human)]
    pub(crate) format: CheckFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Approve {
    /// The number of the look-up, as `lookup` says it
    #[arg(value_name = "NUMBER")]
    pub(crate) number: Option<u32>,
    #[command(flatten)]
    pub(crate) server: Administer,
}

#[derive(Debug, Args)]
pub(crate) struct BlockFor {
    /// The name of the host or network, as `top` gives it
    #[arg(value_name = "PSEUDONYM")]
    pub(crate) pseudonym: Pseudonym,
    /// For how long, such as 30min or 12h
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    pub(crate) length: Duration,
    /// Why: it is listed by `blocks`
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) server: Administer,
}

#[derive(Debug, Args)]
pub(crate) struct Scan {
    /// The web server, or its first page
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// The configuration [default: pinfold.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The address of visitors [default: that of FILE]
    #[arg(long = "as", value_name = "URL")]
    pub(crate) seen_as: Option<String>,
    #[command(flatten)]
    pub(crate) site: OneSite,
    /// How many pages are looked at
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub(crate) pages: u16,
    /// The browser [default: Chromium, Chrome or Edge]
    #[arg(long, value_name = "PROGRAM", conflicts_with = "plain")]
    pub(crate) browser: Option<PathBuf>,
    /// Without a browser: cookies of scripts are not seen
    #[arg(long)]
    pub(crate) plain: bool,
    /// How it is said
    #[arg(long, value_enum, default_value_t = CheckFormat::Human)]
    pub(crate) format: CheckFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Scrub {
    /// The logs, plain or gzip; - for standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Where the new log is written; - for standard output. What ends in .gz is compressed
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// How the logs are written [default: as the first line of each tells]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Keep the names of users who had signed in
    #[arg(long)]
    pub(crate) keep_users: bool,
    /// Keep what follows ? in addresses of pages
    #[arg(long)]
    pub(crate) keep_queries: bool,
    /// Keep e-mail addresses
    #[arg(long)]
    pub(crate) keep_emails: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Top {
    /// By what they are ranked
    #[arg(long, value_enum, default_value_t = Rank::Requests)]
    pub(crate) by: Rank,
    /// How many hosts, and how many networks
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    pub(crate) most: usize,
    #[command(flatten)]
    pub(crate) server: Administer,
}

#[derive(Debug, Args)]
pub(crate) struct Unblock {
    /// The name of the host or network, as `blocks` lists it
    #[arg(value_name = "PSEUDONYM")]
    pub(crate) pseudonym: Pseudonym,
    #[command(flatten)]
    pub(crate) server: Administer,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The configuration: a file, or the directory of several sites
    #[arg(long, value_name = "FILE", default_value = "pinfold.toml")]
    pub(crate) config: PathBuf,
    /// How faults are printed
    #[arg(long, value_enum, default_value_t = CheckFormat::Human)]
    pub(crate) format: CheckFormat,
    /// Let warnings fail the check
    #[arg(long)]
    pub(crate) strict: bool,
    /// Ask the origin, read the store, try the listeners
    #[arg(long)]
    pub(crate) connect: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum CheckFormat {
    /// For people to read
    Human,
    /// One JSON object: exact numbers, not for publication
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub(crate) struct Config {
    /// What is in force, with the environment and the defaults
    #[arg(long, group = "what")]
    pub(crate) effective: bool,
    /// Every key in a complete file, with a word on each
    #[arg(long, group = "what")]
    pub(crate) example: bool,
    /// Every key in a page of reference, as Markdown
    #[arg(long, group = "what")]
    pub(crate) reference: bool,
    /// Every key as a JSON Schema (draft 2020-12), for editors
    #[arg(long, group = "what")]
    pub(crate) schema: bool,
    /// The configuration: a file, or the directory of several sites
    #[arg(long, value_name = "FILE", default_value = "pinfold.toml")]
    pub(crate) config: PathBuf,
    #[command(flatten)]
    pub(crate) site: OneSite,
    /// How they are printed
    #[arg(long, value_enum, default_value_t = CheckFormat::Human)]
    pub(crate) format: CheckFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Healthcheck {
    /// The configuration of the server
    ///
    /// Without it `pinfold.toml` in this directory, if there is one.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where its admin listener is [default: as configured, or 127.0.0.1:8081]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) admin: Option<SocketAddr>,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The web server that this stands before [default: http://127.0.0.1:8000]
    #[arg(long, value_name = "URL")]
    pub(crate) origin: Option<String>,
    /// What the council or its website is called
    #[arg(long, value_name = "NAME")]
    pub(crate) site_name: Option<String>,
    /// The host under which visitors reach it [default: localhost]
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Option<String>,
    /// Where it is written; - for standard output
    #[arg(short, long, value_name = "FILE", default_value = "pinfold.toml")]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Where visitors come in
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Where health, metrics and figures are shown
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    pub(crate) admin: SocketAddr,
    /// Where the store is kept [default: a temporary directory, removed at the end]
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The recorded request, and perhaps the answer after it
    #[arg(value_name = "FILE")]
    pub(crate) recorded: PathBuf,
    /// The configuration: a file, or the directory of several sites
    #[arg(long, value_name = "FILE", default_value = "pinfold.toml")]
    pub(crate) config: PathBuf,
    #[command(flatten)]
    pub(crate) site: OneSite,
    /// The address from which the request came
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(crate) peer: IpAddr,
    /// How it is said
    #[arg(long, value_enum, default_value_t = CheckFormat::Human)]
    pub(crate) format: CheckFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Manual {
    /// The command, such as `check` or `db backup` [default: all of them on one page]
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The logs
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The configuration
    ///
    /// Without it `pinfold.toml`, or the store of this directory.
    #[arg(long, value_name = "FILE", conflicts_with = "host")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) site: OneSite,
    /// The host of the site, where there is no configuration
    ///
    /// What comes from its own pages is no referrer.
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Option<String>,
    /// How the logs are written [default: as the first lines of each tell]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Copy the store while it is in use
    ///
    /// Everything but addresses, which are kept no longer than their key lives. The action ledger has it first. To restore a copy,
    /// stop the server and put it in the place of the store: what has become too old meanwhile is removed at the start.
    #[command(after_help = "Example: pinfold db backup /var/backups/pinfold-2026-11-25.db")]
    Backup(DbBackup),
    /// Write every row as JSON, one on each line
    ///
    /// Of ledgers that count by the day, the days of the period; the others whole. No addresses. Exact numbers, not for publication:
    /// `report` is. The action ledger has it first.
    #[command(
        after_help = "Example: pinfold db export --from 2026-11-01 --reason 'data warehouse' -o november.jsonl"
    )]
    Export(DbExport),
    /// Bring the store to the schema of this version
    ///
    /// A server does so when it starts. Make a copy first: there is no way back. The server must not be running.
    #[command(after_help = "Example: pinfold db migrate --config pinfold.toml")]
    Migrate(DbStore),
    /// Say what is in the store, and whether it is whole
    ///
    /// Reads the whole file, about a second for each gigabyte. Exit code 0: whole. 2: damaged.
    #[command(after_help = "Example: pinfold db status --format json")]
    Status(DbStatus),
}

/// Which store.
#[derive(Debug, Args)]
pub(crate) struct DbStore {
    /// The configuration of the store
    ///
    /// Without it `pinfold.toml`, or `pinfold.db` in this directory.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct DbBackup {
    /// The copy, which must not exist yet
    #[arg(value_name = "FILE")]
    pub(crate) to: PathBuf,
    /// Why, for the action ledger
    #[arg(long, value_name = "TEXT", value_parser = line, default_value = "", hide_default_value = true)]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) store: DbStore,
}

#[derive(Debug, Args)]
pub(crate) struct DbExport {
    #[command(flatten)]
    pub(crate) store: DbStore,
    #[command(flatten)]
    pub(crate) site: OneSite,
    /// The first day, such as 2026-11-01 [default: the oldest]
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub(crate) from: Option<CivilDate>,
    /// The last day [default: the newest]
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub(crate) to: Option<CivilDate>,
    /// Why, for the action ledger
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub(crate) reason: String,
    /// Where it is written [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct DbStatus {
    #[command(flatten)]
    pub(crate) store: DbStore,
    /// How it is said
    #[arg(long, value_enum, default_value_t = CheckFormat::Human)]
    pub(crate) format: CheckFormat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make the secret that every node of a cluster holds
    ///
    /// 64 hexadecimal digits, in a new file that nobody else can read: `secret_file` in [keys.valkey]. Give every node the same, and keep it where
    /// Valkey is not.
    #[command(after_help = "Example: pinfold keys secret -o cluster.secret")]
    Secret(Secret),
}

#[derive(Debug, Args)]
pub(crate) struct Secret {
    /// Where it is written
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Check that each entry follows from the one before
    ///
    /// Exit code 0: whole. 2: broken, and where.
    #[command(after_help = "Example: pinfold ledger verify --config pinfold.toml")]
    Verify(Verify),
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// A head that was noted earlier: it must occur
    #[arg(long, value_name = "HASH")]
    pub(crate) head: Option<ChainHash>,
    /// The configuration whose store is read
    ///
    /// Without it `pinfold.toml`, or `pinfold.db` in this directory.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) site: OneSite,
}

#[derive(Args)]
pub(crate) struct Lookup {
    /// The address
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) ip: IpAddr,
    /// The legal basis, or the case
    #[arg(long, value_name = "TEXT")]
    pub(crate) basis: String,
    /// Who asks
    ///
    /// A question without two names is refused, and that is recorded.
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub(crate) requested_by: String,
    /// Who approved it: somebody else
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub(crate) approved_by: String,
    /// On the day of this moment alone, such as 2026-11-24T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) at: Option<UnixTime>,
    #[command(flatten)]
    pub(crate) server: Administer,
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lookup(..)")
    }
}

/// What is read of a store.
#[derive(Debug, Args)]
pub(crate) struct KeptPeriod {
    /// The configuration whose store is read
    ///
    /// Without it `pinfold.toml`, or `pinfold.db` in this directory.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) site: OneSite,
    /// The first day, such as 2026-11-01 [default: of a report 30 days before the last, of evidence a year]
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub(crate) from: Option<CivilDate>,
    /// The last day [default: today]
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub(crate) to: Option<CivilDate>,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    #[command(flatten)]
    pub(crate) period: KeptPeriod,
    /// How the report is written
    #[arg(long, value_enum, default_value_t = ReportFormat::Html)]
    pub(crate) format: ReportFormat,
    /// The language of the page
    #[arg(long, value_parser = language(), default_value = "en")]
    pub(crate) language: Language,
    /// Where the report is written [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Evidence {
    #[command(flatten)]
    pub(crate) period: KeptPeriod,
    /// Where it is written, as .tar.gz
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ReportFormat {
    /// Tables for a spreadsheet, rounded as the page is
    Csv,
    /// One page, to read, print or publish: numbers are rounded
    Html,
    /// One JSON object: exact numbers, not for publication
    Json,
    /// Markdown: exact numbers, not for publication
    Md,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The configuration: a file, or the directory of several sites [default: pinfold.toml, unless --origin is given]
    #[arg(long, value_name = "FILE", conflicts_with = "origin")]
    pub(crate) config: Option<PathBuf>,
    /// Serve this web server with no configuration file: loopback, any host, store in this directory
    #[arg(long, value_name = "URL")]
    pub(crate) origin: Option<String>,
    /// Where visitors come in, with --origin [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS", requires = "origin")]
    pub(crate) listen: Option<SocketAddr>,
}

fn time(text: &str) -> Result<Duration, String> {
    duration(text).ok_or_else(|| "write a time with its unit, such as 30min or 12h".to_owned())
}

fn line(text: &str) -> Result<String, String> {
    let is_line = text.chars().count() <= 200 && !text.contains(char::is_control);
    is_line.then(|| text.to_owned()).ok_or_else(|| "write up to 200 characters, in one line".to_owned())
}

fn reason(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("write in a few words why".to_owned());
    }
    line(text)
}

fn moment(text: &str) -> Result<UnixTime, String> {
    let at = text.parse::<jiff::Timestamp>().map_err(|_| "write a time such as 2026-11-24T12:00:00Z")?;
    Ok(UnixTime::from_seconds(at.as_second()))
}

fn language() -> impl TypedValueParser<Value = Language> {
    let codes = PossibleValuesParser::new([Language::Welsh, Language::English].map(Language::code));
    codes.map(|code| Language::from_code(&code).unwrap_or(Language::English))
}

fn day(text: &str) -> Result<CivilDate, String> {
    CivilDate::parse(text).ok_or_else(|| "write a day such as 2026-11-01".to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_command_stands_in_one_line_of_the_help() {
        let told: Vec<_> = TOGETHER.iter().flat_map(|(names, _)| *names).copied().collect();
        let all = Cli::all();
        let all: BTreeSet<_> = all.get_subcommands().map(clap::Command::get_name).collect();
        assert_eq!(told.iter().copied().collect::<BTreeSet<_>>(), all);
        assert_eq!(told.len(), all.len());
    }
}
