//! Answering for a site in its browser, with what its web server answers.
//!
//! The browser is left to believe that it speaks with the site that visitors see: by https, under its own name. What it asks of the site
//! comes here (`Fetch` of the DevTools protocol), goes to the web server, and nowhere else.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use base64ct::{Base64, Encoding as _};
use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, SET_COOKIE, TRANSFER_ENCODING,
};
use http::{HeaderMap, Method, Request};
use serde_json::{Value, json};
use tokio::runtime;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::asker::{Answer, Asker};
use super::pipe::Mouth;
use super::site::{Site, Whose};

/// How much of an answer a browser is given, in bytes.
const MOST: usize = 32 << 20;

/// Something that came of a request.
#[derive(Debug)]
pub(super) enum Heard {
    /// A `Set-Cookie` field of the answer of an address.
    Field { address: String, field: String },
    /// An address that could not be had, and why.
    Failed { address: String, why: String },
}

/// What answers, on a thread of its own: a page may wait for its scripts, and those for what is slow.
#[derive(Debug)]
pub(super) struct Bridge {
    pub(super) site: Site,
    heard: Receiver<Heard>,
}

#[derive(Debug)]
struct Answering {
    mouth: Mouth,
    site: Site,
    asker: Asker,
    /// The frame of the pages themselves.
    frame: String,
    heard: Sender<Heard>,
}

impl Bridge {
    /// Starts it, and tells where what the browser asks is to be put.
    ///
    /// # Errors
    ///
    /// Where there is no thread to be had.
    pub(super) fn start(
        (site, asker): (Site, Asker),
        mouth: Mouth,
        frame: String,
    ) -> io::Result<(Self, UnboundedSender<Value>)> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (asked, mut asking) = unbounded_channel::<Value>();
        let (told, heard) = channel();
        let answering = Arc::new(Answering { mouth, site: site.clone(), asker, frame, heard: told });
        std::thread::Builder::new().spawn(move || {
            runtime.block_on(async {
                while let Some(paused) = asking.recv().await {
                    let answering = answering.clone();
                    tokio::spawn(async move { answering.answer(&paused["params"]).await });
                }
            });
        })?;
        Ok((Self { site, heard }, asked))
    }

    /// What has come of requests since it was asked last.
    pub(super) fn heard(&self) -> impl Iterator<Item = Heard> {
        self.heard.try_iter()
    }
}

impl Answering {
    async fn answer(&self, paused: &Value) {
        let address = paused["request"]["url"].as_str().unwrap_or_default();
        let is_page = paused["resourceType"] == "Document" && paused["frameId"] == *self.frame;
        let (method, mut parameters) = match self.site.whose(address) {
            Whose::Others if is_page && address.starts_with("http") => {
                self.fail(address, "it is of another site".to_owned(), "BlockedByClient")
            }
            Whose::Others => ("Fetch.continueRequest", json!({})),
            Whose::SentOn(to) => {
                let location = json!([{ "name": "Location", "value": to }]);
                ("Fetch.fulfillRequest", json!({ "responseCode": 307, "responseHeaders": location }))
            }
            Whose::Site => match self.ask(&paused["request"], address).await {
                Ok(answer) => ("Fetch.fulfillRequest", fulfilment(&answer)),
                Err(why) => self.fail(address, why, "ConnectionFailed"),
            },
        };
        parameters["requestId"] = paused["requestId"].clone();
        // Where the browser has gone, nobody waits for it.
        let _ = self.mouth.say(method, parameters, None);
    }

    async fn ask(&self, asked: &Value, address: &str) -> Result<Answer, String> {
        let answer = self.asker.ask(request_of(asked, address)?, MOST).await?;
        for field in answer.headers.get_all(SET_COOKIE) {
            let field = String::from_utf8_lossy(field.as_bytes()).into_owned();
            let _ = self.heard.send(Heard::Field { address: address.to_owned(), field });
        }
        if answer.is_whole { Ok(answer) } else { Err("its answer is too long, or has no end".to_owned()) }
    }

    fn fail(&self, address: &str, why: String, reason: &str) -> (&'static str, Value) {
        let _ = self.heard.send(Heard::Failed { address: address.to_owned(), why });
        ("Fetch.failRequest", json!({ "errorReason": reason }))
    }
}

/// What a browser asks, as a request.
fn request_of(asked: &Value, address: &str) -> Result<Request<Bytes>, String> {
    let method = asked["method"].as_str().and_then(|method| method.parse().ok()).unwrap_or(Method::GET);
    let mut headers = HeaderMap::new();
    for (name, value) in asked["headers"].as_object().into_iter().flatten() {
        let (name, value) = (name.parse::<HeaderName>(), value.as_str().unwrap_or_default());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
            headers.append(name, value);
        }
    }
    for name in [HOST, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    let parts = asked["postDataEntries"].as_array().into_iter().flatten();
    let body: Vec<u8> =
        parts.filter_map(|part| Base64::decode_vec(part["bytes"].as_str()?).ok()).flatten().collect();
    let mut request = Request::new(Bytes::from(body));
    *request.method_mut() = method;
    *request.uri_mut() = address.parse().map_err(|_| "it is not an address".to_owned())?;
    *request.headers_mut() = headers;
    Ok(request)
}

/// An answer, as a browser is given it.
fn fulfilment(answer: &Answer) -> Value {
    let of_connection = [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING];
    let fields = answer.headers.iter().filter(|(name, _)| !of_connection.contains(name));
    let fields: Vec<_> = fields
        .map(|(name, value)| {
            json!({ "name": name.as_str(), "value": String::from_utf8_lossy(value.as_bytes()) })
        })
        .collect();
    json!({
        "responseCode": answer.status.as_u16(),
        "responsePhrase": answer.status.canonical_reason().unwrap_or("Other"),
        "responseHeaders": fields,
        "body": Base64::encode_string(&answer.body),
    })
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn what_a_browser_asks_goes_on() {
        let asked = json!({
            "method": "POST",
            "headers": { "Cookie": "a=1", "Connection": "close", "Content-Type": "text/plain", "Content-Length": "7" },
            "postDataEntries": [{ "bytes": "aGVs" }, { "bytes": "bG8=" }],
        });
        let request = request_of(&asked, "https://www.example.gov.uk/a").unwrap();
        assert_eq!((request.method(), &**request.body()), (&Method::POST, &b"hello"[..]));
        let mut names: Vec<_> = request.headers().keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-type", "cookie"]);
    }

    #[test]
    fn what_the_server_answers_is_given_whole() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("set-cookie", "a=1"), ("set-cookie", "b=2"), ("content-length", "9")] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let status = StatusCode::from_u16(499).unwrap();
        let given = fulfilment(&Answer { status, headers, body: b"hello".to_vec(), is_whole: true });
        let cookies: Vec<_> =
            given["responseHeaders"].as_array().unwrap().iter().map(|field| &field["value"]).collect();
        assert_eq!(cookies, ["a=1", "b=2"]);
        assert_eq!((&given["responseCode"], &given["body"]), (&json!(499), &json!("aGVsbG8=")));
    }
}
