//! Reading the configuration again, at the word of an operator or of a signal.

use pinfold::audit::ActionRow;

use super::message::{Reply, WaitingChange};
use super::office::{Office, Why};
use crate::config::{Change, Fault};
use crate::hold::Reloading;

/// How many changes the action ledger names.
const MOST_NAMED: usize = 20;

/// What the action ledger has of a signal: the kernel lets the user of the server and root send one, and does not say which it was.
const BY_SIGNAL: &str = "SIGHUP, from the user of the server or root";

impl Office {
    /// Reads the configuration again for a user of this machine. A faulty one changes nothing.
    pub(super) async fn reload(&self, uid: u32) -> Result<Reply, Why> {
        self.read_again(uid, "").await
    }

    /// The same, where a signal asks for it. What comes of it is in the log alone.
    pub(crate) async fn reload_by_signal(&self) {
        if let Err(why) = self.read_again(rustix::process::getuid().as_raw(), BY_SIGNAL).await {
            tracing::error!(why, "the configuration was not read again");
        }
    }

    async fn read_again(&self, uid: u32, basis: &str) -> Result<Reply, Why> {
        let Some(reloader) = &self.reloader else {
            return Err(
                "the server was started without a configuration file (start it with --config)".to_owned()
            );
        };
        // One at a time: what has changed is told from what is in force.
        let _turn = self.reloading.lock().await;
        let _told = Reloading::begin();
        let prepared = match reloader.prepare() {
            Ok(prepared) => prepared,
            Err(faults) => {
                let lines: Vec<_> = faults.iter().map(Fault::to_string).collect();
                tracing::error!(
                    faults = lines.join("; "),
                    "the configuration is at fault: the one before stays in force"
                );
                return Ok(Reply::Faults { faults });
            }
        };
        let (waiting, changed): (Vec<_>, Vec<_>) =
            prepared.changes.iter().cloned().partition(|change| change.waits.is_some());
        let mut changed: Vec<String> = changed.into_iter().map(|change| change.name).collect();
        let waiting: Vec<_> = waiting.into_iter().map(WaitingChange::from).collect();
        // What a file holds that is watched anyway is no change of the configuration.
        if reloader.renew_certificate() {
            changed.push("[listen.https] certificate (what is in its file)".to_owned());
        }
        let mut head = None;
        if prepared.is_live() {
            let row = self.row(uid, "config change", ["", "", basis]);
            let approval = prepared.settings().approval;
            let put = match self.write_down(ActionRow { result: named(&prepared.changes), ..row }).await {
                Ok(written) => reloader.put(prepared).map(|()| written),
                Err(why) => Err(why),
            };
            let written = put.inspect_err(|_| reloader.note(false))?;
            self.go_by(approval);
            head = Some(written.to_string());
        }
        tracing::info!(?changed, needs_restart = ?waiting.iter().map(|one| &one.name).collect::<Vec<_>>(), "the configuration was read again");
        Ok(Reply::Reloaded { changed, waiting, head })
    }
}

/// The changes, as the action ledger names them.
fn named(changes: &[Change]) -> String {
    let live = changes.iter().filter(|change| change.waits.is_none());
    let mut names: Vec<&str> = live.map(|change| change.name.as_str()).collect();
    let more = names.len().saturating_sub(MOST_NAMED);
    names.truncate(MOST_NAMED);
    let names = names.join("; ");
    if more == 0 { names } else { format!("{names}; and {more} more") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledger_names_what_is_live_and_not_too_much() {
        let change = |name: String, waits: Option<&str>| Change { name, waits: waits.map(str::to_owned) };
        let two = [
            change("[consent] banner".to_owned(), None),
            change("[listen] http".to_owned(), Some("it is open")),
        ];
        assert_eq!(named(&two), "[consent] banner");
        let many: Vec<_> = (0..25).map(|number| change(format!("[[cookie]] c{number}"), None)).collect();
        assert!(named(&many).ends_with("[[cookie]] c19; and 5 more"));
    }
}
