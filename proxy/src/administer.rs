//! System administration by pseudonym: the commands that ask a running server, and how they show what it answers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pinfold::time::UnixTime;

use crate::cli::{Administer, Approve, BlockFor, CheckFormat, Lookup, Reload, Top, Unblock};
use crate::config::{self, SOCKET};
use crate::control::{Ask, BlockLine, Known, Reply, SenderLine, SiteHead, WaitingLine, ask};
use crate::exit::Failure;
use crate::table::table;

/// Says once, below every list of blocks: what an operator must know of them.
fn end_of_blocks(held: bool, shared: bool) -> &'static str {
    if shared {
        "Blocks follow their senders from day to day, on every node. They end with the keys that the nodes have in common.\n"
    } else if held {
        "Blocks follow their senders from day to day. They outlive a restart, as the keys do, and end when the service is stopped for good.\n"
    } else {
        "Blocks follow their senders from day to day. They end with the server, because its keys do.\n"
    }
}

/// Lets the look-up of another user through, or lists those that wait.
pub(crate) fn approve(command: &Approve) -> Result<String, Failure> {
    let ask = command.number.map_or(Ask::Waiting, |number| Ask::Approve { number });
    put(&command.server, ask, |reply| match reply {
        Reply::Approved { number, head } => Some(format!(
            "look-up {number} is approved, and its answer is with whoever asked\n{}",
            head_of_ledger(head)
        )),
        Reply::Waiting { lookups } if lookups.is_empty() => Some("no look-up waits\n".to_owned()),
        Reply::Waiting { lookups } => {
            let rows = lookups.iter().map(|one| {
                let WaitingLine { number, site, uid, requested_by, approved_by, basis } = one;
                let basis = site.as_ref().map_or(basis.clone(), |site| format!("{basis} (at {site})"));
                [number.to_string(), uid.to_string(), requested_by.clone(), approved_by.clone(), basis]
            });
            Some(table(["number", "asked by user", "for", "approver named", "basis"], rows))
        }
        _ => None,
    })
}

pub(crate) fn block(command: &BlockFor) -> Result<String, Failure> {
    let ask = Ask::Block {
        pseudonym: command.pseudonym.to_string(),
        seconds: command.length.as_secs(),
        reason: command.reason.clone(),
    };
    put(&command.server, ask, |reply| match reply {
        Reply::Blocks { blocks, held, shared } => {
            Some(format!("{}{}", table_of_blocks(blocks), end_of_blocks(*held, *shared)))
        }
        _ => None,
    })
}

pub(crate) fn unblock(command: &Unblock) -> Result<String, Failure> {
    put(&command.server, Ask::Unblock { pseudonym: command.pseudonym.to_string() }, |reply| match reply {
        Reply::Unblocked { pseudonym } => Some(format!("{pseudonym} is no longer blocked\n")),
        _ => None,
    })
}

pub(crate) fn blocks(command: &Administer) -> Result<String, Failure> {
    put(command, Ask::Blocks, |reply| match reply {
        Reply::Blocks { blocks, .. } if blocks.is_empty() => Some("nobody is blocked\n".to_owned()),
        Reply::Blocks { blocks, held, shared } => {
            Some(format!("{}{}", table_of_blocks(blocks), end_of_blocks(*held, *shared)))
        }
        _ => None,
    })
}

pub(crate) fn keys(command: &Administer) -> Result<String, Failure> {
    put(command, Ask::Keys, |reply| {
        let Reply::Keys { keys, held, shared } = reply else { return None };
        let rows = keys.iter().map(|key| {
            [key.epoch.clone(), key.day.clone(), in_words(key.age()), in_words(key.dies_within())]
        });
        let table = table(["epoch", "day", "age", "dies within"], rows);
        let place = match (held, shared) {
            (true, _) => "in memory alone, held across a restart by systemd",
            (false, true) => "in memory alone, made of halves in Valkey and on each node",
            (false, false) => "in memory alone",
        };
        let alone = keys.iter().filter(|key| key.common == Some(false)).map(|key| {
            format!(
                "{} is a key of this node alone: one address has another name on other nodes.\n",
                key.epoch
            )
        });
        Some(format!("{table}Keys are {place}, and no key is shown.\n{}", alone.collect::<String>()))
    })
}

pub(crate) fn top(command: &Top) -> Result<String, Failure> {
    put(&command.server, Ask::Top { by: command.by, most: command.most }, |reply| {
        let Reply::Top { hosts, networks } = reply else { return None };
        if hosts.is_empty() {
            return Some("nobody has come today\n".to_owned());
        }
        let (hosts, networks) = (table_of_senders(hosts), table_of_senders(networks));
        Some(format!(
            "Hosts (an IPv4 address, or an IPv6 /64), today:\n{hosts}\n\
             Networks (an IPv4 /24, or an IPv6 /48), today:\n{networks}\n\
             The names are good for today. `pinfold block NAME --for 1h --reason TEXT` refuses one.\n"
        ))
    })
}

pub(crate) fn lookup(command: &Lookup) -> Result<String, Failure> {
    let ask = Ask::Lookup {
        address: command.ip,
        at: command.at.map(UnixTime::seconds),
        basis: command.basis.clone(),
        requested_by: command.requested_by.clone(),
        approved_by: command.approved_by.clone(),
    };
    put(&command.server, ask, |reply| {
        let Reply::Lookup { known, head } = reply else { return None };
        let known = match known {
            Known::Buckets { buckets } => {
                let rows = buckets.iter().map(|bucket| {
                    [bucket.begins.clone(), bucket.requests.to_string(), bucket.refused.to_string()]
                });
                let table = table(["from", "requests", "refused"], rows);
                format!("{table}Each is ten minutes, or longer where few came.\n")
            }
            Known::KeyDestroyed { day, destroyed } => format!(
                "key destroyed: that of {day} is gone since {}, and nobody can tell any more\n",
                destroyed.join(", ")
            ),
            Known::NotRecorded { days } => format!(
                "not recorded on {}: it was not here, or among too few others to be written down, or before a restart\n",
                days.join(", ")
            ),
        };
        Some(known + &head_of_ledger(head))
    })
}

/// Has the configuration read again. A faulty file still says where the server is.
pub(crate) fn reload(server: &Reload) -> Result<String, Failure> {
    let file = config::named_or_default(server.config.as_deref());
    let socket = file.map_or_else(|| PathBuf::from(SOCKET), config::socket);
    let reply = ask(&socket, None, Ask::Reload).map_err(|failure| {
        // Where the server listens stands in the file.
        match file.map(|file| config::read(file).configuration) {
            Some(Err(faults)) => failure.after(&faults),
            _ => failure,
        }
    })?;
    if let Reply::Faults { faults } = &reply {
        return Err(Failure::faults(faults));
    }
    show(server.format, &reply, |reply| {
        let Reply::Reloaded { changed, waiting, head, heads } = reply else { return None };
        if changed.is_empty() && waiting.is_empty() {
            return Some("nothing has changed\n".to_owned());
        }
        let changed = changed.iter().map(|name| format!("changed: {name}\n"));
        let waiting = waiting.iter().map(|one| format!("needs a restart: {} ({})\n", one.name, one.why));
        let head = head.iter().map(|head| head_of_ledger(head));
        Some(changed.chain(waiting).chain(head).chain([heads_of_ledgers(heads)]).collect())
    })
}

pub(crate) fn head_of_ledger(head: &str) -> String {
    format!("Head of the action ledger: {head} (note it elsewhere)\n")
}

pub(crate) fn heads_of_ledgers(heads: &[SiteHead]) -> String {
    heads.iter().map(|one| format!("{}: {}", one.site, head_of_ledger(&one.head))).collect()
}

/// Asks, and writes the answer in the form that is wanted.
fn put(
    server: &Administer,
    question: Ask,
    in_words: impl FnOnce(&Reply) -> Option<String>,
) -> Result<String, Failure> {
    let socket = socket(server.config.as_deref())?;
    show(server.format, &ask(&socket, server.site.name.as_deref(), question)?, in_words)
}

fn show(
    format: CheckFormat,
    reply: &Reply,
    in_words: impl FnOnce(&Reply) -> Option<String>,
) -> Result<String, Failure> {
    match format {
        CheckFormat::Json => serde_json::to_string_pretty(reply).map(|text| text + "\n").map_err(Failure::of),
        CheckFormat::Human => in_words(reply)
            .ok_or_else(|| Failure::of("the server answered something else (it is of another version)")),
    }
}

/// Where the server of a configuration listens for commands.
fn socket(config: Option<&Path>) -> Result<PathBuf, Failure> {
    match config::named_or_default(config) {
        // Warnings are for `check`.
        Some(path) => {
            let configuration =
                config::read(path).configuration.map_err(|faults| Failure::faults(&faults))?;
            Ok(configuration.shared_settings().socket.clone())
        }
        None => Ok(PathBuf::from(SOCKET)),
    }
}

fn table_of_blocks(blocks: &[BlockLine]) -> String {
    let rows =
        blocks.iter().map(|block| [block.pseudonym.clone(), block.until.clone(), block.reason.clone()]);
    table(["blocked", "until", "reason"], rows)
}

fn table_of_senders(senders: &[SenderLine]) -> String {
    let rows = senders.iter().map(|sender| {
        let requests = match sender.doubtful {
            0 => sender.requests.to_string(),
            doubtful => format!("{} to {}", sender.requests - doubtful, sender.requests),
        };
        [sender.pseudonym.clone(), requests, sender.errors.to_string(), sender.refused.to_string()]
    });
    table(["name", "requests", "errors", "refused"], rows)
}

fn in_words(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    match minutes {
        0 => format!("{} s", time.as_secs()),
        1..60 => format!("{minutes} min"),
        _ => format!("{} h {} min", minutes / 60, minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_words() {
        for (seconds, words) in [(59, "59 s"), (60, "1 min"), (7_320, "2 h 2 min"), (172_800, "48 h 0 min")] {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }
}
