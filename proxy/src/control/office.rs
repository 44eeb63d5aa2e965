//! What a running server answers its operator. What is asked of people is written down first.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use pinfold::audit::{ActionRow, AuditHandle, ChainHash};
use pinfold::pseudonym::{Pseudonym, Unit};
use pinfold::time::{Calendar, CivilDate, Clock, SystemClock, UnixTime};
use pinfold_store::{Ledgers, StoreError};

use super::message::{Ask, BlockLine, BucketLine, KeyLine, Known, Reply, SenderLine};

/// The most that `top` lists.
const MOST_LISTED: usize = 1_000;

/// The longest reason, basis or name, in characters.
const LONGEST_TEXT: usize = 200;

/// The longest block: blocks are carried from day to day, and there is no sense in one that outlives its reason.
const LONGEST_BLOCK: u64 = 90 * 86_400;

/// How many look-ups are answered in an hour: they are for a case, not for a trawl.
const LOOKUPS_AN_HOUR: usize = 10;
const HOUR: Duration = Duration::from_secs(3_600);

/// How long the action ledger may take to be written.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who answers.
#[derive(Debug)]
pub(crate) struct Office {
    audit: AuditHandle,
    store: PathBuf,
    site: String,
    calendar: Calendar,
    clock: SystemClock,
    /// When look-ups were answered, by uptime.
    lookups: Mutex<VecDeque<Duration>>,
}

/// Why something is not done, for the operator to read.
type Why = String;

impl Office {
    pub(crate) fn new(audit: AuditHandle, store: PathBuf, site: String, calendar: Calendar) -> Self {
        Self { audit, store, site, calendar, clock: SystemClock::new(), lookups: Mutex::default() }
    }

    /// Answers a question of a user of this machine.
    pub(super) async fn answer(&self, ask: Ask, uid: u32) -> Reply {
        let answered = match ask {
            Ask::Block { pseudonym, seconds, reason } => self.block(uid, &pseudonym, seconds, reason).await,
            Ask::Blocks => {
                Ok(Reply::Blocks { blocks: self.audit.blocks().iter().map(BlockLine::from).collect() })
            }
            Ask::Keys => Ok(Reply::Keys { keys: self.audit.keys().iter().map(KeyLine::from).collect() }),
            Ask::Lookup { address, at, basis, requested_by, approved_by } => {
                let row = self.row(uid, "look-up", [&requested_by, &approved_by, &basis]);
                self.look_up(address, at.map(UnixTime::from_seconds), row).await
            }
            Ask::Top { by, most } => {
                let top = |unit| {
                    let top = self.audit.top(unit, by.into(), most.min(MOST_LISTED));
                    top.iter().map(SenderLine::from).collect()
                };
                Ok(Reply::Top { hosts: top(Unit::Host), networks: top(Unit::Network) })
            }
            Ask::Unblock { pseudonym } => self.unblock(uid, pseudonym).await,
        };
        answered.unwrap_or_else(|why| Reply::Refused { why })
    }

    async fn block(&self, uid: u32, pseudonym: &str, seconds: u64, reason: String) -> Result<Reply, Why> {
        let parsed = parse(pseudonym)?;
        if !is_text(&reason) {
            return Err(format!(
                "a block needs a reason (write up to {LONGEST_TEXT} characters, in one line)"
            ));
        }
        if !(1..=LONGEST_BLOCK).contains(&seconds) {
            return Err("a block lasts a second at least and 90 days at most (write --for 1h)".to_owned());
        }
        let row = self.row(uid, "block", ["", "", &reason]);
        self.write_down(ActionRow { result: format!("for {seconds} s"), ..row }).await?;
        let length = Duration::from_secs(seconds);
        let block = self.audit.block(parsed, length, reason).map_err(|fault| fault.to_string())?;
        Ok(Reply::Blocks { blocks: vec![BlockLine::from(&block)] })
    }

    async fn unblock(&self, uid: u32, pseudonym: String) -> Result<Reply, Why> {
        let parsed = parse(&pseudonym)?;
        if !self.audit.blocks().iter().any(|block| block.pseudonym == parsed) {
            return Err(format!("{pseudonym} is not blocked (`pinfold blocks` lists who is)"));
        }
        self.write_down(self.row(uid, "unblock", ["", "", ""])).await?;
        self.audit.unblock(parsed);
        Ok(Reply::Unblocked { pseudonym })
    }

    /// Whether an address was here. The question is written down before it is answered, and so is that it was refused.
    async fn look_up(&self, address: IpAddr, at: Option<UnixTime>, row: ActionRow) -> Result<Reply, Why> {
        if let Err(why) = self.may_look_up(&row) {
            self.write_down(ActionRow { result: format!("refused: {why}"), ..row }).await?;
            return Err(why);
        }
        let known = self.known(address, at).map_err(|fault| fault.to_string())?;
        let result = match &known {
            Known::Buckets { buckets } => format!("{} buckets", buckets.len()),
            Known::KeyDestroyed { .. } => "key destroyed".to_owned(),
            Known::NotRecorded { .. } => "not recorded".to_owned(),
        };
        let head = self.write_down(ActionRow { result, ..row }).await?;
        Ok(Reply::Lookup { known, head: head.to_string() })
    }

    fn may_look_up(&self, row: &ActionRow) -> Result<(), Why> {
        let ActionRow { requested_by, approved_by, basis, .. } = row;
        if ![requested_by, approved_by, basis].into_iter().all(|text| is_text(text)) {
            let needs =
                "a look-up needs a basis and two names (write --basis, --requested-by and --approved-by)";
            return Err(needs.to_owned());
        }
        if requested_by.to_lowercase() == approved_by.to_lowercase() {
            return Err("whoever asks for a look-up cannot approve it (name somebody else)".to_owned());
        }
        let now = self.clock.uptime();
        let mut lookups = self.lookups.lock().unwrap_or_else(PoisonError::into_inner);
        lookups.retain(|answered| now.saturating_sub(*answered) < HOUR);
        if lookups.len() >= LOOKUPS_AN_HOUR {
            return Err(format!("{LOOKUPS_AN_HOUR} look-ups were answered within an hour (wait)"));
        }
        lookups.push_back(now);
        Ok(())
    }

    fn known(&self, address: IpAddr, at: Option<UnixTime>) -> Result<Known, StoreError> {
        let ledgers = Ledgers::open(&self.store)?;
        let asked = at.map(|at| self.calendar.day_of(at).date);
        let names = self.audit.pseudonyms_of(address).into_iter();
        let names: Vec<_> = names.filter(|(day, _)| asked.is_none_or(|asked| asked == *day)).collect();
        if let Some(asked) = asked.filter(|_| names.is_empty()) {
            return self.destroyed(&ledgers, asked);
        }
        let mut buckets = Vec::new();
        for (_, name) in &names {
            buckets.extend(ledgers.buckets_of(&self.site, *name)?);
        }
        buckets.sort_unstable_by_key(|bucket| bucket.begins);
        if buckets.is_empty() {
            return Ok(Known::NotRecorded { days: names.iter().map(|(day, _)| day.to_string()).collect() });
        }
        let lines = buckets.into_iter().map(|bucket| BucketLine {
            begins: bucket.begins.to_string(),
            requests: bucket.requests,
            refused: bucket.refused,
        });
        Ok(Known::Buckets { buckets: lines.collect() })
    }

    /// What the key ledger says of a day whose key is gone, or which never had one.
    fn destroyed(&self, ledgers: &Ledgers, day: CivilDate) -> Result<Known, StoreError> {
        let day = day.to_string();
        let keys = ledgers.keys(&self.site)?;
        let of_day = keys.iter().filter(|key| key.epoch.starts_with(&day));
        let destroyed: Vec<_> = of_day.filter_map(|key| key.destroyed).map(|at| at.to_string()).collect();
        Ok(if destroyed.is_empty() {
            Known::NotRecorded { days: vec![day] }
        } else {
            Known::KeyDestroyed { day, destroyed }
        })
    }

    fn row(&self, uid: u32, act: &str, [requested_by, approved_by, basis]: [&str; 3]) -> ActionRow {
        let text = |text: &str| text.trim().chars().take(LONGEST_TEXT).collect();
        ActionRow {
            at: self.clock.now(),
            act: act.to_owned(),
            uid,
            requested_by: text(requested_by),
            approved_by: text(approved_by),
            basis: text(basis),
            result: String::new(),
        }
    }

    /// Writes to the action ledger: once it is on disk, the head of the ledger. Without a row there is no answer.
    async fn write_down(&self, row: ActionRow) -> Result<ChainHash, Why> {
        let kept = tokio::time::timeout(PATIENCE, self.audit.record(row)).await;
        if !matches!(kept, Ok(Ok(()))) {
            let why = "the action ledger cannot be written, so nothing was done (see /readyz of the admin listener)";
            return Err(why.to_owned());
        }
        let head = Ledgers::open(&self.store).and_then(|ledgers| ledgers.head_of_actions(&self.site));
        let head = head.unwrap_or(ChainHash::START);
        tracing::info!(%head, "the action ledger has a new head: note it elsewhere");
        Ok(head)
    }
}

fn parse(pseudonym: &str) -> Result<Pseudonym, Why> {
    pseudonym.parse().map_err(|fault| format!("`{pseudonym}` is no pseudonym ({fault})"))
}

fn is_text(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= LONGEST_TEXT && !text.contains(char::is_control)
}
