//! The words of the report, in English and Welsh, and how numbers and days are written.

use pinfold::consent::page::Language;
use pinfold::time::{CivilDate, CivilMonth};

/// `1,234`.
pub(super) fn number(count: i64) -> String {
    let digits = count.unsigned_abs().to_string();
    let mut text = String::from(if count < 0 { "-" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 November 2026`, from `2026-11-01`; `November 2026`, from `2026-11`; anything else as it is.
pub(super) fn date(language: Language, text: &str) -> String {
    let parts: Vec<&str> = text.split('-').collect();
    let (year, month, day) = match parts[..] {
        [year, month] => (year, month, None),
        [year, month, day] if CivilDate::parse(text).is_some() => (year, month, Some(day)),
        _ => return text.to_owned(),
    };
    let month =
        year.parse().ok().zip(month.parse().ok()).and_then(|(year, month)| CivilMonth::new(year, month));
    match (month.map(|month| language.month(month)), day) {
        (None, _) => text.to_owned(),
        (Some(month), None) => month,
        (Some(month), Some(day)) => format!("{} {month}", day.trim_start_matches('0')),
    }
}

/// Puts values in the places of `{}`, in order.
pub(crate) fn filled(text: &str, values: &[&str]) -> String {
    let mut parts = text.split("{}");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for (place, part) in parts.enumerate() {
        whole.push_str(values.get(place).copied().unwrap_or_default());
        whole.push_str(part);
    }
    whole
}

pub(crate) struct Words {
    pub(super) title: &'static str,
    pub(super) title_of_host: &'static str,
    pub(super) period: &'static str,
    pub(super) choose_period: &'static str,
    pub(super) last_days: &'static str,
    pub(crate) other_language: &'static str,
    pub(super) requests: &'static str,
    pub(crate) page_views: &'static str,
    pub(super) visits: &'static str,
    pub(super) new: &'static str,
    pub(super) returning: &'static str,
    pub(super) pages_per_visit: &'static str,
    pub(super) day: &'static str,
    pub(super) week: &'static str,
    pub(super) month: &'static str,
    pub(super) browsers_that_came: &'static str,
    pub(super) all_numbers: &'static str,
    pub(super) nothing: &'static str,
    pub(super) rest: &'static str,
    pub(super) share: &'static str,
    pub(super) traffic: &'static str,
    pub(super) traffic_finding: &'static str,
    pub(super) visits_note: &'static str,
    pub(super) visits_finding: &'static str,
    pub(super) uncounted_pages: &'static str,
    pub(super) shared_pages: &'static str,
    pub(super) pages: &'static str,
    pub(super) pages_note: &'static str,
    pub(super) pages_note_of_a_crowd: &'static str,
    pub(super) values_note: &'static str,
    pub(super) page: &'static str,
    pub(super) entries: &'static str,
    pub(super) entries_note: &'static str,
    pub(super) not_found: &'static str,
    pub(super) not_found_note: &'static str,
    pub(super) referrers: &'static str,
    pub(super) referrers_note: &'static str,
    pub(super) host: &'static str,
    pub(super) browsers: &'static str,
    pub(super) browsers_note: &'static str,
    pub(super) browser: &'static str,
    pub(super) devices: &'static str,
    pub(super) devices_note: &'static str,
    pub(super) device: &'static str,
    pub(super) robots: &'static str,
    pub(super) robots_note: &'static str,
    pub(super) robot: &'static str,
    pub(super) most: &'static str,
    pub(crate) choices: &'static str,
    pub(super) choices_note: &'static str,
    pub(super) questions: &'static str,
    pub(crate) purpose: &'static str,
    pub(crate) all_purposes: &'static str,
    pub(super) events: [(&'static str, &'static str); 6],
    pub(crate) cookies: &'static str,
    pub(super) cookies_note: &'static str,
    pub(super) undeclared_note: &'static str,
    pub(super) identifying_note: &'static str,
    pub(crate) cookie: &'static str,
    pub(super) undeclared: &'static str,
    pub(crate) direction: &'static str,
    pub(crate) action: &'static str,
    pub(crate) times: &'static str,
    pub(super) first_seen: &'static str,
    pub(super) last_seen: &'static str,
    pub(super) values: &'static str,
    pub(super) never_passed: &'static str,
    pub(super) names: [(&'static str, &'static str); 32],
    pub(super) versions: &'static str,
    pub(super) versions_note: &'static str,
    pub(super) from: &'static str,
    pub(super) to: &'static str,
    pub(super) now: &'static str,
    pub(super) addresses: &'static str,
    pub(super) addresses_note: &'static str,
    pub(super) addresses_column: &'static str,
    pub(super) between: &'static str,
    pub(super) keys: &'static str,
    pub(super) keys_note: &'static str,
    pub(super) epoch: &'static str,
    pub(super) made: &'static str,
    pub(super) destroyed: &'static str,
    pub(super) how: &'static str,
    pub(super) alive: &'static str,
    pub(super) method: &'static str,
    pub(super) method_text: [&'static str; 3],
    pub(super) small: &'static str,
    pub(super) written: &'static str,
}

impl Words {
    pub(crate) fn of(language: Language) -> &'static Self {
        match language {
            Language::Welsh => &WELSH,
            _ => &ENGLISH,
        }
    }

    /// Whether a pattern of the cookie ledger stands for Pinfold's own cookies.
    pub(crate) fn is_own(pattern: &str) -> bool {
        pattern == "(pinfold)"
    }

    /// What was done with a cookie. Our own are kept from the site by design, which is no fault of anybody's.
    pub(crate) fn action_on<'w>(&'w self, pattern: &str, action: &'w str) -> &'w str {
        if Self::is_own(pattern) { self.never_passed } else { self.name_of(action) }
    }

    /// What a word of the ledgers is called; any other is itself.
    pub(crate) fn name_of<'w>(&'w self, word: &'w str) -> &'w str {
        let mut all = self.events.iter().chain(&self.names);
        all.find(|(known, _)| *known == word).map_or(word, |(_, name)| name)
    }
}

static ENGLISH: Words = Words {
    title: "How the website of {} was used",
    title_of_host: "How {} was used",
    period: "{} to {}",
    choose_period: "Period",
    last_days: "Last {} days",
    other_language: "Cymraeg",
    requests: "Requests",
    page_views: "Page views",
    visits: "Visits",
    new: "New",
    returning: "Returning",
    pages_per_visit: "Pages for each visit",
    day: "Day",
    week: "Week from",
    month: "Month",
    browsers_that_came: "Browsers that came at least once",
    all_numbers: "All the numbers",
    nothing: "Nothing has been recorded yet.",
    rest: "All others together",
    share: "Share",
    traffic: "Page views by day",
    traffic_finding: "{} pages were viewed. The busiest day was {}, with {}.",
    visits_note: "A visit is what one browser looks at on one day, counted only for visitors who allow statistics. A browser is new if it \
                  was not here in the 30 days before.",
    visits_finding: "{} visits, {} of them by browsers that were new; about {} pages each.",
    uncounted_pages: "{} more pages were viewed by browsers that keep no cookie; they belong to no visit.",
    shared_pages: "{} pages could be kept and given out by other servers on the way; they belong to no visit.",
    pages: "Pages",
    pages_note: "A page is named for each day on which enough requests came for it; the others are together.",
    pages_note_of_a_crowd: "A page is named for each day on which {} or more requests came for it; the others are together.",
    values_note: "In addresses of pages, :n stands for a number, and :id, :token, :text and :email for a part that could name somebody or \
                  something; it is not recorded. Other words after a colon are the council's own.",
    page: "Page",
    entries: "Where visits begin",
    entries_note: "Pages to which people came from elsewhere, or by typing the address.",
    not_found: "Not found",
    not_found_note: "Requests for pages that are not there.",
    referrers: "Where people come from",
    referrers_note: "The website on which they followed a link.",
    host: "Website",
    browsers: "Browsers",
    browsers_note: "By family. A total of its own: it is not joined to anything else.",
    browser: "Browser",
    devices: "Devices",
    devices_note: "By kind. A total of its own: it is not joined to anything else.",
    device: "Device",
    robots: "Robots",
    robots_note: "Pages that robots asked for. They are not counted as page views.",
    robot: "Robot",
    most: "Most often: {}, {}.",
    choices: "What visitors chose",
    choices_note: "Nobody's choice is recorded as theirs: these are counts by day.",
    questions: "Questions",
    purpose: "Purpose",
    all_purposes: "all",
    events: [
        ("accepted", "agreed"),
        ("asked", "were asked"),
        ("changed", "agreed after refusing"),
        ("rejected", "refused"),
        ("gpc", "refused by a signal of the browser (counted for each page view)"),
        ("withdrawn", "refused after agreeing"),
    ],
    cookies: "Cookies",
    cookies_note: "What was done with each, in both directions, since it was first seen. Values are never kept; how many different ones come with \
                   a thousand requests for pages is estimated. A cookie that keeps a choice has a few, one that tells visitors apart has hundreds.",
    undeclared_note: "{} cookies are not declared: nobody has been told of them. They are held back unless you say otherwise.",
    identifying_note: "Cookies that look like identifiers, though the legal basis of their purpose allows none: {}. Ask for consent to them, or \
                       stop them from telling visitors apart.",
    cookie: "Cookie",
    undeclared: "not declared",
    direction: "Direction",
    action: "What was done",
    times: "Times",
    first_seen: "First seen",
    last_seen: "Last seen",
    values: "Values in 1,000",
    never_passed: "never passed to the site",
    names: [
        ("request", "from the visitor"),
        ("response", "from the site"),
        ("passed", "passed"),
        ("removed", "taken back"),
        ("withheld", "held back"),
        ("would-withhold", "would be held back"),
        ("strictly-necessary", "strictly necessary"),
        ("undeclared", "not declared"),
        ("(pinfold)", "Pinfold's own cookies"),
        ("(malformed)", "not readable as a cookie"),
        ("(undeclared)", "not declared, and not named here"),
        ("(none)", "no website: the address was typed or kept"),
        ("(own site)", "this website itself"),
        ("(private)", "an address or name without meaning in public"),
        ("(unreadable)", "could not be read"),
        ("(other)", "not in our list"),
        ("(unknown)", "not known"),
        ("(no name)", "without a name"),
        ("desktop", "desktop computer"),
        ("phone", "phone"),
        ("tablet", "tablet"),
        ("television", "television"),
        ("console", "games console"),
        ("48 hours old", "it was 48 hours old"),
        ("rotated", "its day was over"),
        ("stopped", "the server was stopped"),
        ("lost with the process", "the server ended without a stop"),
        ("program or library", "program or library"),
        ("feed reader", "feed reader"),
        ("site checker", "site checker"),
        ("browser without a window", "browser without a window"),
        ("scanner", "scanner for weaknesses"),
    ],
    versions: "What visitors were asked",
    versions_note: "Each version of the questions, and when it was asked.",
    from: "From",
    to: "To",
    now: "now",
    addresses: "Distinct addresses",
    addresses_note: "For system administration alone, estimated to about 1 % under keys that are destroyed. A range where the server was \
                     started more than once.",
    addresses_column: "Addresses",
    between: "{} to {}",
    keys: "Keys of the address ledger",
    keys_note: "Once a key is destroyed, nobody can tell the addresses of its day.",
    epoch: "Key",
    made: "Made",
    destroyed: "Destroyed",
    how: "How",
    alive: "not yet",
    method: "How this was counted",
    method_text: [
        "Pinfold stands before the website and counts what passes. Nothing is recorded for each request or visitor.",
        "Days are those of the website's own time zone. Details are written when enough different people were there, at most once an hour.",
        "This report contains no personal data.",
    ],
    small: "Numbers are rounded to the nearest 5, so that nobody can be picked out; “<5” is 1 to 4. Each number of a day is rounded by \
            itself and a total is added up of days, so it is approximate. In lists, fewer than 5 on a day are not shown by name.",
    written: "Written {} by Pinfold {}.",
};

static WELSH: Words = Words {
    title: "Sut y defnyddiwyd gwefan {}",
    title_of_host: "Sut y defnyddiwyd {}",
    period: "{} i {}",
    choose_period: "Cyfnod",
    last_days: "{} diwrnod diwethaf",
    other_language: "English",
    requests: "Ceisiadau",
    page_views: "Tudalennau a welwyd",
    visits: "Ymweliadau",
    new: "Newydd",
    returning: "Yn dychwelyd",
    pages_per_visit: "Tudalennau fesul ymweliad",
    day: "Diwrnod",
    week: "Wythnos o",
    month: "Mis",
    browsers_that_came: "Porwyr a ddaeth o leiaf unwaith",
    all_numbers: "Yr holl rifau",
    nothing: "Nid oes dim wedi'i gofnodi eto.",
    rest: "Pob un arall gyda'i gilydd",
    share: "Cyfran",
    traffic: "Tudalennau a welwyd fesul diwrnod",
    traffic_finding: "Gwelwyd {} tudalen. Y diwrnod prysuraf oedd {}, gyda {}.",
    visits_note: "Ymweliad yw'r hyn y mae un porwr yn edrych arno ar un diwrnod, wedi'i gyfri dim ond ar gyfer ymwelwyr sy'n caniatáu \
                  ystadegau. Mae porwr yn newydd os nad oedd yma yn y 30 diwrnod blaenorol.",
    visits_finding: "{} ymweliad, {} ohonynt gan borwyr newydd; tua {} tudalen yr un.",
    uncounted_pages: "Gwelwyd {} tudalen arall gan borwyr nad ydynt yn cadw cwcis; nid ydynt yn perthyn i unrhyw ymweliad.",
    shared_pages: "Gallai gweinyddion eraill ar y ffordd gadw a rhoi {} tudalen; nid ydynt yn perthyn i unrhyw ymweliad.",
    pages: "Tudalennau",
    pages_note: "Caiff tudalen ei henwi ar gyfer pob diwrnod y daeth digon o geisiadau amdani; mae'r lleill gyda'i gilydd.",
    pages_note_of_a_crowd: "Caiff tudalen ei henwi ar gyfer pob diwrnod y daeth {} neu fwy o geisiadau amdani; mae'r lleill gyda'i gilydd.",
    values_note: "Yng nghyfeiriadau tudalennau, mae :n yn sefyll am rif, ac mae :id, :token, :text ac :email yn sefyll am ran a allai enwi \
                  rhywun neu rywbeth; nid yw'n cael ei chofnodi. Geiriau'r cyngor ei hun yw geiriau eraill ar ôl colon.",
    page: "Tudalen",
    entries: "Lle mae ymweliadau'n dechrau",
    entries_note: "Tudalennau y daeth pobl iddynt o rywle arall, neu drwy deipio'r cyfeiriad.",
    not_found: "Heb eu canfod",
    not_found_note: "Ceisiadau am dudalennau nad ydynt yno.",
    referrers: "O ble mae pobl yn dod",
    referrers_note: "Y wefan lle dilynasant ddolen.",
    host: "Gwefan",
    browsers: "Porwyr",
    browsers_note: "Fesul teulu. Cyfanswm ar ei ben ei hun: nid yw wedi'i gysylltu â dim arall.",
    browser: "Porwr",
    devices: "Dyfeisiau",
    devices_note: "Fesul math. Cyfanswm ar ei ben ei hun: nid yw wedi'i gysylltu â dim arall.",
    device: "Dyfais",
    robots: "Robotiaid",
    robots_note: "Tudalennau y gofynnodd robotiaid amdanynt. Nid ydynt yn cael eu cyfri fel tudalennau a welwyd.",
    robot: "Robot",
    most: "Amlaf: {}, {}.",
    choices: "Beth ddewisodd ymwelwyr",
    choices_note: "Nid yw dewis neb yn cael ei gofnodi fel eu dewis nhw: cyfrifon fesul diwrnod yw'r rhain.",
    questions: "Cwestiynau",
    purpose: "Diben",
    all_purposes: "pob un",
    events: [
        ("accepted", "cytunwyd"),
        ("asked", "gofynnwyd"),
        ("changed", "cytunwyd ar ôl gwrthod"),
        ("rejected", "gwrthodwyd"),
        ("gpc", "gwrthodwyd gan arwydd y porwr (cyfrifir pob tudalen a welir)"),
        ("withdrawn", "gwrthodwyd ar ôl cytuno"),
    ],
    cookies: "Cwcis",
    cookies_note: "Beth a wnaed gyda phob un, i'r ddau gyfeiriad, ers iddo gael ei weld gyntaf. Ni chedwir gwerthoedd byth; \
                   amcangyfrifir faint o rai gwahanol a ddaw gyda mil o geisiadau am dudalennau. Ychydig sydd gan gwci sy'n cadw dewis, a \
                   channoedd gan un sy'n gwahaniaethu rhwng ymwelwyr.",
    undeclared_note: "Nid yw {} cwci wedi'u datgan: ni ddywedwyd wrth neb amdanynt. Cânt eu dal yn ôl oni bai eich bod yn dweud fel arall.",
    identifying_note: "Cwcis sy'n edrych fel dynodwyr, er nad yw sail gyfreithiol eu diben yn caniatáu'r un: {}. Gofynnwch am gydsyniad iddynt, neu \
                       eu hatal rhag gwahaniaethu rhwng ymwelwyr.",
    cookie: "Cwci",
    undeclared: "heb ei ddatgan",
    direction: "Cyfeiriad",
    action: "Beth a wnaed",
    times: "Gwaith",
    first_seen: "Gwelwyd gyntaf",
    last_seen: "Gwelwyd ddiwethaf",
    values: "Gwerthoedd mewn 1,000",
    never_passed: "byth yn cael eu pasio i'r wefan",
    names: [
        ("request", "gan yr ymwelydd"),
        ("response", "gan y wefan"),
        ("passed", "aeth drwodd"),
        ("removed", "cymerwyd yn ôl"),
        ("withheld", "daliwyd yn ôl"),
        ("would-withhold", "byddai'n cael ei ddal yn ôl"),
        ("strictly-necessary", "cwbl angenrheidiol"),
        ("undeclared", "heb ei ddatgan"),
        ("(pinfold)", "Cwcis Pinfold ei hun"),
        ("(malformed)", "ni ellir ei ddarllen fel cwci"),
        ("(undeclared)", "heb ei ddatgan, a heb ei enwi yma"),
        ("(none)", "dim gwefan: teipiwyd neu cadwyd y cyfeiriad"),
        ("(own site)", "y wefan hon ei hun"),
        ("(private)", "cyfeiriad neu enw heb ystyr yn gyhoeddus"),
        ("(unreadable)", "ni ellid ei ddarllen"),
        ("(other)", "ddim ar ein rhestr"),
        ("(unknown)", "anhysbys"),
        ("(no name)", "heb enw"),
        ("desktop", "cyfrifiadur bwrdd gwaith"),
        ("phone", "ffôn"),
        ("tablet", "llechen"),
        ("television", "teledu"),
        ("console", "consol gemau"),
        ("48 hours old", "roedd yn 48 awr oed"),
        ("rotated", "roedd ei diwrnod ar ben"),
        ("stopped", "stopiwyd y gweinydd"),
        ("lost with the process", "daeth y gweinydd i ben heb ei stopio"),
        ("program or library", "rhaglen neu lyfrgell feddalwedd"),
        ("feed reader", "darllenydd ffrydiau"),
        ("site checker", "gwiriwr gwefannau"),
        ("browser without a window", "porwr heb ffenestr"),
        ("scanner", "sganiwr gwendidau"),
    ],
    versions: "Beth ofynnwyd i ymwelwyr",
    versions_note: "Pob fersiwn o'r cwestiynau, a phryd y'i gofynnwyd.",
    from: "O",
    to: "I",
    now: "nawr",
    addresses: "Cyfeiriadau gwahanol",
    addresses_note: "Ar gyfer gweinyddu'r system yn unig, wedi'u hamcangyfrif i tua 1 % o dan allweddi sy'n cael eu dinistrio. Ystod lle \
                     cafodd y gweinydd ei gychwyn fwy nag unwaith.",
    addresses_column: "Cyfeiriadau",
    between: "{} i {}",
    keys: "Allweddi'r llyfr cyfeiriadau",
    keys_note: "Unwaith y caiff allwedd ei dinistrio, ni all neb ddweud beth oedd cyfeiriadau ei diwrnod.",
    epoch: "Allwedd",
    made: "Gwnaed",
    destroyed: "Dinistriwyd",
    how: "Sut",
    alive: "ddim eto",
    method: "Sut y cyfrifwyd hyn",
    method_text: [
        "Mae Pinfold yn sefyll o flaen y wefan ac yn cyfri'r hyn sy'n mynd heibio. Ni chofnodir dim am bob cais nac ymwelydd.",
        "Diwrnodau parth amser y wefan ei hun yw'r rhain. Ysgrifennir manylion pan oedd digon o wahanol bobl yno, unwaith yr awr ar y mwyaf.",
        "Nid yw'r adroddiad hwn yn cynnwys unrhyw ddata personol.",
    ],
    small: "Mae rhifau wedi'u talgrynnu i'r 5 agosaf, fel na ellir adnabod neb; ystyr “<5” yw 1 i 4. Caiff pob rhif diwrnod ei dalgrynnu \
            ar ei ben ei hun a chyfanswm ei adio o ddiwrnodau, felly bras yw cyfansymiau. Mewn rhestrau, ni ddangosir llai na 5 mewn \
            diwrnod wrth enw.",
    written: "Ysgrifennwyd {} gan Pinfold {}.",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_days_are_written_for_people() {
        for (count, text) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567"), (-1_000, "-1,000")]
        {
            assert_eq!(number(count), text);
        }
        assert_eq!(date(Language::English, "2026-11-01"), "1 November 2026");
        assert_eq!(date(Language::Welsh, "2026-11-24"), "24 Tachwedd 2026");
        assert_eq!(date(Language::Welsh, "2026-01"), "Ionawr 2026");
        assert_eq!(date(Language::English, "lost with the process"), "lost with the process");
        assert_eq!(filled("{} to {}.", &["a", "b"]), "a to b.");
    }

    #[test]
    fn page_08_both_languages_have_places_for_the_same_values() {
        let pairs = [
            (ENGLISH.traffic_finding, WELSH.traffic_finding),
            (ENGLISH.visits_finding, WELSH.visits_finding),
            (ENGLISH.uncounted_pages, WELSH.uncounted_pages),
            (ENGLISH.shared_pages, WELSH.shared_pages),
            (ENGLISH.pages_note_of_a_crowd, WELSH.pages_note_of_a_crowd),
            (ENGLISH.title, WELSH.title),
            (ENGLISH.title_of_host, WELSH.title_of_host),
            (ENGLISH.period, WELSH.period),
            (ENGLISH.most, WELSH.most),
            (ENGLISH.undeclared_note, WELSH.undeclared_note),
            (ENGLISH.identifying_note, WELSH.identifying_note),
            (ENGLISH.written, WELSH.written),
        ];
        for (english, welsh) in pairs {
            assert_eq!(english.matches("{}").count(), welsh.matches("{}").count(), "{english}");
        }
        let known = |words: &Words| {
            words.events.iter().chain(&words.names).map(|(word, _)| *word).collect::<Vec<_>>()
        };
        assert_eq!(known(&ENGLISH), known(&WELSH));
    }
}
