//! What is wrong with a command line, in one line: `what is wrong (what to do)`.

use std::error::Error as _;
use std::ffi::OsString;

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::Cli;

/// Says it in one line. `args` are the words of the command line, the name of the program first.
pub(crate) fn in_one_line(error: &Error, args: &[OsString]) -> String {
    let named = |kind| error.get(kind).map(words).filter(|words| !words.is_empty());
    let argument = named(ContextKind::InvalidArg).unwrap_or_default();
    let value = named(ContextKind::InvalidValue);
    let mut remedy = None;
    let problem = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            format!("there is no command `{}`", named(ContextKind::InvalidSubcommand).unwrap_or_default())
        }
        ErrorKind::UnknownArgument => format!("`{argument}` is not known here"),
        ErrorKind::MissingRequiredArgument => format!("{argument} is missing"),
        ErrorKind::ArgumentConflict => {
            match named(ContextKind::PriorArg).filter(|prior| *prior != argument) {
                Some(prior) => {
                    remedy = Some("leave one out".to_owned());
                    format!("{argument} cannot be given with {prior}")
                }
                None => {
                    remedy = Some("leave one out".to_owned());
                    format!("{argument} is given twice")
                }
            }
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            remedy = named(ContextKind::ValidValue).map(|values| format!("write {values}"));
            match (value, error.source().map(ToString::to_string)) {
                (None, _) => format!("{argument} needs a value"),
                (Some(value), Some(why)) if why.starts_with("write ") => {
                    remedy = Some(why);
                    format!("`{value}` is no value of {argument}")
                }
                (Some(value), Some(why)) => format!("`{value}` is no value of {argument}: {why}"),
                (Some(value), None) => format!("`{value}` is no value of {argument}"),
            }
        }
        _ => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            first.trim_start_matches("error: ").to_owned()
        }
    };
    let near = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    let near = near.into_iter().find_map(named).map(|near| {
        let near: Vec<_> = near.split(", ").map(|one| format!("`{one}`")).collect();
        format!("did you mean {}?", near.join(" or "))
    });
    let remedy = near.or(remedy).unwrap_or_else(|| format!("see `{} --help`", called(args)));
    // Somebody may have written a line end.
    format!("{problem} ({remedy})").replace(char::is_control, "?")
}

fn words(value: &ContextValue) -> String {
    match value {
        ContextValue::Strings(all) => all.join(", "),
        ContextValue::String(one) => one.clone(),
        other => other.to_string(),
    }
}

/// The words by which a command was called, as far as there is one.
fn called(args: &[OsString]) -> String {
    let mut command = &Cli::all();
    let mut words = vec!["pinfold"];
    for word in args.iter().skip(1) {
        let Some(found) = command.find_subcommand(word) else { break };
        words.push(found.get_name());
        command = found;
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
        let args: Vec<OsString> = ["pinfold"].into_iter().chain(words).map(Into::into).collect();
        in_one_line(&Cli::read(args.iter().cloned()).unwrap_err(), &args)
    }

    #[test]
    fn command_lines_that_are_wrong() {
        for (line, expected) in [
            ("chek", "there is no command `chek` (did you mean `check`?)"),
            ("xyzzy", "there is no command `xyzzy` (see `pinfold --help`)"),
            ("db exprt", "there is no command `exprt` (did you mean `export`?)"),
            ("check --confg x", "`--confg` is not known here (did you mean `--config`?)"),
            ("check more", "`more` is not known here (see `pinfold check --help`)"),
            (
                "explain --peer nope -",
                "`nope` is no value of --peer <ADDRESS>: invalid IP address syntax (see `pinfold explain --help`)",
            ),
            ("check --config", "--config <FILE> needs a value (see `pinfold check --help`)"),
            ("check --format jsn", "`jsn` is no value of --format <FORMAT> (did you mean `json`?)"),
            ("check --format x", "`x` is no value of --format <FORMAT> (write human, json)"),
            ("db export", "--reason <TEXT> is missing (see `pinfold db export --help`)"),
            ("db export --reason=", "--reason <TEXT> needs a value (see `pinfold db export --help`)"),
            ("evidence", "--output <FILE> is missing (see `pinfold evidence --help`)"),
            (
                "report --from yesterday",
                "`yesterday` is no value of --from <DAY> (write a day such as 2026-11-01)",
            ),
            (
                "run --origin http://a --config b",
                "--origin <URL> cannot be given with --config <FILE> (leave one out)",
            ),
            ("check --config a --config b", "--config <FILE> is given twice (leave one out)"),
            (
                "healthcheck --admin nonsense",
                "`nonsense` is no value of --admin <ADDRESS>: invalid socket address syntax (see `pinfold healthcheck --help`)",
            ),
        ] {
            assert_eq!(wrong(line.split(' ')), expected, "{line}");
        }
        assert_eq!(wrong(["a\nb"]), "there is no command `a?b` (see `pinfold --help`)");
    }
}
