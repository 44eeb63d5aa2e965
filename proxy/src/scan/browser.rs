//! Looking at pages with Chromium: cookies that scripts set are seen, and so are the hosts of others.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pinfold::time::{Clock as _, SystemClock};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::asker::Asker;
use super::bridge::{Bridge, Heard};
use super::pipe::Pipe;
use super::site::{Site, Whose};
use super::visit::{Cookie, Opened, Sign, Visit, host_of};

/// How long a page may take to load.
const LOADING: Duration = Duration::from_secs(20);

/// How long scripts are left to do what they do once a page is there.
const SETTLING: Duration = Duration::from_millis(1_500);

/// Under which names Chromium and its like are installed.
const NAMES: [&str; 6] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "chrome"];

/// Where a page is, what it links to, and what in it may tell what made it.
const READ: &str = "JSON.stringify({
    at: location.href,
    links: Array.from(document.links, link => String(link.href)),
    generators: Array.from(document.querySelectorAll('meta[name=generator i]'), meta => meta.content),
    fields: Array.from(document.querySelectorAll('input[name]'), input => input.getAttribute('name')),
    addresses: ['src', 'href', 'action'].flatMap(name =>
        Array.from(document.querySelectorAll({ src: '[src]', href: 'link[href]', action: 'form[action]' }[name]),
            element => element.getAttribute(name).slice(0, 500))),
})";

/// A browser with a profile of its own, which goes with it.
#[derive(Debug)]
pub(super) struct Browser {
    pipe: Pipe,
    /// The page that all addresses are opened in.
    session: String,
    /// Its frame.
    frame: String,
    pub(super) version: String,
    /// What answers for the site, where visitors come in elsewhere.
    bridge: Option<Bridge>,
    _profile: TempDir,
}

/// The first browser that is installed.
pub(super) fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).flat_map(|directory| NAMES.map(|name| directory.join(name)));
    places.into_iter().find(|place| place.is_file())
}

impl Browser {
    /// Starts it. What it asks of a site is answered by that web server, where there is one `between`.
    ///
    /// # Errors
    ///
    /// Where it does not start, or speaks another protocol.
    pub(super) fn start(program: &Path, between: Option<(Site, Asker)>) -> io::Result<Self> {
        let profile = tempfile::tempdir()?;
        let mut directory = OsString::from("--user-data-dir=");
        directory.push(profile.path());
        let mut arguments: Vec<&OsStr> = vec![&directory];
        arguments.extend(
            [
                "--headless=new",
                "--remote-debugging-pipe",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-default-apps",
                "--disable-sync",
                "--mute-audio",
            ]
            .map(OsStr::new),
        );
        let dead_ends =
            between.as_ref().map(|(site, _)| format!("--host-resolver-rules={}", site.dead_ends()));
        arguments.extend(dead_ends.as_ref().map(OsStr::new));
        // It refuses to start as root with its sandbox.
        if rustix::process::geteuid().is_root() {
            arguments.push(OsStr::new("--no-sandbox"));
        }
        let mut pipe = Pipe::open(program.as_os_str(), &arguments)?;
        let version = text(&pipe.call("Browser.getVersion", json!({}), None)?["product"]);
        let target = pipe.call("Target.createTarget", json!({ "url": "about:blank" }), None)?;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = text(&pipe.call("Target.attachToTarget", attach, None)?["sessionId"]);
        for domain in ["Page.enable", "Network.enable"] {
            pipe.call(domain, json!({}), Some(&session))?;
        }
        let frame = text(&target["targetId"]);
        let bridge = match between {
            None => None,
            Some(between) => {
                let patterns = between.0.patterns();
                let (bridge, asked) = Bridge::start(between, pipe.mouth(), frame.clone())?;
                pipe.give("Fetch.requestPaused", asked);
                // For the browser as a whole: workers ask, too.
                pipe.call("Fetch.enable", json!({ "patterns": patterns }), None)?;
                Some(bridge)
            }
        };
        Ok(Self { pipe, session, frame, version, bridge, _profile: profile })
    }

    /// Opens a page and notes what is there once its scripts have run.
    ///
    /// # Errors
    ///
    /// Where the browser fails. A page that cannot be opened is noted in `visit`.
    pub(super) fn look(&mut self, page: &str, visit: &mut Visit) -> io::Result<Option<Opened>> {
        let opened = match self.call("Page.navigate", json!({ "url": page })) {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                self.call("Page.stopLoading", json!({}))?;
                self.hear(page, visit);
                visit.fail(page, "it took too long");
                return Ok(None);
            }
            opened => opened?,
        };
        if let Some(error) = opened["errorText"].as_str() {
            let failed = visit.failed.len();
            self.hear(page, visit);
            let (address, status) = self.led_to()?;
            let address = address.unwrap_or_else(|| page.to_owned());
            // Whoever was asked knows better what was the matter.
            if visit.failed.len() == failed && !visit.is_error(&address, status) {
                visit.fail(address, error);
            }
            return Ok(None);
        }
        let answered = self.wait(page, visit)?;
        let read = self.call("Runtime.evaluate", json!({ "expression": READ, "returnByValue": true }))?;
        let read = read["result"]["value"].as_str().unwrap_or_default();
        let read: Value = serde_json::from_str(read).unwrap_or_default();
        let now = SystemClock::new().now().seconds();
        let cookies = self.pipe.call("Storage.getCookies", json!({}), None)?;
        for cookie in cookies["cookies"].as_array().into_iter().flatten() {
            let [name, domain, path] = ["name", "domain", "path"].map(|key| text(&cookie[key]));
            let ends = cookie["expires"].as_f64().filter(|ends| *ends >= 0.0);
            // The float is of whole seconds and bounded by 400 days.
            let lifetime = ends.map(|ends| (ends as i64).saturating_sub(now).max(0).cast_unsigned());
            let partitioned = !cookie["partitionKey"].is_null();
            visit.note((&name, &domain, &path), Cookie { lifetime, partitioned, page: page.to_owned() });
        }
        self.hear(page, visit);
        if answered.is_some_and(|(address, status)| visit.is_error(&address, status)) {
            return Ok(None);
        }
        visit.recognise(signs(&read), page);
        visit.pages.push(page.to_owned());
        let address = text(&read["at"]);
        Ok((!address.is_empty()).then(|| Opened { address, links: texts(&read["links"]).collect() }))
    }

    /// Notes what came of requests for the site.
    fn hear(&self, page: &str, visit: &mut Visit) {
        let now = SystemClock::new().now().seconds();
        for heard in self.bridge.iter().flat_map(Bridge::heard) {
            match heard {
                Heard::Field { address, field } => visit.note_field(&field, &address, page, now),
                Heard::Failed { address, why } => visit.fail(address, why),
            }
        }
    }

    /// The page that was asked for last, of what has happened up to now, and the status of an answer; 0 where there was none.
    fn led_to(&mut self) -> io::Result<(Option<String>, u16)> {
        let now = Instant::now();
        let (mut address, mut status) = (None, 0);
        while let Some(event) = self.pipe.event(now)? {
            let parameters = &event["params"];
            if event["method"] == "Network.requestWillBeSent" && parameters["type"] == "Document" {
                address = Some(text(&parameters["request"]["url"]));
            }
            if let Some((_, answered)) = self.answer_of_page(&event) {
                status = answered;
            }
        }
        Ok((address, status))
    }

    /// The address and the status of a page, where an event is its answer.
    fn answer_of_page(&self, event: &Value) -> Option<(String, u16)> {
        let (parameters, response) = (&event["params"], &event["params"]["response"]);
        let is_it = event["method"] == "Network.responseReceived"
            && parameters["type"] == "Document"
            && parameters["frameId"] == *self.frame;
        let status = response["status"].as_u64().and_then(|status| status.try_into().ok())?;
        is_it.then(|| (text(&response["url"]), status))
    }

    /// Waits until a page is there and its scripts have had time, and notes what was asked meanwhile. Where the page came to be, and with
    /// which status.
    fn wait(&mut self, page: &str, visit: &mut Visit) -> io::Result<Option<(String, u16)>> {
        let mut until = Instant::now() + LOADING;
        let (mut is_loaded, mut answered) = (false, None);
        // By the number of the request, which an answer may come before.
        let (mut addresses, mut blocked) = (HashMap::new(), Vec::new());
        while let Some(event) = self.pipe.event(until)? {
            let parameters = &event["params"];
            // A script may lead from one page to another.
            answered = self.answer_of_page(&event).or(answered);
            match event["method"].as_str().unwrap_or_default() {
                "Page.loadEventFired" if !is_loaded => {
                    is_loaded = true;
                    until = Instant::now() + SETTLING;
                }
                "Page.javascriptDialogOpening" => {
                    self.call("Page.handleJavaScriptDialog", json!({ "accept": false }))?;
                }
                "Network.requestWillBeSent" => {
                    let address = text(&parameters["request"]["url"]);
                    if let Some(host) = host_of(&address) {
                        visit.hosts.entry(host).or_insert_with(|| page.to_owned());
                    }
                    addresses.insert(text(&parameters["requestId"]), address);
                }
                "Network.webSocketCreated" => {
                    let address = text(&parameters["url"]);
                    let site = self.bridge.as_ref().map(|bridge| &bridge.site);
                    if site.is_some_and(|site| site.whose(&address) != Whose::Others) {
                        visit.fail(address, "a WebSocket is not opened");
                    }
                }
                "Network.responseReceivedExtraInfo" => {
                    for cookie in parameters["blockedCookies"].as_array().into_iter().flatten() {
                        blocked.push((text(&parameters["requestId"]), text(&cookie["cookieLine"])));
                    }
                    for (name, value) in parameters["headers"].as_object().into_iter().flatten() {
                        if name.eq_ignore_ascii_case("set-cookie") {
                            let lines = value.as_str().unwrap_or_default().lines();
                            let names = lines.filter_map(|line| line.split('=').next());
                            visit.in_fields.extend(names.map(|name| name.trim().to_owned()));
                        }
                    }
                }
                _ => {}
            }
        }
        let now = SystemClock::new().now().seconds();
        for (request, field) in blocked {
            let address = addresses.get(&request).filter(|address| host_of(address) == host_of(page));
            if let Some(address) = address {
                visit.note_field(&field, address, page, now);
            }
        }
        Ok(answered)
    }

    fn call(&mut self, method: &str, parameters: Value) -> io::Result<Value> {
        self.pipe.call(method, parameters, Some(&self.session))
    }
}

fn signs(read: &Value) -> impl Iterator<Item = Sign> {
    let addresses = texts(&read["addresses"]).map(Sign::Address);
    let fields = texts(&read["fields"]).map(Sign::Field);
    texts(&read["generators"]).map(Sign::Generator).chain(fields).chain(addresses)
}

fn texts(values: &Value) -> impl Iterator<Item = String> {
    values.as_array().into_iter().flatten().map(text)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
