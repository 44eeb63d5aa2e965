//! Reading the configuration again, at the word of an operator or of a signal.

use pinfold::audit::ActionRow;

use super::message::{Reply, SiteHead, WaitingChange};
use super::office::{Office, Why};
use crate::config::Fault;
use crate::hold::Reloading;
use crate::serve::Act;

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
        // A new site asks the store what it knows, and that waits in its own way.
        let reading = reloader.clone();
        let read = tokio::task::spawn_blocking(move || reading.prepare()).await;
        let prepared = match read.map_err(|_| "the configuration could not be read".to_owned())? {
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
            prepared.all_changes().into_iter().partition(|change| change.waits.is_some());
        let mut changed: Vec<String> = changed.into_iter().map(|change| change.name).collect();
        let waiting: Vec<_> = waiting.into_iter().map(WaitingChange::from).collect();
        // What a file holds that is watched anyway is no change of the configuration.
        if reloader.renew_certificate() {
            changed.push("[listen.https] certificate (what is in its file)".to_owned());
        }
        let mut heads = Vec::new();
        if prepared.is_live() {
            let (acts, approval) = (prepared.acts(), prepared.settings().approval);
            let (new, known): (Vec<_>, Vec<_>) = acts.into_iter().partition(|act| act.is_new);
            let put = match self.enter(uid, basis, &known).await {
                Ok(written) => reloader.put(prepared).map(|()| written),
                Err(why) => Err(why),
            };
            heads = put.inspect_err(|_| reloader.note(false))?;
            self.go_by(approval);
            // What is new had no ledger before.
            heads.extend(self.enter(uid, basis, &new).await?);
        }
        tracing::info!(?changed, needs_restart = ?waiting.iter().map(|one| &one.name).collect::<Vec<_>>(), "the configuration was read again");
        if self.in_force.load().is_of_several {
            return Ok(Reply::Reloaded { changed, waiting, head: None, heads });
        }
        let head = heads.pop().map(|one| one.head);
        Ok(Reply::Reloaded { changed, waiting, head, heads: Vec::new() })
    }

    /// Enters what is done to sites in the action ledger of each; their new heads.
    async fn enter(&self, uid: u32, basis: &str, acts: &[Act]) -> Result<Vec<SiteHead>, Why> {
        let in_force = self.in_force.load_full();
        let row = |act: &Act| {
            let row = self.row(uid, "config change", ["", "", basis]);
            let site = in_force.site(Some(&act.site))?.clone();
            Ok::<_, Why>((site, ActionRow { result: named(&act.names), ..row }))
        };
        self.write_down_all(acts.iter().map(row).collect::<Result<_, _>>()?).await
    }
}

/// The changes, as the action ledger names them.
fn named(changes: &[String]) -> String {
    let more = changes.len().saturating_sub(MOST_NAMED);
    let names = changes.iter().take(MOST_NAMED).map(String::as_str).collect::<Vec<_>>().join("; ");
    if more == 0 { names } else { format!("{names}; and {more} more") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledger_names_what_is_live_and_not_too_much() {
        assert_eq!(named(&["[consent] banner".to_owned()]), "[consent] banner");
        let many: Vec<_> = (0..25).map(|number| format!("[[cookie]] c{number}")).collect();
        assert!(named(&many).ends_with("[[cookie]] c19; and 5 more"));
    }
}
