//! Visits without visitors: one byte in the browser, from which visits can be counted and nobody told from anybody else. Pure.

use http::HeaderMap;
use http::header::COOKIE;

use super::ledger::VisitCell;
use crate::time::CivilDate;

/// A visitor who was not here for more than so many civil days is new.
const RECENT: u8 = 30;

/// How long a browser keeps a footprint, in seconds: a day longer, so that it is there until the end of the thirtieth day.
pub(super) const KEPT: i64 = 31 * 86_400;

/// How many pages one step stands for, but for the last, which has no end: 1, 2, 3, 4-5, 6-10, 11-20, 21-50, 51 and more.
const WIDTHS: [u32; 7] = [1, 1, 1, 2, 5, 10, 30];

/// So many visitors must share a value before it says how many pages they have seen.
const CROWD: u32 = 50;

/// The day of the last visit, modulo 32, and how many pages of that day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Footprint(u8);

impl Footprint {
    /// The first page of a day.
    fn first(day: CivilDate) -> Self {
        Self(day_bits(day) << 3)
    }

    fn step(self) -> u8 {
        self.0 & 7
    }

    fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// How many days ago that was, 0 to 31.
    fn age(self, today: CivilDate) -> u8 {
        day_bits(today).wrapping_sub(self.0 >> 3) & 31
    }

    /// Reads two lower-case hexadecimal digits.
    fn parse(value: &[u8]) -> Option<Self> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let [high, low] = *value else { return None };
        Some(Self(digit(high)? << 4 | digit(low)?))
    }

    pub(super) fn text(self) -> String {
        format!("{:02x}", self.0)
    }
}

fn day_bits(day: CivilDate) -> u8 {
    // Below 32, whatever the day.
    day.days().rem_euclid(32) as u8
}

/// What a browser holds under the name of the footprint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Held {
    /// Nothing.
    #[default]
    Nothing,
    /// Something that is no footprint, or more than one.
    Nonsense,
    /// A footprint.
    One(Footprint),
}

impl Held {
    pub(super) fn of(headers: &HeaderMap, name: &str) -> Self {
        let pairs = headers
            .get_all(COOKIE)
            .into_iter()
            .flat_map(|field| field.as_bytes().split(|&byte| byte == b';'));
        let mut found = pairs.filter_map(|pair| {
            let pair = pair.trim_ascii();
            pair.strip_prefix(name.as_bytes())?.strip_prefix(b"=")
        });
        match (found.next(), found.next()) {
            (None, _) => Self::Nothing,
            (Some(value), None) => Footprint::parse(value).map_or(Self::Nonsense, Self::One),
            (Some(_), Some(_)) => Self::Nonsense,
        }
    }
}

/// From where a visitor came to a page, as the browser says (W3C Fetch Metadata).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum CameFrom {
    /// Another page of this site; or the browser does not say.
    #[default]
    Within,
    /// Anywhere else.
    Outside,
}

/// What a page view adds to the count of visits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// The one count that moves, if any does.
    pub(super) cell: Option<VisitCell>,
    /// What the browser holds from now on, where that is something new.
    pub(super) leaves: Option<Footprint>,
}

/// Counts a page view of somebody who allows it. `draw` is true once in so many times.
pub(super) fn tread(
    held: Held,
    from: CameFrom,
    today: CivilDate,
    depth: &mut Depth,
    draw: impl FnOnce(u32) -> bool,
) -> Step {
    let begins = |depth: &mut Depth, cell| {
        depth.begin(today);
        Step { cell: Some(cell), leaves: Some(Footprint::first(today)) }
    };
    let stays = |cell| Step { cell, leaves: None };
    let footprint = match (held, from) {
        (Held::One(footprint), _) => footprint,
        (Held::Nothing | Held::Nonsense, CameFrom::Outside) => return begins(depth, VisitCell::New),
        // A browser that keeps no cookie would begin a visit with every page.
        (Held::Nothing | Held::Nonsense, CameFrom::Within) => return stays(Some(VisitCell::Uncounted)),
    };
    match footprint.age(today) {
        0 => {}
        days @ 1..=RECENT => return begins(depth, VisitCell::Returning(days)),
        // A day too old, or a day ahead.
        _ => return begins(depth, VisitCell::New),
    }
    let step = footprint.step();
    let Some(width) = WIDTHS.get(usize::from(step)) else { return stays(Some(VisitCell::Further)) };
    if !depth.opens(today, step) {
        return stays(Some(VisitCell::Further));
    }
    // Counting by chance needs no more room than the step itself (Morris, Communications of the ACM 21(10), 1978).
    if *width > 1 && !draw(*width) {
        return stays(None);
    }
    depth.reach(step + 1);
    Step { cell: Some(VisitCell::Reached(step + 2)), leaves: Some(footprint.next()) }
}

/// Which steps of today are trodden by enough visitors to be told apart in a cookie. In memory alone.
#[derive(Debug, Default)]
pub(super) struct Depth {
    /// Nothing before the first page view.
    day: Option<CivilDate>,
    /// How many visits have come as far as each step.
    reached: [u32; WIDTHS.len() + 1],
    /// How many page views there were from each step on.
    tried: [u32; WIDTHS.len()],
}

impl Depth {
    fn begin(&mut self, today: CivilDate) {
        self.turn(today);
        self.reach(0);
    }

    fn reach(&mut self, step: u8) {
        if let Some(reached) = self.reached.get_mut(usize::from(step)) {
            *reached = reached.saturating_add(1);
        }
    }

    /// Whether the step after this one may be told. Each try counts.
    fn opens(&mut self, today: CivilDate, step: u8) -> bool {
        self.turn(today);
        let step = usize::from(step);
        let Some(tried) = self.tried.get_mut(step) else { return false };
        *tried = tried.saturating_add(1);
        *tried > CROWD && self.reached[step] >= CROWD
    }

    fn turn(&mut self, today: CivilDate) {
        if self.day != Some(today) {
            *self = Self { day: Some(today), ..Self::default() };
        }
    }
}

/// How many page views stand behind what was counted: visits began with one, each step stands for the pages before it, and what
/// was left out of steps counts for itself.
///
/// Exact for visits of up to four pages and beyond fifty; between them some visits are counted high and as many low.
pub fn pages_of(visits: u64, reached: impl Fn(u8) -> u64, further: u64) -> u64 {
    let steps = (2..).zip(WIDTHS).map(|(step, width)| reached(step) * u64::from(width));
    visits + steps.sum::<u64>() + further
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const TODAY: CivilDate = CivilDate::from_days(20_781);

    fn held(text: &str) -> Held {
        let mut headers = HeaderMap::new();
        text.lines().for_each(|line| {
            headers.append(COOKIE, line.parse().unwrap());
        });
        Held::of(&headers, "__Host-pinfold-visit")
    }

    fn day(days: i32) -> CivilDate {
        CivilDate::from_days(TODAY.days() + days)
    }

    /// A town in which every step is trodden.
    fn trodden() -> Depth {
        Depth { day: Some(TODAY), reached: [CROWD; 8], tried: [CROWD; 7] }
    }

    #[test]
    fn there_are_256_values_and_every_one_is_read_as_it_was_written() {
        let all: BTreeSet<String> = (0..=255).map(|byte| Footprint(byte).text()).collect();
        assert_eq!(all.len(), 256);
        for text in &all {
            assert_eq!(Footprint::parse(text.as_bytes()).unwrap().text(), *text);
        }
        for text in ["", "0", "000", "0g", "0A", " 00", "+1", "\u{e9}"] {
            assert_eq!(Footprint::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn what_a_browser_holds() {
        for (fields, expected) in [
            ("", Held::Nothing),
            ("a=1; b=2", Held::Nothing),
            ("__Host-pinfold-visit2=00", Held::Nothing),
            ("x__Host-pinfold-visit=00", Held::Nothing),
            ("__Host-pinfold-visit=a8", Held::One(Footprint(0xa8))),
            ("a=1;__Host-pinfold-visit=a8 ; b=2", Held::One(Footprint(0xa8))),
            ("a=1\n__Host-pinfold-visit=a8", Held::One(Footprint(0xa8))),
            ("__Host-pinfold-visit=a8; __Host-pinfold-visit=a8", Held::Nonsense),
            ("__Host-pinfold-visit=\"a8\"", Held::Nonsense),
            ("__Host-pinfold-visit=", Held::Nonsense),
            ("__Host-pinfold-visit=123e4567-e89b-12d3-a456-426614174000", Held::Nonsense),
        ] {
            assert_eq!(held(fields), expected, "{fields}");
        }
    }

    #[test]
    fn a_visit_is_new_or_returns_after_so_many_days() {
        for (before, expected) in [
            (1, VisitCell::Returning(1)),
            (7, VisitCell::Returning(7)),
            (30, VisitCell::Returning(30)),
            (31, VisitCell::New),
            // The clock went back a day: nobody can tell.
            (-1, VisitCell::New),
        ] {
            let held = Held::One(Footprint::first(day(-before)));
            let step = tread(held, CameFrom::Within, TODAY, &mut Depth::default(), |_| false);
            assert_eq!(
                step,
                Step { cell: Some(expected), leaves: Some(Footprint::first(TODAY)) },
                "{before}"
            );
        }
        for held in [Held::Nothing, Held::Nonsense] {
            let outside = tread(held, CameFrom::Outside, TODAY, &mut Depth::default(), |_| false);
            assert_eq!(outside.cell, Some(VisitCell::New));
            let within = tread(held, CameFrom::Within, TODAY, &mut Depth::default(), |_| false);
            assert_eq!(within, Step { cell: Some(VisitCell::Uncounted), leaves: None });
        }
    }

    #[test]
    fn depth_is_left_out_until_a_crowd_has_come_as_far() {
        let mut depth = Depth::default();
        let first = Held::One(Footprint::first(TODAY));
        for _ in 0..CROWD {
            let step = tread(first, CameFrom::Within, TODAY, &mut depth, |_| true);
            assert_eq!(step, Step { cell: Some(VisitCell::Further), leaves: None });
        }
        // Many pages of few visitors are no crowd.
        assert_eq!(tread(first, CameFrom::Within, TODAY, &mut depth, |_| true).leaves, None);
        for _ in 0..CROWD {
            tread(Held::Nothing, CameFrom::Outside, TODAY, &mut depth, |_| true);
        }
        let step = tread(first, CameFrom::Within, TODAY, &mut depth, |_| true);
        assert_eq!((step.cell, step.leaves), (Some(VisitCell::Reached(2)), Some(first_next())));
        // Of the step after it nothing is told yet.
        let second = Held::One(first_next());
        assert_eq!(tread(second, CameFrom::Within, TODAY, &mut depth, |_| true).leaves, None);
        // Another day begins anew.
        let tomorrow = Held::One(Footprint::first(day(1)));
        assert_eq!(tread(tomorrow, CameFrom::Within, day(1), &mut depth, |_| true).leaves, None);
    }

    fn first_next() -> Footprint {
        Footprint::first(TODAY).next()
    }

    #[test]
    fn steps_stand_for_the_pages_before_them() {
        let mut pages = 1;
        let mut footprint = Footprint::first(TODAY);
        let mut widths = Vec::new();
        while footprint.step() < 7 {
            let mut width = 1;
            let step = tread(Held::One(footprint), CameFrom::Within, TODAY, &mut trodden(), |times| {
                width = times;
                true
            });
            widths.push(width);
            pages += width;
            assert_eq!(step.cell, Some(VisitCell::Reached(footprint.step() + 2)));
            footprint = step.leaves.unwrap();
        }
        assert_eq!((pages, widths), (51, WIDTHS.to_vec()));
        // The last step has no end: what comes after it is counted page by page.
        let last = tread(Held::One(footprint), CameFrom::Within, TODAY, &mut trodden(), |_| true);
        assert_eq!(last, Step { cell: Some(VisitCell::Further), leaves: None });
        assert_eq!(pages_of(1, |_| 1, 9), 60);
    }

    /// A million requests that hold whatever their sender likes.
    #[test]
    fn a_forged_footprint_moves_one_cell_at_most() {
        let (mut depth, mut counted) = (Depth::default(), 0_u64);
        for number in 0..1_000_000_u32 {
            let held = match number % 3 {
                0 => Held::One(Footprint((number >> 2) as u8)),
                1 => Held::Nonsense,
                _ => Held::Nothing,
            };
            let from = if number % 2 == 0 { CameFrom::Outside } else { CameFrom::Within };
            let step = tread(held, from, TODAY, &mut depth, |times| number % times == 0);
            counted += u64::from(step.cell.is_some());
            assert!(step.leaves.is_none_or(|left| left.age(TODAY) == 0));
        }
        assert!(counted <= 1_000_000);
    }
}
