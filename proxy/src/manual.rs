//! The manual page: of every command, or of one, with all that `--help` has no room for.

use std::io;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::cli::Cli;

/// What every command has in common.
const EXITS: [(&str, &str); 4] = [
    ("0", "It did what was asked."),
    ("1", "check --strict found warnings."),
    (
        "2",
        "The command line or the configuration is at fault, or what was looked at is not whole: nothing was changed.",
    ),
    ("3", "It failed while it worked."),
];

const VARIABLES: [(&str, &str); 3] = [
    (
        "PINFOLD__SECTION__KEY",
        "Takes the place of a key of the configuration: PINFOLD__LISTEN__HTTP of http in [listen].",
    ),
    ("PINFOLD_LOG", "How much is logged: error, warn, info (the default), debug or trace."),
    (
        "CREDENTIALS_DIRECTORY",
        "Set by systemd: where files lie that the configuration names credential:NAME.",
    ),
];

const FILES: [(&str, &str); 3] = [
    ("pinfold.toml", "The configuration in the working directory, where --config names no other."),
    ("/etc/pinfold/pinfold.toml", "The configuration of the service of the Debian package."),
    (
        "/usr/share/doc/pinfold/book",
        "The book, in that package: every key is in configuration.md, the duties of an operator in operations.md.",
    ),
];

/// Writes the page of a command, by its words; of all commands where there are none. None where there is no such command.
pub(crate) fn page(words: &[String]) -> io::Result<Option<String>> {
    let mut all = without_help(Cli::all());
    all.build();
    let found = words.iter().try_fold(&all, |command, word| command.find_subcommand(word));
    found.map(|command| write_page(command, words.is_empty())).transpose()
}

/// Of itself, `--help` needs no more than one line.
fn without_help(mut command: Command) -> Command {
    let names: Vec<_> = command.get_subcommands().map(|one| one.get_name().to_owned()).collect();
    for name in names {
        command = command.mut_subcommand(name, without_help);
    }
    command.subcommand_value_name("COMMAND").disable_help_flag(true).disable_help_subcommand(true)
}

fn write_page(command: &Command, is_whole: bool) -> io::Result<String> {
    let version = concat!("pinfold ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).source(version);
    let mut text = rendered(|out| man.render_title(out))?;
    text += &section(rendered(|out| man.render_name_section(out))?);
    text += &section(rendered(|out| man.render_synopsis_section(out))?);
    text += &section(rendered(|out| man.render_description_section(out))?);
    if is_whole {
        text += &written(|page| {
            page.control("PP", []);
            page.text([roman("Every command has "), bold("--help"), roman(", which fits a screen.")]);
        });
    }
    if command.get_arguments().next().is_some() {
        text += &section(rendered(|out| man.render_options_section(out))?);
    }
    if command.has_subcommands() {
        text += ".SH COMMANDS\n";
        for one in command.get_subcommands() {
            text += &subsections(one)?;
        }
    }
    if let Some(example) = command.get_after_help() {
        text += &written(|page| {
            page.control("SH", ["EXAMPLE"]);
            page.text([roman(without_label(&example.to_string()))]);
        });
    }
    text += &written(|page| {
        let mut table = |heading, rows: &[(&str, &str)]| {
            page.control("SH", [heading]);
            for (name, words) in rows {
                page.control("TP", []);
                page.text([bold(*name)]);
                page.text([roman(*words)]);
            }
        };
        table("EXIT STATUS", &EXITS);
        if is_whole {
            table("ENVIRONMENT", &VARIABLES);
            table("FILES", &FILES);
        } else {
            page.control("SH", ["SEE ALSO"]);
            page.text([bold("pinfold"), roman("(1)")]);
        }
    });
    Ok(text)
}

/// A command, or those within it, as parts of a page.
fn subsections(command: &Command) -> io::Result<String> {
    let mut text = String::new();
    // `pinfold keys` does something, and so does a command within it.
    if !command.is_subcommand_required_set() {
        let man = Man::new(command.clone());
        let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
        text += &written(|page| {
            page.control("SS", [name]);
        });
        text += body(&rendered(|out| man.render_synopsis_section(out))?);
        text += ".PP\n";
        text += body(&rendered(|out| man.render_description_section(out))?);
        if command.get_arguments().next().is_some() {
            text += body(&rendered(|out| man.render_options_section(out))?);
        }
        if let Some(example) = command.get_after_help() {
            text += &written(|page| {
                page.control("PP", []);
                page.text([roman(example.to_string())]);
            });
        }
    }
    for one in command.get_subcommands() {
        text += &subsections(one)?;
    }
    Ok(text)
}

fn without_label(example: &str) -> &str {
    example.trim_start_matches("Example: ")
}

fn rendered(render: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> io::Result<String> {
    let mut text = Vec::new();
    render(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn written(write: impl FnOnce(&mut Roff)) -> String {
    let mut page = Roff::new();
    write(&mut page);
    section(page.render())
}

/// Without what every text of roff begins with: once is enough.
fn section(text: String) -> String {
    text.lines().skip_while(|line| !is_plain(line)).map(|line| format!("{line}\n")).collect()
}

fn is_plain(line: &str) -> bool {
    !line.starts_with(".ie ") && !line.starts_with(".el ")
}

/// What stands below the heading of a section.
fn body(text: &str) -> &str {
    let (_, below) = text.split_once(".SH ").unwrap_or(("", text));
    below.split_once('\n').map_or("", |(_, body)| body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page_of(words: &[&str]) -> Option<String> {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        page(&words).unwrap()
    }

    /// Of every command, the words that call it.
    fn commands(command: &Command, before: &[String], all: &mut Vec<Vec<String>>) {
        for one in command.get_subcommands() {
            let words: Vec<_> = before.iter().cloned().chain([one.get_name().to_owned()]).collect();
            commands(one, &words, all);
            all.push(words);
        }
    }

    #[test]
    fn the_page_has_every_option_of_every_command() {
        let whole = page_of(&[]).unwrap();
        let mut all = Vec::new();
        commands(&Cli::all(), &[], &mut all);
        assert!(all.len() > 25, "{all:?}");
        for words in all {
            let called = format!("pinfold {}", words.join(" "));
            let own = page(&words).unwrap().unwrap();
            assert!(own.contains(&format!(".TH pinfold-{} 1", words.join("-"))), "{own}");
            let command = Cli::all();
            let command = words.iter().fold(&command, |one, word| one.find_subcommand(word).unwrap());
            if command.is_subcommand_required_set() {
                continue;
            }
            let heading = format!(".SS \"{called}\"\n");
            let (_, part) = whole.split_once(&heading).unwrap_or_else(|| panic!("{heading} in {whole}"));
            let part = part.split(".SS ").next().unwrap();
            for option in command.get_arguments().filter_map(clap::Arg::get_long) {
                let option = format!("\\fB\\-\\-{}\\fR", option.replace('-', "\\-"));
                assert!(part.contains(&option) && own.contains(&option), "{called}: {option}\n{part}");
            }
        }
    }

    #[test]
    fn a_page_refers_to_none_that_there_is_not() {
        for page in [page_of(&[]).unwrap(), page_of(&["db"]).unwrap(), page_of(&["check"]).unwrap()] {
            let others = page.matches("(1)").count() - page.matches("\\fBpinfold\\fR(1)").count();
            assert_eq!(others, 0, "{page}");
            assert_eq!(page.matches(".ie ").count(), 1, "{page}");
        }
        assert_eq!(page_of(&["chek"]), None);
    }
}
