//! Browsers, devices and robots, by what they call themselves: families alone.

use std::cell::RefCell;
use std::hash::BuildHasher as _;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use foldhash::quality::RandomState;

use super::marks::{DESKTOP, MARKS, Mark, NAMELESS, OTHER, PROGRAM, WINDOWLESS};
use crate::lately::Lately;

/// Of whom a log does not tell.
const UNKNOWN: &str = "(unknown)";

/// Who asks for a page, as far as `User-Agent` (RFC 9110 section 10.1.5) is looked at. The field itself goes nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Agent {
    /// Somebody, with a family of browsers on a class of devices.
    Person { browser: &'static str, device: &'static str },
    /// A program that nobody sits in front of.
    Robot(&'static str),
}

impl Agent {
    /// Nobody knows who.
    pub(super) const UNKNOWN: Self = Self::Person { browser: UNKNOWN, device: UNKNOWN };

    /// Who calls themselves so. Whoever calls themselves nothing is a robot: every browser has a name.
    pub(super) fn of(field: &[u8]) -> Self {
        let hash = KEY.hash_one(field);
        MET.with_borrow_mut(|met| {
            if let Some(agent) = met.get(hash) {
                return *agent;
            }
            let agent = Self::read(field);
            met.put(hash, agent);
            agent
        })
    }

    fn read(field: &[u8]) -> Self {
        if field.is_empty() {
            return Self::Robot(NAMELESS);
        }
        // In each list what stands first counts.
        let (mut robot, mut browser, mut device) = (None, None, None);
        let take_first = |first: &mut Option<usize>, place: usize| {
            *first = Some(first.map_or(place, |first| first.min(place)));
        };
        for found in FINDER.iter().flat_map(|finder| finder.find_iter(field)) {
            let place = found.pattern().as_usize();
            match MARKS[place].1 {
                Mark::Robot(_) => take_first(&mut robot, place),
                Mark::Browser(_) => take_first(&mut browser, place),
                Mark::Device(_) => take_first(&mut device, place),
                Mark::BrowserOn(..) => {
                    take_first(&mut browser, place);
                    take_first(&mut device, place);
                }
                Mark::Nothing => {}
            }
        }
        if let Some(Mark::Robot(name)) = robot.map(|place| MARKS[place].1) {
            return Self::Robot(name);
        }
        let browser = match browser.map(|place| MARKS[place].1) {
            Some(Mark::Browser(name) | Mark::BrowserOn(name, _)) => name,
            _ => OTHER,
        };
        let device = match device.map(|place| MARKS[place].1) {
            Some(Mark::Device(class) | Mark::BrowserOn(_, class)) => class,
            _ => OTHER,
        };
        Self::Person { browser, device }
    }

    /// Who calls themselves so and says what they fetch for, as browsers do (W3C Fetch Metadata). A program that drives a browser, or
    /// passes for one, is counted as what it shows: its name is the first thing that it would change.
    pub(super) fn of_browser(field: &[u8]) -> Self {
        match Self::of(field) {
            Self::Robot(PROGRAM | NAMELESS) => Self::UNKNOWN,
            Self::Robot(WINDOWLESS) => Self::Person { browser: "Chrome", device: DESKTOP },
            agent => agent,
        }
    }

    pub(super) fn is_robot(self) -> bool {
        matches!(self, Self::Robot(_))
    }
}

thread_local! {
    /// Those whom a thread met lately: browsers are few, and each asks again and again. What they call themselves is not kept, but a
    /// hash of it that nobody can foresee.
    static MET: RefCell<Lately<Agent, 128>> = const { RefCell::new(Lately::new()) };
}

static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// Every mark at once: a field is read through a single time, whatever the number of marks.
static FINDER: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let built = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostFirst)
        .build(MARKS.iter().map(|(mark, _)| mark));
    built.ok()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_behaves_as_a_browser_is_counted_as_one() {
        let headless = b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36";
        for field in [&headless[..], b"curl/8.5.0", b""] {
            assert!(Agent::of(field).is_robot());
            assert!(!Agent::of_browser(field).is_robot());
        }
        assert!(
            Agent::of_browser(b"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)")
                .is_robot()
        );
    }

    #[test]
    fn people_by_browser_and_device() {
        for (agent, browser, device) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
                "Chrome",
                "desktop",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
                "Edge",
                "desktop",
            ),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox", "desktop"),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
                "Chrome",
                "desktop",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
                "Safari",
                "desktop",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
                "Safari",
                "phone",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0.0.0 Mobile/15E148 Safari/604.1",
                "Chrome",
                "phone",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/144.0 Mobile/15E148 Safari/605.1.15",
                "Firefox",
                "phone",
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.7 Mobile/15E148 Safari/604.1",
                "Safari",
                "tablet",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
                "Chrome",
                "phone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
                "Chrome",
                "tablet",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
                "Samsung Internet",
                "phone",
            ),
            ("Mozilla/5.0 (Android 15; Mobile; rv:144.0) Gecko/144.0 Firefox/144.0", "Firefox", "phone"),
            ("Mozilla/5.0 (Android 15; Tablet; rv:144.0) Gecko/144.0 Firefox/144.0", "Firefox", "tablet"),
            (
                "Mozilla/5.0 (Linux; Android 9; CUBOT X18 Plus) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0 Mobile Safari/537.36",
                "Chrome",
                "phone",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 OPR/124.0.0.0",
                "Opera",
                "desktop",
            ),
            (
                "Opera/9.80 (J2ME/MIDP; Opera Mini/7.1.32052/34.1244; U; en) Presto/2.8.119 Version/11.10",
                "Opera",
                "phone",
            ),
            (
                "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; Tablet PC 2.0; rv:11.0) like Gecko",
                "Internet Explorer",
                "desktop",
            ),
            (
                "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0)",
                "Internet Explorer",
                "desktop",
            ),
            (
                "Mozilla/5.0 (Linux; Android 11; KFTRWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/130.1 like Chrome/130.0 Safari/537.36",
                "Silk",
                "tablet",
            ),
            (
                "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/94.0 Safari/537.36",
                "Chrome",
                "television",
            ),
            (
                "Mozilla/5.0 (PlayStation; PlayStation 5/2.26) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.0 Safari/605.1.15",
                "Safari",
                "console",
            ),
            ("Lynx/2.9.0dev.12 SSL-MM/1.4.1 GNUTLS/3.7.8", "Lynx", "(other)"),
            ("something new", "(other)", "(other)"),
        ] {
            assert_eq!(Agent::of(agent.as_bytes()), Agent::Person { browser, device }, "{agent}");
        }
    }

    #[test]
    fn robots_by_name_and_by_what_they_say() {
        for (agent, name) in [
            (
                "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
                "Googlebot",
            ),
            (
                "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0 Safari/537.36",
                "Bingbot",
            ),
            (
                "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.3; +https://openai.com/gptbot)",
                "GPTBot",
            ),
            ("Mozilla/5.0 (compatible; YandexImages/3.0; +http://yandex.com/bots)", "Yandex"),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0 Safari/537.36",
                "browser without a window",
            ),
            ("bl.uk_ldfc_bot/3.4.0 (+https://www.bl.uk/legal-deposit-web-archiving)", "UK Web Archive"),
            ("curl/8.5.0", "program or library"),
            ("python-requests/2.32.3", "program or library"),
            ("Tiny Tiny RSS/1.11 (http://tt-rss.org/)", "feed reader"),
            ("NewThing/1.0 (+https://example.org/about)", "(other)"),
            ("NEWCRAWLER", "(other)"),
            ("", "(no name)"),
        ] {
            assert_eq!(Agent::of(agent.as_bytes()), Agent::Robot(name), "{agent}");
        }
        assert!(!Agent::of(&[0xff; 4096]).is_robot());
    }
}
