//! Reading a configuration as a whole: what can be run, or every fault.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::catalogue::{FILE, SHARED};
use super::configuration::shared_file;
use super::credential::NamedFiles;
use super::effective::{Entry, Record};
use super::fault::{Fault, Faults};
use super::reader::Section;
use super::sections::read_settings;
use super::settings::{ADMIN, SOCKET, Settings};
use super::source;

/// What became of a configuration.
#[derive(Debug)]
pub(crate) struct Checked {
    /// What can be run, or every fault.
    pub(crate) settings: Result<Settings, Vec<Fault>>,
    pub(crate) warnings: Vec<Fault>,
    /// Every value, as far as they could be read.
    pub(crate) entries: Vec<Entry>,
}

/// Checks a configuration: everything that is wrong with it, in one pass.
pub(crate) fn parse(file: &Path, text: &str, environment: &[(String, String)]) -> Checked {
    parse_and(file, text, environment, |_, _| {})
}

pub(super) fn parse_and(
    file: &Path,
    text: &str,
    environment: &[(String, String)],
    look: impl FnOnce(&Settings, &Faults),
) -> Checked {
    let faults = Faults::new(file, text);
    let tree = source::read(text, environment, &faults);
    let record = Record::default();
    let root = Section::whole(FILE, &tree, &faults, &record);
    let directory = file.parent().unwrap_or(Path::new("."));
    let files = NamedFiles { directory, credentials: credentials(environment) };
    let settings = read_settings(root, files, &faults);
    if let Some(settings) = &settings {
        look(settings, &faults);
    }
    let (found, warnings) = faults.into_found();
    let settings = match settings {
        Some(settings) if found.is_empty() => Ok(settings),
        _ => Err(found),
    };
    Checked { settings, warnings, entries: record.into_entries() }
}

/// Where the server of a configuration listens for commands, as far as that can be told: the rest may be at fault.
pub(crate) fn socket(path: &Path) -> PathBuf {
    let (_, directory) = shared_file(path);
    directory.join(of_admin(path, "socket").unwrap_or_else(|| SOCKET.to_owned()))
}

/// Where the server of a configuration tells of its health, as far as that can be told: it may be well though the file is at fault now.
pub(crate) fn admin(path: &Path) -> SocketAddr {
    of_admin(path, "listen").and_then(|listen| listen.parse().ok()).unwrap_or(ADMIN)
}

/// A text of `[admin]`, whatever is wrong with the rest.
fn of_admin(path: &Path, key: &'static str) -> Option<String> {
    let (file, _) = shared_file(path);
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    let (faults, record) = (Faults::new(&file, &text), Record::default());
    let tree = source::read(&text, &environment(), &faults);
    let root = Section::whole(SHARED, &tree, &faults, &record);
    root.section("admin").text(key).map(|text| text.value)
}

/// What is wrong with a file that cannot be read.
pub(super) fn unread(file: &Path, error: &std::io::Error, remedy: &str) -> Fault {
    let (place, problem) = (file.display().to_string(), format!("it cannot be read: {error}"));
    Fault { place, problem, remedy: remedy.to_owned(), excerpt: None }
}

/// Where systemd puts the files that it hands to the service alone.
pub(super) fn credentials(environment: &[(String, String)]) -> Option<&Path> {
    let credentials = environment.iter().find(|(name, _)| name == "CREDENTIALS_DIRECTORY");
    credentials.map(|(_, directory)| Path::new(directory))
}

pub(super) fn environment() -> Vec<(String, String)> {
    let text =
        |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    std::env::vars_os().filter_map(text).collect()
}

/// The configuration that a command goes by: the one that is named, else the one of this directory, if there is one.
pub(crate) fn named_or_default(named: Option<&Path>) -> Option<&Path> {
    let default = Path::new("pinfold.toml");
    named.or_else(|| default.exists().then_some(default))
}

#[cfg(test)]
mod tests {
    use pinfold::consent::page::Language;

    use super::*;
    use crate::config::settings::{Hosts, LISTEN};

    fn check(text: &str) -> Checked {
        parse(Path::new("pinfold.toml"), text, &[])
    }

    fn faults(text: &str) -> Vec<String> {
        check(text).settings.err().unwrap_or_default().iter().map(ToString::to_string).collect()
    }

    const LEAST: &str = "
[site]
name = \"Town\"
url = \"https://www.town.example\"
[origin]
url = \"http://127.0.0.1:8000\"
";

    #[test]
    fn the_least_that_is_needed() {
        let settings = check(LEAST).settings.unwrap();
        assert_eq!(settings.hosts, Hosts::Only(vec!["www.town.example".to_owned()]));
        assert_eq!(settings.listen.http, Some(LISTEN));
        assert_eq!(settings.site, "www.town.example");
    }

    #[test]
    fn the_example_of_the_handbook_is_sound() {
        let checked = check(include_str!("../../../docs/pinfold.example.toml"));
        assert!(checked.settings.is_ok(), "{:#?}", checked.settings);
        assert_eq!(checked.warnings, []);
    }

    #[test]
    fn faults_have_lines_and_remedies() {
        for (more, expected) in [
            ("[site", "pinfold.toml:7:6:"),
            (
                "colour = 1\n",
                "pinfold.toml:7:1: unknown key `colour` in [origin] (known here: url, ca, timeout, http2, health, route)",
            ),
            (
                "timout = \"30 s\"\n",
                "pinfold.toml:7:1: unknown key `timout` in [origin] (did you mean `timeout`?)",
            ),
            (
                "timeout = 30\n",
                "pinfold.toml:7:11: `timeout` is a number (write a time with its unit, such as \"30 s\")",
            ),
            (
                "timeout = \"30\"\n",
                "pinfold.toml:7:11: `timeout` cannot be \"30\" (write a time with its unit, such as \"30 s\")",
            ),
            ("[sit]\n", "pinfold.toml:7:2: unknown key `sit` (did you mean `site`?)"),
            ("[listen]\nhttp = \"8080\"\n", "pinfold.toml:8:8: `http` cannot be \"8080\""),
            (
                "[listen]\nhttps = {}\n",
                "pinfold.toml:8:1: `address` is missing from [listen.https] (write address = \"0.0.0.0:443\")",
            ),
            ("[listen]\nhttps = { address = \"443\" }\n", "pinfold.toml:8:21: `address` cannot be \"443\""),
            (
                "[listen]\nhttps = { address = \"0.0.0.0:443\", certificate = \"c.pem\", key = \"credential:../key\" }\n",
                "pinfold.toml:8:65: `credential:../key` names no credential (write credential: and a name",
            ),
            ("[listen]\nhttps = { certifcate = \"c.pem\" }\n", "did you mean `certificate`?"),
            (
                "[listen]\nunderscore_fields = [\"api-key\"]\n",
                "pinfold.toml:8:22: `api-key` is not the name of a field with `_` in it",
            ),
            (
                "[listen]\nunderscore_fields = [\"ok_ok\", \"CF_Connecting-IP\"]\n",
                "pinfold.toml:8:31: to many servers `CF_Connecting-IP` is `cf-connecting-ip`, which is not for visitors",
            ),
            ("[listen]\nunderscore_fields = [\"pinfold_consent\"]\n", "is `pinfold-consent`, which is not"),
            ("[listen]\nunderscore_fields = [\"content_length\"]\n", "is `content-length`, which is not"),
            ("[consent]\nregime = \"eu\"\n", "`regime` cannot be \"eu\" (write \"uk\" or \"consent\")"),
            (
                "[consent]\nlifetime = \"14 months\"\n",
                "pinfold.toml:8:12: a decision cannot be kept for 14 months",
            ),
            ("[consent]\nlifetime = \"600 months\"\n", "pinfold.toml:8:12: a decision cannot be kept for"),
            ("[consent]\npage = \"cookies\"\n", "pinfold.toml:8:8: `cookies` cannot be the path"),
            ("[[purpose]]\nid = \"x\"\n", "`title` is missing from [purpose]"),
            (
                "[[purpose]]\nid = \"x\"\n",
                "pinfold.toml:7:1: `basis` is missing from [purpose] (write basis = \"appearance\", \"consent\" or \"statistics\")",
            ),
            (
                "[[cookie]]\nname = \"a\"\npurpose = \"fun\"\n",
                "pinfold.toml:9:11: the cookie `a` has the purpose `fun`",
            ),
            (
                "[[cookie]]\nname = \"a\"\npurpose = \"strictly-necessary\"\npaths = [\"forms\"]\n",
                "pinfold.toml:10:10: `forms` is not the path of a cookie",
            ),
            (
                "[[embed]]\npurpose = \"fun\"\nhosts = [\"a.example\"]\n",
                "pinfold.toml:8:11: the host `a.example` has the purpose `fun`",
            ),
            ("[[embed]]\npurpose = \"strictly-necessary\"\n", "`hosts` is missing from [embed]"),
            ("[[preference]]\nname = \"size\"\n", "pinfold.toml:7:1: `values` is missing from [preference]"),
            (
                "[[preference]]\nname = \"size\"\nvalues = \"large\"\n",
                "pinfold.toml:9:10: `values` is a text",
            ),
            (
                "[[preference]]\nname = \"Size\"\nvalues = [\"a\", \"b\"]\n",
                "pinfold.toml:8:8: `Size` cannot be the name of a preference",
            ),
            (
                "[[preference]]\nname = \"size\"\nvalues = [\"a\", \"b\"]\nlabels = [\"A\"]\n",
                "pinfold.toml:10:10: the preference `size` has 2 values and 1 labels in English",
            ),
            (
                "[[preference]]\nname = \"size\"\nvalues = [\"a\", \"b\"]\n[preference.cy]\ntitl = \"x\"\n",
                "pinfold.toml:11:1: unknown key `titl` in [preference.cy] (did you mean `title`?)",
            ),
            (
                &format!(
                    "[[preference]]\nname = \"a\"\nvalues = [\"x\", \"y\"]\n[[preference]]\nname = \"b\"\nvalues = [{}]\n",
                    (0..200).map(|n| format!("\"v{n}\"")).collect::<Vec<_>>().join(", ")
                ),
                "pinfold.toml:11:8: with the preference `b` there are 400 choices, more than the 256 (8 bits)",
            ),
            ("[consent]\nshell = \"cookies\"\n", "pinfold.toml:8:9: `cookies` cannot be the page around"),
            ("[consent]\nshared_cache_key = \"Cookie\"\n", "pinfold.toml:8:20: `Cookie` cannot be the field"),
            (
                "[[purpose]]\nid = \"x\"\nbasis = \"statistics\"\nservices = [\"google-analytics\"]\ntitle = \"x\"\ndescription = \"x\"\n",
                "the service `google-analytics`, which `statistics` does not cover",
            ),
            (
                "[[purpose]]\nid = \"x\"\nbasis = \"consent\"\nservices = [\"gogle\"]\ntitle = \"x\"\ndescription = \"x\"\n",
                "the service `gogle`, which is not known",
            ),
            ("[purpose]\nid = \"x\"\n", "`purpose` is a table (write a list of tables"),
            ("[client_address]\nsource = \"x-forwarded-for\"\n", "nobody is trusted"),
            (
                "[client_address]\ntrusted_proxies = [\"10.0.0.0/99\"]\n",
                "pinfold.toml:8:20: `10.0.0.0/99` is not a network",
            ),
            ("[client_address]\ntrusted_proxies = [\"::/0\"]\n", "trusts the whole internet"),
            (
                "[client_address]\ntrusted_proxies = [\"10.0.0.0/8\", \"::ffff:0:0/96\"]\n",
                "pinfold.toml:8:34: `::ffff:0:0/96` trusts the whole internet",
            ),
            (
                "[client_address]\ntrusted_proxies = [\"0.0.0.0/1\", \"128.0.0.0/1\"]\n",
                "pinfold.toml:8:33: `128.0.0.0/1` is more of the internet than anybody has",
            ),
            (
                "[client_address]\ntrusted_proxies = [\"0.0.0.0/2\"]\n",
                "pinfold.toml:8:20: `0.0.0.0/2` is more of the internet than anybody has",
            ),
            (
                &format!("[client_address]\ntrusted_proxies = [{}]\n", slices(1..224)),
                "pinfold.toml:8:20: these networks together are the whole internet",
            ),
            (
                &format!("[client_address]\ntrusted_proxies = [{}]\n", slices(100..224)),
                "pinfold.toml:8:20: these networks together are most of the internet",
            ),
            ("ulr = 1\n", "unknown key `ulr` in [origin] (did you mean `url`?)"),
            ("[consent]\nmode = \"enfroce\"\n", "`mode` cannot be \"enfroce\" (did you mean \"enforce\"?)"),
            ("[consent]\nmode = \"enforced\"\n", "(did you mean \"enforce\"?)"),
            ("[listen]\nhttps = { adress = \"0.0.0.0:443\" }\n", "(did you mean `address`?)"),
            (
                "[consent]\npage = \"/cookies/../admin\"\n",
                "pinfold.toml:8:8: `/cookies/../admin` cannot be the path",
            ),
            (
                "[listen]\nhttp = \"127.0.0.1:8081\"\n",
                "pinfold.toml:8:8: 127.0.0.1:8081 is listened to by [admin] already",
            ),
            (
                "[listen]\nhttp = \"127.0.0.1:9\"\n[admin]\nlisten = \"127.0.0.1:9\"\n",
                "pinfold.toml:10:10: 127.0.0.1:9 is listened to by [listen] http already",
            ),
            (
                "[[origin.route]]\npath = \"/a\"\nurl = \"http://localhost:8080\"\n",
                "pinfold.toml:9:7: `http://localhost:8080` is [listen] http, where Pinfold itself listens",
            ),
            (
                "[[origin.route]]\npath = \"/a\"\nurl = \"http://127.0.0.1:8081\"\n",
                "`http://127.0.0.1:8081` is [admin], where Pinfold itself listens",
            ),
            (
                &format!("[admin]\nsocket = \"{}\"\n", "s".repeat(108)),
                "pinfold.toml:8:10: the control socket would be at a path of 108 bytes",
            ),
            (
                &purpose("a", "google_consent = [\"ad_storge\"]"),
                "pinfold.toml:12:19: the purpose `a` has the Google consent type `ad_storge`, which is not known (did you mean `ad_storage`?)",
            ),
            (&purpose("a", "uses = [\"advertisng\"]"), "(did you mean `advertising`?)"),
            (
                &purpose("a", "services = [\"facebook\"]"),
                "(did you mean `meta-pixel`? docs/configuration.md lists",
            ),
            (
                "[audit]\ncrowd = 1\n",
                "pinfold.toml:8:9: `crowd` cannot be 1 (write a whole number of at least 2, such as 10)",
            ),
            (
                "[audit]\nstore = \"mysql://a:secret@x\"\n",
                "cannot be \"mysql://***@x\" (write \"sqlite:\" and a file, or an address of PostgreSQL",
            ),
            ("[audit]\nstore = \"postgres://db.example\"\n", "no database is named"),
            (
                "[audit]\nstore = \"postgres://a:secret@db/x\"\n",
                "a password does not belong into a configuration",
            ),
            (
                "[audit]\nstore = \"postgres://a@db/x\"\nnode = \"a b\"\n",
                "pinfold.toml:9:8: `a b` is not a name of a node",
            ),
            ("[audit]\nroutes = [\"planning\"]\n", "pinfold.toml:8:11: `planning` is not a route"),
            (
                "[[purpose]]\nid = \"x\"\nuses = [\"advertisng\"]\nbasis = \"statistics\"\ntitle = \"x\"\ndescription = \"x\"\n",
                "the use `advertisng`, which is not known",
            ),
            ("[keys]\nhold = \"redis\"\n", "write \"memory\", \"descriptor-store\" or \"valkey\""),
            (
                "[admin]\nblocked_status = 404\n",
                "pinfold.toml:8:18: `blocked_status` cannot be 404 (write 429 or 403)",
            ),
            (
                "[admin]\nsocket = \"\"\n",
                "pinfold.toml:8:10: `socket` cannot be \"\" (write the name of a file",
            ),
            ("[admin]\nlookup_approval = \"nobody\"\n", "write \"named\" or \"second-user\""),
            ("[admin]\nlisten = \"0.0.0.0:8081\"\n", "or write password_file"),
            ("version = 2\n", "unknown key `version` in [origin]"),
        ] {
            let text = format!("{LEAST}{more}");
            let found = faults(&text);
            assert!(found.iter().any(|fault| fault.contains(expected)), "{more}: {found:#?}");
        }
    }

    /// Networks of which each is one that somebody may have.
    fn slices(numbers: std::ops::Range<u8>) -> String {
        numbers.map(|number| format!("\"{number}.0.0.0/8\"")).collect::<Vec<_>>().join(", ")
    }

    /// Of six lines, the last of which is `more`.
    fn purpose(id: &str, more: &str) -> String {
        format!(
            "[[purpose]]\nid = \"{id}\"\nbasis = \"consent\"\ntitle = \"x\"\ndescription = \"x\"\n{more}\n"
        )
    }

    #[test]
    fn what_visitors_are_told_of_addresses_follows_the_file() {
        for (more, words) in [
            ("", "10 or more different networks"),
            ("", "are not told your address."),
            ("", "kept for 25 months"),
            ("", "we can tell whether an address came here"),
            ("[audit]\ncrowd = 20\n", "20 or more different networks"),
            ("[audit]\nretention = \"6 months\"\n", "kept for 6 months"),
            ("[audit]\nfootprint = false\n", "We do not count visits by a cookie."),
            ("[client_address]\nto_origin = \"address\"\n", "this website are told your address."),
            ("[client_address]\nto_origin = \"obfuscated\"\n", "but a name that stands for it"),
            ("[admin]\nlookup_approval = \"second-user\"\n", "a second person has to let it through"),
            ("[consent]\nmode = \"report\"\n", "it holds none back yet"),
        ] {
            let settings = check(&format!("{LEAST}{more}")).settings.unwrap();
            let policy = settings.policy(Default::default(), Vec::new()).unwrap();
            let text = policy.privacy_section(Language::English).to_markdown();
            assert!(text.contains(words), "{more} {words}: {text}");
        }
    }

    #[test]
    fn all_faults_in_one_pass_in_the_order_of_the_file() {
        let found =
            faults("version = 3\n[site]\nname = 1\n[origin]\nurl = \"ftp://x\"\n[audit]\ncrowd = 0\n");
        let lines: Vec<_> = found.iter().map(|fault| fault.split(':').nth(1).unwrap_or_default()).collect();
        assert_eq!(lines, ["1", "2", "3", "5", "7"], "{found:#?}");
    }

    #[test]
    fn the_environment_overrides_the_file() {
        let environment = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> =
                pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            parse(Path::new("pinfold.toml"), LEAST, &pairs)
        };
        let settings = environment(&[
            ("PINFOLD__LISTEN__HTTP", "127.0.0.1:9"),
            ("PINFOLD__SITE__HOSTS", "[\"www.town.example\", \"B.example:80\"]"),
            ("PINFOLD__AUDIT__CROWD", "5"),
        ]);
        let settings = settings.settings.unwrap();
        assert_eq!(settings.listen.http.unwrap().port(), 9);
        assert_eq!(settings.hosts, Hosts::Only(vec!["www.town.example".to_owned(), "b.example".to_owned()]));
        let faults = environment(&[("PINFOLD__LISTEN__HTPP", "x")]).settings.unwrap_err();
        assert_eq!(faults[0].place, "PINFOLD__LISTEN__HTPP");
        assert_eq!(faults[0].remedy, "did you mean `http`?");
    }

    /// Of a site by https, behind something that says who asks.
    const FRONTED: &str = "
[site]
name = \"Town\"
url = \"https://www.town.example\"
[origin]
url = \"http://127.0.0.1:8000\"
[client_address]
source = \"x-forwarded-for\"
trusted_proxies = [\"127.0.0.1\"]
";

    #[test]
    fn what_may_be_meant_is_a_warning() {
        let english = FRONTED.replace("[origin]", "languages = [\"en\"]\n[origin]");
        let cookie =
            |name: &str, purpose: &str| format!("[[cookie]]\nname = \"{name}\"\npurpose = \"{purpose}\"\n");
        let statistics = purpose("s", "").replace("\"consent\"", "\"statistics\"");
        let described = cookie("a", "strictly-necessary") + "description = \"x\"\nlifetime = \"y\"\n";
        for (text, expected) in [
            (FRONTED.to_owned(), None),
            (
                LEAST.to_owned(),
                Some("pinfold.toml:4:7: whatever ends TLS before Pinfold is taken for every visitor"),
            ),
            (
                format!("{LEAST}[client_address]\nsource = \"peer\"\n"),
                Some("pinfold.toml:8:10: whatever ends TLS before Pinfold is taken for every visitor"),
            ),
            (LEAST.replace("https://www.town.example", "http://localhost:8080"), None),
            (format!("{FRONTED}[audit]\nspool = \"x\"\n"), Some("pinfold.toml:11:9: `spool` is not used")),
            (
                FRONTED.replace("[origin]", "hosts = [\"town.example\"]\n[origin]"),
                Some("pinfold.toml:5:10: www.town.example is not among `hosts`: requests that come for it"),
            ),
            (
                format!("{FRONTED}{}domains = [\"other.example\"]\n", cookie("x", "strictly-necessary")),
                Some("pinfold.toml:13:12: no host of the site is in `other.example`"),
            ),
            (
                format!(
                    "{FRONTED}{}domains = [\"town.example\"]\n",
                    cookie("__host-x", "strictly-necessary")
                ),
                Some("pinfold.toml:13:12: browsers keep `__host-x` for one host and every path"),
            ),
            (format!("{FRONTED}{}paths = [\"/\"]\n", cookie("__Host-x", "strictly-necessary")), None),
            (
                format!(
                    "{FRONTED}[[embed]]\npurpose = \"strictly-necessary\"\nhosts = [\"*.gov.uk\", \"*.internal\"]\n"
                ),
                Some("pinfold.toml:12:10: `*.gov.uk` takes in the hosts of many organisations"),
            ),
            (
                format!(
                    "{english}{}{}",
                    purpose("a", "services = [\"hotjar\"]"),
                    purpose("b", "services = [\"vimeo\", \"hotjar\"]")
                ),
                Some("pinfold.toml:22:22: the purpose `b` has the service `hotjar`, as `a` has"),
            ),
            (
                FRONTED.replace("127.0.0.1\"]", "51.0.0.0/8\"]"),
                Some("pinfold.toml:9:20: `51.0.0.0/8` is more of the internet than most have"),
            ),
            (
                FRONTED.replace("http://127.0.0.1:8000", "https://www.town.example"),
                Some("pinfold.toml:6:7: `https://www.town.example` is what visitors type"),
            ),
            (
                format!("{FRONTED}{}", cookie("_ga*", "strictly-necessary")),
                Some(
                    "pinfold.toml:12:11: `_ga*` takes in `_ga`, known as a cookie of Google (`google-analytics`), which needs consent: it is not strictly necessary (give it",
                ),
            ),
            (
                format!("{english}{statistics}{}", cookie("_fbp", "s")),
                Some(
                    "pinfold.toml:19:11: `_fbp` is known as a cookie of Meta (Facebook and Instagram) (`meta-pixel`), which needs consent: `statistics` does not cover it",
                ),
            ),
            (
                format!("{FRONTED}{}", cookie("_fbp", "statistics")),
                Some("pinfold.toml:12:11: `_fbp` is known as a cookie of"),
            ),
            (format!("{english}{}{}", purpose("s", ""), cookie("_fbp", "s")), None),
            (format!("{english}{statistics}{}", cookie("_pk_*", "s")), None),
            (
                format!(
                    "{english}{statistics}[[embed]]\npurpose = \"s\"\nhosts = [\"connect.facebook.net\"]\n"
                ),
                Some("pinfold.toml:19:10: `connect.facebook.net` is known"),
            ),
            (
                format!("{FRONTED}{}", purpose("s", "")),
                Some(
                    "pinfold.toml:10:1: visitors who read Welsh are told in English: the purpose `s` has no title or description in Welsh (write [purpose.cy] below it, or [site] languages = [\"en\"])",
                ),
            ),
            (format!("{FRONTED}{}", purpose("s", "[purpose.cy]\ntitle = \"x\"\ndescription = \"y\"")), None),
            (
                format!("{FRONTED}{}", purpose("s", "[purpose.cy]\ntitle = \"x\"\ndescription = \" \"")),
                Some("has no description in Welsh"),
            ),
            (format!("{FRONTED}{described}"), Some("the cookie `a` has no description or lifetime in Welsh")),
            (
                format!("{FRONTED}{described}[cookie.cy]\ndescription = \"x\"\n"),
                Some("the cookie `a` has no lifetime in Welsh"),
            ),
            (format!("{FRONTED}{described}[cookie.cy]\ndescription = \"x\"\nlifetime = \"y\"\n"), None),
            (format!("{english}{described}"), None),
            (
                format!(
                    "{FRONTED}[[preference]]\nname = \"a\"\nvalues = [\"x\", \"y\"]\ntitle = \"A\"\nlabels = [\"X\", \"Y\"]\n"
                ),
                Some("the preference `a` has no title or labels in Welsh (write [preference.cy]"),
            ),
            (format!("{FRONTED}[[preference]]\nname = \"a\"\nvalues = [\"x\", \"y\"]\n"), None),
        ] {
            let checked = check(&text);
            assert!(checked.settings.is_ok(), "{text}: {:#?}", checked.settings);
            let found: Vec<_> = checked.warnings.iter().map(ToString::to_string).collect();
            assert_eq!(found.len(), usize::from(expected.is_some()), "{text}: {found:#?}");
            let starts = |expected: &str| found[0].starts_with(expected) || found[0].contains(expected);
            assert!(expected.is_none_or(starts), "{text}: {found:#?}");
        }
    }

    /// A word in the language of the page stands where it is said, even where the other thing is not.
    #[test]
    fn half_a_cookie_in_welsh_is_told_in_welsh() {
        let cookie = "[[cookie]]\nname = \"a\"\npurpose = \"strictly-necessary\"\ndescription = \"x\"\n[cookie.cy]\ndescription = \"y\"\n";
        let settings = check(&format!("{FRONTED}{cookie}")).settings.unwrap();
        let policy = settings.policy(Default::default(), Vec::new()).unwrap();
        let rule = policy.register().rules().iter().find(|rule| rule.pattern() == "a").unwrap();
        assert_eq!(rule.welsh(), Some(("y", "")));
    }

    /// One thing that is wrong hides no other.
    #[test]
    fn every_fault_is_found_in_one_pass_each_where_it_is() {
        for (more, expected) in [
            (
                "[[cookie]]\nnmae = \"x\"\npurpose = \"adds\"\npaths = [\"forms\"]\n",
                &[
                    "7:1: `name` is missing",
                    "8:1: unknown key `nmae`",
                    "9:11: the cookie `?` has the purpose `adds`",
                    "10:10: `forms` is not the path",
                ][..],
            ),
            (
                "[[cookie]]\nname = \"a b\"\n",
                &["7:1: `purpose` is missing", "8:8: `a b` is not a cookie name"],
            ),
            (
                "[[embed]]\npurpose = \"adz\"\nhost = [\"a\"]\n",
                &[
                    "7:1: `hosts` is missing",
                    "8:11: an embed has the purpose `adz`",
                    "9:1: unknown key `host`",
                ],
            ),
            (
                "[[embed]]\npurpose = \"adz\"\nhosts = []\n",
                &["8:11: an embed has the purpose `adz`", "9:9: `hosts` of [embed] is empty"],
            ),
            ("[[cookie]]\npurpose = \"statistics\"\n", &["7:1: `name` is missing"]),
            ("[[embed]]\nhosts = [\"a b\"]\n", &["7:1: `purpose` is missing", "8:10: `a b` is not a host"]),
            (
                "[[preference]]\nname = \"P P\"\n",
                &["7:1: `values` is missing", "8:8: `P P` cannot be the name"],
            ),
            (
                "[[preference]]\nvalues = [\"a\", \"B\"]\n",
                &["7:1: `name` is missing", "8:16: the preference `?` cannot have the value `B`"],
            ),
            (
                "[[preference]]\nname = \"x\"\nvalues = [\"a\", \"b\", \"a\"]\n[[preference]]\nname = \"x\"\nvalues = [\"a\", \"b\"]\n",
                &[
                    "9:21: the preference `x` has the value `a` twice",
                    "11:8: the preference `x` is declared twice",
                ],
            ),
            (
                "[[purpose]]\nid = \"x\"\nbasis = \"consent\"\ntitle = \" \"\ndescription = \"y\"\n",
                &["10:9: the purpose `x` has no title"],
            ),
            (
                "[[purpose]]\nid = \"x\"\nbasis = \"consent\"\ntitle = \"y\"\n",
                &["7:1: `description` is missing"],
            ),
            (
                "[[purpose]]\nbasis = \"consent\"\ntitle = \"y\"\ndescription = \"y\"\nuses = [\"adverts\"]\n",
                &["7:1: `id` is missing", "11:9: the purpose `?` has the use `adverts`"],
            ),
            (
                "[[cookie]]\nname = \"a\"\npurpose = \"x\"\n[[cookie]]\nname = \"a\"\npurpose = \"x\"\n",
                &[
                    "9:11: the cookie `a` has the purpose `x`",
                    "11:8: the cookie `a` is declared twice",
                    "12:11: the cookie `a` has the purpose `x`",
                ],
            ),
            (
                "[audit]\ncrowd = = 3\ncrwd = 1\n[consnt]\n",
                &["8:9: extra `=`", "9:1: unknown key `crwd`", "10:2: unknown key `consnt`"],
            ),
            ("[audit]\ncrowd = 3 4\n[consnt]\n", &["8:9: this is neither", "9:2: unknown key `consnt`"]),
            ("[audit]\ncrwd = 3 4\n", &["8:1: unknown key `crwd`", "8:8: this is neither"]),
            (
                "[[purpose]\nid = \"x\"\n[[cookie]]\nname = \"a\"\npurpose = \"x\"\ncolour = 1\n",
                &["7:11: unclosed array table", "12:1: unknown key `colour`"],
            ),
        ] {
            let found = faults(&format!("{LEAST}{more}"));
            assert_eq!(found.len(), expected.len(), "{more}: {found:#?}");
            for (found, expected) in found.iter().zip(expected) {
                assert!(found.starts_with(&format!("pinfold.toml:{expected}")), "{more}: {found}");
            }
        }
        for (file, expected) in [
            (LEAST.replace("\"Town\"", "\"Town"), "3:13: invalid basic string"),
            (
                LEAST.replace("\"Town\"", "Town"),
                "3:8: this text has no quotation marks (put it in quotation marks)",
            ),
            (LEAST.replace("\"Town\"", "\"\""), "3:8: the site cannot be called \"\""),
            (
                LEAST.replace("\"Town\"", "\"To\\u0000wn\\n\""),
                "3:8: the site cannot be called \"To\\0wn\\n\"",
            ),
            (LEAST.replace("[origin]", "hosts = []\n[origin]"), "5:9: `hosts` is empty"),
            (LEAST.replace("[origin]", "languages = []\n[origin]"), "5:13: `languages` is empty"),
            (
                LEAST
                    .replace("[origin]", "hosts = [\"www.town.example\", \"b\u{fc}cher.example\"]\n[origin]"),
                "5:30: `b\u{fc}cher.example` is not a host (write it as browsers send it, in letters without accents that begin with xn--)",
            ),
            (LEAST.replace("[origin]", "time_zone = \"Europe/Londn\"\n[origin]"), "5:13: "),
            (LEAST.replace(":8000", ":8080"), "6:7: `http://127.0.0.1:8080` is [listen] http"),
        ] {
            let found = faults(&file);
            assert_eq!(found.len(), 1, "{file}: {found:#?}");
            assert!(found[0].starts_with(&format!("pinfold.toml:{expected}")), "{file}: {found:#?}");
        }
        assert!(
            faults(&LEAST.replace("[origin]", "time_zone = \"Europe/Londn\"\n[origin]"))[0]
                .ends_with("(did you mean \"Europe/London\"?)")
        );
    }
}
