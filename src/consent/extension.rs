use super::decision::{ChoiceState, Standing};
use super::policy::Policy;
use super::preference::Preferred;

/// What the visitor behind a request allows and prefers: a request extension for handlers behind the layer.
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
    preferred: Preferred,
}

/// Behind a [`crate::PinfoldLayer`] every request has one; without, the answer is 500 and says what is missing.
#[cfg(feature = "axum")]
impl<S: Send + Sync> axum_core::extract::FromRequestParts<S> for Consent {
    type Rejection = (http::StatusCode, &'static str);

    async fn from_request_parts(parts: &mut http::request::Parts, _: &S) -> Result<Self, Self::Rejection> {
        let missing = "Can't extract consent. Is `PinfoldLayer` enabled?";
        parts.extensions.get().cloned().ok_or((http::StatusCode::INTERNAL_SERVER_ERROR, missing))
    }
}

impl Consent {
    pub(super) fn new(policy: Policy, standing: Standing, preferred: Preferred) -> Self {
        Self { policy, standing, preferred }
    }

    /// Whether cookies for the purpose of this id are allowed. A purpose that is not declared never is.
    pub fn allows(&self, purpose: &str) -> bool {
        self.policy.bit_of(purpose).is_some_and(|bit| self.standing.granted.has(bit))
    }

    /// What the visitor has chosen of the preference of this name, or its first value where they have chosen nothing. Nothing where
    /// no such preference is declared ([`super::PolicyBuilder::preference`]).
    ///
    /// An answer that differs by it must say so, in `Vary: Pinfold-Preference`, unless it is HTML or private.
    pub fn preference(&self, name: &str) -> Option<&str> {
        let place = self.policy.preferences().iter().position(|preference| preference.name() == name)?;
        let value = self.policy.offer()?.value_in(self.preferred, place);
        self.policy.preferences().get(place)?.values().get(value).map(String::as_str)
    }

    /// Whether the visitor has chosen.
    pub fn state(&self) -> ChoiceState {
        self.standing.state
    }
}
