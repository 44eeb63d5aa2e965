//! What can be wrong with a configuration, said once for library and proxy.

use std::fmt;

/// The part of a configuration that an error is about.
///
/// A program that reads a file can find the line of the subject and point at it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// A cookie rule, by its name pattern.
    Cookie(String),
    /// The crowd threshold.
    Crowd,
    /// A domain under which refused cookies are removed.
    Domain(String),
    /// A host from which pages load content, as written.
    Host(String),
    /// How long a decision is kept.
    Lifetime,
    /// A network of trusted proxies, as written.
    Network(String),
    /// The path of the cookies page.
    Page,
    /// A preference, by its name.
    Preference(String),
    /// A purpose, by its id.
    Purpose(String),
    /// A route pattern, as written.
    Route(String),
    /// The request field that a shared cache varies on.
    SharedCacheKey,
    /// The page of the site within which the cookies page is drawn.
    Shell,
    /// The address of the site.
    SiteUrl,
    /// The time zone of the site.
    TimeZone,
}

/// One fault of a configuration: what it is about, what is wrong, and what to do.
///
/// ```
/// let fault = "300.1.1.0/24".parse::<pinfold::client_ip::TrustedProxies>().unwrap_err();
/// assert_eq!(
///     fault.to_string(),
///     "`300.1.1.0/24` is not a network (write an address or CIDR such as 192.0.2.0/24)"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    subject: Subject,
    part: Option<&'static str>,
    problem: String,
    remedy: String,
}

impl ConfigError {
    pub(crate) fn new(subject: Subject, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { subject, part: None, problem: problem.into(), remedy: remedy.into() }
    }

    /// Says of what of the subject it is a fault.
    pub(crate) fn of(self, part: &'static str) -> Self {
        Self { part: Some(part), ..self }
    }

    /// What the fault is about.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// What of the subject is wrong, as configuration files name it (`title`, `cy.labels`), where it is one thing.
    pub fn part(&self) -> Option<&'static str> {
        self.part
    }

    /// What is wrong, quoting the input.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// What to do about it.
    pub fn remedy(&self) -> &str {
        &self.remedy
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.problem, self.remedy)
    }
}

impl std::error::Error for ConfigError {}

/// Every fault found in one pass, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// `Ok` where there is no fault, else all of them.
    pub(crate) fn gather<T>(value: T, faults: Vec<ConfigError>) -> Result<T, Self> {
        if faults.is_empty() { Ok(value) } else { Err(Self(faults)) }
    }

    /// The faults, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(fault: ConfigError) -> Self {
        Self(vec![fault])
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
