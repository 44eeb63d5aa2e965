use std::io::{self, BufRead, Write};

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

impl Answers {
    /// What was said, and for the rest what can be guessed.
    pub(crate) fn guessed(asked: Asked) -> Self {
        let host = asked.host.unwrap_or_else(|| "localhost".to_owned());
        let site_name = asked.site_name.unwrap_or_else(|| "Our website".to_owned());
        Self { origin: asked.origin.unwrap_or_else(|| "http://127.0.0.1:8000".to_owned()), site_name, host }
    }

    /// Asks for whatever was not said. An empty answer takes what is offered.
    ///
    /// # Errors
    ///
    /// Where nothing can be read or written.
    pub(crate) fn asked(asked: Asked, mut from: impl BufRead, mut to: impl Write) -> io::Result<Self> {
        let guessed = Self::guessed(Asked::default());
        let mut ask = |said: Option<String>, question: &str, offered: String| -> io::Result<String> {
            if let Some(said) = said {
                return Ok(said);
            }
            write!(to, "{question} [{offered}]: ")?;
            to.flush()?;
            let mut line = String::new();
            from.read_line(&mut line)?;
            Ok(if line.trim().is_empty() { offered } else { line.trim().to_owned() })
        };
        let origin = ask(asked.origin, "Where is the web server that this stands before?", guessed.origin)?;
        let site_name =
            ask(asked.site_name, "What is the council or its website called?", guessed.site_name)?;
        let host = ask(asked.host, "Under which host do visitors reach it?", guessed.host)?;
        Ok(Self { origin, site_name, host })
    }

    /// The file. A host that is not of this machine is reached by https, through something before Pinfold that ends TLS.
    pub(crate) fn to_toml(&self) -> String {
        let is_here = ["localhost", "127.0.0.1", "[::1]"].contains(&self.host.as_str());
        let (scheme, source, trusted) = if is_here {
            ("http", "peer", "")
        } else {
            ("https", "x-forwarded-for", "\"127.0.0.1\", \"::1\"")
        };
        // A string of JSON is one of TOML.
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let values = [
            ("{origin}", self.origin.replace(char::is_control, "")),
            ("{origin_text}", quoted(&self.origin)),
            ("{name}", quoted(&self.site_name)),
            ("{url}", quoted(&format!("{scheme}://{}", self.host))),
            ("{host}", quoted(&self.host)),
            ("{listen}", quoted("127.0.0.1:8080")),
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
    use std::path::Path;

    use super::*;
    use crate::config;

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
    fn whatever_is_said_stays_in_its_place() {
        let said = |text: &str| Asked {
            origin: Some("http://127.0.0.1:8000".to_owned()),
            site_name: Some(text.to_owned()),
            host: Some("www.town.example".to_owned()),
        };
        for name in ["Town", "\"] [admin] listen = \"0.0.0.0:1\"", "{url}", "Cyngor Sir Gâr", "a\\", "'''"] {
            let text = Answers::guessed(said(name)).to_toml();
            let settings = config::parse(Path::new("pinfold.toml"), &text, &[]).settings.unwrap();
            let policy = settings.policy(BTreeMap::new(), Vec::new()).unwrap();
            assert_eq!(policy.site_name(), name);
            assert_eq!(settings.admin, config::ADMIN);
        }
    }
}
