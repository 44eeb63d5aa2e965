//! What can be said of a key.

/// One key of a table.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Key {
    pub(in crate::config) name: &'static str,
    pub(in crate::config) kind: Kind,
    pub(in crate::config) unwritten: Unwritten,
    /// A value as it would be written, where the default is no good example.
    example: Option<&'static str>,
    /// One or two sentences.
    pub(in crate::config) about: &'static str,
    /// The standard, statute or guidance behind it.
    pub(in crate::config) source: Option<&'static str>,
    /// Whether the annotated example has it as a remark: it would not go with the rest.
    pub(in crate::config) is_aside: bool,
}

/// What a key holds.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) enum Kind {
    /// An IP address and a port.
    Address,
    /// A domain name.
    Domain,
    /// A time that is not nothing, with its unit.
    Duration,
    /// The name of a field of HTTP.
    Field,
    /// The name of a file; it counts from the directory of the configuration.
    File,
    Flag,
    Host,
    List(&'static Self),
    /// A number of months or years, from the one to the other in months.
    Months(u64, u64),
    /// An address, or a network in CIDR notation.
    Network,
    /// A whole number, from the one to the other.
    Number(i64, i64),
    /// One of these numbers.
    Numbers(&'static [i64]),
    /// One of these, or a list of some.
    OneOrMore(&'static Self),
    /// A path of the site.
    Path,
    /// A number of bytes with its unit, at least so many.
    Size(u64),
    /// A product whose cookies are well known.
    Service,
    /// `sqlite:` and a file, or the address of a database.
    Store,
    Table(&'static [Key]),
    /// Tables, each headed with double brackets. The text is what the annotated example has beside the first.
    Tables(&'static [Key], &'static str),
    Text,
    /// Scheme, host and perhaps a port.
    Url,
    /// `redis://` or `rediss://`, host, and perhaps a port.
    Valkey,
    /// One of these words.
    Words(&'static [&'static str]),
    /// A time zone of the IANA database.
    Zone,
}

/// What a key stands for where it is not written.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) enum Unwritten {
    Flag(bool),
    Number(i64),
    /// It has to be written.
    Required,
    Text(&'static str),
    Texts(&'static [&'static str]),
    /// In words: it follows from something else, or there is none.
    Words(&'static str),
}

impl Key {
    pub(in crate::config) const fn new(name: &'static str, kind: Kind) -> Self {
        let unwritten = Unwritten::Words("none");
        let (example, source) = (None, None);
        Self { name, kind, unwritten, example, about: "", source, is_aside: false }
    }

    pub(super) const fn unwritten(mut self, unwritten: Unwritten) -> Self {
        self.unwritten = unwritten;
        self
    }

    pub(super) const fn example(mut self, written: &'static str) -> Self {
        self.example = Some(written);
        self
    }

    pub(super) const fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    pub(super) const fn source(mut self, source: &'static str) -> Self {
        self.source = Some(source);
        self
    }

    pub(super) const fn aside(mut self) -> Self {
        self.is_aside = true;
        self
    }

    /// A value as it would be written.
    pub(in crate::config) fn written(&self) -> String {
        match self.example {
            Some(example) => example.to_owned(),
            None => self.unwritten.written().unwrap_or_default(),
        }
    }

    /// What may be written, to follow the word "write".
    pub(in crate::config) fn expected(&self) -> String {
        let (expected, example) = (self.kind.expected(), self.written());
        let says_all = matches!(
            self.kind,
            Kind::Flag
                | Kind::Number(1, 1)
                | Kind::Numbers(_)
                | Kind::Tables(..)
                | Kind::Text
                | Kind::Words(_)
        );
        if let Kind::Text = self.kind {
            return format!("{expected} in quotation marks");
        }
        if says_all || ["", "\"\"", "[]"].contains(&example.as_str()) {
            return expected;
        }
        format!("{expected}, such as {example}")
    }

    /// What stands for it where it is not written, if that can only be said in words.
    pub(in crate::config) fn in_words(&self) -> Option<&'static str> {
        match self.unwritten {
            Unwritten::Words(words) if !matches!(self.kind, Kind::Table(_) | Kind::Tables(..)) => Some(words),
            _ => None,
        }
    }

    /// Between what it has to be.
    pub(in crate::config) fn limits(&self) -> Option<String> {
        match self.kind {
            Kind::Months(least, most) => Some(format!("{} to {}", months(least), months(most))),
            Kind::Number(least, i64::MAX) => Some(format!("at least {least}")),
            Kind::Number(least, most) if least < most => Some(format!("{least} to {most}")),
            Kind::Numbers(_) | Kind::Words(_) => {
                Some(format!("one of {}", self.kind.expected().replace(" or ", ", ")))
            }
            Kind::List(Kind::Words(words)) => {
                Some(format!("some of {}", alternatives(words).replace(" or ", ", ")))
            }
            Kind::Size(least) => Some(format!("at least {}", size(least))),
            _ => None,
        }
    }

    /// What each item of a list may be.
    pub(in crate::config) fn expected_item(&self) -> String {
        match self.kind {
            Kind::List(kind) | Kind::OneOrMore(kind) => kind.expected(),
            kind => kind.expected(),
        }
    }
}

impl Kind {
    /// What a person would call it.
    pub(in crate::config) fn name(self) -> String {
        let name = match self {
            Self::Address => "address and port",
            Self::Domain => "domain",
            Self::Duration => "time",
            Self::Field => "name of a field",
            Self::File => "file",
            Self::Flag => "`true` or `false`",
            Self::Host => "host",
            Self::List(Self::Words(_)) => "list of words",
            Self::List(item) => return format!("list: {}", item.name()),
            Self::Months(..) => "months or years",
            Self::Network => "address or network",
            Self::Number(..) | Self::Numbers(_) => "number",
            Self::OneOrMore(one) => return format!("{}, or a list of some", one.name()),
            Self::Path => "path",
            Self::Service => "service",
            Self::Size(_) => "size",
            Self::Store => "`sqlite:` and a file, or `postgres://`",
            Self::Table(_) => "table",
            Self::Tables(..) => "list of tables",
            Self::Text => "text",
            Self::Url => "URL",
            Self::Valkey => "address of a Valkey",
            Self::Words(_) => "word",
            Self::Zone => "time zone",
        };
        name.to_owned()
    }

    fn expected(self) -> String {
        match self {
            Self::Address => "an address and port".to_owned(),
            Self::Domain => "a domain".to_owned(),
            Self::Duration => "a time with its unit".to_owned(),
            Self::Field => "the name of a field".to_owned(),
            Self::File => "the name of a file".to_owned(),
            Self::Flag => "true or false, without quotation marks".to_owned(),
            Self::Host => "a host".to_owned(),
            Self::List(_) => "a list in square brackets".to_owned(),
            Self::Months(least, most) => format!("{} to {}", months(least), months(most)),
            Self::Network => "an address or network".to_owned(),
            Self::Number(least, i64::MAX) => format!("a whole number of at least {least}"),
            Self::Number(1, 1) => "the number 1".to_owned(),
            Self::Number(least, most) => format!("a whole number from {least} to {most}"),
            Self::Numbers(numbers) => {
                let numbers: Vec<_> = numbers.iter().map(i64::to_string).collect();
                either(&numbers)
            }
            Self::OneOrMore(one) => format!("{}, or a list of some", one.expected()),
            Self::Path => "a path".to_owned(),
            Self::Service => "a service".to_owned(),
            Self::Size(least) => format!("a size of at least {}", size(least)),
            Self::Store => "\"sqlite:\" and a file, or an address of PostgreSQL".to_owned(),
            Self::Table(_) => "a table".to_owned(),
            Self::Tables(..) => "a list of tables, each headed with double brackets".to_owned(),
            Self::Text => "a text".to_owned(),
            Self::Url => "an address with its scheme".to_owned(),
            Self::Valkey => "the address of a Valkey without user and password".to_owned(),
            Self::Words(words) => alternatives(words),
            Self::Zone => "a time zone".to_owned(),
        }
    }
}

impl Unwritten {
    /// As it would be written, if it can be.
    pub(in crate::config) fn written(self) -> Option<String> {
        match self {
            Self::Flag(flag) => Some(flag.to_string()),
            Self::Number(number) => Some(number.to_string()),
            Self::Text(text) => Some(format!("{text:?}")),
            Self::Texts(texts) => Some(format!("{texts:?}")),
            Self::Required | Self::Words(_) => None,
        }
    }
}

/// Words as they are written, one of which is wanted.
pub(in crate::config) fn alternatives(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("{word:?}")).collect();
    either(&quoted)
}

fn either(words: &[String]) -> String {
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.join(""),
    }
}

fn months(number: u64) -> String {
    match number {
        1 => "\"1 month\"".to_owned(),
        _ if number.is_multiple_of(12) => format!("\"{} years\"", number / 12),
        _ => format!("\"{number} months\""),
    }
}

fn size(bytes: u64) -> String {
    let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let unit = units.into_iter().find(|(_, one)| bytes.is_multiple_of(*one) && bytes > 0);
    unit.map_or_else(|| format!("{bytes} B"), |(unit, one)| format!("{} {unit}", bytes / one))
}
