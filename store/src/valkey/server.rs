use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pinfold::audit::Away;
use redis::{Pipeline, RedisResult, Value};
use tokio::time::timeout;

use super::address::ValkeyAddress;
use super::breaker::Breaker;
use super::connection::{CONNECT, Connection, Unconnected, ValkeyLogin, ValkeyTls, in_short};
use super::fitness::{Doubt, Unfit};

/// How long an answer may take.
const CALL: Duration = Duration::from_millis(20);

/// After so long a server is judged again: it may have been told to save meanwhile.
const JUDGED: Duration = Duration::from_secs(60);

/// One Valkey or Redis, which may be away at any time. Copies are the same server.
#[derive(Debug, Clone)]
pub struct Valkey(Arc<Inner>);

struct Inner {
    address: ValkeyAddress,
    login: ValkeyLogin,
    tls: Option<ValkeyTls>,
    /// Who has it asks. Nothing, while there is no connection.
    link: tokio::sync::Mutex<Option<Link>>,
    breaker: Mutex<Breaker>,
    /// What was said of it last: the same is not said again.
    said: Mutex<String>,
    started: Instant,
}

struct Link {
    connection: Connection,
    judged: Instant,
}

/// Why a server was not opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unopened {
    /// It does not answer, which may pass.
    Away(String),
    /// It must not be used.
    Unfit(Unfit),
}

impl fmt::Display for Unopened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away(why) => f.write_str(why),
            Self::Unfit(unfit) => unfit.fmt(f),
        }
    }
}

impl std::error::Error for Unopened {}

impl Valkey {
    /// A server at an address. Nothing is asked of it yet.
    pub fn new(address: ValkeyAddress, login: ValkeyLogin, tls: Option<ValkeyTls>) -> Self {
        Self(Arc::new(Inner {
            address,
            login,
            tls,
            link: tokio::sync::Mutex::default(),
            breaker: Mutex::default(),
            said: Mutex::default(),
            started: Instant::now(),
        }))
    }

    /// Sees within a second whether the server is there and fit for use.
    ///
    /// # Errors
    ///
    /// Where it is not. It is tried again when something is asked of it.
    pub async fn open(&self) -> Result<(), Unopened> {
        let mut link = self.0.link.lock().await;
        *link = None;
        match self.0.connect().await {
            Ok(opened) => {
                *link = Some(opened);
                Ok(())
            }
            Err(Unconnected::Away(why)) => Err(Unopened::Away(why)),
            Err(Unconnected::Unfit(unfit)) => Err(Unopened::Unfit(unfit)),
        }
    }

    /// Lets go of the connection: it belongs to the runtime in which it was opened.
    pub async fn close(&self) {
        *self.0.link.lock().await = None;
    }

    /// Says what is wrong with what the server has, unless it was said last.
    pub(super) fn complain(&self, words: &str) {
        self.0.say(words, |words| tracing::warn!(valkey = %self.0.address, "{words}"));
    }

    /// The answer to each command. What the server itself refuses is among them; where it is away, there are none.
    pub(super) async fn ask(&self, mut commands: Pipeline) -> Result<Vec<RedisResult<Value>>, Away> {
        let server = &*self.0;
        let mut link = server.link.lock().await;
        if !server.lets_through() {
            return Err(Away);
        }
        if link.is_none() {
            *link = Some(server.connect().await.map_err(|why| server.note(why))?);
        }
        let Some(open) = &mut *link else { return Err(Away) };
        let asked = async {
            if open.judged.elapsed() > JUDGED {
                open.connection.judge().await?;
                open.judged = Instant::now();
            }
            open.connection.ask(&mut commands).await.map_err(|error| Unconnected::Away(in_short(&error)))
        };
        let late = || Unconnected::Away(format!("no answer within {} ms", CALL.as_millis()));
        match timeout(CALL, asked).await.unwrap_or_else(|_| Err(late())) {
            Ok(answers) => {
                server.note_answers(&answers);
                Ok(answers)
            }
            Err(why) => {
                *link = None;
                Err(server.note(why))
            }
        }
    }
}

impl Inner {
    async fn connect(&self) -> Result<Link, Unconnected> {
        let opened = timeout(CONNECT, Connection::open(&self.address, &self.login, self.tls.as_ref()));
        let late = || Unconnected::Away(format!("no answer within {} s", CONNECT.as_secs()));
        let (connection, doubt) = opened.await.unwrap_or_else(|_| Err(late()))?;
        if doubt == Doubt::Saves {
            self.say("it may not be asked whether it saves: let Pinfold's user run CONFIG GET", |words| {
                tracing::warn!(valkey = %self.address, "{words}");
            });
        }
        Ok(Link { connection, judged: Instant::now() })
    }

    fn lets_through(&self) -> bool {
        self.breaker().lets_through(self.started.elapsed())
    }

    fn note_answers(&self, answers: &[RedisResult<Value>]) {
        let was_open = self.breaker().is_open();
        self.breaker().note_answer();
        if was_open {
            self.say("Valkey answers again", |words| tracing::info!(valkey = %self.address, "{words}"));
        }
        // It is there and refuses: its memory is full, or it has become a replica.
        if let Some(error) = answers.iter().find_map(|answer| answer.as_ref().err()) {
            self.say(&in_short(error), |why| {
                tracing::warn!(valkey = %self.address, why, "Valkey refuses what it is asked; this node goes on by itself");
            });
        }
    }

    fn note(&self, why: Unconnected) -> Away {
        let now = self.started.elapsed();
        match why {
            Unconnected::Away(why) => {
                self.breaker().note_failure(now);
                self.say("away", |_| {
                    tracing::warn!(valkey = %self.address, why, "Valkey is away; this node goes on by itself and tries again");
                });
            }
            Unconnected::Unfit(unfit) => {
                self.breaker().note_unfit(now);
                self.say(unfit.problem(), |_| {
                    tracing::error!(valkey = %self.address, "Valkey is not used: {unfit}");
                });
            }
        }
        Away
    }

    /// Says something, unless it was the last thing said.
    fn say(&self, words: &str, say: impl FnOnce(&str)) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if *said != words {
            say(words);
            words.clone_into(&mut said);
        }
    }

    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Valkey").field("address", &self.address).finish_non_exhaustive()
    }
}
