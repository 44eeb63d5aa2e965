use super::decision::ChoiceState;
use super::few::Few;
use super::undeclared::ROOM;

/// What the consent layer did with one request and its response: facts without values, for an audit to count.
///
/// It rides on the body of the response ([`super::ResponseBody::outcome`]), because an extension would
/// cost two allocations on every response.
#[derive(Debug, Clone, Default)]
pub struct ConsentOutcome {
    pub(super) state: Option<ChoiceState>,
    pub(super) deeds: Deeds,
    pub(super) asked: bool,
    pub(super) may_count: bool,
    pub(super) choice: Option<Box<Choice>>,
}

impl ConsentOutcome {
    /// That of a page of Pinfold's own.
    pub(super) fn of_page(state: ChoiceState, asked: bool, may_count: bool) -> Self {
        Self { state: Some(state), asked, may_count, ..Self::default() }
    }

    /// Whether the visitor had chosen, before this request. `None` on a response that the layer never judged.
    pub fn state(&self) -> Option<ChoiceState> {
        self.state
    }

    /// What was done with each cookie, in both directions.
    pub fn deeds(&self) -> impl Iterator<Item = Deed> {
        self.deeds.iter()
    }

    /// The same, by the places of cookies: where they are counted.
    pub(crate) fn counted(&self) -> impl Iterator<Item = (usize, Direction, Action)> {
        self.deeds.0.as_slice().iter().map(|deed| (deed.place(), deed.direction(), deed.action()))
    }

    /// Whether an undecided visitor was asked.
    pub fn asked(&self) -> bool {
        self.asked
    }

    /// Whether visits of this visitor may be counted by a footprint.
    pub fn may_count_visits(&self) -> bool {
        self.may_count
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

impl CookieSubject {
    /// Places of cookies without a rule: malformed, own, unnamed, and undeclared names.
    const WITHOUT_RULE: usize = 3 + ROOM;

    /// How many places there are where there are so many rules.
    pub(crate) const fn places(rules: usize) -> usize {
        Self::WITHOUT_RULE + rules
    }

    /// The place of a cookie in a list of all that are counted.
    #[inline]
    pub(crate) fn place(self) -> usize {
        match self {
            Self::Malformed => 0,
            Self::Own => 1,
            Self::Undeclared(None) => 2,
            Self::Undeclared(Some(number)) => 3 + usize::from(number),
            Self::Rule(number) => Self::WITHOUT_RULE + usize::from(number),
        }
    }

    /// The cookie at a place.
    pub(crate) fn at(place: usize) -> Self {
        let number = |first: usize| u16::try_from(place - first).unwrap_or(u16::MAX);
        match place {
            0 => Self::Malformed,
            1 => Self::Own,
            2 => Self::Undeclared(None),
            _ if place < Self::WITHOUT_RULE => Self::Undeclared(Some(number(3))),
            _ => Self::Rule(number(Self::WITHOUT_RULE)),
        }
    }
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
    /// The browser was told to remove it, because the visitor refuses it.
    Removed,
    /// It was held.
    Withheld,
    /// It passed, because the policy only reports; it would have been held.
    WouldWithhold,
}

impl Action {
    /// Every action, in order.
    pub const ALL: [Self; 4] = [Self::Passed, Self::Removed, Self::Withheld, Self::WouldWithhold];

    /// The name used in ledgers and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Removed => "removed",
            Self::Withheld => "withheld",
            Self::WouldWithhold => "would-withhold",
        }
    }
}

/// What was done, in order. It needs no allocation for an ordinary request, and is moved often, so it is kept small.
#[derive(Debug, Clone, Default)]
pub(super) struct Deeds(Few<Packed, 15>);

impl Deeds {
    #[inline]
    pub(super) fn push(&mut self, deed: Deed) {
        self.0.push(Packed::of(deed));
    }

    /// Whether there are no more than an ordinary request has.
    pub(super) fn is_short(&self) -> bool {
        self.0.is_inline()
    }

    pub(super) fn extend(&mut self, others: &Self) {
        others.0.as_slice().iter().for_each(|deed| self.0.push(*deed));
    }

    pub(super) fn len(&self) -> usize {
        self.0.as_slice().len()
    }

    /// The actions of those from this place on.
    pub(super) fn actions_from(&self, place: usize) -> impl Iterator<Item = Action> {
        self.0.as_slice()[place..].iter().map(|deed| deed.action())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Deed> {
        self.0.as_slice().iter().map(|packed| packed.deed())
    }
}

/// A deed in 32 bits, as it is counted: the place of its cookie, then one bit for the direction and two for the action.
#[derive(Debug, Clone, Copy, Default)]
struct Packed(u32);

impl Packed {
    #[inline]
    fn of(deed: Deed) -> Self {
        // There are no more than 2^16 rules, and few places besides.
        Self((deed.subject.place() as u32) << 3 | (deed.direction as u32) << 2 | deed.action as u32)
    }

    fn deed(self) -> Deed {
        Deed::new(CookieSubject::at(self.place()), self.direction(), self.action())
    }

    fn place(self) -> usize {
        (self.0 >> 3) as usize
    }

    fn direction(self) -> Direction {
        if self.0 & 4 == 0 { Direction::Request } else { Direction::Response }
    }

    fn action(self) -> Action {
        Action::ALL[(self.0 & 3) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_deed_is_unpacked_as_it_was() {
        for subject in [
            CookieSubject::Malformed,
            CookieSubject::Own,
            CookieSubject::Undeclared(None),
            CookieSubject::Undeclared(Some(255)),
            CookieSubject::Rule(0),
            CookieSubject::Rule(u16::MAX),
        ] {
            for direction in [Direction::Request, Direction::Response] {
                for action in Action::ALL {
                    let deed = Deed { subject, direction, action };
                    assert_eq!(Packed::of(deed).deed(), deed);
                }
            }
        }
    }

    #[test]
    fn an_outcome_stays_small() {
        assert!(size_of::<ConsentOutcome>() <= 80, "{}", size_of::<ConsentOutcome>());
    }
}
