use crate::consent::page::Language;

/// Every sentence of the section. `{}` stands for what is put in.
pub(super) struct Sentences {
    pub(super) title: &'static str,
    pub(super) title_without_addresses: &'static str,
    pub(super) intro: &'static str,
    pub(super) end: &'static str,

    pub(super) addresses: &'static str,
    pub(super) addresses_why: &'static str,
    pub(super) addresses_only: &'static str,
    pub(super) addresses_basis: &'static str,
    pub(super) code: &'static str,
    pub(super) key: &'static str,
    pub(super) crowd: &'static str,
    pub(super) beside: &'static str,
    pub(super) apart: &'static str,
    pub(super) site_told_nothing: &'static str,
    pub(super) site_told_name: &'static str,
    pub(super) site_told_address: &'static str,
    pub(super) lookup: &'static str,
    pub(super) lookup_second: &'static str,

    pub(super) counts: &'static str,
    pub(super) totals: &'static str,
    pub(super) totals_kept: &'static str,
    pub(super) visits_on: &'static str,
    pub(super) visits_asked: &'static str,
    pub(super) visits_off: &'static str,
    pub(super) proof: &'static str,

    pub(super) cookies: &'static str,
    pub(super) law: &'static str,
    pub(super) enforced: &'static str,
    pub(super) reported: &'static str,
    pub(super) undeclared_held: &'static str,
    pub(super) undeclared_passed: &'static str,
    pub(super) decision: &'static str,
    pub(super) visit: &'static str,
    pub(super) visit_on: &'static str,
    pub(super) visit_asked: &'static str,
    pub(super) preferences: &'static str,
    pub(super) own: &'static str,
    pub(super) necessary: &'static str,
    pub(super) asked: &'static str,
    pub(super) statistics: &'static str,
    pub(super) appearance: &'static str,
    pub(super) set_by: &'static str,
    pub(super) content_of: &'static str,
    pub(super) listed: &'static str,
    pub(super) of_others: &'static str,

    pub(super) change: &'static str,
    pub(super) change_at: &'static str,
    pub(super) asked_again: &'static str,
    pub(super) shared: &'static str,
    pub(super) removed: &'static str,
    pub(super) storage: &'static str,
    pub(super) signal: &'static str,
    pub(super) signal_and_visits: &'static str,
    pub(super) signal_ignored: &'static str,
}

impl Sentences {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::Welsh => &WELSH,
        }
    }
}

const ENGLISH: Sentences = Sentences {
    title: "Use of IP addresses and cookies",
    title_without_addresses: "Use of cookies",
    intro: "This is what {} collects when you visit this website, why, and for how long. It follows from the settings of this \
            website.",
    end: "This text follows from settings (version {}). It is not legal advice.",

    addresses: "IP addresses",
    addresses_why: "Your device sends an IP address with every request, because no answer could reach it otherwise. We use it to \
                    administer this website and to audit its use: to find faults, to turn attacks away, and to know how many \
                    different addresses came in a day.",
    addresses_only: "We use it for nothing else, unless the law requires it.",
    addresses_basis: "The legal basis is our public task of running this website securely (UK GDPR, Article 6(1), point e) or, where we are \
                      not a public authority, our legitimate interest in doing so (Article 6(1), point f).",
    code: "We do not keep the address. We keep a code that is made from it with a secret key. There is a new key every day.",
    key: "Each key is destroyed 48 hours after it was made, at the latest, and the codes are deleted. From then on nobody, ourselves \
          included, can tell which address a code stood for. Until then a code is personal data.",
    crowd: "Codes are written down only in groups: when addresses of {} or more different networks have come.",
    beside: "With a code stand only a second one, for the part of the network that the address is in, the time, to ten minutes or more, \
             how many requests came, and how many were turned away. What was looked at, with which browser and which cookies, does not \
             stand there. How many requests failed is counted in memory alone.",
    apart: "Addresses and codes are never joined with what is counted of pages, with cookies, or with your choice about them.",
    site_told_nothing: "The systems behind this website are not told your address.",
    site_told_name: "The systems behind this website are not told your address, but a name that stands for it for one day, made with a \
                     key of its own.",
    site_told_address: "The systems behind this website are told your address. What they do with it is not described here: what follows \
                        is true of what stands before them.",
    lookup: "Where the law requires it, for example when the police ask, we can tell whether an address came here, as long as the key \
             of that day exists. Who asked, on what ground, and who approved it is recorded, without the address, in a log that shows \
             if anything in it is changed.",
    lookup_second: "Nobody can do that alone: a second person has to let it through.",

    counts: "What we count",
    totals: "We count requests, pages looked at, pages not found, families of browsers, kinds of devices, robots, and the websites from \
             which people come. Each is a total by itself, of a day. Pages, browsers and websites that only a few have in common are \
             put together under one name. Of each cookie we count how often it came and was held back, and estimate how many different \
             values it has, so as to find cookies that tell visitors apart. What is in a cookie is never kept.",
    totals_kept: "These totals are kept for {}.",
    visits_on: "Unless you refuse, a cookie helps us to count visits. It is described below.",
    visits_asked: "If you agree, a cookie helps us to count visits. It is described below.",
    visits_off: "We do not count visits by a cookie.",
    proof: "How many visitors accepted or refused which cookies is kept as totals, for six years after the questions were last asked, to \
            show what was asked and answered. When keys were made and destroyed, and what administrators did, is kept for six years.",

    cookies: "Cookies",
    law: "The paragraphs named here are those of Schedule A1 to the Privacy and Electronic Communications (EC Directive) Regulations \
          2003.",
    enforced: "Cookies that you refuse, or have not agreed to where we must ask, are held back on their way to you and to the systems \
               behind this website.",
    reported: "At present this website only counts which cookies would be held back. Whatever you choose, it holds none back yet. \
               What follows is how it will be.",
    undeclared_held: "A cookie that is not described to you is held back as well.",
    undeclared_passed: "A cookie that nobody has described may pass.",
    decision: "{} remembers your choice about cookies. It is strictly necessary (paragraph 4).",
    visit: "{} notes the day of your last visit and roughly how many pages you looked at that day, for statistics.",
    visit_on: "It is on until you refuse (paragraph 5).",
    visit_asked: "It is set only if you agree (paragraph 2).",
    preferences: "{} keeps how you would like this site, because you asked for that (paragraphs 4 and 6).",
    own: "It lasts {} and can have at most {} different values ({}), the same for many visitors.",
    necessary: "Cookies that are strictly necessary make this website work, for example by keeping you signed in. They are always on \
                (paragraphs 3 and 4).",
    asked: "They are off until you agree (paragraph 2: consent).",
    statistics: "They are on until you refuse (paragraph 5: statistics).",
    appearance: "They are on until you refuse (paragraph 6: appearance).",
    set_by: "Set by: {}.",
    content_of: "Content comes from: {}.",
    listed: "Each cookie is listed at {}, with what it is for, who sets it and how long it lasts.",
    of_others: "Cookies that other websites set for themselves we can neither see nor remove.",

    change: "How to change your choice",
    change_at: "You can change your choice at any time at {}.",
    asked_again: "We ask again after {}.",
    shared: "Your choice counts for every website under {}.",
    removed: "What you refuse is removed from your device, as far as a website can do that, and every page still works.",
    storage: "If you take an agreement back, what scripts have kept on your device for this website is cleared, too.",
    signal: "If your browser sends the Global Privacy Control signal and you have not chosen, we take that for a refusal of every cookie \
             that needs your consent.",
    signal_and_visits: "If your browser sends the Global Privacy Control signal and you have not chosen, we do not count your visit by a \
                        cookie.",
    signal_ignored: "We do not act on the Global Privacy Control signal of browsers.",
};

const WELSH: Sentences = Sentences {
    title: "Defnyddio cyfeiriadau IP a chwcis",
    title_without_addresses: "Defnyddio cwcis",
    intro: "Dyma'r hyn y mae {} yn ei gasglu pan fyddwch yn ymweld â'r wefan hon, pam, ac am faint. Mae'n dilyn o osodiadau'r wefan \
            hon.",
    end: "Mae'r testun hwn yn dilyn o osodiadau (fersiwn {}). Nid yw'n gyngor cyfreithiol.",

    addresses: "Cyfeiriadau IP",
    addresses_why: "Mae eich dyfais yn anfon cyfeiriad IP gyda phob cais, oherwydd ni allai unrhyw ateb ei chyrraedd fel arall. Rydym yn ei \
                    ddefnyddio i weinyddu'r wefan hon ac i archwilio ei defnydd: i ddod o hyd i ddiffygion, i droi ymosodiadau ymaith, \
                    ac i wybod faint o gyfeiriadau gwahanol a ddaeth mewn diwrnod.",
    addresses_only: "Nid ydym yn ei ddefnyddio at ddim byd arall, oni bai bod y gyfraith yn mynnu hynny.",
    addresses_basis: "Y sail gyfreithiol yw ein tasg gyhoeddus o redeg y wefan hon yn ddiogel (GDPR y DU, Erthygl 6(1), pwynt e) neu, lle nad \
                      ydym yn awdurdod cyhoeddus, ein buddiant dilys mewn gwneud hynny (Erthygl 6(1), pwynt f).",
    code: "Nid ydym yn cadw'r cyfeiriad. Rydym yn cadw cod a wneir ohono gydag allwedd gyfrinachol. Mae allwedd newydd bob dydd.",
    key: "Caiff pob allwedd ei dinistrio 48 awr ar ôl iddi gael ei gwneud, fan bellaf, a chaiff y codau eu dileu. O hynny ymlaen ni all \
          neb, gan ein cynnwys ni, ddweud pa gyfeiriad yr oedd cod yn sefyll amdano. Tan hynny mae cod yn ddata personol.",
    crowd: "Dim ond mewn grwpiau y caiff codau eu hysgrifennu: pan fydd cyfeiriadau o {} neu fwy o rwydweithiau gwahanol wedi dod.",
    beside: "Gyda chod nid oes ond ail god, ar gyfer y rhan o'r rhwydwaith y mae'r cyfeiriad ynddi, yr amser, i ddeng munud neu fwy, \
             faint o geisiadau a ddaeth, a faint a gafodd eu troi ymaith. Nid yw'r hyn yr edrychwyd arno, gyda pha borwr a pha gwcis, \
             yno. Dim ond yn y cof y cyfrifir faint o geisiadau a fethodd.",
    apart: "Nid yw cyfeiriadau na chodau byth yn cael eu cysylltu â'r hyn a gyfrifir o dudalennau, â chwcis, nac â'ch dewis amdanynt.",
    site_told_nothing: "Ni ddywedir eich cyfeiriad wrth y systemau y tu ôl i'r wefan hon.",
    site_told_name: "Ni ddywedir eich cyfeiriad wrth y systemau y tu ôl i'r wefan hon, ond enw sy'n sefyll amdano am un diwrnod, a wneir \
                     gydag allwedd ar wahân.",
    site_told_address: "Dywedir eich cyfeiriad wrth y systemau y tu ôl i'r wefan hon. Nid yw'r hyn y maent yn ei wneud ag ef wedi'i \
                        ddisgrifio yma: mae'r hyn sy'n dilyn yn wir am yr hyn sy'n sefyll o'u blaen.",
    lookup: "Lle bo'r gyfraith yn mynnu hynny, er enghraifft pan fydd yr heddlu'n gofyn, gallwn ddweud a ddaeth cyfeiriad yma, cyn belled \
             â bod allwedd y diwrnod hwnnw'n bodoli. Cofnodir pwy a ofynnodd, ar ba sail, a phwy a'i cymeradwyodd, heb y cyfeiriad, mewn \
             cofnod sy'n dangos os newidir unrhyw beth ynddo.",
    lookup_second: "Ni all neb wneud hynny ar ei ben ei hun: rhaid i ail berson ei ganiatáu.",

    counts: "Yr hyn rydym yn ei gyfrif",
    totals: "Rydym yn cyfrif ceisiadau, tudalennau yr edrychwyd arnynt, tudalennau na chafwyd hyd iddynt, teuluoedd o borwyr, mathau o \
             ddyfeisiau, robotiaid, a'r gwefannau y daw pobl ohonynt. Mae pob un yn gyfanswm diwrnod ar ei ben ei hun. Caiff \
             tudalennau, porwyr a gwefannau nad oes ond ychydig yn eu rhannu eu rhoi gyda'i gilydd dan un enw. O bob cwci rydym yn cyfrif pa \
             mor aml y daeth ac y daliwyd ef yn ôl, ac yn amcangyfrif faint o werthoedd gwahanol sydd ganddo, er mwyn dod o hyd i gwcis sy'n \
             gwahaniaethu rhwng ymwelwyr. Ni chedwir byth yr hyn sydd mewn cwci.",
    totals_kept: "Cedwir y cyfansymiau hyn am {}.",
    visits_on: "Oni bai eich bod yn gwrthod, mae cwci yn ein helpu i gyfrif ymweliadau. Fe'i disgrifir isod.",
    visits_asked: "Os cytunwch, mae cwci yn ein helpu i gyfrif ymweliadau. Fe'i disgrifir isod.",
    visits_off: "Nid ydym yn cyfrif ymweliadau â chwci.",
    proof: "Cedwir faint o ymwelwyr a dderbyniodd neu a wrthododd ba gwcis fel cyfansymiau, am chwe blynedd ar ôl i'r cwestiynau gael eu \
            gofyn ddiwethaf, i ddangos beth a ofynnwyd ac a atebwyd. Cedwir pryd y gwnaed ac y dinistriwyd allweddi, a'r hyn a wnaeth \
            gweinyddwyr, am chwe blynedd.",

    cookies: "Cwcis",
    law: "Paragraffau Atodlen A1 i Reoliadau Preifatrwydd a Chyfathrebu Electronig (Cyfarwyddeb y GE) 2003 yw'r rhai a enwir yma.",
    enforced: "Caiff cwcis rydych yn eu gwrthod, neu nad ydych wedi cytuno iddynt lle mae'n rhaid i ni ofyn, eu dal yn ôl ar eu ffordd atoch \
               chi ac at y systemau y tu ôl i'r wefan hon.",
    reported: "Ar hyn o bryd dim ond cyfrif pa gwcis fyddai'n cael eu dal yn ôl y mae'r wefan hon. Beth bynnag a ddewiswch, nid yw'n dal \
               yr un yn ôl eto. Yr hyn sy'n dilyn yw sut y bydd.",
    undeclared_held: "Caiff cwci nad yw wedi'i ddisgrifio i chi ei ddal yn ôl hefyd.",
    undeclared_passed: "Gall cwci nad oes neb wedi'i ddisgrifio fynd drwodd.",
    decision: "Mae {} yn cofio eich dewis am gwcis. Mae'n gwbl angenrheidiol (paragraff 4).",
    visit: "Mae {} yn nodi diwrnod eich ymweliad diwethaf a thua faint o dudalennau y gwnaethoch edrych arnynt y diwrnod hwnnw, ar gyfer \
            ystadegau.",
    visit_on: "Mae ymlaen nes i chi wrthod (paragraff 5).",
    visit_asked: "Dim ond os cytunwch y caiff ei osod (paragraff 2).",
    preferences: "Mae {} yn cadw sut yr hoffech i'r wefan hon fod, oherwydd i chi ofyn am hynny (paragraffau 4 a 6).",
    own: "Mae'n para {} a gall gael {} o werthoedd gwahanol ar y mwyaf ({}), yr un fath i lawer o ymwelwyr.",
    necessary: "Mae cwcis cwbl angenrheidiol yn gwneud i'r wefan hon weithio, er enghraifft drwy eich cadw wedi mewngofnodi. Maent ymlaen \
                bob amser (paragraffau 3 a 4).",
    asked: "Maent i ffwrdd nes i chi gytuno (paragraff 2: cydsyniad).",
    statistics: "Maent ymlaen nes i chi wrthod (paragraff 5: ystadegau).",
    appearance: "Maent ymlaen nes i chi wrthod (paragraff 6: ymddangosiad).",
    set_by: "Gosodir gan: {}.",
    content_of: "Daw cynnwys o: {}.",
    listed: "Rhestrir pob cwci yn {}, gyda'i ddiben, pwy sy'n ei osod ac am faint y mae'n para.",
    of_others: "Ni allwn weld na dileu cwcis y mae gwefannau eraill yn eu gosod drostynt eu hunain.",

    change: "Sut i newid eich dewis",
    change_at: "Gallwch newid eich dewis unrhyw bryd yn {}.",
    asked_again: "Byddwn yn gofyn eto ar ôl {}.",
    shared: "Mae eich dewis yn cyfrif ar gyfer pob gwefan o dan {}.",
    removed: "Caiff yr hyn rydych yn ei wrthod ei ddileu o'ch dyfais, cyn belled ag y gall gwefan wneud hynny, ac mae pob tudalen yn dal i \
              weithio.",
    storage: "Os tynnwch gytundeb yn ôl, caiff yr hyn y mae sgriptiau wedi'i gadw ar eich dyfais ar gyfer y wefan hon ei glirio hefyd.",
    signal: "Os yw eich porwr yn anfon y signal Global Privacy Control ac nad ydych wedi dewis, rydym yn cymryd hynny fel gwrthodiad o bob \
             cwci sydd angen eich cydsyniad.",
    signal_and_visits: "Os yw eich porwr yn anfon y signal Global Privacy Control ac nad ydych wedi dewis, nid ydym yn cyfrif eich ymweliad â \
                        chwci.",
    signal_ignored: "Nid ydym yn gweithredu ar signal Global Privacy Control porwyr.",
};
