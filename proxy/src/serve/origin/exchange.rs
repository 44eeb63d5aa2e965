use std::io;
use std::sync::Arc;

use http::{Request, Response};

use super::super::body::ClientBody;
use super::answer::AnswerBody;
use super::outlet::{Missed, Outlet};
use super::queue::{Line, Queue};
use super::server::{Server, Speaks};

/// An origin, as one thread reaches it: a server, and those that stand by for it.
#[derive(Debug)]
pub(in super::super) struct Origin {
    outlets: Box<[Arc<Outlet>]>,
    queue: Queue,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error("too many requests wait for the origin")]
    Busy,
    #[error("no connection to the origin")]
    Connect(#[source] io::Error),
    #[error("informational answers without end")]
    Unending,
    #[error("no answer that can be used")]
    Exchange(#[source] hyper::Error),
}

impl Origin {
    /// Of these servers, the first that is well coming first. Of what was `before`, connections to the same ones are kept, and who waits in
    /// the same line goes on waiting there.
    ///
    /// All origins of a thread are in one `line`, which several sites may share.
    pub(in super::super) fn of(
        servers: &[Arc<Server>],
        before: &[Arc<Self>],
        line: &Arc<Line>,
        is_shared: bool,
    ) -> Arc<Self> {
        let is_same = |origin: &&Arc<Self>| {
            let outlets = origin.outlets.iter();
            origin.outlets.len() == servers.len()
                && outlets.zip(servers).all(|(outlet, server)| Arc::ptr_eq(outlet.server(), server))
        };
        if let Some(same) = before.iter().find(is_same) {
            return same.clone();
        }
        let outlet = |server: &Arc<Server>| {
            let mut open = before.iter().flat_map(|origin| &origin.outlets);
            let kept = open.find(|outlet| Arc::ptr_eq(outlet.server(), server)).cloned();
            kept.unwrap_or_else(|| Arc::new(Outlet::to(server.clone())))
        };
        Arc::new(Self {
            outlets: servers.iter().map(outlet).collect(),
            queue: Queue::within(line, is_shared),
        })
    }

    /// Whether it may agree to another protocol. HTTP/2 has no such thing.
    pub(in super::super) fn may_switch(&self) -> bool {
        self.outlets.iter().all(|outlet| outlet.server().speaks() == Speaks::Http1)
    }

    /// Closes connections that have been unused for long, and helps those who have waited for too long.
    pub(in super::super) fn tidy(&self) {
        self.queue.widen_if_stuck();
        self.outlets.iter().for_each(|outlet| outlet.tidy());
    }

    /// Asks more at a time, where requests wait and this thread has run everything that is ready.
    pub(in super::super) fn widen(&self) {
        self.queue.widen();
    }

    /// Asks as much as it can for those who still wait: another has taken its place.
    pub(in super::super) fn leave(&self) {
        self.queue.leave();
    }

    /// The origin's answer. A request of which nothing could be sent, because there is no connection to the server that should have it, is
    /// sent to the next, once.
    pub(in super::super) async fn send(
        &self,
        request: Box<Request<ClientBody>>,
    ) -> Result<Response<AnswerBody>, Failed> {
        let _turn = self.queue.turn().await.ok_or(Failed::Busy)?;
        let (first, second) = two_of(self.outlets.len(), |place| self.outlets[place].server().is_well());
        let missed = match self.outlets[first].send(request).await {
            Ok(response) => return Ok(response),
            Err(missed) => missed,
        };
        let missed = match (missed, second) {
            (Missed::Unconnected(error, request), Some(second)) => {
                let (from, to) = (self.outlets[first].server(), self.outlets[second].server());
                tracing::debug!(%from, %to, %error, "no connection: asking the next");
                match Box::pin(self.outlets[second].send(request)).await {
                    Ok(response) => return Ok(response),
                    Err(missed) => missed,
                }
            }
            (missed, _) => missed,
        };
        Err(missed.into())
    }
}

impl From<Missed> for Failed {
    fn from(missed: Missed) -> Self {
        match missed {
            Missed::Unconnected(error, _) => Self::Connect(error),
            Missed::Unanswered(error) => Self::Exchange(error),
            Missed::Unending => Self::Unending,
        }
    }
}

/// Which of so many servers is asked, and which one where that cannot be reached: in their order, whoever is well before whoever is not.
fn two_of(count: usize, is_well: impl Fn(usize) -> bool) -> (usize, Option<usize>) {
    let next = |but: Option<usize>| {
        let mut others = (0..count).filter(|place| Some(*place) != but);
        others.clone().find(|place| is_well(*place)).or_else(|| others.next())
    };
    let first = next(None).unwrap_or_default();
    (first, next(Some(first)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_well_comes_first_and_nobody_is_given_up() {
        for (well, expected) in [
            (&[true][..], (0, None)),
            (&[false], (0, None)),
            (&[true, true], (0, Some(1))),
            (&[true, false], (0, Some(1))),
            (&[false, true], (1, Some(0))),
            (&[false, false], (0, Some(1))),
            (&[false, true, true], (1, Some(2))),
            (&[true, false, true], (0, Some(2))),
            (&[false, false, true], (2, Some(0))),
        ] {
            assert_eq!(two_of(well.len(), |place| well[place]), expected, "{well:?}");
        }
    }
}
