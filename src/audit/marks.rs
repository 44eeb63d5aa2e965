//! The words by which browsers, devices and robots are told: a list of our own.

use Mark::{Browser, BrowserOn, Device, Nothing, Robot};

/// What is in none of the lists.
pub(super) const OTHER: &str = "(other)";

/// What a mark tells.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mark {
    Browser(&'static str),
    BrowserOn(&'static str, &'static str),
    Device(&'static str),
    /// It looks like a mark and is none.
    Nothing,
    Robot(&'static str),
}

const CONSOLE: &str = "console";
pub(super) const DESKTOP: &str = "desktop";
const PHONE: &str = "phone";
const TABLET: &str = "tablet";
const TELEVISION: &str = "television";

pub(super) const NAMELESS: &str = "(no name)";
pub(super) const PROGRAM: &str = "program or library";
const READER: &str = "feed reader";
const TESTER: &str = "site checker";
pub(super) const WINDOWLESS: &str = "browser without a window";

/// What agents are told by, in any case. Where two begin at one place, or two of one list are found, the first counts.
#[rustfmt::skip]
pub(super) const MARKS: &[(&str, Mark)] = &[
    // What only looks like a mark.
    ("cubot", Nothing), ("tablet pc", Nothing), ("like mac os x", Nothing), ("like gecko", Nothing),

    // Robots that search, by the names that their owners publish.
    ("googlebot", Robot("Googlebot")), ("adsbot-google", Robot("Google AdsBot")), ("apis-google", Robot("Google APIs")),
    ("mediapartners-google", Robot("Google AdSense")), ("feedfetcher-google", Robot("Google Feedfetcher")), ("google favicon", Robot("Google Favicon")),
    ("google web preview", Robot("Google Web Preview")),
    ("google-inspectiontool", Robot("Google Inspection Tool")), ("googleother", Robot("GoogleOther")),
    ("google-read-aloud", Robot("Google Read Aloud")), ("storebot-google", Robot("Google StoreBot")),
    ("google-cloudvertexbot", Robot("Google Vertex")), ("bingbot", Robot("Bingbot")), ("bingpreview", Robot("Bing Preview")),
    ("msnbot", Robot("msnbot")), ("adidxbot", Robot("Bing Ads")), ("slurp", Robot("Yahoo Slurp")),
    ("duckduckbot", Robot("DuckDuckBot")), ("baiduspider", Robot("Baiduspider")), ("yandex.com/bots", Robot("Yandex")),
    ("yandexbot", Robot("Yandex")), ("applebot", Robot("Applebot")), ("petalbot", Robot("PetalBot")),
    ("sogou web spider", Robot("Sogou")), ("exabot", Robot("Exabot")), ("mojeekbot", Robot("MojeekBot")),
    ("seznambot", Robot("SeznamBot")), ("qwantbot", Robot("Qwantbot")), ("qwantify", Robot("Qwantbot")),
    ("coccocbot", Robot("coccocbot")), ("naver.me", Robot("Naver Yeti")), ("yeti/", Robot("Naver Yeti")),
    ("mail.ru_bot", Robot("Mail.RU")), ("360spider", Robot("360Spider")),

    // Robots that archive.
    ("archive.org_bot", Robot("Internet Archive")), ("special_archiver", Robot("Internet Archive")),
    ("ia_archiver", Robot("Internet Archive")), ("bl.uk_ld", Robot("UK Web Archive")), ("ccbot", Robot("Common Crawl")),

    // Robots that gather for language models, or fetch for their users.
    ("gptbot", Robot("GPTBot")), ("chatgpt-user", Robot("ChatGPT")), ("oai-searchbot", Robot("OpenAI Search")),
    ("claudebot", Robot("ClaudeBot")), ("claude-user", Robot("Claude")), ("claude-searchbot", Robot("Claude Search")),
    ("anthropic-ai", Robot("ClaudeBot")), ("perplexitybot", Robot("PerplexityBot")), ("perplexity-user", Robot("Perplexity")),
    ("bytespider", Robot("Bytespider")), ("amazonbot", Robot("Amazonbot")), ("duckassistbot", Robot("DuckAssistBot")),
    ("meta-externalagent", Robot("Meta")), ("meta-externalfetcher", Robot("Meta")), ("mistralai-user", Robot("Mistral")),
    ("cohere-ai", Robot("Cohere")), ("diffbot", Robot("Diffbot")), ("timpibot", Robot("Timpibot")),

    // Robots that show a link to others.
    ("facebookexternalhit", Robot("Facebook preview")), ("facebot", Robot("Facebook preview")),
    ("twitterbot", Robot("Twitterbot")), ("linkedinbot", Robot("LinkedInBot")), ("whatsapp/", Robot("WhatsApp preview")),
    ("telegrambot", Robot("TelegramBot")), ("slackbot", Robot("Slackbot")), ("slack-imgproxy", Robot("Slackbot")),
    ("discordbot", Robot("Discordbot")), ("pinterestbot", Robot("Pinterestbot")), ("skypeuripreview", Robot("Skype preview")),
    ("flipboard", Robot("Flipboard")), ("embedly", Robot("Embedly")), ("mastodon/", Robot("Mastodon preview")),

    // Robots that sell what they find.
    ("ahrefsbot", Robot("AhrefsBot")), ("ahrefssiteaudit", Robot("AhrefsBot")), ("semrushbot", Robot("SemrushBot")),
    ("siteauditbot", Robot("SemrushBot")), ("mj12bot", Robot("MJ12bot")), ("dotbot", Robot("DotBot")),
    ("rogerbot", Robot("DotBot")), ("dataforseobot", Robot("DataForSeoBot")), ("serpstatbot", Robot("serpstatbot")),
    ("blexbot", Robot("BLEXBot")), ("barkrowler", Robot("Barkrowler")), ("magpie-crawler", Robot("Brandwatch")),
    ("awariobot", Robot("AwarioBot")), ("screaming frog", Robot("Screaming Frog")), ("genieo", Robot("Genieo")),

    // Robots that see whether a site is there, is right, or is open to attack.
    ("uptimerobot", Robot("UptimeRobot")), ("pingdom", Robot("Pingdom")), ("statuscake", Robot("StatusCake")),
    ("site24x7", Robot("Site24x7")), ("newrelicpinger", Robot("New Relic")), ("datadog", Robot("Datadog")),
    ("better uptime", Robot("Better Stack")), ("hetrixtools", Robot("HetrixTools")), ("check_http", Robot("Nagios")),
    ("zabbix", Robot("Zabbix")), ("blackbox-exporter", Robot("Prometheus")), ("siteimprove", Robot("Siteimprove")),
    ("silktide", Robot("Silktide")), ("monsido", Robot("Monsido")), ("sitemorse", Robot("Sitemorse")),
    ("chrome-lighthouse", Robot("Lighthouse")), ("w3c_validator", Robot(TESTER)), ("w3c-checklink", Robot(TESTER)),
    ("validator.nu", Robot(TESTER)), ("xenu link sleuth", Robot(TESTER)), ("link validator", Robot(TESTER)),
    ("nikto", Robot("scanner")), ("nmap", Robot("scanner")), ("masscan", Robot("scanner")), ("zgrab", Robot("scanner")),
    ("nuclei", Robot("scanner")), ("sqlmap", Robot("scanner")), ("censys", Robot("scanner")), ("netcraft", Robot("scanner")),
    ("expanse", Robot("scanner")), ("internet-measurement", Robot("scanner")), ("qualys", Robot("scanner")),

    // Readers of feeds: they come by themselves, whether anybody reads or not.
    ("feedly", Robot(READER)), ("feedbin", Robot(READER)), ("feedburner", Robot(READER)), ("feedparser", Robot(READER)),
    ("tiny tiny rss", Robot(READER)), ("tt-rss", Robot(READER)), ("inoreader", Robot(READER)), ("newsblur", Robot(READER)),
    ("simplepie", Robot(READER)), ("liferea", Robot(READER)), ("netnewswire", Robot(READER)), ("newsify", Robot(READER)),
    ("reeder/", Robot(READER)), ("theoldreader", Robot(READER)), ("miniflux", Robot(READER)), ("freshrss", Robot(READER)), ("akregator", Robot(READER)),

    // Browsers without a window, programs and libraries.
    ("headlesschrome", Robot(WINDOWLESS)), ("phantomjs", Robot(WINDOWLESS)),
    ("electron/", Nothing), ("curl/", Robot(PROGRAM)), ("libcurl", Robot(PROGRAM)), ("wget", Robot(PROGRAM)),
    ("libwww", Robot(PROGRAM)), ("lwp::", Robot(PROGRAM)), ("python", Robot(PROGRAM)), ("aiohttp", Robot(PROGRAM)),
    ("httpx", Robot(PROGRAM)), ("scrapy", Robot(PROGRAM)), ("go-http-client", Robot(PROGRAM)), ("java/", Robot(PROGRAM)),
    ("httpclient", Robot(PROGRAM)), ("okhttp", Robot(PROGRAM)), ("axios/", Robot(PROGRAM)), ("node-fetch", Robot(PROGRAM)),
    ("undici", Robot(PROGRAM)), ("ruby", Robot(PROGRAM)), ("php/", Robot(PROGRAM)), ("guzzle", Robot(PROGRAM)),
    ("http_request", Robot(PROGRAM)), ("powershell", Robot(PROGRAM)), ("postmanruntime", Robot(PROGRAM)),
    ("insomnia/", Robot(PROGRAM)), ("portscout", Robot(PROGRAM)), ("libfetch", Robot(PROGRAM)), ("nutch", Robot(PROGRAM)), ("reqwest", Robot(PROGRAM)),
    ("dart:io", Robot(PROGRAM)), ("winhttp", Robot(PROGRAM)), ("protocol discovery", Robot(PROGRAM)),

    // What robots call themselves: no browser has a word of these, or says where it is explained.
    ("crawl", Robot(OTHER)), ("spider", Robot(OTHER)), ("bot", Robot(OTHER)), ("scraper", Robot(OTHER)),
    ("archiver", Robot(OTHER)), ("fetcher", Robot(OTHER)), ("aggregator", Robot(OTHER)), ("monitor", Robot(OTHER)),
    ("validator", Robot(OTHER)), ("checker", Robot(OTHER)), ("http:", Robot(OTHER)), ("https:", Robot(OTHER)),
    ("@", Robot(OTHER)),

    // Browsers. Those that are built on others name them too, so they stand before them.
    ("edg/", Browser("Edge")), ("edga/", Browser("Edge")), ("edgios/", Browser("Edge")), ("edge/", Browser("Edge")),
    ("opr/", Browser("Opera")), ("opios/", Browser("Opera")), ("opt/", Browser("Opera")),
    ("opera mini", BrowserOn("Opera", PHONE)), ("opera mobi", BrowserOn("Opera", PHONE)), ("opera", Browser("Opera")),
    ("samsungbrowser", Browser("Samsung Internet")), ("ucbrowser", Browser("UC Browser")), ("ucweb", Browser("UC Browser")),
    ("yabrowser", Browser("Yandex Browser")), ("vivaldi", Browser("Vivaldi")), ("duckduckgo", Browser("DuckDuckGo")),
    ("ddg/", Browser("DuckDuckGo")), ("silk/", BrowserOn("Silk", TABLET)), ("miuibrowser", Browser("Mi Browser")),
    ("huaweibrowser", Browser("Huawei Browser")), ("instagram", Browser("Instagram")), ("fban/", Browser("Facebook")),
    ("fbav/", Browser("Facebook")), ("gsa/", Browser("Google app")), ("seamonkey", Browser("SeaMonkey")),
    ("palemoon", Browser("Pale Moon")), ("waterfox", Browser("Waterfox")), ("iceweasel", Browser("Firefox")),
    ("fxios/", Browser("Firefox")), ("firefox", Browser("Firefox")), ("konqueror", Browser("Konqueror")),
    ("epiphany", Browser("GNOME Web")), ("midori", Browser("Midori")), ("netsurf", Browser("NetSurf")),
    ("elinks", Browser("Links")), ("links (", Browser("Links")), ("lynx", Browser("Lynx")), ("w3m", Browser("w3m")),
    ("nokiabrowser", BrowserOn("Nokia Browser", PHONE)), ("up.browser", BrowserOn("Openwave", PHONE)),
    ("iemobile", BrowserOn("Internet Explorer", PHONE)), ("trident/", Browser("Internet Explorer")),
    ("msie", Browser("Internet Explorer")), ("crios/", Browser("Chrome")), ("chromium", Browser("Chrome")),
    ("chrome", Browser("Chrome")), ("blackberry", BrowserOn("BlackBerry", PHONE)), ("bb10", BrowserOn("BlackBerry", PHONE)),
    ("safari", Browser("Safari")),

    // Classes of devices. A television or tablet may call itself a phone, and all of them Linux.
    ("smart-tv", Device(TELEVISION)), ("smarttv", Device(TELEVISION)), ("smart tv", Device(TELEVISION)),
    ("appletv", Device(TELEVISION)), ("apple tv", Device(TELEVISION)), ("googletv", Device(TELEVISION)),
    ("android tv", Device(TELEVISION)), ("hbbtv", Device(TELEVISION)), ("netcast", Device(TELEVISION)),
    ("bravia", Device(TELEVISION)), ("roku", Device(TELEVISION)), ("crkey", Device(TELEVISION)), ("web0s", Device(TELEVISION)),
    ("playstation", Device(CONSOLE)), ("xbox", Device(CONSOLE)), ("nintendo", Device(CONSOLE)),
    ("ipad", Device(TABLET)), ("kindle", Device(TABLET)), ("tablet", Device(TABLET)),
    ("iphone", Device(PHONE)), ("ipod", Device(PHONE)), ("windows phone", Device(PHONE)), ("symbian", Device(PHONE)),
    ("midp", Device(PHONE)), ("maui", Device(PHONE)), ("nokia", Device(PHONE)), ("mobile", Device(PHONE)),
    ("android", Device(TABLET)),
    ("windows", Device(DESKTOP)), ("macintosh", Device(DESKTOP)), ("cros ", Device(DESKTOP)), ("x11", Device(DESKTOP)),
    ("linux", Device(DESKTOP)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mark_can_be_found() {
        for (place, (mark, _)) in MARKS.iter().enumerate() {
            assert!(mark.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()), "{mark}");
            let hidden = MARKS[..place].iter().find(|(earlier, _)| mark.starts_with(earlier));
            assert_eq!(hidden.map(|(earlier, _)| earlier), None, "{mark} is never found");
        }
    }
}
