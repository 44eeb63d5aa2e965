use std::sync::Arc;

use tower_layer::Layer;

use crate::audit::{Audit, AuditHandle, AuditLayer, AuditSettings, Background, NoRandomness, Sink};
use crate::consent::{ConsentManager, ConsentManagerLayer, Policy};
use crate::error::ConfigError;
use crate::time::{Calendar, Timer};

/// Audit outside, consent inside, the site in the middle: the only order in which both are right.
///
/// ```text
///            address -> pseudonym      cookies held
/// visitor  ->  Audit  ->  ConsentManager  ->  site
///          <-         <-                  <-
///            counts             Set-Cookie held
/// ```
///
/// Put compression outside this layer and sessions inside it.
#[derive(Debug, Clone)]
#[must_use]
pub struct PinfoldLayer {
    audit: AuditLayer,
    consent: ConsentManagerLayer,
}

/// A service behind a [`PinfoldLayer`].
pub type Pinfold<S> = Audit<ConsentManager<S>>;

impl PinfoldLayer {
    /// A layer that enforces `policy` and writes its ledgers to `sink`, and the work to spawn beside it.
    ///
    /// # Errors
    ///
    /// Where the operating system gives no randomness for a key.
    pub fn new(
        policy: Policy,
        calendar: Calendar,
        sink: impl Sink,
        timer: impl Timer,
    ) -> Result<(Self, Background), NoRandomness> {
        let consent = ConsentManagerLayer::new(policy, calendar);
        Self::of(consent, Arc::new(sink), Arc::new(timer), AuditSettings::default())
    }

    /// A layer of parts that were set up one by one.
    ///
    /// # Errors
    ///
    /// Where the operating system gives no randomness for a key.
    pub fn of(
        consent: ConsentManagerLayer,
        sink: Arc<dyn Sink>,
        timer: Arc<dyn Timer>,
        settings: AuditSettings,
    ) -> Result<(Self, Background), NoRandomness> {
        let (audit, background) = AuditLayer::with_settings(&consent, sink, timer, settings)?;
        Ok((Self { audit, consent }, background))
    }

    /// The same under another policy, from now on: the same keys, blocks and totals, the same [`Background`], and decisions of before
    /// stand. Requests that are under way are finished, and counted, as they began.
    ///
    /// It is for services that are made of it, which take the place of those before: nothing else changes them.
    ///
    /// ```
    /// use pinfold::PinfoldLayer;
    /// use pinfold::audit::{AuditSettings, TracingSink};
    /// use pinfold::consent::{CookieRule, Policy};
    /// use pinfold::time::Calendar;
    ///
    /// let site = || Policy::builder("Example Borough Council", "https://www.example.gov.uk");
    /// let policy = site().build()?;
    /// let (layer, background) =
    ///     PinfoldLayer::new(policy.clone(), Calendar::named("Europe/London")?, TracingSink, tokio::time::sleep)?;
    ///
    /// // What visitors have answered before is told, so that their grants and refusals stand.
    /// let next = site()
    ///     .known_bits(policy.bits())
    ///     .known_policies([(policy.fingerprint(), policy.statement())])
    ///     .cookie(CookieRule::strictly_necessary("session"))
    ///     .build()?;
    /// let layer = layer.renewed(next, AuditSettings::default())?;
    /// # drop((layer, background));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Where the policy is that of another site: see [`AuditLayer::renewed`].
    pub fn renewed(&self, policy: Policy, settings: AuditSettings) -> Result<Self, ConfigError> {
        let consent = self.consent.renewed(policy);
        let audit = self.audit.renewed(&consent, settings)?;
        Ok(Self { audit, consent })
    }

    /// A view of what is counted.
    pub fn handle(&self) -> AuditHandle {
        self.audit.handle()
    }
}

impl<S> Layer<S> for PinfoldLayer {
    type Service = Pinfold<S>;

    fn layer(&self, inner: S) -> Self::Service {
        self.audit.layer(self.consent.layer(inner))
    }
}
