//! What a running server answers its operator. What is asked of people is written down first.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pinfold::audit::{ActionRow, Block, ChainHash, Delivery};
use pinfold::pseudonym::{Pseudonym, Unit};
use pinfold::time::{CivilDate, Clock, SystemClock, UnixTime};
use pinfold_store::{Ledgers, Location, StoreError};
use tokio::sync::oneshot;

use super::message::{
    Ask, BlockLine, BucketLine, KeyLine, Known, Question, Reply, SenderLine, SiteHead, Taking, WaitingLine,
};
use super::waiting::{Asked, Waiting, WaitingRoom};
use crate::config::{Approval, Hold};
use crate::scrub::without_addresses;
use crate::serve::{Reloader, Served, Standing};

/// The most that `top` lists.
const MOST_LISTED: usize = 1_000;

/// The longest reason, basis or name, in characters.
const LONGEST_TEXT: usize = 200;

/// The longest block: blocks are carried from day to day, and there is no sense in one that outlives its reason.
const LONGEST_BLOCK: u64 = 90 * 86_400;

/// How many look-ups are answered in an hour: they are for a case, not for a trawl.
const LOOKUPS_AN_HOUR: usize = 10;
const HOUR: Duration = Duration::from_secs(3_600);

/// How long a look-up waits for a second user, unless a test is in a hurry.
const LONGEST_WAIT: Duration = HOUR;

/// How long the action ledger may take to be written.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who answers.
#[derive(Debug)]
pub(crate) struct Office {
    pub(super) in_force: Standing,
    store: Location,
    clock: SystemClock,
    rules: Mutex<Rules>,
    /// Nothing where there is no file to be read again.
    pub(super) reloader: Option<Arc<Reloader>>,
    /// Held while it is read again.
    pub(super) reloading: tokio::sync::Mutex<()>,
    /// When look-ups were answered, or began to wait, by uptime.
    lookups: Mutex<VecDeque<Duration>>,
    waiting: WaitingRoom,
    longest_wait: Duration,
}

/// What the configuration says of administration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) hold: Hold,
    pub(crate) approval: Approval,
}

/// An answer, or when there will be one.
#[derive(Debug)]
pub(super) enum Answer {
    Now(Reply),
    Later { number: u32, reply: oneshot::Receiver<Reply> },
}

/// Why a look-up is not waited for any more.
#[derive(Debug, Clone, Copy)]
pub(super) enum GivenUp {
    /// Nobody approved it in time.
    Expired,
    /// Whoever asked has hung up.
    Withdrawn,
}

/// What the action ledger has of a look-up that was in order and could not be answered.
const UNREAD: &str = "failed: the store could not be read";

/// Why something is not done, for the operator to read.
pub(super) type Why = String;

impl Office {
    pub(crate) fn new(in_force: Standing, store: Location, rules: Rules, reloader: Option<Reloader>) -> Self {
        Self {
            in_force,
            store,
            clock: SystemClock::new(),
            rules: Mutex::new(rules),
            reloader: reloader.map(Arc::new),
            reloading: tokio::sync::Mutex::default(),
            lookups: Mutex::default(),
            waiting: WaitingRoom::new(),
            longest_wait: LONGEST_WAIT,
        }
    }

    fn rules(&self) -> Rules {
        *self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets look-ups be approved by another rule from now on. Those that wait go on waiting.
    pub(super) fn go_by(&self, approval: Approval) {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).approval = approval;
    }

    /// How long a look-up waits for a second user.
    pub(super) fn longest_wait(&self) -> Duration {
        self.longest_wait
    }

    /// Answers a question of a user of this machine.
    pub(super) async fn answer(&self, question: Question, uid: u32) -> Answer {
        let Question { site, ask } = question;
        let answered = match ask {
            Ask::Lookup { address, at, basis, requested_by, approved_by } => match self.site(site) {
                Ok(site) => {
                    let row = self.row(uid, "look-up", [&requested_by, &approved_by, &basis]);
                    self.look_up(site, Asked::new(address, at.map(UnixTime::from_seconds)), row).await
                }
                Err(why) => Err(why),
            },
            other => self.answer_now(site, other, uid).await.map(Answer::Now),
        };
        answered.unwrap_or_else(|why| Answer::Now(Reply::Refused { why }))
    }

    /// The site that is meant, as it is served now.
    fn site(&self, name: Option<String>) -> Result<Arc<Served>, Why> {
        self.in_force.load().site(name.as_deref()).cloned()
    }

    async fn answer_now(&self, site: Option<String>, ask: Ask, uid: u32) -> Result<Reply, Why> {
        match ask {
            Ask::Approve { number } => self.approve(site, number, uid).await,
            Ask::Block { pseudonym, seconds, reason } => {
                self.block(&*self.site(site)?, uid, &pseudonym, seconds, reason).await
            }
            Ask::Blocks => Ok(self.blocks(self.site(site)?.audit.blocks().iter())),
            Ask::Keys => {
                let (held, shared) = self.place_of_keys();
                let keys = self.site(site)?.audit.keys();
                Ok(Reply::Keys { keys: keys.iter().map(KeyLine::from).collect(), held, shared })
            }
            Ask::Lookup { .. } => Err("a look-up is answered elsewhere".to_owned()),
            Ask::Reload => self.reload(uid).await,
            Ask::Take { what, reason, rows } => self.note_taking(site, uid, what, &reason, rows).await,
            Ask::Top { by, most } => {
                let site = self.site(site)?;
                let top = |unit| {
                    let top = site.audit.top(unit, by.into(), most.min(MOST_LISTED));
                    top.iter().map(SenderLine::from).collect()
                };
                Ok(Reply::Top { hosts: top(Unit::Host), networks: top(Unit::Network) })
            }
            Ask::Unblock { pseudonym } => self.unblock(&*self.site(site)?, uid, pseudonym).await,
            Ask::Waiting => {
                let is_of_several = self.in_force.load().is_of_several;
                let line = |number, waiting: &Waiting| {
                    let ActionRow { uid, requested_by, approved_by, basis, .. } = waiting.row.clone();
                    let site = is_of_several.then(|| waiting.site.name.clone());
                    WaitingLine { number, site, uid, requested_by, approved_by, basis }
                };
                Ok(Reply::Waiting { lookups: self.waiting.each(line) })
            }
        }
    }

    async fn block(
        &self,
        site: &Served,
        uid: u32,
        pseudonym: &str,
        seconds: u64,
        reason: String,
    ) -> Result<Reply, Why> {
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
        let reason = row.basis.clone();
        self.write_down(site, ActionRow { result: format!("for {seconds} s"), ..row }).await?;
        let length = Duration::from_secs(seconds);
        let block = site.audit.block(parsed, length, reason).map_err(|fault| fault.to_string())?;
        Ok(self.blocks([&block].into_iter()))
    }

    fn blocks<'a>(&self, blocks: impl Iterator<Item = &'a Block>) -> Reply {
        let (held, shared) = self.place_of_keys();
        Reply::Blocks { blocks: blocks.map(BlockLine::from).collect(), held, shared }
    }

    /// Whether keys and blocks outlive a restart in the descriptor store, and whether other nodes have them.
    fn place_of_keys(&self) -> (bool, bool) {
        let hold = self.rules().hold;
        (hold == Hold::DescriptorStore, hold == Hold::Valkey)
    }

    async fn unblock(&self, site: &Served, uid: u32, pseudonym: String) -> Result<Reply, Why> {
        let parsed = parse(&pseudonym)?;
        if !site.audit.blocks().iter().any(|block| block.pseudonym == parsed) {
            return Err(format!("{pseudonym} is not blocked (`pinfold blocks` lists who is)"));
        }
        self.write_down(site, self.row(uid, "unblock", ["", "", ""])).await?;
        site.audit.unblock(parsed);
        Ok(Reply::Unblocked { pseudonym })
    }

    /// Writes down that the store is taken away, before it is: for one site, or for every site whose counts go with it.
    async fn note_taking(
        &self,
        site: Option<String>,
        uid: u32,
        what: Taking,
        reason: &str,
        rows: Option<u64>,
    ) -> Result<Reply, Why> {
        let row = self.row(uid, what.name(), ["", "", reason]);
        let row = ActionRow { result: rows.map(|rows| format!("{rows} rows")).unwrap_or_default(), ..row };
        if what == Taking::Export || !self.in_force.load().is_of_several {
            let head = self.write_down(&*self.site(site)?, row).await?;
            return Ok(Reply::WrittenDown { head: head.to_string(), heads: Vec::new() });
        }
        let rows = self.in_force.load().sites.iter().map(|site| (site.clone(), row.clone())).collect();
        Ok(Reply::WrittenDown { head: String::new(), heads: self.write_down_all(rows).await? })
    }

    /// Whether an address was here. The question is written down before it is answered, and so is that it was refused.
    async fn look_up(&self, site: Arc<Served>, asked: Asked, row: ActionRow) -> Result<Answer, Why> {
        if let Err(why) = self.may_look_up(&row) {
            self.write_down(&site, ActionRow { result: format!("refused: {why}"), ..row }).await?;
            return Err(why);
        }
        if self.rules().approval == Approval::SecondUser {
            return self.wait(site, asked, row).await;
        }
        let known = match self.known(&site, &asked).await {
            Ok(known) => known,
            Err(why) => {
                self.write_down(&site, ActionRow { result: UNREAD.to_owned(), ..row }).await?;
                return Err(why);
            }
        };
        let head = self.write_down(&site, ActionRow { result: in_short(&known), ..row }).await?;
        Ok(Answer::Now(Reply::Lookup { known, head: head.to_string() }))
    }

    /// Lets a look-up wait for a second user, once it is written down. Nothing is looked up before.
    async fn wait(&self, site: Arc<Served>, asked: Asked, row: ActionRow) -> Result<Answer, Why> {
        let number = self.waiting.number();
        let result = format!("waits as {number} for a second user");
        self.write_down(&site, ActionRow { result, ..row.clone() }).await?;
        let until = self.clock.uptime() + self.longest_wait;
        let (reply, replied) = oneshot::channel();
        self.waiting.admit(number, Waiting { site, asked, row, until, reply });
        Ok(Answer::Later { number, reply: replied })
    }

    /// Answers the look-up of another user. What is not approved is written down as well: in the ledger of the site that it is about.
    async fn approve(&self, site: Option<String>, number: u32, uid: u32) -> Result<Reply, Why> {
        let asked_of = self.waiting.site_of(number);
        let waiting = match self.waiting.let_through(number, uid, self.clock.uptime()) {
            Ok(waiting) => waiting,
            Err(why) => {
                let site = asked_of.map_or_else(|| self.site(site), Ok);
                // Of a number that nobody was given it cannot be told for which of several sites it was meant.
                let site = site.map_err(|which| format!("{why}; {which}"))?;
                let result = format!("refused: {number}: {why}");
                self.write_down(&site, ActionRow { result, ..self.row(uid, "approve", ["", "", ""]) })
                    .await?;
                return Err(why.to_string());
            }
        };
        let Waiting { site, asked, row, reply, .. } = waiting;
        let answered = async {
            let known = self.known(&site, &asked).await;
            let came_of_it = known.as_ref().map_or_else(|_| UNREAD.to_owned(), in_short);
            let result = format!("look-up {number}: {came_of_it}");
            let (at, act) = (self.clock.now(), "approve".to_owned());
            let head = self.write_down(&site, ActionRow { at, act, uid, result, ..row }).await?;
            Ok::<_, Why>((known?, head.to_string()))
        };
        // Whoever asked may have hung up: that it was approved is written down already.
        match answered.await {
            Ok((known, head)) => {
                let _ = reply.send(Reply::Lookup { known, head: head.clone() });
                Ok(Reply::Approved { number, head })
            }
            Err(why) => {
                let _ = reply.send(Reply::Refused { why: why.clone() });
                Err(why)
            }
        }
    }

    /// Gives a look-up up that nobody has approved: what to answer; nothing, where somebody just has.
    pub(super) async fn give_up(&self, number: u32, why: GivenUp) -> Option<Reply> {
        let Waiting { site, row, .. } = self.waiting.withdraw(number)?;
        let why = match why {
            GivenUp::Expired => "nobody approved the look-up in time (ask again)",
            GivenUp::Withdrawn => "whoever asked did not wait",
        };
        let row = ActionRow { at: self.clock.now(), result: format!("refused: {number}: {why}"), ..row };
        let written = self.write_down(&site, row).await;
        Some(Reply::Refused { why: written.err().unwrap_or_else(|| why.to_owned()) })
    }

    fn may_look_up(&self, row: &ActionRow) -> Result<(), Why> {
        let ActionRow { requested_by, approved_by, basis, .. } = row;
        if ![requested_by, approved_by, basis].into_iter().all(|text| is_text(text)) {
            let needs =
                "a look-up needs a basis and two names (write --basis, --requested-by and --approved-by)";
            return Err(needs.to_owned());
        }
        let words = |name: &str| name.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>();
        if words(requested_by) == words(approved_by) {
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

    async fn known(&self, site: &Served, asked: &Asked) -> Result<Known, Why> {
        let names = site.audit.pseudonyms_of(asked.address()).into_iter();
        let asked = asked.at.map(|at| site.calendar.day_of(at).date);
        let names: Vec<_> = names.filter(|(day, _)| asked.is_none_or(|asked| asked == *day)).collect();
        let site = site.name.clone();
        if let Some(asked) = asked.filter(|_| names.is_empty()) {
            return self.read(move |ledgers| destroyed(ledgers, &site, asked)).await;
        }
        self.read(move |ledgers| met(ledgers, &site, &names)).await
    }

    /// Reads the store on a thread of its own: it may be a while in answering.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Ledgers) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Why> {
        let store = self.store.clone();
        let reading = move || Ledgers::open(store).and_then(|ledgers| work(&ledgers));
        let read = tokio::task::spawn_blocking(reading).await;
        let gone = |_| "the store could not be read (see the log)".to_owned();
        read.map_err(gone)?.map_err(|fault| fault.to_string())
    }

    pub(super) fn row(
        &self,
        uid: u32,
        act: &str,
        [requested_by, approved_by, basis]: [&str; 3],
    ) -> ActionRow {
        // The ledger outlives the keys, so it must not hold an address by way of its own words.
        let text = |text: &str| without_addresses(text.trim()).chars().take(LONGEST_TEXT).collect();
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

    /// Writes to the action ledger of a site: once it is on disk, the head of the ledger. Without a row there is no answer.
    pub(super) async fn write_down(&self, site: &Served, row: ActionRow) -> Result<ChainHash, Why> {
        self.written(site, site.audit.record(row)).await
    }

    /// The same for the ledgers of several sites, whose rows go to the disk together.
    pub(super) async fn write_down_all(
        &self,
        rows: Vec<(Arc<Served>, ActionRow)>,
    ) -> Result<Vec<SiteHead>, Why> {
        let under_way = rows.into_iter().map(|(site, row)| (site.audit.record(row), site));
        let mut heads = Vec::new();
        for (row, site) in under_way.collect::<Vec<_>>() {
            let head = self.written(&site, row).await?.to_string();
            heads.push(SiteHead { site: site.name.clone(), head });
        }
        Ok(heads)
    }

    /// The new head of an action ledger, once the row is on disk.
    async fn written(&self, site: &Served, row: Delivery) -> Result<ChainHash, Why> {
        let kept = tokio::time::timeout(PATIENCE, row).await;
        if !matches!(kept, Ok(Ok(()))) {
            let why = "the action ledger cannot be written, so nothing was done (see /readyz of the admin listener)";
            return Err(why.to_owned());
        }
        let name = site.name.clone();
        let head = self.read(move |ledgers| ledgers.head_of_actions(&name)).await;
        let head = head.unwrap_or(ChainHash::START);
        let of_site = self.in_force.load().is_of_several.then_some(&*site.name);
        tracing::info!(%head, site = of_site, "the action ledger has a new head: note it elsewhere");
        Ok(head)
    }
}

/// The buckets in which an address was met, by its names of some days.
fn met(ledgers: &Ledgers, site: &str, names: &[(CivilDate, Pseudonym)]) -> Result<Known, StoreError> {
    let mut buckets = Vec::new();
    for (_, name) in names {
        buckets.extend(ledgers.buckets_of(site, *name)?);
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
fn destroyed(ledgers: &Ledgers, site: &str, day: CivilDate) -> Result<Known, StoreError> {
    let day = day.to_string();
    let keys = ledgers.keys(site)?;
    let of_day = keys.iter().filter(|key| key.epoch.starts_with(&day));
    let destroyed: Vec<_> = of_day.filter_map(|key| key.destroyed).map(|at| at.to_string()).collect();
    Ok(if destroyed.is_empty() {
        Known::NotRecorded { days: vec![day] }
    } else {
        Known::KeyDestroyed { day, destroyed }
    })
}

fn in_short(known: &Known) -> String {
    match known {
        Known::Buckets { buckets } => format!("{} buckets", buckets.len()),
        Known::KeyDestroyed { .. } => "key destroyed".to_owned(),
        Known::NotRecorded { .. } => "not recorded".to_owned(),
    }
}

fn parse(pseudonym: &str) -> Result<Pseudonym, Why> {
    pseudonym.parse().map_err(|fault| format!("`{pseudonym}` is no pseudonym ({fault})"))
}

fn is_text(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= LONGEST_TEXT && !text.contains(char::is_control)
}

#[cfg(test)]
pub(super) mod tests {
    use arc_swap::ArcSwap;
    use pinfold::PinfoldLayer;
    use pinfold::audit::{AuditSettings, Sink};
    use pinfold::consent::ConsentManagerLayer;
    use pinfold_store::{Retention, Store};

    use super::*;
    use crate::config::Settings;
    use crate::serve::InForce;

    const SITE: &str = "www.town.example";

    /// An office that waits so long for a second user, and its store.
    pub(crate) fn office(longest_wait: Duration) -> (Office, Store, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pinfold.db");
        let store = Store::open(&file, Retention::default()).unwrap();
        let rules = Rules { hold: Hold::Memory, approval: Approval::SecondUser };
        let in_force = InForce { sites: vec![served(SITE, store.sink())], is_of_several: false, sound: true };
        let office = Office::new(Arc::new(ArcSwap::from_pointee(in_force)), file.into(), rules, None);
        (Office { longest_wait, ..office }, store, directory)
    }

    /// A site, whose rows go to `sink`.
    pub(crate) fn served(host: &str, sink: impl Sink) -> Arc<Served> {
        let settings = Settings::for_host(Some(host)).unwrap();
        let policy = settings.policy(Default::default(), Vec::new()).unwrap();
        let consent = ConsentManagerLayer::new(policy.clone(), settings.calendar.clone());
        let (sink, timer) = (Arc::new(sink), Arc::new(tokio::time::sleep));
        let (layer, _) = PinfoldLayer::of(consent, sink, timer, AuditSettings::default()).unwrap();
        Arc::new(Served::idle(&settings, layer.handle(), policy))
    }

    pub(crate) fn lookup() -> Ask {
        Ask::Lookup {
            address: "203.0.113.77".parse().unwrap(),
            at: None,
            basis: "DPA 2018 Sch 2".to_owned(),
            requested_by: "PC 4711".to_owned(),
            approved_by: "Head of IT".to_owned(),
        }
    }

    pub(crate) fn question(ask: Ask) -> Question {
        Question { site: None, ask }
    }

    pub(crate) fn results(office: &Office) -> Vec<(String, u32, String)> {
        let actions = Ledgers::open(office.store.clone()).unwrap().actions(SITE).unwrap();
        actions.into_iter().map(|entry| (entry.row.act, entry.row.uid, entry.row.result)).collect()
    }

    async fn refusal(office: &Office, ask: Ask, uid: u32) -> String {
        match office.answer(question(ask), uid).await {
            Answer::Now(Reply::Refused { why }) => why,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn of_several_sites_one_is_named_and_its_ledger_has_what_is_done() {
        let (office, store, _directory) = office(HOUR);
        let other = "www.other.example";
        let sites = vec![served(other, store.sink()), served(SITE, store.sink())];
        office.in_force.store(Arc::new(InForce { sites, is_of_several: true, sound: true }));
        let why = refusal(&office, Ask::Blocks, 0).await;
        assert!(why.contains("name one with --site: www.other.example, www.town.example"), "{why}");
        assert!(refusal(&office, lookup(), 0).await.contains("there are several sites"));
        let at_other = |ask: Ask| Question { site: Some(other.to_owned()), ask };
        let Answer::Later { number, .. } = office.answer(at_other(lookup()), 1_000).await else { panic!() };
        let Answer::Now(Reply::Waiting { lookups }) = office.answer(question(Ask::Waiting), 0).await else {
            panic!()
        };
        assert_eq!(lookups[0].site.as_deref(), Some(other));
        // The number says which site it is about; one that nobody was given says nothing.
        assert!(refusal(&office, Ask::Approve { number }, 1_000).await.contains("cannot approve it"));
        let approved = office.answer(question(Ask::Approve { number }), 0).await;
        assert!(matches!(approved, Answer::Now(Reply::Approved { .. })), "{approved:?}");
        assert!(refusal(&office, Ask::Approve { number }, 0).await.contains("there are several sites"));
        let taken = Ask::Take { what: Taking::Backup, reason: String::new(), rows: None };
        let Answer::Now(Reply::WrittenDown { heads, .. }) = office.answer(question(taken), 0).await else {
            panic!()
        };
        assert_eq!(heads.iter().map(|one| one.site.as_str()).collect::<Vec<_>>(), [other, SITE]);
        let acts = |site| {
            let entries = Ledgers::open(office.store.clone()).unwrap().actions(site).unwrap();
            entries.into_iter().map(|entry| entry.row.act).collect::<Vec<_>>()
        };
        assert_eq!(acts(other), ["look-up", "approve", "approve", "backup"]);
        assert_eq!(acts(SITE), ["backup"]);
    }

    #[tokio::test]
    async fn a_second_user_approves_and_the_first_cannot() {
        let (office, _store, _directory) = office(HOUR);
        let Answer::Later { number, mut reply } = office.answer(question(lookup()), 1_000).await else {
            panic!()
        };
        assert!(refusal(&office, Ask::Approve { number }, 1_000).await.contains("cannot approve it"));
        assert!(reply.try_recv().is_err(), "nothing is answered yet");
        let approved = office.answer(question(Ask::Approve { number }), 0).await;
        assert!(matches!(approved, Answer::Now(Reply::Approved { .. })), "{approved:?}");
        assert!(matches!(reply.await.unwrap(), Reply::Lookup { known: Known::NotRecorded { .. }, .. }));
        assert!(refusal(&office, Ask::Approve { number }, 0).await.contains("no look-up waits"));
        let results = results(&office);
        let acts: Vec<_> = results.iter().map(|(act, uid, _)| (act.as_str(), *uid)).collect();
        assert_eq!(acts, [("look-up", 1_000), ("approve", 1_000), ("approve", 0), ("approve", 0)]);
        assert_eq!(results[0].2, format!("waits as {number} for a second user"));
        assert_eq!(results[2].2, format!("look-up {number}: not recorded"));
    }

    #[tokio::test]
    async fn no_address_comes_into_the_ledger_by_way_of_words() {
        let (office, _store, _directory) = office(HOUR);
        let Ask::Lookup { address, at, .. } = lookup() else { panic!() };
        let words = |text: &str| text.to_owned();
        let ask = Ask::Lookup {
            address,
            at,
            basis: words("203.000.113.077 in a log, [2001:DB8:0::1]:443 in another"),
            requested_by: words("::ffff:203.0.113.77"),
            approved_by: words("Head of IT (203.0.113.77)"),
        };
        assert!(matches!(office.answer(question(ask), 1_000).await, Answer::Later { .. }));
        let pseudonym = office.site(None).unwrap().audit.pseudonyms_of(address)[0].1.to_string();
        let reason = words("203.0.113.77 tries passwords");
        let blocked = office.answer(question(Ask::Block { pseudonym, seconds: 60, reason }), 1_000).await;
        let Answer::Now(Reply::Blocks { blocks, .. }) = blocked else { panic!("{blocked:?}") };
        assert_eq!(blocks[0].reason, "(an address) tries passwords");
        let actions = Ledgers::open(office.store.clone()).unwrap().actions(SITE).unwrap();
        let of = |place: usize| -> [&str; 3] {
            let row: &ActionRow = &actions[place].row;
            [&row.requested_by, &row.approved_by, &row.basis]
        };
        assert_eq!(of(0)[..2], ["(an address)", "Head of IT ((an address))"]);
        assert_eq!(of(0)[2], "(an address) in a log, [(an address)]:443 in another");
        assert_eq!(of(1)[2], "(an address) tries passwords");
    }

    #[tokio::test]
    async fn no_more_wait_than_may_be_answered() {
        let (office, _store, _directory) = office(HOUR);
        for _ in 0..LOOKUPS_AN_HOUR {
            assert!(matches!(office.answer(question(lookup()), 1_000).await, Answer::Later { .. }));
        }
        assert!(refusal(&office, lookup(), 1_000).await.contains("within an hour"));
        let Answer::Now(Reply::Waiting { lookups }) = office.answer(question(Ask::Waiting), 0).await else {
            panic!()
        };
        assert_eq!(lookups.len(), LOOKUPS_AN_HOUR);
    }
}
