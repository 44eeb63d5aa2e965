use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Extensions, StatusCode};
use tower_layer::Layer;

use super::auditor::{Auditor, Parts, fresh_key};
use super::background::Background;
use super::block::{Block, Blocks, TooManyBlocks};
use super::choice_rate::ROWS_A_MINUTE;
use super::cluster::Cluster;
use super::edition::Edition;
use super::entrance::Entrance;
use super::exchange::Exchange;
use super::hold::{HeldKeys, Holding, KeyHold};
use super::ledger::{ActionRow, Rows};
use super::route::Routes;
use super::senders::{Rank, Sender};
use super::service::Audit;
use super::sink::{Delivery, Sink};
use super::stats::AuditStats;
use crate::client_ip::{AddressFields, AddressSource, ClientIp, ClientIpResolver};
use crate::consent::ConsentManagerLayer;
use crate::consent::page::{AddressUse, ToSite};
use crate::error::{ConfigError, Subject};
use crate::pseudonym::{ClusterSecret, Epoch, EpochShare, KeyRing, Pseudonym, Unit};
use crate::time::{CivilDate, Timer, UnixTime};

/// Puts an [`Audit`] around a service that is wrapped in a [`crate::consent::ConsentManager`].
#[derive(Debug, Clone)]
#[must_use]
pub struct AuditLayer(Entrance);

impl AuditLayer {
    /// A layer with the default [`AuditSettings`], and the work to spawn beside it. Batches go to `sink`.
    ///
    /// # Errors
    ///
    /// Where the operating system gives no randomness for a key.
    pub fn new(
        consent: &ConsentManagerLayer,
        sink: Arc<dyn Sink>,
        timer: Arc<dyn Timer>,
    ) -> Result<(Self, Background), NoRandomness> {
        Self::with_settings(consent, sink, timer, AuditSettings::default())
    }

    /// A layer, and the work to spawn beside it.
    ///
    /// # Errors
    ///
    /// Where the operating system gives no randomness for a key.
    pub fn with_settings(
        consent: &ConsentManagerLayer,
        sink: Arc<dyn Sink>,
        timer: Arc<dyn Timer>,
        settings: AuditSettings,
    ) -> Result<(Self, Background), NoRandomness> {
        let edition = Arc::new(Edition::new(consent, &settings));
        let shared = consent.shared();
        let (calendar, clock) = (shared.calendar.clone(), shared.clock.clone());
        let (now, uptime) = (clock.now(), clock.uptime());
        let origin = shared.policy.origin();
        let (exchange, found) = match settings.cluster {
            Some(Common { cluster, secret, found }) => (Some(Exchange::new(cluster, secret)), found),
            None => (None, Vec::new()),
        };
        let blocks = if exchange.is_some() { Blocks::in_common() } else { Blocks::default() };
        let (ring, made) = match (&exchange, settings.held) {
            (Some(exchange), _) => {
                let ring =
                    exchange.ring(found, origin, (now, uptime), &calendar).map_err(|_| NoRandomness)?;
                let made = ring.made_before(now, uptime);
                (ring, made)
            }
            (None, Some(held)) => {
                blocks.restore(held.blocks.unwrap_or_default());
                let made = held.ring.made_before(now, uptime);
                (held.ring, made)
            }
            (None, None) => {
                let fresh = fresh_key(origin, settings.hold.is_some());
                let (ring, made) = KeyRing::new(now, uptime, &calendar, fresh.map_err(|_| NoRandomness)?);
                (ring, vec![made])
            }
        };
        let auditor = Arc::new(Auditor::new(Parts {
            edition: edition.clone(),
            calendar,
            clock,
            timer,
            sink,
            holding: settings.hold.map(Holding::new),
            exchange,
            blocks,
            ring,
        }));
        let background = Background::new(auditor.clone(), made);
        let AuditSettings { resolver, fields, peer, blocked_status, .. } = settings;
        Ok((Self(Entrance { auditor, edition, resolver, fields, peer, blocked_status }), background))
    }

    /// The same audit under another policy, from now on: the same keys, blocks, open buckets and totals, and the same [`Background`]. `consent` is
    /// what [`ConsentManagerLayer::renewed`] makes of the layer before.
    ///
    /// It is for services that are made of it. Put them in the place of those before: requests under way are finished, and counted, under the
    /// policy under which they began. What is counted of cookies has their names by then, so that it is right under either. Of `settings` a
    /// [`KeyHold`] or [`Cluster`] has no meaning here. A smaller crowd counts once nothing waits that came under a larger one: for addresses from the next
    /// bucket, for routes from the next day.
    ///
    /// The policy ledger is given the policy at once; it is the duty of whoever calls to keep bits: see [`crate::consent::Policy::bits`].
    ///
    /// # Errors
    ///
    /// Where the policy is that of another site: keys are made for one.
    pub fn renewed(
        &self,
        consent: &ConsentManagerLayer,
        settings: AuditSettings,
    ) -> Result<Self, ConfigError> {
        let auditor = self.0.auditor.clone();
        let edition = Arc::new(Edition::new(consent, &settings));
        if edition.policy.origin() != auditor.origin {
            return Err(ConfigError::new(
                Subject::SiteUrl,
                format!("the site cannot become `{}` while its keys live", edition.policy.origin()),
                "start anew",
            ));
        }
        auditor.succeed(edition.clone());
        let AuditSettings { resolver, fields, peer, blocked_status, .. } = settings;
        Ok(Self(Entrance { auditor, edition, resolver, fields, peer, blocked_status }))
    }

    /// A view of what is counted.
    pub fn handle(&self) -> AuditHandle {
        AuditHandle(self.0.auditor.clone())
    }
}

impl<S> Layer<S> for AuditLayer {
    type Service = Audit<S>;

    fn layer(&self, inner: S) -> Self::Service {
        // A copy for each service: threads that each make their own share no reference count.
        Audit::new(inner, Arc::new(self.0.clone()))
    }
}

/// Shows what is counted.
#[derive(Debug, Clone)]
pub struct AuditHandle(Arc<Auditor>);

impl AuditHandle {
    /// Everything counted since the start.
    pub fn stats(&self) -> AuditStats {
        self.0.stats()
    }

    /// Who has asked most today, at most so many: by pseudonym, and in memory alone.
    ///
    /// Thousands of hosts and networks are told apart. Where more come, the heaviest are among those that are, and it is said
    /// how much of their count is in doubt.
    pub fn top(&self, unit: Unit, rank: Rank, most: usize) -> Vec<Sender> {
        self.0.senders().top(unit, rank, most)
    }

    /// Refuses the requests of a host or network for a while, by its pseudonym of today or yesterday.
    ///
    /// The block follows its sender into the next day, although the pseudonym does not: whoever comes under yesterday's key as
    /// somebody blocked is blocked under today's. It is in memory alone and ends with the keys: with the process, unless there is a
    /// [`KeyHold`] or a [`Cluster`], of which all nodes know it within two seconds.
    ///
    /// # Errors
    ///
    /// Where there are a million blocks already.
    pub fn block(
        &self,
        pseudonym: Pseudonym,
        length: Duration,
        reason: impl Into<Arc<str>>,
    ) -> Result<Block, TooManyBlocks> {
        let seconds = i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
        let now = self.0.clock.now();
        let until = UnixTime::from_seconds(now.seconds().saturating_add(seconds));
        let block = Block { pseudonym, reason: reason.into(), until };
        let keeps_yesterday = self.0.of_ring(|ring| ring.previous().is_some()).unwrap_or_default();
        self.0.blocks.add(block.clone(), keeps_yesterday)?;
        self.0.hold_changes();
        Ok(block)
    }

    /// Lifts a block; whether there was one.
    pub fn unblock(&self, pseudonym: Pseudonym) -> bool {
        let lifted = self.0.blocks.lift(pseudonym);
        self.0.hold_changes();
        lifted
    }

    /// Every block, the one that ends first first.
    pub fn blocks(&self) -> Vec<Block> {
        self.0.blocks.all()
    }

    /// Lets no other process go on with these keys and blocks: what a [`KeyHold`] has of them is overwritten, and they end with the
    /// [`Background`]. For a site that is served no longer.
    pub fn forget_held(&self) {
        if let Some(holding) = &self.0.holding {
            holding.forget();
        }
    }

    /// Hands something that an administrator did to the store. Do it, and tell of it, only once the delivery is ready: without a
    /// row there is no answer.
    pub fn record(&self, row: ActionRow) -> Delivery {
        self.0.deliver(Rows::Action(row)).delivery
    }

    /// The pseudonyms of the host of an address under the keys that live, each with the day of its key. There are none for days
    /// whose keys are gone, and nobody can make them.
    ///
    /// Write to the action ledger before this is asked for: see [`Self::record`].
    pub fn pseudonyms_of(&self, address: IpAddr) -> Vec<(CivilDate, Pseudonym)> {
        let client = ClientIp::new(address, AddressSource::Unknown);
        let all = |ring: &KeyRing| {
            let epochs = [Some(ring.current()), ring.previous()].into_iter().flatten();
            epochs
                .map(|epoch| (epoch.day().date, epoch.key().operations().pseudonym(Unit::Host, &client)))
                .collect()
        };
        self.0.of_ring(all).unwrap_or_default()
    }

    /// The keys that live, the one in force first. Nothing of a key itself is shown.
    pub fn keys(&self) -> Vec<LivingKey> {
        let (now, uptime) = (self.0.clock.now(), self.0.clock.uptime());
        let is_common = |epoch: &Epoch| Some(self.0.exchange.as_ref()?.is_common(epoch.share()?));
        let of = |epoch: &Epoch| LivingKey {
            epoch: epoch.id().to_owned(),
            day: epoch.day().date,
            age: epoch.age(uptime),
            dies_within: epoch.dies_within(now, uptime),
            is_common: is_common(epoch),
        };
        let all =
            |ring: &KeyRing| [Some(ring.current()), ring.previous()].into_iter().flatten().map(of).collect();
        self.0.of_ring(all).unwrap_or_default()
    }
}

/// A key that lives.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LivingKey {
    /// The name of its epoch in the key ledger.
    pub epoch: String,
    /// The day that it counts.
    pub day: CivilDate,
    /// How old it is.
    pub age: Duration,
    /// When it is destroyed at the latest.
    pub dies_within: Duration,
    /// Whether other nodes have it as well, where there are some.
    pub is_common: Option<bool>,
}

/// Settings of an [`AuditLayer`].
#[derive(Debug, Clone)]
#[must_use]
pub struct AuditSettings {
    crowd: usize,
    choice_rows: u32,
    routes: Routes,
    resolver: ClientIpResolver,
    fields: AddressFields,
    peer: Option<fn(&Extensions) -> Option<IpAddr>>,
    blocked_status: StatusCode,
    hold: Option<Arc<dyn KeyHold>>,
    held: Option<HeldKeys>,
    cluster: Option<Common>,
}

/// What other nodes have as well.
#[derive(Debug, Clone)]
struct Common {
    cluster: Arc<dyn Cluster>,
    secret: ClusterSecret,
    found: Vec<EpochShare>,
}

impl Default for AuditSettings {
    /// A crowd of ten, no declared routes, the peer as client, no address for the site, 429 for whoever is blocked, and
    /// keys that end with the process.
    fn default() -> Self {
        Self {
            crowd: 10,
            choice_rows: ROWS_A_MINUTE,
            routes: Routes::default(),
            resolver: ClientIpResolver::peer(),
            fields: AddressFields::None,
            peer: None,
            blocked_status: StatusCode::TOO_MANY_REQUESTS,
            hold: None,
            held: None,
            cluster: None,
        }
    }
}

impl AuditSettings {
    /// How many networks, or requests for a route, are a crowd; at least 2.
    ///
    /// # Errors
    ///
    /// For less than 2: a crowd of one is one visitor.
    pub fn with_crowd(mut self, crowd: usize) -> Result<Self, ConfigError> {
        if crowd < 2 {
            return Err(ConfigError::new(
                Subject::Crowd,
                format!("a crowd of {crowd} is no crowd"),
                "write at least 2; 10 is usual",
            ));
        }
        self.crowd = crowd;
        Ok(self)
    }

    /// What visitors are to be told of their addresses, for [`crate::consent::PolicyBuilder::address_use`]. How long totals are kept and
    /// who may look an address up, whoever keeps them must add.
    pub fn address_use(&self) -> AddressUse {
        let mut facts = AddressUse::of_crowd(self.crowd);
        facts.to_site = match self.fields {
            AddressFields::None => ToSite::Nothing,
            AddressFields::Obfuscated => ToSite::Name,
            AddressFields::Address => ToSite::Address,
        };
        facts
    }

    /// How many rows of the consent ledger one address may add in a minute, one for each purpose answered; by default 20.
    /// Choices beyond it are honoured, but not counted, and reported as lost.
    pub fn with_choice_rows_per_minute(mut self, rows: u32) -> Self {
        self.choice_rows = rows;
        self
    }

    /// Patterns by which paths are counted.
    pub fn with_routes(mut self, routes: Routes) -> Self {
        self.routes = routes;
        self
    }

    /// How the client of a request is found.
    pub fn with_client_ip(mut self, resolver: ClientIpResolver) -> Self {
        self.resolver = resolver;
        self
    }

    /// How many are a crowd.
    pub(super) fn crowd(&self) -> usize {
        self.crowd
    }

    /// How many rows of choices one address may add in a minute.
    pub(super) fn choice_rows(&self) -> u32 {
        self.choice_rows
    }

    /// Patterns by which paths are counted.
    pub(super) fn routes(&self) -> &Routes {
        &self.routes
    }

    /// How the client of a request is found.
    pub fn client_ip(&self) -> &ClientIpResolver {
        &self.resolver
    }

    /// What the site is told about the address of a client.
    pub fn with_address_fields(mut self, fields: AddressFields) -> Self {
        self.fields = fields;
        self
    }

    /// The status with which requests from blocked hosts and networks are answered; by default 429 (Too Many Requests,
    /// RFC 6585).
    pub fn with_blocked_status(mut self, status: StatusCode) -> Self {
        self.blocked_status = status;
        self
    }

    /// Where keys and blocks are held for the next process, and those that the process before has left there. The clock must be
    /// one that goes on from process to process: see [`KeyHold`].
    pub fn with_key_hold(mut self, hold: Arc<dyn KeyHold>, held: Option<HeldKeys>) -> Self {
        self.hold = Some(hold);
        self.held = held;
        self
    }

    /// Where the nodes of this site keep what they have in common, the secret that each of them holds, and the shares that were `found`
    /// there for today and yesterday. Where that of today is not among them, this node begins with a key of its own, which is
    /// counted and said.
    ///
    /// Keys then end with their shares and not with the process, and there is no use for a [`KeyHold`].
    pub fn with_cluster(
        mut self,
        cluster: Arc<dyn Cluster>,
        secret: ClusterSecret,
        found: Vec<EpochShare>,
    ) -> Self {
        self.cluster = Some(Common { cluster, secret, found });
        self
    }

    /// Where the peer of a connection is found among the extensions of a request; by default in
    /// [`crate::client_ip::Peer`].
    ///
    /// ```
    /// use std::net::SocketAddr;
    /// use axum::extract::ConnectInfo;
    ///
    /// let settings = pinfold::audit::AuditSettings::default()
    ///     .with_peer(|extensions| extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip()));
    /// ```
    pub fn with_peer(mut self, peer: fn(&Extensions) -> Option<IpAddr>) -> Self {
        self.peer = Some(peer);
        self
    }
}

/// The operating system gave no randomness, without which there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRandomness;

impl fmt::Display for NoRandomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the operating system gave no randomness for a key")
    }
}

impl std::error::Error for NoRandomness {}
