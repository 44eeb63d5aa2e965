use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Response;
use http::header::SET_COOKIE;

use super::address::{AddressShard, Collected, Met, new_union};
use super::asked::Asked;
use super::block::Blocks;
use super::choice_rate::ChoiceRate;
use super::cookies::{stats as cookie_stats, value_stats};
use super::edition::{Edition, Editions, Sums};
use super::footprint::{Depth, Held, KEPT, tread};
use super::hold::Holding;
use super::ledger::{Batch, ConsentRow, Ledger, MethodClass, Rows, StatusClass, VisitCell};
use super::senders::Senders;
use super::shards::Shards;
use super::sink::{Delivery, Sink, warn_of_loss};
use super::stats::AuditStats;
use crate::client_ip::{AddressSource, ClientIpResolver, Evidence};
use crate::consent::{Choice, ConsentEvent, Policy, ResponseBody, is_private};
use crate::pseudonym::{FreshKey, KeyRing, Pseudonym};
use crate::time::{Calendar, CivilDate, Clock, Timer};

/// Stands for no day at all.
const NO_DAY: i32 = i32::MIN;

/// A request comes from somebody who is blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Blocked;

/// What all clones of the audit share, under whatever policy: the keys, the counts, and where the ledgers go.
pub(super) struct Auditor {
    pub(super) site: Arc<str>,
    /// Scheme and authority of the site, for which keys are made.
    pub(super) origin: String,
    /// Where keys and blocks are held for the next process, if anywhere.
    pub(super) holding: Option<Holding>,
    pub(super) editions: Editions,
    pub(super) calendar: Calendar,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) timer: Arc<dyn Timer>,
    pub(super) sink: Arc<dyn Sink>,
    /// None once the background has stopped: the keys are gone. Each shard of `addresses` has the key in force too.
    ring: Mutex<Option<KeyRing>>,
    /// The day of the key in force, [`NO_DAY`] once there is none.
    day: AtomicI32,
    pub(super) addresses: Shards<AddressShard>,
    pub(super) gate: Gate,
    /// How many visitors of today have seen how many pages.
    depth: Mutex<Depth>,
    pub(super) blocks: Blocks,
    /// Who has asked most under the key in force, but for what the shards still hold.
    senders: Mutex<Senders>,
    pub(super) below_crowd: AtomicU64,
    choice_rate: ChoiceRate,
    choices: Mutex<BTreeMap<(ConsentEvent, String), u64>>,
    lost: [AtomicU64; Ledger::ALL.len()],
    /// Deliveries of choices that took longer than a visitor waits.
    pub(super) unsettled: Mutex<Vec<Unsettled>>,
}

/// A batch of which it is not yet known whether it is kept.
pub(super) struct Unsettled {
    pub(super) ledger: Ledger,
    pub(super) rows: usize,
    pub(super) delivery: Delivery,
    /// The rows themselves, where later ones build on them and would be wrong without.
    pub(super) kept: Option<Rows>,
}

impl fmt::Debug for Unsettled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsettled")
            .field("ledger", &self.ledger)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

/// Parts of an [`Auditor`] that are chosen from outside.
pub(super) struct Parts {
    pub(super) edition: Arc<Edition>,
    pub(super) calendar: Calendar,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) timer: Arc<dyn Timer>,
    pub(super) sink: Arc<dyn Sink>,
    pub(super) holding: Option<Holding>,
    pub(super) blocks: Blocks,
    pub(super) ring: KeyRing,
}

impl Auditor {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { edition, calendar, clock, timer, sink, holding, blocks, ring } = parts;
        let auditor = Self {
            site: host_of(edition.policy.origin()).into(),
            origin: edition.policy.origin().to_owned(),
            holding,
            ring: Mutex::default(),
            day: AtomicI32::new(NO_DAY),
            addresses: Shards::new(AddressShard::new),
            gate: Gate::default(),
            depth: Mutex::default(),
            blocks,
            senders: Mutex::new(Senders::new()),
            below_crowd: AtomicU64::new(0),
            choice_rate: ChoiceRate::default(),
            choices: Mutex::default(),
            lost: Default::default(),
            unsettled: Mutex::default(),
            editions: Editions::new(edition),
            calendar,
            clock,
            timer,
            sink,
        };
        auditor.turn_to(ring);
        auditor
    }

    /// Counts a page view as part of a visit, where its visitor allows that, and gives them the footprint to keep; takes it back
    /// from whoever does not.
    pub(super) fn note_visit<B>(
        &self,
        policy: &Policy,
        asked: &Asked,
        day: CivilDate,
        response: &mut Response<ResponseBody<B>>,
    ) -> Option<VisitCell> {
        let cookie = policy.visits()?.cookie;
        let allowed = response.body().outcome().may_count_visits();
        if !allowed && asked.held == Held::Nothing {
            return None;
        }
        // What a shared cache keeps it gives to everybody.
        if !is_private(response.status(), response.headers_mut()) {
            return allowed.then_some(VisitCell::Shared);
        }
        let (cell, field) = if allowed {
            let once_in = |times| getrandom::u32().is_ok_and(|drawn| drawn % times == 0);
            let step = tread(asked.held, asked.from, day, &mut lock(&self.depth), once_in);
            let field = step.leaves.map(|footprint| (footprint.text(), KEPT));
            (step.cell, field)
        } else {
            (None, Some((String::new(), 0)))
        };
        if let Some((value, seconds)) = field {
            let field = cookie.field(value, seconds, policy.cookie_domain());
            response.headers_mut().append(SET_COOKIE, field);
        }
        cell
    }

    /// Puts another policy in force, and tells the policy ledger.
    pub(super) fn succeed(&self, next: Arc<Edition>) {
        let row = next.policy_row(self.calendar.day_of(self.clock.now()).date);
        let told = self.deliver(Rows::Policy(row));
        lock(&self.unsettled).push(told);
        self.editions.succeed(next);
    }

    /// Puts another ring in force. The key in force before lives on in it, or not at all.
    pub(super) fn turn_to(&self, ring: KeyRing) {
        if self.of_ring(KeyRing::turns).is_some_and(|before| before < ring.turns()) {
            self.blocks.turn();
            lock(&self.senders).clear();
        }
        if ring.previous().is_none() {
            self.blocks.forget_yesterday();
        }
        self.addresses.each().for_each(|mut shard| shard.turn_to(&ring));
        self.day.store(ring.current().day().date.days(), Ordering::Relaxed);
        *lock(&self.ring) = Some(ring);
        self.hold();
    }

    /// Gives keys and blocks as they are to where they are held, if anywhere.
    pub(super) fn hold(&self) {
        if let Some(holding) = &self.holding {
            holding.give(&self.origin, || lock(&self.ring).clone(), &self.blocks);
        }
    }

    /// The same, where what is held is not what there is.
    pub(super) fn hold_changes(&self) {
        if self.holding.as_ref().is_some_and(|holding| holding.is_behind(&self.blocks)) {
            self.hold();
        }
    }

    /// A key for a new day.
    pub(super) fn fresh_key(&self) -> Result<FreshKey, getrandom::Error> {
        fresh_key(&self.origin, self.holding.is_some())
    }

    /// Lets go of the keys.
    pub(super) fn end_keys(&self) -> Option<KeyRing> {
        self.addresses.each().for_each(|mut shard| shard.forget_key());
        self.day.store(NO_DAY, Ordering::Relaxed);
        lock(&self.ring).take()
    }

    /// What is found by looking at the ring, if there is one.
    pub(super) fn of_ring<T>(&self, look: impl FnOnce(&KeyRing) -> T) -> Option<T> {
        lock(&self.ring).as_ref().map(look)
    }

    /// Counts a request under the pseudonym of its address. After this nothing is given the address.
    pub(super) fn count_address(
        &self,
        evidence: Option<&Evidence<'_>>,
        resolver: &ClientIpResolver,
        crowd: usize,
    ) -> Result<Option<Pseudonym>, Blocked> {
        let met = self.addresses.mine().count(evidence, resolver, &self.blocks);
        match met {
            Met::Nobody => Ok(None),
            Met::Again(host) => Ok(Some(host)),
            Met::First { host, network } => {
                self.gate.meet(network, crowd);
                Ok(Some(host))
            }
            Met::Keyless => {
                self.below_crowd.fetch_add(1, Ordering::Relaxed);
                Ok(None)
            }
            Met::Refused => Err(Blocked),
        }
    }

    /// Adds what a bucket has collected under the key of this turn to what is known of today.
    pub(super) fn note_senders(&self, collected: &[Collected]) {
        let Some(turn) = self.of_ring(KeyRing::turns) else { return };
        let mut senders = lock(&self.senders);
        collected.iter().filter(|one| one.turn == turn).for_each(|one| one.senders_into(&mut senders));
    }

    /// Everybody who has asked most today.
    pub(super) fn senders(&self) -> Senders {
        let mut senders = lock(&self.senders).clone();
        if let Some(turn) = self.of_ring(KeyRing::turns) {
            self.addresses.each().for_each(|shard| shard.senders_into(turn, &mut senders));
        }
        senders
    }

    /// Hands the choice of a visitor to the store; nothing where the address has added too many rows, which are lost.
    pub(super) fn record_choice(
        &self,
        choice: &Choice,
        most_rows: u32,
        address: Option<Pseudonym>,
        day: CivilDate,
    ) -> Option<Unsettled> {
        let count = choice.events.len();
        let rows = u32::try_from(count).unwrap_or(u32::MAX);
        if address
            .is_some_and(|address| !self.choice_rate.admits(address, rows, most_rows, self.clock.uptime()))
        {
            self.count_loss(Ledger::Consent, count);
            tracing::debug!(rows, "an address adds more choices than are counted");
            return None;
        }
        let mut totals = lock(&self.choices);
        for (purpose, event) in &choice.events {
            *totals.entry((*event, purpose.clone())).or_default() += 1;
        }
        drop(totals);
        let mut rows: Vec<_> = choice
            .events
            .iter()
            .map(|(purpose, event)| ConsentRow {
                day,
                policy: choice.policy.clone(),
                event: *event,
                purpose: purpose.clone(),
                events: 1,
            })
            .collect();
        rows.sort_unstable();
        Some(self.deliver(Rows::Consent(rows)))
    }

    /// Hands rows to the store.
    pub(super) fn deliver(&self, rows: Rows) -> Unsettled {
        let (ledger, count) = (rows.ledger(), rows.len());
        let kept = matches!(ledger, Ledger::Facet | Ledger::Usage).then(|| rows.clone());
        let delivery = self.sink.deliver(Batch { site: self.site.clone(), rows });
        Unsettled { ledger, rows: count, delivery, kept }
    }

    /// Notes that rows were lost.
    pub(super) fn note_loss(&self, ledger: Ledger, rows: usize) {
        self.count_loss(ledger, rows);
        warn_of_loss(ledger, rows);
    }

    fn count_loss(&self, ledger: Ledger, rows: usize) {
        if let Some(place) = Ledger::ALL.iter().position(|one| *one == ledger) {
            self.lost[place].fetch_add(rows as u64, Ordering::Relaxed);
        }
    }

    /// The day that is counted: that of the key in force, which is the civil day but for the second in which it turns.
    pub(super) fn today(&self) -> CivilDate {
        match self.day.load(Ordering::Relaxed) {
            NO_DAY => self.calendar.day_of(self.clock.now()).date,
            days => CivilDate::from_days(days),
        }
    }

    /// An estimate of the distinct addresses under the key in force.
    pub(super) fn distinct(&self) -> u64 {
        let Some(mut union) = new_union() else { return 0 };
        let Some(turn) = self.of_ring(KeyRing::turns) else { return 0 };
        self.addresses.each().for_each(|shard| shard.sketch_into(turn, &mut union));
        union.estimate().round() as u64
    }

    pub(super) fn stats(&self) -> AuditStats {
        let Sums { totals: sum, cookies } = self.editions.sums();
        let requests = MethodClass::ALL.iter().zip(sum.requests).flat_map(|(method, by_status)| {
            by_status
                .into_iter()
                .enumerate()
                .map(|(index, count)| (*method, StatusClass::from_index(index), count))
        });
        let mut consent_events: Vec<_> = lock(&self.choices)
            .iter()
            .map(|((event, purpose), count)| (*event, purpose.clone(), *count))
            .collect();
        consent_events.push((ConsentEvent::Asked, String::new(), sum.asked));
        consent_events.push((ConsentEvent::Signalled, String::new(), sum.signalled));
        let relaxed = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let mut address_sources = AddressSource::ALL.map(|source| (source, 0));
        let mut blocked = 0;
        for shard in self.addresses.each() {
            blocked += shard.refused();
            address_sources.iter_mut().for_each(|(source, count)| *count += shard.requests_by(*source));
        }
        AuditStats {
            requests: requests.collect(),
            page_views: sum.page_views,
            cookies: cookie_stats(&cookies),
            cookie_values: value_stats(self.editions.in_force().cookies().estimates()),
            consent_events,
            address_sources: address_sources.into(),
            lost: Ledger::ALL.into_iter().zip(self.lost.iter().map(relaxed)).collect(),
            below_crowd: relaxed(&self.below_crowd),
            blocked,
            blocks: self.blocks.count() as u64,
            key_age: self.of_ring(|ring| ring.current().age(self.clock.uptime())).unwrap_or(Duration::ZERO),
            distinct_today: self.distinct(),
        }
    }
}

impl fmt::Debug for Auditor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auditor").field("site", &self.site).finish_non_exhaustive()
    }
}

/// Opens once a crowd of networks has been met since it was last shut. Until then nothing detailed leaves memory.
#[derive(Debug, Default)]
pub(super) struct Gate(Mutex<Vec<Pseudonym>>);

impl Gate {
    fn meet(&self, network: Pseudonym, crowd: usize) {
        let mut met = lock(&self.0);
        if met.len() < crowd && !met.contains(&network) {
            met.push(network);
        }
    }

    /// Whether there is a crowd.
    pub(super) fn is_open(&self, crowd: usize) -> bool {
        lock(&self.0).len() >= crowd
    }

    /// Forgets whom it has met.
    pub(super) fn shut(&self) {
        lock(&self.0).clear();
    }
}

/// Takes a lock. What a panic left behind is used as it is: it is counts.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A key of the site of an origin, made so that it can be held if it is to be.
pub(super) fn fresh_key(origin: &str, is_held: bool) -> Result<FreshKey, getrandom::Error> {
    if is_held { FreshKey::generate_lasting(origin) } else { FreshKey::generate(origin) }
}

fn host_of(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, host)| host)
}
