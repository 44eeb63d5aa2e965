use std::sync::Arc;

use tower_layer::Layer;

use super::policy::Policy;
use super::service::ConsentManager;
use super::shared::Shared;
use super::values::CookieValues;
use crate::time::{Calendar, Clock, SystemClock};

/// Puts a [`ConsentManager`] around a service.
#[derive(Debug, Clone)]
#[must_use]
pub struct ConsentManagerLayer(Shared);

impl ConsentManagerLayer {
    /// A layer that enforces `policy`, with months as in `calendar`.
    pub fn new(policy: Policy, calendar: Calendar) -> Self {
        let values = Arc::new(CookieValues::new(policy.register().rules().len()));
        Self(Shared {
            policy,
            calendar,
            clock: Arc::new(SystemClock::new()),
            undeclared: Arc::default(),
            seen: Arc::default(),
            values,
            recall: Arc::default(),
            tells_handlers: true,
        })
    }

    /// The same under another policy: what is known of the cookies of the site goes on. Calendar and clock stay.
    ///
    /// For the services that are made of it. Those made before go on as they were, so put the new ones in their place: what is under way is
    /// finished under the policy under which it began.
    pub fn renewed(&self, policy: Policy) -> Self {
        let Shared { calendar, clock, undeclared, tells_handlers, .. } = self.0.clone();
        let numbers = self.0.policy.register().numbers();
        let rules = policy.register().rules();
        let before = |place: usize| numbers.get(rules.get(place)?.pattern()).copied();
        let seen = Arc::new(self.0.seen.renewed(rules.len(), before));
        let values = Arc::new(self.0.values.renewed(rules.len(), before));
        // What was remembered is of the policy before.
        let recall = Arc::default();
        Self(Shared { policy, calendar, clock, undeclared, seen, values, recall, tells_handlers })
    }

    /// Takes the time from another clock.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.0.clock = clock;
        self
    }

    /// Whether requests carry [`super::Consent`] for handlers; by default they do. A proxy has no handlers and saves
    /// two allocations a request.
    pub fn with_consent_for_handlers(mut self, tells: bool) -> Self {
        self.0.tells_handlers = tells;
        self
    }

    /// What an audit around the same service goes by.
    pub(crate) fn shared(&self) -> &Shared {
        &self.0
    }
}

impl<S> Layer<S> for ConsentManagerLayer {
    type Service = ConsentManager<S>;

    fn layer(&self, inner: S) -> Self::Service {
        // A copy for each service: threads that each make their own share no reference count.
        ConsentManager::new(inner, Arc::new(self.0.clone()))
    }
}
