use super::decision::{ChoiceState, Standing};
use super::policy::Policy;

/// What the visitor behind a request allows: a request extension for handlers behind the layer.
///
/// ```
/// use pinfold::consent::Consent;
///
/// fn wants_statistics<B>(request: &http::Request<B>) -> bool {
///     request.extensions().get::<Consent>().is_some_and(|consent| consent.allows("statistics"))
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Consent {
    policy: Policy,
    standing: Standing,
}

impl Consent {
    pub(super) fn new(policy: Policy, standing: Standing) -> Self {
        Self { policy, standing }
    }

    /// Whether cookies for the purpose of this id are allowed. A purpose that is not declared never is.
    pub fn allows(&self, purpose: &str) -> bool {
        self.policy.bit_of(purpose).is_some_and(|bit| self.standing.granted.has(bit))
    }

    /// Whether the visitor has chosen.
    pub fn state(&self) -> ChoiceState {
        self.standing.state
    }
}
