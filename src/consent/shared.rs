use std::sync::Arc;

use super::policy::Policy;
use super::recall::Recall;
use super::seen::SeenRules;
use super::undeclared::UndeclaredNames;
use super::values::CookieValues;
use crate::time::{Calendar, Clock};

/// What the layer and all its services have in common.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) policy: Policy,
    pub(crate) calendar: Calendar,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) undeclared: Arc<UndeclaredNames>,
    pub(super) seen: Arc<SeenRules>,
    pub(crate) values: Arc<CookieValues>,
    pub(super) recall: Arc<Recall>,
    pub(super) tells_handlers: bool,
}
