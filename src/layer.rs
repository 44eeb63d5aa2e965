use std::sync::Arc;

use tower_layer::Layer;

use crate::audit::{Audit, AuditHandle, AuditLayer, AuditSettings, Background, NoRandomness, Sink};
use crate::consent::{ConsentManager, ConsentManagerLayer, Policy};
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
