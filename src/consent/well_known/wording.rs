//! What visitors are told, said once for all cookies that do the same.

use super::service::{KnownCookie, Words};

/// A text in both languages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Both {
    english: &'static str,
    welsh: &'static str,
}

/// A cookie, what it does and how long it lasts.
pub(super) const fn cookie(pattern: &'static str, what: Both, lasts: Both) -> KnownCookie {
    KnownCookie {
        pattern,
        english: Words { what: what.english, lasts: lasts.english },
        welsh: Words { what: what.welsh, lasts: lasts.welsh },
    }
}

const fn both(english: &'static str, welsh: &'static str) -> Both {
    Both { english, welsh }
}

pub(super) const MOMENT: Both = both("A moment", "Ennyd");
pub(super) const SECONDS_30: Both = both("30 seconds", "30 eiliad");
pub(super) const MINUTE: Both = both("1 minute", "1 munud");
pub(super) const MINUTES_10: Both = both("10 minutes", "10 munud");
pub(super) const MINUTES_15: Both = both("15 minutes", "15 munud");
pub(super) const MINUTES_30: Both = both("30 minutes", "30 munud");
pub(super) const HOUR: Both = both("1 hour", "1 awr");
pub(super) const HOURS_2: Both = both("2 hours", "2 awr");
pub(super) const HOURS_4: Both = both("4 hours", "4 awr");
pub(super) const HOURS_24: Both = both("24 hours", "24 awr");
pub(super) const UP_TO_HOURS_24: Both = both("Up to 24 hours", "Hyd at 24 awr");
pub(super) const DAY: Both = both("1 day", "1 diwrnod");
pub(super) const DAYS_4: Both = both("4 days", "4 diwrnod");
pub(super) const DAYS_7: Both = both("7 days", "7 diwrnod");
pub(super) const DAYS_10: Both = both("10 days", "10 diwrnod");
pub(super) const DAYS_14: Both = both("14 days", "14 diwrnod");
pub(super) const DAYS_23: Both = both("23 days", "23 diwrnod");
pub(super) const DAYS_30: Both = both("30 days", "30 diwrnod");
pub(super) const DAYS_90: Both = both("90 days", "90 diwrnod");
pub(super) const DAYS_100: Both = both("100 days", "100 diwrnod");
pub(super) const DAYS_1000: Both = both("1,000 days", "1,000 diwrnod");
pub(super) const MONTH: Both = both("1 month", "1 mis");
pub(super) const MONTHS_6: Both = both("6 months", "6 mis");
pub(super) const MONTHS_13: Both = both("13 months", "13 mis");
pub(super) const YEAR: Both = both("1 year", "1 flwyddyn");
pub(super) const UP_TO_YEAR: Both = both("Up to a year", "Hyd at flwyddyn");
pub(super) const YEARS_2: Both = both("2 years", "2 flynedd");
pub(super) const UP_TO_YEARS_2: Both = both("Up to 2 years", "Hyd at 2 flynedd");
pub(super) const YEARS_30: Both = both("30 years", "30 mlynedd");
pub(super) const VISIT: Both = both("Until you close the browser", "Nes i chi gau'r porwr");
pub(super) const VISIT_OR_DAYS_14: Both = both(
    "Until you close the browser, or 14 days if you ask to be remembered",
    "Nes i chi gau'r porwr, neu 14 diwrnod os gofynnwch am gael eich cofio",
);
pub(super) const VISIT_OR_DAYS_90: Both = both(
    "Until you close the browser, or up to 90 days if you ask to stay signed in",
    "Nes i chi gau'r porwr, neu hyd at 90 diwrnod os gofynnwch am gael aros wedi mewngofnodi",
);
pub(super) const SET_BY_SITE: Both =
    both("For as long as this site has set", "Cyhyd ag y mae'r wefan hon wedi'i bennu");

// Sessions and signing in.

pub(super) const KEEPS_PLACE: Both = both(
    "Keeps your place while you use the site, so that forms and services with several steps work.",
    "Mae'n cadw eich lle wrth i chi ddefnyddio'r wefan, fel bod ffurflenni a gwasanaethau â sawl cam yn gweithio.",
);
pub(super) const KEEPS_SIGNED_IN: Both = both("Keeps you signed in.", "Mae'n eich cadw wedi mewngofnodi.");
pub(super) const KEEPS_STAFF_SIGNED_IN: Both = both(
    "Keeps the staff who edit this site signed in.",
    "Mae'n cadw'r staff sy'n golygu'r wefan hon wedi mewngofnodi.",
);
pub(super) const SAVED: Both = both(
    "Tells whether what a member of staff has written was saved.",
    "Mae'n dweud a gafodd yr hyn a ysgrifennodd aelod o staff ei gadw.",
);
pub(super) const STAYS_SIGNED_IN: Both = both(
    "Remembers that you asked to stay signed in.",
    "Mae'n cofio eich bod wedi gofyn am gael aros wedi mewngofnodi.",
);
pub(super) const SIGNING_IN: Both = both(
    "Carries you safely through the steps of signing in.",
    "Mae'n eich tywys yn ddiogel drwy gamau'r broses fewngofnodi.",
);
pub(super) const SIGNING_OUT: Both = both(
    "Remembers where you are signed in, so that you can be signed out everywhere.",
    "Mae'n cofio ble rydych wedi mewngofnodi, fel y gellir eich allgofnodi ym mhobman.",
);
pub(super) const WHO_SIGNED_IN: Both = both(
    "Carries your details into the council's online accounts when you open them.",
    "Mae'n cario eich manylion i gyfrifon ar-lein y cyngor pan fyddwch yn eu hagor.",
);
pub(super) const FORGERY: Both = both(
    "Makes sure that forms sent in your name were sent by you.",
    "Mae'n sicrhau mai chi a anfonodd y ffurflenni a anfonir yn eich enw.",
);
pub(super) const MESSAGE: Both = both(
    "Carries a short message to the next page, such as that your form was sent.",
    "Mae'n cario neges fer i'r dudalen nesaf, megis bod eich ffurflen wedi'i hanfon.",
);
pub(super) const COOKIES_WORK: Both =
    both("Checks whether your browser accepts cookies.", "Mae'n gwirio a yw eich porwr yn derbyn cwcis.");
pub(super) const PAGE_PASSWORD: Both = both(
    "Remembers that you entered the password of a protected page.",
    "Mae'n cofio eich bod wedi rhoi'r cyfrinair ar gyfer tudalen warchodedig.",
);
pub(super) const PREVIEW: Both = both(
    "Lets the staff who edit this site see a page before it is published.",
    "Mae'n gadael i'r staff sy'n golygu'r wefan hon weld tudalen cyn iddi gael ei chyhoeddi.",
);
pub(super) const BACK_TO_FORM: Both = both(
    "Takes you back to your form once you have confirmed your email address.",
    "Mae'n mynd â chi yn ôl at eich ffurflen ar ôl i chi gadarnhau eich cyfeiriad e-bost.",
);

// Servers and safety.

pub(super) const SAME_SERVER: Both = both(
    "Sends everything you ask for to the same server, so that your visit is not interrupted.",
    "Mae'n anfon popeth y gofynnwch amdano i'r un gweinydd, fel na thorrir ar draws eich ymweliad.",
);
pub(super) const SAME_SERVER_OR_SIGNED_IN: Both = both(
    "Sends everything you ask for to the same server, or keeps you signed in.",
    "Mae'n anfon popeth y gofynnwch amdano i'r un gweinydd, neu'n eich cadw wedi mewngofnodi.",
);
pub(super) const HUMAN: Both = both(
    "Tells people from automated programs, to protect the site from attack.",
    "Mae'n gwahaniaethu rhwng pobl a rhaglenni awtomatig, er mwyn diogelu'r wefan rhag ymosodiad.",
);
pub(super) const HUMAN_PROVEN: Both = both(
    "Remembers that you passed a check that you are a person.",
    "Mae'n cofio eich bod wedi pasio prawf sy'n dangos mai person ydych.",
);
pub(super) const UNTAMPERED: Both = both(
    "Makes sure that nobody has tampered with what your browser sends.",
    "Mae'n sicrhau nad oes neb wedi ymyrryd â'r hyn y mae eich porwr yn ei anfon.",
);
pub(super) const FAIR_SHARE: Both = both(
    "Tells apart visitors who share an address, so that one cannot use up the share of the others.",
    "Mae'n gwahaniaethu rhwng ymwelwyr sy'n rhannu cyfeiriad, fel na all un ddefnyddio cyfran y lleill.",
);
pub(super) const QUEUE: Both = both(
    "Keeps your place in the queue when the site is busy.",
    "Mae'n cadw eich lle yn y ciw pan fydd y wefan yn brysur.",
);

// Choices about cookies.

pub(super) const CHOICE: Both =
    both("Remembers what you chose about cookies.", "Mae'n cofio'r hyn a ddewisoch ynglŷn â chwcis.");
pub(super) const CHOICE_MADE: Both = both(
    "Remembers that you have been asked about cookies.",
    "Mae'n cofio eich bod wedi cael eich holi am gwcis.",
);
pub(super) const CHOICE_VERSION: Both = both(
    "Remembers which version of the cookie notice you answered.",
    "Mae'n cofio i ba fersiwn o'r hysbysiad cwcis yr ymateboch.",
);
pub(super) const NOT_COUNTED: Both = both(
    "Remembers that you asked not to be counted.",
    "Mae'n cofio eich bod wedi gofyn am beidio â chael eich cyfrif.",
);
pub(super) const PROVIDER_CHOICE: Both = both(
    "Remembers what you chose about the provider's cookies.",
    "Mae'n cofio'r hyn a ddewisoch ynglŷn â chwcis y darparwr.",
);

// Appearance.

pub(super) const LANGUAGE: Both =
    both("Remembers the language you chose.", "Mae'n cofio'r iaith a ddewisoch.");
pub(super) const LANGUAGE_SENT_TO: Both =
    both("Remembers to which language you were sent.", "Mae'n cofio at ba iaith y cawsoch eich anfon.");
pub(super) const LANGUAGE_ORIGINAL: Both = both(
    "Remembers that you chose the language in which the site is written.",
    "Mae'n cofio eich bod wedi dewis yr iaith y mae'r wefan wedi'i hysgrifennu ynddi.",
);
pub(super) const TEXT_SIZE: Both =
    both("Remembers the text size you chose.", "Mae'n cofio maint y testun a ddewisoch.");
pub(super) const TOOLBAR: Both = both(
    "Keeps the accessibility toolbar open, with your settings, as you move from page to page.",
    "Mae'n cadw'r bar offer hygyrchedd ar agor, gyda'ch gosodiadau, wrth i chi symud o dudalen i dudalen.",
);
pub(super) const READ_ALOUD: Both = both(
    "Gets pages ready to be read aloud once you have used the listen button.",
    "Mae'n paratoi tudalennau i gael eu darllen yn uchel ar ôl i chi ddefnyddio'r botwm gwrando.",
);
pub(super) const READ_ALOUD_SETTINGS: Both = both(
    "Remembers how you like pages to be read aloud.",
    "Mae'n cofio sut yr hoffech i dudalennau gael eu darllen yn uchel.",
);
pub(super) const NOTICES_CLOSED: Both =
    both("Remembers which notices you have closed.", "Mae'n cofio pa hysbysiadau rydych wedi'u cau.");
pub(super) const EDITOR_SETTINGS: Both = both(
    "Remembers how the staff who edit this site have arranged their screens.",
    "Mae'n cofio sut y mae'r staff sy'n golygu'r wefan hon wedi trefnu eu sgriniau.",
);
pub(super) const COMMENTER: Both = both(
    "Remembers the name and address that you asked to have filled in for your next comment.",
    "Mae'n cofio'r enw a'r cyfeiriad y gwnaethoch ofyn am eu llenwi ar gyfer eich sylw nesaf.",
);

// Counting and watching visits.

pub(super) const RETURNING: Both = both(
    "Recognises your browser when it returns, so that visitors can be counted.",
    "Mae'n adnabod eich porwr pan ddaw yn ôl, er mwyn gallu cyfrif ymwelwyr.",
);
pub(super) const THIS_VISIT: Both = both(
    "Groups the pages you look at into one visit.",
    "Mae'n grwpio'r tudalennau yr edrychwch arnynt yn un ymweliad.",
);
pub(super) const BROUGHT_HERE: Both = both(
    "Remembers which site, search or campaign brought you here.",
    "Mae'n cofio pa wefan, chwiliad neu ymgyrch a ddaeth â chi yma.",
);
pub(super) const SENDS_LESS: Both = both(
    "Limits how often information about your visit is sent.",
    "Mae'n cyfyngu ar ba mor aml yr anfonir gwybodaeth am eich ymweliad.",
);
pub(super) const LAST_LINK: Both =
    both("Remembers which link you followed last.", "Mae'n cofio pa ddolen a ddilynoch ddiwethaf.");
pub(super) const SITE_DETAILS: Both = both(
    "Holds details that this site has chosen to record about your visit.",
    "Mae'n dal manylion y mae'r wefan hon wedi dewis eu cofnodi am eich ymweliad.",
);
pub(super) const RECORDED_BROWSER: Both = both(
    "Recognises your browser when it returns, so that recordings of your visits can be joined.",
    "Mae'n adnabod eich porwr pan ddaw yn ôl, er mwyn gallu uno recordiadau o'ch ymweliadau.",
);
pub(super) const RECORDED_VISIT: Both = both(
    "Joins what you do on each page into one recording of your visit.",
    "Mae'n uno'r hyn a wnewch ar bob tudalen yn un recordiad o'ch ymweliad.",
);
pub(super) const RECORDER_STATE: Both = both(
    "Helps the tool that records visits to do its work.",
    "Mae'n helpu'r offeryn sy'n recordio ymweliadau i wneud ei waith.",
);
pub(super) const SURVEY: Both = both(
    "Remembers that you have answered or closed a survey, so that it is not shown again.",
    "Mae'n cofio eich bod wedi ateb neu gau arolwg, fel na chaiff ei ddangos eto.",
);
pub(super) const SAME_TOOL: Both = both(
    "Recognises your browser on every site that uses the same tool.",
    "Mae'n adnabod eich porwr ar bob gwefan sy'n defnyddio'r un offeryn.",
);
pub(super) const AD_NUMBER_USED: Both = both(
    "Notes whether your browser's number is used for advertising.",
    "Mae'n nodi a ddefnyddir rhif eich porwr ar gyfer hysbysebu.",
);

// Campaigns.

pub(super) const AD_BROWSER: Both = both(
    "Recognises your browser, so that advertisements can be chosen for you and measured.",
    "Mae'n adnabod eich porwr, er mwyn gallu dewis hysbysebion ar eich cyfer a'u mesur.",
);
pub(super) const AD_CLICK: Both = both(
    "Remembers which advertisement brought you here, to measure campaigns.",
    "Mae'n cofio pa hysbyseb a ddaeth â chi yma, er mwyn mesur ymgyrchoedd.",
);
pub(super) const AD_VISIT: Both = both(
    "Groups what you do in one visit, to measure campaigns.",
    "Mae'n grwpio'r hyn a wnewch mewn un ymweliad, er mwyn mesur ymgyrchoedd.",
);
pub(super) const AD_MATCH: Both = both(
    "Matches your visits here with what the provider knows about you.",
    "Mae'n paru eich ymweliadau yma â'r hyn y mae'r darparwr yn ei wybod amdanoch.",
);
pub(super) const PROVIDER_BROWSER: Both = both(
    "Recognises your browser wherever the provider's content appears.",
    "Mae'n adnabod eich porwr lle bynnag y mae cynnwys y darparwr yn ymddangos.",
);
pub(super) const PROVIDER_SERVER: Both = both(
    "Chooses which of the provider's servers answers you.",
    "Mae'n dewis pa un o weinyddion y darparwr sy'n eich ateb.",
);

// Video, maps, chat and sharing.

pub(super) const VIDEO_BROWSER: Both = both(
    "Recognises your browser, to decide how videos are played and which others are suggested.",
    "Mae'n adnabod eich porwr, er mwyn penderfynu sut y chwaraeir fideos a pha rai eraill a awgrymir.",
);
pub(super) const VIDEO_WATCHED: Both = both(
    "Recognises your browser, so that the owner of a video can see how it is watched.",
    "Mae'n adnabod eich porwr, er mwyn i berchennog fideo weld sut y caiff ei wylio.",
);
pub(super) const VIDEO_PLAYER: Both = both(
    "Remembers how you set the video player, such as its volume and captions.",
    "Mae'n cofio sut y gwnaethoch osod y chwaraewr fideo, megis lefel y sain a'r capsiynau.",
);
pub(super) const PROVIDER_SETTINGS: Both = both(
    "Recognises your browser, to remember your settings with the provider and to choose advertisements.",
    "Mae'n adnabod eich porwr, er mwyn cofio eich gosodiadau gyda'r darparwr a dewis hysbysebion.",
);
pub(super) const PROVIDER_FORGERY: Both = both(
    "Makes sure that what is asked of the provider in your name is asked by you.",
    "Mae'n sicrhau mai chi sy'n gofyn yr hyn a ofynnir i'r darparwr yn eich enw.",
);
pub(super) const PROVIDER_HUMAN: Both = both(
    "Lets the provider watch how you use the page, to tell people from automated programs.",
    "Mae'n gadael i'r darparwr wylio sut rydych yn defnyddio'r dudalen, i wahaniaethu rhwng pobl a rhaglenni awtomatig.",
);
pub(super) const CHAT_BROWSER: Both = both(
    "Recognises your browser, so that you can go on with an earlier chat.",
    "Mae'n adnabod eich porwr, fel y gallwch barhau â sgwrs gynharach.",
);
pub(super) const CHAT_CONNECTED: Both = both(
    "Keeps the chat connected as you move from page to page.",
    "Mae'n cadw'r sgwrs wedi'i chysylltu wrth i chi symud o dudalen i dudalen.",
);
pub(super) const SHARED: Both =
    both("Counts how often pages are shared.", "Mae'n cyfrif pa mor aml y caiff tudalennau eu rhannu.");
