use std::io::{self, BufRead, Write};
use std::path::Path;

use http::Uri;

use crate::config::{self, Checked};

/// The configuration, its places named in braces.
const TEMPLATE: &str = include_str!("template.toml");

/// What somebody has said on the command line.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) origin: Option<String>,
    pub(crate) site_name: Option<String>,
    pub(crate) host: Option<String>,
}

/// What a first configuration needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answers {
    origin: String,
    site_name: String,
    host: String,
}

/// Takes something that was said into what is known, or says why it will not do.
type Take = fn(&Answers, &str) -> Result<Answers, String>;

impl Answers {
    /// What was said, and for the rest what can be guessed.
    ///
    /// # Errors
    ///
    /// What is wrong with what was said, and what to do.
    pub(crate) fn guessed(asked: Asked) -> Result<Self, String> {
        let mut answers = Self {
            origin: "http://127.0.0.1:8000".to_owned(),
            site_name: "Our website".to_owned(),
            host: "localhost".to_owned(),
        };
        for (said, take) in [
            (asked.origin, Self::with_origin as Take),
            (asked.site_name, Self::with_site_name),
            (asked.host, Self::with_host),
        ] {
            if let Some(said) = said {
                answers = take(&answers, &said)?;
            }
        }
        Ok(answers)
    }

    /// Asks for whatever was not said, and again where an answer will not do. An empty answer takes what is offered.
    ///
    /// # Errors
    ///
    /// What is wrong with what was said, or where nothing can be read or written.
    pub(crate) fn asked(asked: Asked, from: impl BufRead, to: impl Write) -> Result<Self, String> {
        let is_said = [&asked.origin, &asked.site_name, &asked.host].map(Option::is_some);
        let answers = Self::guessed(asked)?;
        answers.ask(is_said, from, to).map_err(|error| error.to_string())
    }

    fn ask(self, is_said: [bool; 3], mut from: impl BufRead, mut to: impl Write) -> io::Result<Self> {
        let mut answers = self;
        let offered = [&answers.origin, &answers.site_name, &answers.host].map(String::clone);
        let questions = [
            ("Where is the web server that this stands before?", Self::with_origin as Take),
            ("What is the council or its website called?", Self::with_site_name),
            ("Under which host do visitors reach it?", Self::with_host),
        ];
        let open = questions.into_iter().zip(offered).zip(is_said).filter(|(_, is_said)| !is_said);
        for (((question, take), offered), _) in open {
            loop {
                write!(to, "{question} [{offered}]: ")?;
                to.flush()?;
                let mut line = String::new();
                from.read_line(&mut line)?;
                if line.trim().is_empty() {
                    break;
                }
                match take(&answers, line.trim()) {
                    Ok(taken) => {
                        answers = taken;
                        break;
                    }
                    Err(why) => writeln!(to, "That will not do: {why}")?,
                }
            }
        }
        Ok(answers)
    }

    fn with_origin(&self, said: &str) -> Result<Self, String> {
        Self { origin: said.to_owned(), ..self.clone() }.sound()
    }

    fn with_site_name(&self, said: &str) -> Result<Self, String> {
        Self { site_name: said.to_owned(), ..self.clone() }.sound()
    }

    /// Whoever copies the address of the site means its host.
    fn with_host(&self, said: &str) -> Result<Self, String> {
        let host = said.strip_prefix("https://").or_else(|| said.strip_prefix("http://")).unwrap_or(said);
        let host = host.strip_suffix('/').unwrap_or(host).to_ascii_lowercase();
        if host.is_empty() || host.contains(['/', '?', '#', '@']) {
            return Err(format!("`{said}` is not a host (write it alone, such as www.example.gov.uk)"));
        }
        Self { host, ..self.clone() }.sound()
    }

    /// Itself, if what is made of it is a configuration.
    fn sound(self) -> Result<Self, String> {
        let Checked { settings, .. } = config::parse(Path::new("pinfold.toml"), &self.to_toml(), &[]);
        match settings {
            Ok(_) => Ok(self),
            // It has no line: nothing is written yet.
            Err(faults) => {
                let fault = faults.first().map(|fault| format!("{} ({})", fault.problem, fault.remedy));
                Err(fault.unwrap_or_default())
            }
        }
    }

    /// The file. A host that is not of this machine is reached by https, through something before Pinfold that ends TLS.
    pub(crate) fn to_toml(&self) -> String {
        let is_here = ["localhost", "127.0.0.1", "[::1]"].contains(&self.host.as_str());
        let (scheme, source, trusted) = if is_here {
            ("http", "peer", "")
        } else {
            ("https", "x-forwarded-for", "\"127.0.0.1\", \"::1\"")
        };
        // Tomcat and others listen where Pinfold would by default.
        let port = self.origin.parse::<Uri>().ok().and_then(|origin| origin.port_u16());
        let (listen, admin) = if matches!(port, Some(8080 | 8081)) { (8090, 8091) } else { (8080, 8081) };
        // A string of JSON is one of TOML.
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let values = [
            ("{origin}", self.origin.replace(char::is_control, "")),
            ("{origin_text}", quoted(&self.origin)),
            ("{name}", quoted(&self.site_name)),
            ("{url}", quoted(&format!("{scheme}://{}", self.host))),
            ("{host}", quoted(&self.host)),
            ("{listen}", quoted(&format!("127.0.0.1:{listen}"))),
            ("{admin}", quoted(&format!("127.0.0.1:{admin}"))),
            ("{source}", quoted(source)),
            ("{trusted}", trusted.to_owned()),
        ];
        // Each part is looked at once: what somebody has said is never taken for a place.
        let mut text = String::with_capacity(TEMPLATE.len() + 200);
        let mut rest = TEMPLATE;
        while let Some((before, after)) = rest.split_once('{') {
            text.push_str(before);
            let place =
                values.iter().find_map(|(place, value)| Some((after.strip_prefix(&place[1..])?, value)));
            match place {
                Some((after, value)) => {
                    text.push_str(value);
                    rest = after;
                }
                None => {
                    text.push('{');
                    rest = after;
                }
            }
        }
        text + rest
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn pinfold_listens_where_the_web_server_does_not() {
        for (origin, expected) in [
            ("http://127.0.0.1:8000", ("127.0.0.1:8080", "127.0.0.1:8081")),
            ("http://127.0.0.1:8080", ("127.0.0.1:8090", "127.0.0.1:8091")),
            ("http://localhost:8081", ("127.0.0.1:8090", "127.0.0.1:8091")),
        ] {
            let asked = Asked { origin: Some(origin.to_owned()), ..Asked::default() };
            let text = Answers::guessed(asked).unwrap().to_toml();
            let settings = config::parse(Path::new("pinfold.toml"), &text, &[]).settings.unwrap();
            let found = (settings.listen.http.unwrap().to_string(), settings.admin.to_string());
            assert_eq!((found.0.as_str(), found.1.as_str()), expected, "{origin}");
        }
    }

    #[test]
    fn what_was_not_said_is_asked_for() {
        let asked = Asked { site_name: Some("Town".to_owned()), ..Asked::default() };
        let mut questions = Vec::new();
        let answers = Answers::asked(asked, &b"\nwww.town.example\n"[..], &mut questions).unwrap();
        assert_eq!(
            answers,
            Answers {
                origin: "http://127.0.0.1:8000".to_owned(),
                site_name: "Town".to_owned(),
                host: "www.town.example".to_owned()
            }
        );
        let questions = String::from_utf8(questions).unwrap();
        assert_eq!(questions.matches("? [").count(), 2, "{questions}");
    }

    #[test]
    fn an_answer_that_will_not_do_is_asked_for_again() {
        let mut questions = Vec::new();
        let said = b"127.0.0.1:8000\nhttp://127.0.0.1:8001\nTown\nwww.town.example/home\nhttps://WWW.town.example/\n";
        let answers = Answers::asked(Asked::default(), &said[..], &mut questions).unwrap();
        let questions = String::from_utf8(questions).unwrap();
        assert_eq!((&*answers.origin, &*answers.host), ("http://127.0.0.1:8001", "www.town.example"));
        assert_eq!(questions.matches("? [").count(), 5, "{questions}");
        assert_eq!(questions.matches("That will not do: `").count(), 2, "{questions}");
        assert!(!questions.contains("pinfold.toml"), "{questions}");
    }

    #[test]
    fn what_was_said_amiss_is_told_at_once() {
        let asked = Asked { origin: Some("ftp://town.example".to_owned()), ..Asked::default() };
        let why = Answers::asked(asked, &b""[..], Vec::new()).unwrap_err();
        assert!(why.contains("ftp://town.example") && why.ends_with(')'), "{why}");
    }

    #[test]
    fn whatever_is_said_stays_in_its_place() {
        let said = |text: &str| Asked {
            origin: Some("http://127.0.0.1:8000".to_owned()),
            site_name: Some(text.to_owned()),
            host: Some("www.town.example".to_owned()),
        };
        for name in ["Town", "\"] [admin] listen = \"0.0.0.0:1\"", "{url}", "Cyngor Sir Gâr", "a\\", "'''"] {
            let text = Answers::guessed(said(name)).unwrap().to_toml();
            let settings = config::parse(Path::new("pinfold.toml"), &text, &[]).settings.unwrap();
            let policy = settings.policy(BTreeMap::new(), Vec::new()).unwrap();
            assert_eq!(policy.site_name(), name);
            assert_eq!(settings.admin, config::ADMIN);
        }
    }
}
