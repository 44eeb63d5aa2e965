//! What the cookies page says, in each language.

use super::language::Language;

/// Every sentence of the page. `{}` stands for what is put in.
pub(super) struct Words {
    pub(super) title: &'static str,
    pub(super) skip: &'static str,
    pub(super) saved: &'static str,
    pub(super) accepted: &'static str,
    pub(super) rejected: &'static str,
    pub(super) go_back: &'static str,
    pub(super) success: &'static str,
    pub(super) intro: &'static str,
    pub(super) your_choice: &'static str,
    pub(super) undecided: &'static str,
    pub(super) signal: &'static str,
    pub(super) chosen_in: &'static str,
    pub(super) override_signal: &'static str,
    pub(super) ends: &'static str,
    pub(super) policy_version: &'static str,
    pub(super) allowed: &'static str,
    pub(super) refused: &'static str,
    pub(super) nothing_to_ask: &'static str,
    pub(super) all_at_once: &'static str,
    pub(super) accept: &'static str,
    pub(super) reject: &'static str,
    pub(super) one_by_one: &'static str,
    pub(super) question: &'static str,
    pub(super) yes: &'static str,
    pub(super) no: &'static str,
    pub(super) save: &'static str,
    pub(super) necessary: &'static str,
    pub(super) necessary_why: &'static str,
    pub(super) own_what: &'static str,
    pub(super) on_until: &'static str,
    pub(super) needs_consent: &'static str,
    pub(super) none_declared: &'static str,
    pub(super) cookie: &'static str,
    pub(super) what_for: &'static str,
    pub(super) provider: &'static str,
    pub(super) lasts: &'static str,
    pub(super) this_site: &'static str,
    pub(super) own_lasts: &'static str,
    pub(super) own_lasts_one: &'static str,
    pub(super) own_basis: &'static str,
    pub(super) own_values: &'static str,
    pub(super) bits: &'static str,
    pub(super) bit: &'static str,
    pub(super) footprint_what: &'static str,
    pub(super) footprint_lasts: &'static str,
    pub(super) preferences: &'static str,
    pub(super) preferences_why: &'static str,
    pub(super) preferences_save: &'static str,
    pub(super) preferences_what: &'static str,
    pub(super) preferences_basis: &'static str,
    pub(super) undeclared: &'static str,
    pub(super) other_language: &'static str,
    pub(super) banner_necessary: &'static str,
    pub(super) banner_on: &'static str,
    pub(super) banner_asks: &'static str,
    pub(super) view: &'static str,
    pub(super) change: &'static str,
    pub(super) hide: &'static str,
    pub(super) link: &'static str,
    pub(super) held: &'static str,
    pub(super) held_from: &'static str,
    pub(super) held_short: &'static str,
    pub(super) held_needs: &'static str,
    pub(super) held_for_good: &'static str,
    pub(super) hosts: &'static str,
    pub(super) held_allow: &'static str,
    pub(super) held_choose: &'static str,
}

impl Words {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::Welsh => &WELSH,
        }
    }
}

/// The text with its first letter as at the start of a sentence.
#[cfg(feature = "html")]
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

impl Words {
    /// So many months.
    pub(super) fn months(&self, months: u16) -> String {
        if months == 1 { self.own_lasts_one.to_owned() } else { with(self.own_lasts, &months.to_string()) }
    }

    /// So many bits.
    pub(super) fn bits(&self, bits: u32) -> String {
        if bits == 1 { self.bit.to_owned() } else { with(self.bits, &bits.to_string()) }
    }
}

/// Puts a text in the place of `{}`.
pub(super) fn with(sentence: &str, text: &str) -> String {
    sentence.replacen("{}", text, 1)
}

const ENGLISH: Words = Words {
    title: "Cookies on {}",
    skip: "Skip to main content",
    saved: "Your choice has been saved.",
    accepted: "You have accepted additional cookies.",
    rejected: "You have rejected additional cookies.",
    go_back: "Go back to the page you were looking at",
    success: "Saved",
    intro: "Cookies are small files that a website keeps on your device. You decide which of them this site may use, \
            and you can change your mind here at any time. If you refuse them all, every page still works.",
    your_choice: "Your choice",
    undecided: "You have not chosen yet.",
    signal: "Your browser asks sites not to share or sell what they know of you (Global Privacy Control). We treat \
             that as a refusal of every cookie that needs your consent, so we have not asked you. You can still \
             choose otherwise here.",
    chosen_in: "You chose in {}:",
    override_signal: "Your browser also sends the Global Privacy Control signal, which would refuse the cookies that \
                      need your consent. What you choose here counts instead.",
    ends: "We will ask again in {}. This choice is kept on your device alone.",
    policy_version: "Version of these questions: {}",
    allowed: "allowed",
    refused: "refused",
    nothing_to_ask: "This site uses only cookies that it cannot work without, so there is nothing to choose.",
    all_at_once: "All additional cookies",
    accept: "Accept additional cookies",
    reject: "Reject additional cookies",
    one_by_one: "Choose one by one",
    question: "Do you allow these cookies?",
    yes: "Yes",
    no: "No",
    save: "Save my choice",
    necessary: "Cookies that are strictly necessary",
    necessary_why: "These make the site work, such as staying signed in. They are always on.",
    own_what: "Remembers your choice about cookies: which questions you answered, how, and in which month. Everybody \
               who chose the same in that month has the same value.",
    on_until: "On until you refuse.",
    needs_consent: "Off until you agree.",
    none_declared: "No cookie of this kind is declared at present.",
    cookie: "Cookie",
    what_for: "What it is for",
    provider: "Who sets it",
    lasts: "How long it lasts",
    this_site: "This site",
    own_lasts: "{} months",
    own_lasts_one: "1 month",
    own_basis: "It is strictly necessary, because without it we would have to ask you on every page.",
    own_values: "It can have at most {} different values ({}), the same for many visitors.",
    bits: "{} bits",
    bit: "1 bit",
    footprint_what: "Notes the day of your last visit and roughly how many pages you looked at that day, so that we can count \
                     visits. It can have at most 256 different values (8 bits), the same for many visitors.",
    footprint_lasts: "31 days",
    preferences: "How you would like this site",
    preferences_why: "This is no part of your choice about cookies: it is kept whether you accept or refuse them.",
    preferences_save: "Save my preferences",
    preferences_what: "Remembers how you would like this site, and nothing else. It is set only when you ask for something other than \
                       the usual, and goes when you choose the usual again.",
    preferences_basis: "It is strictly necessary, because without it we could not keep what you asked for.",
    undeclared: "A cookie that is not listed here is held back, whatever you choose.",
    other_language: "Cymraeg",
    banner_necessary: "We use some cookies that this site cannot work without.",
    banner_on: "Some others count visits or remember how you like the site; they are on until you refuse them.",
    banner_asks: "With your agreement we would also use:",
    view: "View cookies",
    change: "You can change this at any time on the cookies page.",
    hide: "Hide this message",
    link: "Cookies on this site",
    held: "Some content is not shown here, because it may set cookies that you have not agreed to.",
    held_from: "Content from {} is not shown here, because it may set cookies that you have not agreed to.",
    held_short: "not shown until you allow its cookies.",
    held_needs: "To show it, allow:",
    held_for_good: "some content is not shown on this site.",
    hosts: "Pages show content from these places only if you allow it:",
    held_allow: "Allow and show",
    held_choose: "Choose cookies",
};

const WELSH: Words = Words {
    title: "Cwcis ar {}",
    skip: "Neidio i'r prif gynnwys",
    saved: "Mae eich dewis wedi'i gadw.",
    accepted: "Rydych wedi derbyn cwcis ychwanegol.",
    rejected: "Rydych wedi gwrthod cwcis ychwanegol.",
    go_back: "Mynd yn ôl i'r dudalen yr oeddech yn edrych arni",
    success: "Wedi'i gadw",
    intro: "Ffeiliau bach y mae gwefan yn eu cadw ar eich dyfais yw cwcis. Chi sy'n penderfynu pa rai y caiff y wefan \
            hon eu defnyddio, a gallwch newid eich meddwl yma unrhyw bryd. Os gwrthodwch bob un, bydd pob tudalen yn \
            dal i weithio.",
    your_choice: "Eich dewis",
    undecided: "Nid ydych wedi dewis eto.",
    signal: "Mae eich porwr yn gofyn i wefannau beidio â rhannu na gwerthu'r hyn y maent yn ei wybod amdanoch (Global \
             Privacy Control). Rydym yn trin hynny fel gwrthod pob cwci y mae angen eich cydsyniad arno, felly nid ydym \
             wedi gofyn i chi. Gallwch ddewis yn wahanol yma o hyd.",
    chosen_in: "Gwnaethoch ddewis ym mis {}:",
    override_signal: "Mae eich porwr hefyd yn anfon yr arwydd Global Privacy Control, a fyddai'n gwrthod y cwcis y mae \
                      angen eich cydsyniad arnynt. Yr hyn a ddewiswch yma sy'n cyfrif yn ei le.",
    ends: "Byddwn yn gofyn eto ym mis {}. Ar eich dyfais chi yn unig y cedwir y dewis hwn.",
    policy_version: "Fersiwn y cwestiynau hyn: {}",
    allowed: "caniateir",
    refused: "gwrthodwyd",
    nothing_to_ask: "Dim ond cwcis na all weithio hebddynt y mae'r wefan hon yn eu defnyddio, felly nid oes dim i'w \
                     ddewis.",
    all_at_once: "Pob cwci ychwanegol",
    accept: "Derbyn cwcis ychwanegol",
    reject: "Gwrthod cwcis ychwanegol",
    one_by_one: "Dewis fesul un",
    question: "Ydych chi'n caniatáu'r cwcis hyn?",
    yes: "Ydw",
    no: "Nac ydw",
    save: "Cadw fy newis",
    necessary: "Cwcis cwbl angenrheidiol",
    necessary_why: "Mae'r rhain yn gwneud i'r wefan weithio, er enghraifft aros wedi mewngofnodi. Maent ymlaen bob amser.",
    own_what: "Mae'n cofio eich dewis am gwcis: pa gwestiynau a ateboch, sut, ac ym mha fis. Mae gan bawb a wnaeth yr \
               un dewis yn y mis hwnnw yr un gwerth.",
    on_until: "Ymlaen nes i chi wrthod.",
    needs_consent: "I ffwrdd nes i chi gytuno.",
    none_declared: "Nid oes cwci o'r math hwn wedi'i ddatgan ar hyn o bryd.",
    cookie: "Cwci",
    what_for: "Beth yw ei ddiben",
    provider: "Pwy sy'n ei osod",
    lasts: "Am faint y mae'n para",
    this_site: "Y wefan hon",
    own_lasts: "{} mis",
    own_lasts_one: "1 mis",
    own_basis: "Mae'n gwbl angenrheidiol, oherwydd hebddo byddai'n rhaid i ni ofyn i chi ar bob tudalen.",
    own_values: "Gall gael {} o werthoedd gwahanol ar y mwyaf ({}), yr un fath i lawer o ymwelwyr.",
    bits: "{} did",
    bit: "1 did",
    footprint_what: "Mae'n nodi diwrnod eich ymweliad diwethaf a thua faint o dudalennau y gwnaethoch edrych arnynt y diwrnod \
                     hwnnw, fel y gallwn gyfri ymweliadau. Gall gael 256 o werthoedd gwahanol ar y mwyaf (8 did), yr un fath i \
                     lawer o ymwelwyr.",
    footprint_lasts: "31 diwrnod",
    preferences: "Sut yr hoffech i'r wefan hon fod",
    preferences_why: "Nid yw hyn yn rhan o'ch dewis am gwcis: caiff ei gadw p'un a ydych yn eu derbyn neu'n eu gwrthod.",
    preferences_save: "Cadw fy ngosodiadau",
    preferences_what: "Mae'n cofio sut yr hoffech i'r wefan hon fod, a dim byd arall. Dim ond pan fyddwch yn gofyn am rywbeth \
                       heblaw'r arferol y caiff ei osod, ac mae'n mynd pan ddewiswch yr arferol eto.",
    preferences_basis: "Mae'n gwbl angenrheidiol, oherwydd hebddo ni allem gadw'r hyn y gofynnoch amdano.",
    undeclared: "Caiff cwci nad yw wedi'i restru yma ei ddal yn ôl, beth bynnag a ddewiswch.",
    other_language: "English",
    banner_necessary: "Rydym yn defnyddio rhai cwcis na all y wefan hon weithio hebddynt.",
    banner_on: "Mae rhai eraill yn cyfrif ymweliadau neu'n cofio sut yr hoffwch y wefan; maent ymlaen nes i chi eu gwrthod.",
    banner_asks: "Gyda'ch cytundeb, hoffem hefyd ddefnyddio:",
    view: "Gweld cwcis",
    change: "Gallwch newid hyn unrhyw bryd ar y dudalen cwcis.",
    hide: "Cuddio'r neges hon",
    link: "Cwcis ar y wefan hon",
    held: "Nid yw rhywfaint o gynnwys yn cael ei ddangos yma, oherwydd gallai osod cwcis nad ydych wedi cytuno iddynt.",
    held_from: "Nid yw cynnwys o {} yn cael ei ddangos yma, oherwydd gallai osod cwcis nad ydych wedi cytuno iddynt.",
    held_short: "ni chaiff ei ddangos nes i chi ganiatáu ei gwcis.",
    held_needs: "I'w ddangos, caniatewch:",
    held_for_good: "nid yw rhywfaint o gynnwys yn cael ei ddangos ar y wefan hon.",
    hosts: "Dim ond os byddwch yn ei ganiatáu y mae tudalennau'n dangos cynnwys o'r lleoedd hyn:",
    held_allow: "Caniatáu a dangos",
    held_choose: "Dewis cwcis",
};
