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

/// A list of deeds that needs no allocation for an ordinary request. It is moved often, so it is kept small.
#[derive(Debug, Clone)]
pub(super) enum Deeds {
    Few { count: u8, first: [Packed; Self::INLINE] },
    Many(Vec<Packed>),
}

impl Deeds {
    const INLINE: usize = 15;

    pub(super) fn push(&mut self, deed: Deed) {
        let packed = Packed::of(deed);
        match self {
            Self::Few { count, first } => match first.get_mut(usize::from(*count)) {
                Some(place) => {
                    *place = packed;
                    *count += 1;
                }
                None => *self = Self::Many(first.iter().copied().chain([packed]).collect()),
            },
            Self::Many(all) => all.push(packed),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Few { count, .. } => usize::from(*count),
            Self::Many(all) => all.len(),
        }
    }

    /// The actions of those from this place on.
    pub(super) fn actions_from(&self, place: usize) -> impl Iterator<Item = Action> {
        self.iter().skip(place).map(|deed| deed.action)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Deed> {
        let all = match self {
            Self::Few { count, first } => &first[..usize::from(*count)],
            Self::Many(all) => all,
        };
        all.iter().map(|packed| packed.deed())
    }
}

impl Default for Deeds {
    fn default() -> Self {
        Self::Few { count: 0, first: [Packed(0); Self::INLINE] }
    }
}

/// A deed in 32 bits: the number of its cookie in the lower half, above it eight bits for the kind of cookie, seven for
/// the action and one for the direction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packed(u32);

impl Packed {
    fn of(deed: Deed) -> Self {
        let (kind, number) = match deed.subject {
            CookieSubject::Malformed => (0, 0),
            CookieSubject::Own => (1, 0),
            CookieSubject::Undeclared(None) => (2, 0),
            CookieSubject::Undeclared(Some(number)) => (3, number),
            CookieSubject::Rule(number) => (4, number),
        };
        let direction = u32::from(deed.direction == Direction::Response);
        Self(u32::from(number) | kind << 16 | (deed.action as u32) << 24 | direction << 31)
    }

    fn deed(self) -> Deed {
        let number = self.0 as u16;
        let subject = match self.0 >> 16 & 0xff {
            0 => CookieSubject::Malformed,
            1 => CookieSubject::Own,
            2 => CookieSubject::Undeclared(None),
            3 => CookieSubject::Undeclared(Some(number)),
            _ => CookieSubject::Rule(number),
        };
        let direction = if self.0 >> 31 == 0 { Direction::Request } else { Direction::Response };
        let action = Action::ALL[(self.0 >> 24 & 0x7f) as usize % Action::ALL.len()];
        Deed { subject, direction, action }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deeds_keep_their_order_past_the_inline_bound() {
        let mut deeds = Deeds::default();
        for number in 0..40 {
            assert_eq!(deeds.iter().count(), usize::from(number));
            deeds.push(Deed::new(CookieSubject::Rule(number), Direction::Request, Action::Passed));
        }
        let numbers: Vec<_> = deeds.iter().map(|deed| deed.subject).collect();
        assert_eq!(numbers, (0..40).map(CookieSubject::Rule).collect::<Vec<_>>());
    }

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
