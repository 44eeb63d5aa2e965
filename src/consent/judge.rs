use super::decision::Standing;
use super::outcome::{Action, CookieSubject};
use super::own::is_own;
use super::policy::{Mode, Policy, Undeclared};
use super::recall::Recall;
use super::seen::SeenRules;
use super::token;
use super::undeclared::UndeclaredNames;
use super::values::CookieValues;

/// Everything by which a cookie is judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judge<'a> {
    pub(super) policy: &'a Policy,
    pub(super) standing: Standing,
    pub(super) undeclared: &'a UndeclaredNames,
    pub(super) seen: &'a SeenRules,
    /// Where values are counted, if they are.
    pub(super) values: Option<&'a CookieValues>,
    pub(super) recall: &'a Recall,
}

impl Judge<'_> {
    /// What becomes of a cookie of this name, which is a token. `number_of` finds the number of a name that no rule declares.
    pub(super) fn verdict(
        &self,
        name: &[u8],
        number_of: impl FnOnce(&UndeclaredNames) -> Option<u16>,
    ) -> (CookieSubject, Action) {
        // A rule such as `__Host-*` would let our own names through, and the site could write the visitor's decision.
        if is_own(name) {
            return (CookieSubject::Own, Action::Withheld);
        }
        match self.policy.register().find_token(name) {
            Some((number, needed)) => {
                (CookieSubject::Rule(number), self.action(self.standing.granted.holds(needed)))
            }
            None => {
                let subject = CookieSubject::Undeclared(number_of(self.undeclared));
                (subject, self.action(self.policy.undeclared() == Undeclared::Pass))
            }
        }
    }

    /// Whether a cookie is held under this name, which a server made of the one that was written. A name that no rule
    /// declares is not: it may be how a server spells a declared one.
    pub(super) fn withholds_reading(&self, name: &[u8]) -> bool {
        let rule = self.policy.register().find_token(token::leading(name).0);
        is_own(name) || rule.is_some_and(|(_, needed)| !self.standing.granted.holds(needed))
    }

    /// What becomes of a cookie that servers read in different ways: nobody can have agreed to it.
    pub(super) fn on_malformed(&self) -> (CookieSubject, Action) {
        (CookieSubject::Malformed, self.action(false))
    }

    fn action(&self, allowed: bool) -> Action {
        match (allowed, self.policy.mode()) {
            (true, _) => Action::Passed,
            (false, Mode::Enforce) => Action::Withheld,
            (false, Mode::Report) => Action::WouldWithhold,
        }
    }
}
