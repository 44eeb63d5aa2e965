use std::net::IpAddr;

use http::request::Parts;
use http::uri::Authority;
use pinfold::consent::Policy;
use serde::Serialize;

use crate::config::{Settings, Site};
use crate::serve::{AtTheDoor, HEALTHY, Refused, at_the_door, https_location};

/// What the door does with a recorded request.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Door {
    fate: &'static str,
    status: Option<u16>,
    why: String,
    /// By which site the rest is explained, by its place; nothing where there is no rest.
    #[serde(skip)]
    pub(crate) site: Option<usize>,
    #[serde(skip)]
    host: Option<Authority>,
}

impl Door {
    /// Where these sites are served. Whoever asks for one of them is told what it would do, whatever the `Host` of the request; and
    /// so is everybody where there is one alone.
    pub(crate) fn of(request: &Result<Parts, Refused>, sites: &[Site], asked: Option<usize>) -> Self {
        let found = match request {
            Ok(parts) => at_the_door(parts, sites),
            Err(refused) => AtTheDoor::Refused(*refused),
        };
        let named = |place: usize| sites.get(place).map_or("", Site::name);
        match found {
            AtTheDoor::Alive => Self {
                fate: "answered",
                status: Some(200),
                why: format!("answered by Pinfold itself: `{}`, as balancers ask", HEALTHY.trim_end()),
                site: None,
                host: None,
            },
            AtTheDoor::LetIn { host, site } => {
                let as_if = asked.filter(|place| *place != site).map(|place| as_if(named(place)));
                let why = format!("let in to {}{}", named(site), as_if.unwrap_or_default());
                Self {
                    fate: "let in",
                    status: None,
                    why,
                    site: Some(asked.unwrap_or(site)),
                    host: Some(host),
                }
            }
            AtTheDoor::Refused(refused) => {
                let only = (sites.len() == 1).then_some(0);
                let site = asked.or(only).filter(|_| refused == Refused::HOST);
                let as_if = site.map(|place| as_if(named(place))).unwrap_or_default();
                let status = refused.status.as_u16();
                let why = format!("refused with {status}: {}{as_if}", refused.text.trim_end());
                Self { fate: "refused", status: Some(status), why, site, host: None }
            }
        }
    }

    /// The same, where a request over http may be sent to https first.
    pub(crate) fn or_to_https(
        self,
        settings: &Settings,
        policy: &Policy,
        parts: &Parts,
        peer: IpAddr,
    ) -> Self {
        let location =
            self.host.as_ref().and_then(|host| https_location(settings, policy, (host, &parts.uri), peer));
        match location {
            Some(location) => {
                Self { why: format!("by https {}; by http sent to {location} with 308", self.why), ..self }
            }
            None => self,
        }
    }

    pub(crate) fn to_json(&self) -> String {
        format!("{:#}\n", serde_json::json!({ "door": self }))
    }

    pub(crate) fn to_text(&self) -> String {
        format!("door      {}\n", self.why)
    }
}

fn as_if(site: &str) -> String {
    format!(" (what follows is as if it were for {site})")
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::config::Configuration;

    fn sites(urls: &[&str]) -> Vec<Site> {
        let site = |url: &&str| {
            let text = format!(
                "version = 1\n[site]\nname = \"Town\"\nurl = \"{url}\"\n[origin]\nurl = \"http://127.0.0.1:9\"\n"
            );
            let settings = crate::config::parse("pinfold.toml".as_ref(), &text, &[]).settings.unwrap();
            Configuration::of_one(settings).sites.remove(0)
        };
        urls.iter().map(site).collect()
    }

    #[test]
    fn what_the_door_does() {
        let (one, two) = (&["https://a.example"][..], &["https://a.example", "https://b.example"][..]);
        let get = |path: &str, host: &str| {
            Ok(Request::get(path).header("host", host).body(()).unwrap().into_parts().0)
        };
        for (request, urls, asked, site, why) in [
            (get("/", "a.example"), one, None, Some(0), "let in to a.example"),
            (get("/", "A.example:8080"), one, None, Some(0), "let in to a.example"),
            (get("/", "b.example"), two, None, Some(1), "let in to b.example"),
            (
                get("/", "b.example"),
                two,
                Some(0),
                Some(0),
                "let in to b.example (what follows is as if it were for a.example)",
            ),
            (
                get("/", "127.0.0.1:8000"),
                one,
                None,
                Some(0),
                "refused with 421: No site of this name is served here. (what follows is as if it were for a.example)",
            ),
            (
                get("/", "127.0.0.1:8000"),
                two,
                None,
                None,
                "refused with 421: No site of this name is served here.",
            ),
            (get("/", "a.example/x"), one, None, None, "refused with 400: The request is malformed."),
            (
                get("/.pinfold/health", "10.0.0.1"),
                two,
                None,
                None,
                "answered by Pinfold itself: `ok`, as balancers ask",
            ),
            (
                Err(Refused::CODING),
                one,
                Some(0),
                None,
                "refused with 501: This transfer coding is not known here.",
            ),
        ] {
            let door = Door::of(&request, &sites(urls), asked);
            assert_eq!((door.site, &*door.why), (site, why));
        }
    }
}
