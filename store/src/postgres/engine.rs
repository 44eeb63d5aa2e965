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

/// What a node writes by.
#[derive(Debug)]
pub(crate) struct Engine {
    server: Postgres,
    line: Line,
}

/// The way to the server. Looking for a new one is done elsewhere, so that a server that is away keeps the writer from nothing.
#[derive(Debug)]
enum Line {
    Open(Box<Session>),
    Sought(Receiver<Result<Session, SqlError>>),
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
        Ok(Self { server: server.clone(), line: Line::Open(Box::new(session)) })
    }

    /// Opens a database beside servers, for what they take turns at.
    pub(crate) fn open_beside(server: &Postgres) -> Result<Self, StoreError> {
        let session =
            Session::open(server, OF_A_WRITER).map_err(|error| StoreError::unreachable(server, error))?;
        Ok(Self { server: server.clone(), line: Line::Open(Box::new(session)) })
    }

    /// Opens a database for adding what was before: nobody else does.
    pub(crate) fn open_to_import(server: &Postgres) -> Result<Self, StoreError> {
        let unreachable = |error: SqlError| StoreError::unreachable(server, error);
        let session = Session::open(server, OF_A_WRITER).map_err(unreachable)?;
        bring_forward(&session, server)?;
        if !session.takes(FOR_IMPORT).map_err(unreachable)? {
            return Err(StoreError::ImportedElsewhere(server.to_string()));
        }
        Ok(Self { server: server.clone(), line: Line::Open(Box::new(session)) })
    }

    pub(crate) fn write<T>(
        &mut self,
        part: Part,
        turns: &[Ledger],
        work: impl FnOnce(&Session) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        let turns: Vec<_> = turns.iter().map(|ledger| of_ledger(*ledger, self.server.node())).collect();
        let done = self.session()?.transaction(part, &turns, work);
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
                Ok(Ok(session)) => self.line = Line::Open(Box::new(session)),
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

    fn seek(&self) -> Result<Line, SqlError> {
        let (tell, told) = channel();
        let server = self.server.clone();
        let seeker = thread::Builder::new().name("pinfold-seeker".to_owned());
        let sought = seeker.spawn(move || {
            let found = Session::open(&server, OF_A_WRITER).inspect(|session| {
                // What is left of our own last connection may still have it.
                let _ = session.takes(of_node(server.node()));
            });
            // Whoever asked may have stopped.
            let _ = tell.send(found);
        });
        sought.map_err(SqlError::failed)?;
        Ok(Line::Sought(told))
    }
}
