//! Looking at pages with Chromium: cookies that scripts set are seen, and so are the hosts of others.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pinfold::time::{Clock as _, SystemClock};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::pipe::Pipe;
use super::visit::{Cookie, Opened, Visit, host_of};

/// How long a page may take to load.
const LOADING: Duration = Duration::from_secs(20);

/// How long scripts are left to do what they do once a page is there.
const SETTLING: Duration = Duration::from_millis(1_500);

/// Under which names Chromium and its like are installed.
const NAMES: [&str; 6] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "chrome"];

/// A browser with a profile of its own, which goes with it.
#[derive(Debug)]
pub(super) struct Browser {
    pipe: Pipe,
    /// The page that all addresses are opened in.
    session: String,
    pub(super) version: String,
    _profile: TempDir,
}

/// The first browser that is installed.
pub(super) fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).flat_map(|directory| NAMES.map(|name| directory.join(name)));
    places.into_iter().find(|place| place.is_file())
}

impl Browser {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// Where it does not start, or speaks another protocol.
    pub(super) fn start(program: &Path) -> io::Result<Self> {
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
        Ok(Self { pipe, session, version, _profile: profile })
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
                visit.failed.push((page.to_owned(), "it took too long".to_owned()));
                return Ok(None);
            }
            opened => opened?,
        };
        if let Some(error) = opened["errorText"].as_str() {
            let address = self.led_to()?.unwrap_or_else(|| page.to_owned());
            visit.failed.push((address, error.to_owned()));
            return Ok(None);
        }
        self.wait(page, visit)?;
        let script = "JSON.stringify([location.href, ...Array.from(document.links, link => link.href)])";
        let links = self.call("Runtime.evaluate", json!({ "expression": script, "returnByValue": true }))?;
        let mut links: Vec<String> =
            serde_json::from_str(links["result"]["value"].as_str().unwrap_or("[]")).unwrap_or_default();
        visit.pages.push(page.to_owned());
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
        if links.is_empty() {
            return Ok(None);
        }
        Ok(Some(Opened { address: links.remove(0), links }))
    }

    /// The page that was asked for last, of what has happened up to now.
    fn led_to(&mut self) -> io::Result<Option<String>> {
        let now = Instant::now();
        let mut address = None;
        while let Some(event) = self.pipe.event(now)? {
            let parameters = &event["params"];
            if event["method"] == "Network.requestWillBeSent" && parameters["type"] == "Document" {
                address = Some(text(&parameters["request"]["url"]));
            }
        }
        Ok(address)
    }

    /// Waits until a page is there and its scripts have had time, and notes what was asked meanwhile.
    fn wait(&mut self, page: &str, visit: &mut Visit) -> io::Result<()> {
        let mut until = Instant::now() + LOADING;
        let mut is_loaded = false;
        while let Some(event) = self.pipe.event(until)? {
            let parameters = &event["params"];
            match event["method"].as_str().unwrap_or_default() {
                "Page.loadEventFired" if !is_loaded => {
                    is_loaded = true;
                    until = Instant::now() + SETTLING;
                }
                "Page.javascriptDialogOpening" => {
                    self.call("Page.handleJavaScriptDialog", json!({ "accept": false }))?;
                }
                "Network.requestWillBeSent" => {
                    if let Some(host) = host_of(&text(&parameters["request"]["url"])) {
                        visit.hosts.entry(host).or_insert_with(|| page.to_owned());
                    }
                }
                "Network.responseReceivedExtraInfo" => {
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
        Ok(())
    }

    fn call(&mut self, method: &str, parameters: Value) -> io::Result<Value> {
        self.pipe.call(method, parameters, Some(&self.session))
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
