use std::fmt;
use std::path::{Path, PathBuf};

use tokio_postgres::config::{Config, Host, SslMode};

/// A database of PostgreSQL, and who writes to it.
///
/// Whatever opens or reads it waits for its answers, for some seconds where there are none: asynchronous code does so on a thread that may block.
#[derive(Debug, Clone)]
pub struct Postgres {
    pub(super) config: Config,
    /// The authorities that its certificate may be from, where they are not those of this machine.
    pub(super) authorities: Option<PathBuf>,
    pub(super) password_file: Option<PathBuf>,
    node: String,
    spool: Option<PathBuf>,
    shown: String,
}

/// What is wrong with the address of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressFault {
    problem: String,
    remedy: &'static str,
}

impl AddressFault {
    /// What is wrong. No password is in it.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        self.remedy
    }
}

impl Postgres {
    /// The database of a URL, such as `postgres://pinfold@db.example/pinfold`. Hosts, ports and parameters are those of libpq, as far as
    /// `tokio-postgres` knows them, with `sslmode` and `sslrootcert`.
    ///
    /// The connection is encrypted and the server is known by its certificate (`sslmode=verify-full`), but for servers on this machine.
    ///
    /// # Errors
    ///
    /// Where it is none, holds a password, or would believe any server.
    pub fn at(url: &str) -> Result<Self, AddressFault> {
        let fault = |problem: &str, remedy| Err(AddressFault { problem: problem.to_owned(), remedy });
        let (place, query) = url.split_once('?').unwrap_or((url, ""));
        let mut rest = form_urlencoded::Serializer::new(String::new());
        let (mut mode, mut authorities) = (None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "sslmode" => mode = Some(value.into_owned()),
                "sslrootcert" => authorities = Some(PathBuf::from(&*value)),
                _ => drop(rest.append_pair(&name, &value)),
            }
        }
        // libpq knows no `+` for a blank.
        let rest = rest.finish().replace('+', "%20");
        let Ok(mut config) = format!("{place}?{rest}").parse::<Config>() else {
            return fault(
                "this is no address of a database",
                "write postgres://user@host/database, without a password",
            );
        };
        if config.get_password().is_some() {
            return fault(
                "a password does not belong into a configuration",
                "take it out, and write it into a file that `password_file` names",
            );
        }
        if config.get_dbname().is_none() {
            return fault("no database is named", "write postgres://user@host/database");
        }
        let is_near = is_on_this_machine(&config);
        config.ssl_mode(match mode.as_deref() {
            Some("disable") => SslMode::Disable,
            Some("verify-full") => SslMode::Require,
            None if is_near => SslMode::Disable,
            None => SslMode::Require,
            Some(_) => {
                return fault(
                    "this `sslmode` would believe any server, or none",
                    "write verify-full, with `sslrootcert` for an authority of your own; or disable, on a network that is yours alone",
                );
            }
        });
        config.application_name("pinfold");
        let (node, shown) = (String::from("node"), place.to_owned());
        Ok(Self { config, authorities, password_file: None, node, spool: None, shown })
    }

    /// With a password, the first line of a file. It is read at each connection, so a new one needs no restart.
    #[must_use]
    pub fn with_password_file(self, file: impl Into<PathBuf>) -> Self {
        Self { password_file: Some(file.into()), ..self }
    }

    /// With a name for this node, unlike those of all others that write to the database.
    #[must_use]
    pub fn with_node(self, node: impl Into<String>) -> Self {
        Self { node: node.into(), ..self }
    }

    /// With a directory of this node alone where batches wait while the database is away.
    #[must_use]
    pub fn with_spool(self, directory: impl Into<PathBuf>) -> Self {
        Self { spool: Some(directory.into()), ..self }
    }

    /// The name of this node.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Where batches wait while the database is away.
    pub fn spool(&self) -> Option<&Path> {
        self.spool.as_deref()
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.config.get_ssl_mode() != SslMode::Disable
    }
}

impl fmt::Display for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

fn is_on_this_machine(config: &Config) -> bool {
    let by_name = |host: &Host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    let addresses = config.get_hostaddrs();
    !config.get_hosts().is_empty()
        && config.get_hosts().iter().all(by_name)
        && addresses.iter().all(std::net::IpAddr::is_loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_elsewhere_is_known_by_its_certificate() {
        for (url, encrypted) in [
            ("postgres://pinfold@db.example/pinfold", true),
            ("postgresql://pinfold@db.example:6432/pinfold?connect_timeout=5", true),
            ("postgres://pinfold@db.example/pinfold?sslmode=disable", false),
            ("postgres://pinfold@10.0.0.7/pinfold", true),
            ("postgres://pinfold@one.example,127.0.0.1/pinfold?target_session_attrs=read-write", true),
            ("postgres://pinfold@localhost/pinfold", false),
            ("postgres://pinfold@127.0.0.1:5433/pinfold", false),
            ("postgres://pinfold@[::1]/pinfold", false),
            ("postgres://pinfold@localhost/pinfold?sslmode=verify-full&sslrootcert=/etc/ca.pem", true),
            ("postgres:///pinfold?host=/run/postgresql&user=pinfold", false),
            ("postgres://pinfold@%2Frun%2Fpostgresql/pinfold", false),
            ("postgres://pinfold@localhost/pinfold?hostaddr=10.0.0.7", true),
        ] {
            let server = Postgres::at(url).unwrap_or_else(|fault| panic!("{url}: {fault:?}"));
            assert_eq!(server.is_encrypted(), encrypted, "{url}");
        }
        let server =
            Postgres::at("postgres://db.example/p?sslmode=verify-full&sslrootcert=%2Fetc%2Fa+b.pem").unwrap();
        assert_eq!(server.authorities.as_deref(), Some(Path::new("/etc/a b.pem")));
    }

    #[test]
    fn what_is_no_address_is_said_without_its_password() {
        for url in [
            "postgres://pinfold:hunter22@db.example/pinfold",
            "postgres://pinfold@db.example/pinfold?password=hunter22",
            "postgres://pinfold:hunter22@db.example:port/pinfold",
            "postgres://pinfold@db.example",
            "postgres://pinfold@db.example/pinfold?sslmode=require",
            "postgres://pinfold@db.example/pinfold?sslmode=prefer",
            "postgres://pinfold@db.example/pinfold?no_such=1",
            "mysql://pinfold@db.example/pinfold",
        ] {
            let fault = Postgres::at(url).unwrap_err();
            assert!(!format!("{fault:?}").contains("hunter22"), "{url}: {fault:?}");
        }
        let shown = format!("{:?}", Postgres::at("postgres://pinfold@localhost/pinfold").unwrap());
        assert!(shown.contains("password: None"), "{shown}");
    }
}
