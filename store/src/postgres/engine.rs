use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use pinfold::audit::Ledger;

use super::locks::{FOR_IMPORT, of_ledger, of_node};
use super::schema::bring_forward;
use super::server::Postgres;
use super::session::{OF_A_WRITER, Session};
use crate::error::StoreError;
use crate::part::Part;
use crate::sql::SqlError;

/// How long the last server of this name may be in leaving: what is left of one whose machine has died is dropped by then.
const LEAVING: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(200);
/// How often a server that has lost its name tries to have it again.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// What a node writes by.
#[derive(Debug)]
pub(crate) struct Engine {
    server: Postgres,
    line: Line,
    name: Name,
}

/// Whether the connection holds the name of the node, by which no other server takes its keys for lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Held,
    /// Nobody's here: this is no server.
    NotWanted,
    /// Something else holds it, since when and last seen when; and whether that has been said.
    Elsewhere {
        since: Instant,
        tried: Instant,
        is_said: bool,
    },
}

/// The way to the server. Looking for a new one is done elsewhere, so that a server that is away keeps the writer from nothing.
#[derive(Debug)]
enum Line {
    Open(Box<Session>),
    /// A connection, and the name where it has it.
    Sought(Receiver<Result<(Session, Name), SqlError>>),
    Down,
}

impl Engine {
    /// Brings the database to the newest schema, and takes the name of the node.
    pub(crate) fn open(server: &Postgres) -> Result<Self, StoreError> {
        let unreachable = |error: SqlError| StoreError::unreachable(server, error);
        let session = Session::open(server, OF_A_WRITER).map_err(unreachable)?;
        bring_forward(&session, server)?;
        let until = Instant::now() + LEAVING;
        while !session.takes(of_node(server.node())).map_err(unreachable)? {
            if Instant::now() > until {
                let node = server.node().to_owned();
                return Err(StoreError::NodeInUse { store: server.to_string(), node });
            }
            thread::sleep(PAUSE);
        }
        Ok(Self::of(server, session, Name::Held))
    }

    /// Opens a database beside servers, for what they take turns at.
    pub(crate) fn open_beside(server: &Postgres) -> Result<Self, StoreError> {
        let session =
            Session::open(server, OF_A_WRITER).map_err(|error| StoreError::unreachable(server, error))?;
        Ok(Self::of(server, session, Name::NotWanted))
    }

    /// Opens a database for adding what was before: nobody else does.
    pub(crate) fn open_to_import(server: &Postgres) -> Result<Self, StoreError> {
        let unreachable = |error: SqlError| StoreError::unreachable(server, error);
        let session = Session::open(server, OF_A_WRITER).map_err(unreachable)?;
        bring_forward(&session, server)?;
        if !session.takes(FOR_IMPORT).map_err(unreachable)? {
            return Err(StoreError::ImportedElsewhere(server.to_string()));
        }
        Ok(Self::of(server, session, Name::NotWanted))
    }

    fn of(server: &Postgres, session: Session, name: Name) -> Self {
        Self { server: server.clone(), line: Line::Open(Box::new(session)), name }
    }

    pub(crate) fn write<T>(
        &mut self,
        part: Part,
        turns: &[Ledger],
        work: impl FnOnce(&Session) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        let turns: Vec<_> = turns.iter().map(|ledger| of_ledger(*ledger, self.server.node())).collect();
        self.session()?;
        let done = self.take_name().and_then(|()| self.session()?.transaction(part, &turns, work));
        if matches!(done, Err(SqlError::Failed(_))) {
            self.line = Line::Down;
        }
        done
    }

    pub(crate) fn forget(&mut self) {
        self.line = Line::Down;
    }

    /// The connection. Where there is none, one is looked for, and nobody waits for it.
    fn session(&mut self) -> Result<&Session, SqlError> {
        match &self.line {
            Line::Open(session) if !session.is_over() => {}
            Line::Sought(found) => match found.try_recv() {
                Ok(Ok((session, name))) => {
                    self.line = Line::Open(Box::new(session));
                    self.name = name;
                }
                Ok(Err(error)) => {
                    self.line = Line::Down;
                    return Err(error);
                }
                Err(TryRecvError::Empty) => return Err(SqlError::failed("it is being looked for")),
                Err(TryRecvError::Disconnected) => self.line = Line::Down,
            },
            Line::Open(_) | Line::Down => self.line = self.seek()?,
        }
        match &self.line {
            Line::Open(session) => Ok(session),
            _ => Err(SqlError::failed("it is away")),
        }
    }

    /// Takes the name where the connection has not got it. Nobody waits for it, and counts are written without it.
    fn take_name(&mut self) -> Result<(), SqlError> {
        let (Name::Elsewhere { since, tried, is_said }, Line::Open(session)) = (self.name, &self.line) else {
            return Ok(());
        };
        if tried.elapsed() < TRY_EVERY {
            return Ok(());
        }
        let node = self.server.node();
        let is_long = since.elapsed() >= LEAVING;
        self.name = if session.takes(of_node(node))? {
            Name::Held
        } else {
            if is_long && !is_said {
                tracing::error!(
                    node,
                    "another connection holds the name of this node: let no other server have its name"
                );
            }
            Name::Elsewhere { since, tried: Instant::now(), is_said: is_said || is_long }
        };
        Ok(())
    }

    fn seek(&self) -> Result<Line, SqlError> {
        let (tell, told) = channel();
        let (server, is_wanted) = (self.server.clone(), self.name != Name::NotWanted);
        let seeker = thread::Builder::new().name("pinfold-seeker".to_owned());
        let sought = seeker.spawn(move || {
            let found = Session::open(&server, OF_A_WRITER).and_then(|session| {
                let name = match is_wanted {
                    false => Name::NotWanted,
                    true if session.takes(of_node(server.node()))? => Name::Held,
                    // What is left of our own last connection may still have it.
                    true => {
                        let now = Instant::now();
                        Name::Elsewhere { since: now, tried: now, is_said: false }
                    }
                };
                Ok((session, name))
            });
            // Whoever asked may have stopped.
            let _ = tell.send(found);
        });
        sought.map_err(SqlError::failed)?;
        Ok(Line::Sought(told))
    }
}
