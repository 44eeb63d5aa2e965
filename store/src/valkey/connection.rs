use std::fmt;
use std::io;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, ErrorKind, Pipeline, RedisConnectionInfo, RedisError, RedisResult, Value,
};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use zeroize::Zeroizing;

use super::address::ValkeyAddress;
use super::fitness::{Doubt, Said, Unfit, judge};

/// How TLS is spoken, and for whom the certificate of the server must be.
#[derive(Clone)]
pub struct ValkeyTls {
    /// With the authorities that are believed.
    pub connector: TlsConnector,
    /// The name in the certificate.
    pub name: ServerName<'static>,
}

impl fmt::Debug for ValkeyTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValkeyTls").field("name", &self.name).finish_non_exhaustive()
    }
}

/// With what a node identifies itself.
#[derive(Clone, Default)]
pub struct ValkeyLogin {
    /// A user of the server's access control list; the default one where there is none.
    pub user: Option<String>,
    /// The password.
    pub password: Option<Zeroizing<String>>,
}

impl fmt::Debug for ValkeyLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ValkeyLogin(..)")
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum Unconnected {
    Away(String),
    Unfit(Unfit),
}

/// A connection to a server that was found fit.
#[derive(Debug)]
pub(super) struct Connection {
    commands: MultiplexedConnection,
    driver: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Else it would wait for answers to what was sent, which may never come.
        self.driver.abort();
    }
}

impl Connection {
    /// Connects, identifies itself, and sees whether the server is fit; what is in doubt about it.
    pub(super) async fn open(
        address: &ValkeyAddress,
        login: &ValkeyLogin,
        tls: Option<&ValkeyTls>,
    ) -> Result<(Self, Doubt), Unconnected> {
        let away = |error: io::Error| Unconnected::Away(error.to_string());
        let stream = TcpStream::connect((address.host.as_str(), address.port)).await.map_err(away)?;
        stream.set_nodelay(true).map_err(away)?;
        let connected = match tls {
            None => Self::over(stream, address, login).await,
            Some(tls) => {
                let stream = tls.connector.connect(tls.name.clone(), stream).await.map_err(away)?;
                Self::over(stream, address, login).await
            }
        };
        let mut connection = connected.map_err(|error| unconnected(&error))?;
        let doubt = connection.judge().await?;
        Ok((connection, doubt))
    }

    async fn over(
        stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
        address: &ValkeyAddress,
        login: &ValkeyLogin,
    ) -> RedisResult<Self> {
        let mut info =
            RedisConnectionInfo::default().set_db(i64::from(address.database)).set_skip_set_lib_name();
        if let Some(user) = &login.user {
            info = info.set_username(user);
        }
        if let Some(password) = &login.password {
            info = info.set_password(password.as_str());
        }
        // How long is waited is for the caller to say.
        let config = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
        let (commands, driver) = MultiplexedConnection::new_with_config(&info, stream, config).await?;
        Ok(Self { commands, driver: tokio::spawn(driver) })
    }

    /// Sees whether the server is fit for use.
    pub(super) async fn judge(&mut self) -> Result<Doubt, Unconnected> {
        let mut asked = redis::pipe();
        asked.cmd("INFO").cmd("CONFIG").arg("GET").arg("save").cmd("CONFIG").arg("GET").arg("appendonly");
        let answers = self.ask(&mut asked).await.map_err(|error| unconnected(&error))?;
        let mut answers = answers.into_iter();
        let info = answers.next().unwrap_or(Ok(Value::Nil)).map_err(|error| unconnected(&error))?;
        let info: String =
            redis::from_redis_value(info).map_err(|error| Unconnected::Away(error.to_string()))?;
        let mut setting = || configured(answers.next()?.ok()?);
        let (save, appendonly) = (setting(), setting());
        let said = Said { info: &info, save: save.as_deref(), appendonly: appendonly.as_deref() };
        judge(said).map_err(Unconnected::Unfit)
    }

    /// The answer to each command of a pipeline.
    pub(super) async fn ask(&mut self, commands: &mut Pipeline) -> RedisResult<Vec<RedisResult<Value>>> {
        commands.ignore_errors().query_async(&mut self.commands).await
    }
}

/// What `CONFIG GET` says of one setting.
fn configured(answer: Value) -> Option<String> {
    let pairs: Vec<(String, String)> = redis::from_redis_value(answer).ok()?;
    pairs.into_iter().next().map(|(_, value)| value)
}

fn unconnected(error: &RedisError) -> Unconnected {
    let code = error.code().unwrap_or_default();
    if error.kind() == ErrorKind::AuthenticationFailed || ["NOAUTH", "WRONGPASS", "NOPERM"].contains(&code) {
        return Unconnected::Unfit(Unfit::new(
            "it does not let Pinfold in",
            "write its password, or user and password on two lines, into [keys.valkey] password_file, and let the user run INFO",
        ));
    }
    Unconnected::Away(in_short(error))
}

/// An error without what was sent or answered.
pub(super) fn in_short(error: &RedisError) -> String {
    match error.code() {
        Some(code) => format!("{code}: {}", error.category()),
        None => error.category().to_owned(),
    }
}

/// How long connecting may take, with everything that is asked first.
pub(super) const CONNECT: Duration = Duration::from_secs(1);
