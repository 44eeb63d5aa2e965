use super::decision::ChoiceState;

/// What the consent layer did with one request and its response: facts without values, for an audit to count.
///
/// It rides on the body of the response ([`super::ResponseBody::outcome`]), because an extension would
/// cost two allocations on every response.
#[derive(Debug, Clone, Default)]
pub struct ConsentOutcome {
    pub(super) state: Option<ChoiceState>,
    pub(super) deeds: Deeds,
    pub(super) asked: bool,
    pub(super) choice: Option<Box<Choice>>,
}

impl ConsentOutcome {
    /// Whether the visitor had chosen, before this request. `None` on a response that the layer never judged.
    pub fn state(&self) -> Option<ChoiceState> {
        self.state
    }

    /// What was done with each cookie, in both directions.
    pub fn deeds(&self) -> &[Deed] {
        self.deeds.as_slice()
    }

    /// Whether an undecided visitor was asked.
    pub fn asked(&self) -> bool {
        self.asked
    }

    /// The choice that this request made.
    pub fn choice(&self) -> Option<&Choice> {
        self.choice.as_deref()
    }
}

/// A choice, counted by purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Choice {
    /// The fingerprint of the policy that was answered.
    pub policy: String,
    /// One event for each purpose that was answered, by the purpose's id.
    pub events: Vec<(String, ConsentEvent)>,
}

impl Choice {
    pub(super) fn new(policy: String, events: Vec<(String, ConsentEvent)>) -> Self {
        Self { policy, events }
    }
}

/// What a visitor did about a purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ConsentEvent {
    /// Agreed, for the first time or again.
    Accepted,
    /// Was asked.
    Asked,
    /// Agreed after having refused.
    Changed,
    /// Refused, for the first time or again.
    Rejected,
    /// Refused by the signal of the browser, with no choice made.
    Signalled,
    /// Refused after having agreed.
    Withdrawn,
}

impl ConsentEvent {
    /// Every event, in order.
    pub const ALL: [Self; 6] =
        [Self::Accepted, Self::Asked, Self::Changed, Self::Rejected, Self::Signalled, Self::Withdrawn];

    /// The name used in ledgers and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Asked => "asked",
            Self::Changed => "changed",
            Self::Rejected => "rejected",
            Self::Signalled => "gpc",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// What an answer is, given the answer before.
    pub(super) fn of_answer(before: Option<bool>, now: bool) -> Self {
        match (before, now) {
            (Some(false), true) => Self::Changed,
            (_, true) => Self::Accepted,
            (Some(true), false) => Self::Withdrawn,
            (_, false) => Self::Rejected,
        }
    }
}

/// What was done with one cookie in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Deed {
    /// Which cookie.
    pub subject: CookieSubject,
    /// Which way it went.
    pub direction: Direction,
    /// What was done.
    pub action: Action,
}

impl Deed {
    pub(super) fn new(subject: CookieSubject, direction: Direction, action: Action) -> Self {
        Self { subject, direction, action }
    }
}

/// A cookie, named without its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CookieSubject {
    /// It has no name, or one that no server reads in the same way as another.
    Malformed,
    /// It is one of Pinfold's own.
    Own,
    /// The rule of this number in [`super::CookieRegister::rules`].
    Rule(u16),
    /// No rule names it. The number refers to [`super::UndeclaredNames`], if the site has set it and there was room.
    Undeclared(Option<u16>),
}

/// Which way a cookie went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Direction {
    /// In `Cookie`, from the visitor to the site.
    Request,
    /// In `Set-Cookie`, from the site to the visitor.
    Response,
}

impl Direction {
    /// The name used in ledgers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

/// What was done with a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Action {
    /// It passed, byte for byte.
    Passed,
    /// It was held.
    Withheld,
    /// It passed, because the policy only reports; it would have been held.
    WouldWithhold,
}

impl Action {
    /// Every action, in order.
    pub const ALL: [Self; 3] = [Self::Passed, Self::Withheld, Self::WouldWithhold];

    /// The name used in ledgers and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Withheld => "withheld",
            Self::WouldWithhold => "would-withhold",
        }
    }
}

/// A list of deeds that needs no allocation for an ordinary request.
#[derive(Debug, Clone)]
pub(super) struct Deeds {
    first: [Deed; Self::INLINE],
    count: usize,
    /// All of them, once there are more than fit.
    spilled: Vec<Deed>,
}

impl Deeds {
    const INLINE: usize = 16;

    pub(super) fn push(&mut self, deed: Deed) {
        if self.count < Self::INLINE {
            self.first[self.count] = deed;
        } else {
            if self.count == Self::INLINE {
                self.spilled.extend_from_slice(&self.first);
            }
            self.spilled.push(deed);
        }
        self.count += 1;
    }

    pub(super) fn as_slice(&self) -> &[Deed] {
        if self.count <= Self::INLINE { &self.first[..self.count] } else { &self.spilled }
    }
}

impl Default for Deeds {
    fn default() -> Self {
        let blank = Deed::new(CookieSubject::Malformed, Direction::Request, Action::Passed);
        Self { first: [blank; Self::INLINE], count: 0, spilled: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deeds_keep_their_order_past_the_inline_bound() {
        let mut deeds = Deeds::default();
        for number in 0..40 {
            assert_eq!(deeds.as_slice().len(), usize::from(number));
            deeds.push(Deed::new(CookieSubject::Rule(number), Direction::Request, Action::Passed));
        }
        let numbers: Vec<_> = deeds.as_slice().iter().map(|deed| deed.subject).collect();
        assert_eq!(numbers, (0..40).map(CookieSubject::Rule).collect::<Vec<_>>());
    }
}
