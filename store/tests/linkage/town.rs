//! A day in a town: who asks its web site for what, and when.

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::dice::{Dice, Weighted};

/// The day is told in seconds since its midnight. Visits begin between these hours.
pub(crate) const OPENS: i64 = 6 * HOUR;
pub(crate) const ENDS: i64 = 23 * HOUR + 1_800;

pub(crate) const HOUR: i64 = 3_600;

/// How many visits begin in each hour from six o'clock, in proportion.
const BY_HOUR: [f64; 17] =
    [1.0, 2.0, 4.0, 7.0, 8.0, 8.0, 8.0, 7.0, 7.0, 6.0, 6.0, 5.0, 5.0, 5.0, 5.0, 4.0, 2.0];

/// After each page, as many of those who are there stay for another.
pub(crate) const STAYS: f64 = 0.68;

/// No visit has more pages.
pub(crate) const LONGEST: usize = 40;

/// A page has so many pictures and the like, each of which half of the browsers have already.
pub(crate) const PICTURES: usize = 2;

/// The thief's own address: he may visit the site himself.
pub(crate) const THIEF: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 66);

const PAGES: usize = 300;

/// So many pages are read by many in their first hour, and by nobody afterwards.
const NEWS: usize = 4;

/// Once on the day half of the pages fail for so long, in seconds.
const FAILS_FOR: i64 = 600;

const DEAD_LINKS: usize = 40;
const GATEWAYS: usize = 200;
const HOMES_IN_A_NETWORK: usize = 3;

/// One request.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) at: i64,
    pub(crate) from: Ipv4Addr,
    pub(crate) what: What,
    /// The visit that it is part of; none for pictures and the thief.
    pub(crate) visit: Option<usize>,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// A page, and the status of the answer.
    Page(Arc<str>, u16),
    Picture,
    /// Everything was agreed to, or refused.
    Choice(bool),
}

pub(crate) struct Town {
    /// In order of time.
    pub(crate) asked: Vec<Asked>,
    /// When the thief comes.
    pub(crate) until: i64,
}

impl Town {
    /// A day of so many visits, until a thief comes.
    ///
    /// A quarter of them comes over gateways of mobile networks, a tenth from places where many share an address (the council
    /// itself, libraries, schools), the rest from homes, a few of which share a network.
    pub(crate) fn of(visits: usize, seed: u64, until: i64) -> Self {
        let mut dice = Dice::new(seed);
        let site = Site::on_this_day(&mut dice);
        let mut asked = Vec::new();
        for visit in 0..visits {
            let starts = OPENS + HOUR * site.hours.draw(&mut dice) as i64 + dice.below(HOUR as usize) as i64;
            let from = address(visit, starts, &site, &mut dice);
            site.visit(visit, starts, from, &mut dice, &mut asked);
        }
        asked.extend(markers());
        asked.retain(|one| one.at < until);
        asked.sort_by_key(|one| one.at);
        Self { asked, until }
    }
}

struct Site {
    /// When each page was new.
    news: Vec<i64>,
    /// When the site failed.
    fails: i64,
    hours: Weighted,
    pages: Weighted,
    dead: Weighted,
    shared: Weighted,
    gateways: Weighted,
}

impl Site {
    fn on_this_day(dice: &mut Dice) -> Self {
        let mut at_work = || 9 * HOUR + dice.below(10 * HOUR as usize) as i64;
        Self {
            news: (0..NEWS).map(|_| at_work()).collect(),
            fails: at_work(),
            hours: Weighted::new(BY_HOUR),
            pages: Weighted::zipf(PAGES),
            dead: Weighted::zipf(DEAD_LINKS),
            shared: Weighted::zipf(12),
            gateways: Weighted::zipf(GATEWAYS),
        }
    }

    fn visit(&self, visit: usize, starts: i64, from: Ipv4Addr, dice: &mut Dice, asked: &mut Vec<Asked>) {
        let mut pages = 1;
        while pages < LONGEST && dice.happens(STAYS) {
            pages += 1;
        }
        // A planning application, for example: a few pages that nobody else asks for on that day.
        let rare = if pages >= 2 && dice.happens(0.15) { pages.min(3 + dice.below(3)) } else { 0 };
        let chooses_after = dice.happens(0.4).then(|| dice.below(pages));
        let news = self.news.iter().position(|new| (*new..new + HOUR).contains(&starts) && dice.happens(0.3));
        let mut at = starts;
        for page in 0..pages {
            let (path, status) = if page >= pages - rare {
                (format!("/planning/{}/{}", letters(visit), letters(page)), 200)
            } else if let Some(news) = news.filter(|_| page == 0) {
                (format!("/news/{}", letters(news)), 200)
            } else if dice.happens(0.03) {
                (format!("/old/{}", letters(self.dead.draw(dice))), 404)
            } else {
                (format!("/{}", letters(self.pages.draw(dice))), 200)
            };
            let fails = (self.fails..self.fails + FAILS_FOR).contains(&at) && dice.happens(0.5);
            let what = What::Page(path.into(), if fails { 503 } else { status });
            asked.push(Asked { at, from, what, visit: Some(visit) });
            let loaded = (0..PICTURES).filter(|_| dice.happens(0.5)).count();
            asked.extend((0..loaded).map(|_| Asked { at: at + 1, from, what: What::Picture, visit: None }));
            if chooses_after == Some(page) {
                let choice = What::Choice(dice.happens(0.55));
                asked.push(Asked { at: at + 5, from, what: choice, visit: Some(visit) });
            }
            at += 6 + dice.wait(40.0);
        }
    }
}

fn address(visit: usize, starts: i64, site: &Site, dice: &mut Dice) -> Ipv4Addr {
    let at_work = (8 * HOUR..18 * HOUR).contains(&starts);
    let place = dice.fraction();
    if place < 0.25 {
        let gateway = site.gateways.draw(dice);
        Ipv4Addr::new(82, 132, (gateway / 8) as u8, (gateway % 8) as u8)
    } else if place < 0.35 && at_work {
        Ipv4Addr::new(193, 63, site.shared.draw(dice) as u8, 1)
    } else {
        let network = visit / HOMES_IN_A_NETWORK;
        Ipv4Addr::new(86, (network >> 8) as u8, network as u8, (10 + visit % HOMES_IN_A_NETWORK) as u8)
    }
}

/// What the thief asks for himself, every minute: a page for each moment, and now and then one for each hour, as often as it
/// takes to be named. Where their rows lie tells him when the rows beside them were written.
fn markers() -> impl Iterator<Item = Asked> {
    (OPENS..ENDS).step_by(60).flat_map(|at| {
        let hourly = (at % 300 == 0).then(|| hour_marker_of(at));
        hourly.into_iter().chain([marker_of(at)]).map(move |route| Asked {
            at,
            from: THIEF,
            what: What::Page(route.into(), 200),
            visit: None,
        })
    })
}

/// The page that the thief asks for at a moment.
pub(crate) fn marker_of(at: i64) -> String {
    format!("/thief/{}", letters((at / 60) as usize))
}

/// The page that the thief asks for all through an hour.
pub(crate) fn hour_marker_of(at: i64) -> String {
    format!("/thief/hour/{}", letters((at / HOUR) as usize))
}

/// A number in letters, because figures do not survive in routes.
pub(crate) fn letters(mut number: usize) -> String {
    let mut text = String::new();
    for _ in 0..4 {
        text.push(char::from(b'a' + (number % 26) as u8));
        number /= 26;
    }
    text
}
