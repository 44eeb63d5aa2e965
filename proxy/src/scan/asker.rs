//! Asking a web server, as Pinfold will once it stands before it.

use std::error::Error as _;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HOST, HeaderName};
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use tokio::time::{Instant, timeout_at};

use crate::config::Settings;
use crate::serve::{Failed, Origins, Server};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// One web server.
#[derive(Debug)]
pub(super) struct Asker {
    server: Arc<Server>,
    /// Whether it is told that visitors ask by the address of the site.
    stands_between: bool,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Its beginning where there is more than was asked for, or no end in time.
    pub(super) body: Vec<u8>,
    pub(super) is_whole: bool,
}

impl Asker {
    /// What is at an address, asked as whoever came by it.
    ///
    /// # Errors
    ///
    /// Why nothing can be.
    pub(super) fn of(address: &str) -> Result<Self, String> {
        let settings = Settings::for_origin(&origin_of(address)?, None)?;
        let server = Origins::of(&settings, None).map_err(|(problem, _)| problem)?.servers().next().cloned();
        Ok(Self { server: server.ok_or("it has no server")?, stands_between: false })
    }

    /// What is at an address, asked as the site: as a configuration says, where it names that server.
    ///
    /// # Errors
    ///
    /// Why nothing can be.
    pub(super) fn between(address: &str, settings: Option<&Settings>) -> Result<Self, String> {
        let named = settings.and_then(|settings| server_of(settings, address));
        let server = named.map_or_else(|| Self::of(address).map(|asker| asker.server), Ok)?;
        Ok(Self { server, stands_between: true })
    }

    /// What is answered to a request for an address, as far as `most` bytes.
    ///
    /// # Errors
    ///
    /// Why there is no answer.
    pub(super) async fn ask(&self, mut request: Request<Bytes>, most: usize) -> Result<Answer, String> {
        let until = Instant::now() + PATIENCE;
        self.prepare(&mut request)?;
        let asked = timeout_at(until, self.server.answer(request.map(Full::new))).await;
        let response = asked.map_err(|_| "it takes too long".to_owned())?.map_err(|error| told(&error))?;
        let (mut head, mut coming) = response.into_parts();
        let (mut body, mut is_whole) = (Vec::new(), false);
        while body.len() < most
            && let Ok(frame) = timeout_at(until, coming.frame()).await
        {
            match frame {
                Some(Ok(frame)) => body.extend(frame.into_data().unwrap_or_default()),
                Some(Err(_)) => break,
                None => {
                    is_whole = true;
                    break;
                }
            }
        }
        let coding = head.headers.remove(CONTENT_ENCODING);
        let body = unpacked(body, coding.as_ref(), most)?;
        Ok(Answer { status: head.status, headers: head.headers, body, is_whole })
    }

    /// Says in the fields of a request what its address says.
    fn prepare(&self, request: &mut Request<Bytes>) -> Result<(), String> {
        let uri = std::mem::take(request.uri_mut());
        let authority = uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
        let authority = authority.ok_or("it names no host")?;
        let scheme = if uri.scheme() == Some(&Scheme::HTTPS) { "https" } else { "http" };
        let path = uri.into_parts().path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
        *request.uri_mut() = Uri::from(path);
        let headers = request.headers_mut();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if self.stands_between {
            let (host, proto) = ("x-forwarded-host", "x-forwarded-proto");
            headers.insert(HeaderName::from_static(host), authority.clone());
            headers.insert(HeaderName::from_static(proto), HeaderValue::from_static(scheme));
        }
        headers.insert(HOST, authority);
        Ok(())
    }
}

/// The web server of a configuration that is at an address.
fn server_of(settings: &Settings, address: &str) -> Option<Arc<Server>> {
    let origin: Uri = origin_of(address).ok()?.parse().ok()?;
    let is_it = |server: &&Arc<Server>| {
        (server.url().scheme(), server.url().authority()) == (origin.scheme(), origin.authority())
    };
    Origins::of(settings, None).ok()?.servers().find(is_it).cloned()
}

/// Whether a configuration is of the web server at an address.
pub(super) fn is_of(settings: &Settings, address: &str) -> bool {
    server_of(settings, address).is_some()
}

/// Scheme and authority of an address.
fn origin_of(address: &str) -> Result<String, String> {
    let uri: Uri = address.parse().map_err(|_| "it is not an address".to_owned())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err("it names no host".to_owned());
    };
    Ok(format!("{scheme}://{authority}"))
}

fn told(error: &Failed) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

/// A body as it was before it was packed. Some servers pack whatever they are asked for.
fn unpacked(body: Vec<u8>, coding: Option<&HeaderValue>, most: usize) -> Result<Vec<u8>, String> {
    let coding = coding.map(|coding| String::from_utf8_lossy(coding.as_bytes()).trim().to_ascii_lowercase());
    let mut unpacked = Vec::new();
    let most = most as u64;
    // Of a body that breaks off, the beginning is read.
    let _ = match coding.as_deref() {
        None | Some("" | "identity") => return Ok(body),
        Some("gzip" | "x-gzip") => MultiGzDecoder::new(&*body).take(most).read_to_end(&mut unpacked),
        Some("deflate") => ZlibDecoder::new(&*body).take(most).read_to_end(&mut unpacked),
        Some(other) => return Err(format!("it comes packed as `{other}`, though nobody asked for that")),
    };
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn the_server_is_asked_as_visitors_ask() {
        for (stands_between, scheme) in [(true, Some("https")), (false, None)] {
            let server = Asker::of("http://127.0.0.1:8000").unwrap().server;
            let mut request = Request::get("https://www.example.gov.uk/a?b").body(Bytes::new()).unwrap();
            Asker { server, stands_between }.prepare(&mut request).unwrap();
            let field = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap());
            assert_eq!(request.uri(), "/a?b");
            assert_eq!(field("host"), Some("www.example.gov.uk"));
            assert_eq!(field("x-forwarded-proto"), scheme);
            assert_eq!(field("x-forwarded-host"), scheme.and(field("host")));
        }
    }

    #[test]
    fn a_configuration_is_of_its_own_servers() {
        let settings = Settings::for_origin("http://127.0.0.1:8000", None).unwrap();
        for (address, expected) in [
            ("http://127.0.0.1:8000", true),
            ("http://127.0.0.1:8000/a?b", true),
            ("http://127.0.0.1:8001/", false),
            ("https://127.0.0.1:8000/", false),
            ("http://www.neighbour.example/", false),
            ("127.0.0.1:8000", false),
        ] {
            assert_eq!(is_of(&settings, address), expected, "{address}");
        }
    }

    #[test]
    fn what_is_packed_all_the_same_is_read() {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(b"a page").unwrap();
        let packed = packer.finish().unwrap();
        let read = |body: &[u8], coding: &'static str, most| {
            unpacked(body.to_vec(), Some(&HeaderValue::from_static(coding)), most)
        };
        assert_eq!(read(&packed, "GZIP", 100).unwrap(), b"a page");
        assert_eq!(read(&packed, "gzip", 3).unwrap(), b"a p");
        assert_eq!(read(&packed[..2], "gzip", 100).unwrap(), b"");
        assert_eq!(read(b"a page", "identity", 100).unwrap(), b"a page");
        assert!(read(b"?", "br", 100).unwrap_err().contains("`br`"));
    }
}
