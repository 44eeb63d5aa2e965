use std::task::{Context, Poll, ready};

use super::super::limits::{FAREWELL, HEAD, LOOK, MOST_UNASKED, UNUSED};
use super::super::patience::Patience;
use super::conversation::Conversation;

/// What the guard minds of a connection that speaks HTTP/2: that something is asked for, and that answers are taken.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// How many requests there were when this was looked at last.
    begun: usize,
    /// How many bytes have come since, while nothing was being answered.
    unasked: usize,
}

impl Streams {
    /// Whether too much has come that asks for nothing, now that so many bytes more have.
    pub(super) fn are_flooded(&mut self, conversation: &Conversation, come: usize) -> bool {
        if !conversation.rests() {
            self.unasked = 0;
        }
        self.look(conversation);
        self.unasked += come;
        self.unasked > MOST_UNASKED
    }

    /// Ready once the connection is of no more use. Pings and the like do not make it one.
    pub(super) fn poll_patience(
        &mut self,
        conversation: &Conversation,
        rests: bool,
        patience: &mut Patience,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let limit = match rests {
            _ if conversation.begun() == 0 => HEAD,
            // h2 may not have handed the answer on yet.
            true if conversation.is_ended() => FAREWELL,
            true => UNUSED,
            false => LOOK,
        };
        let is_new = self.look(conversation);
        if patience.limit() != limit || is_new && rests {
            patience.renew_to(limit);
        }
        loop {
            ready!(patience.poll_lost(cx));
            if rests || conversation.is_stalled() {
                return Poll::Ready(());
            }
            patience.renew();
        }
    }

    /// Whether something has been asked for since the last time.
    fn look(&mut self, conversation: &Conversation) -> bool {
        let begun = conversation.begun();
        let is_new = self.begun != begun;
        if is_new {
            (self.begun, self.unasked) = (begun, 0);
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use bytes::Bytes;
    use http_body_util::Full;
    use tokio::time::Instant;

    use super::super::conversation::WhileOpen;
    use super::*;
    use crate::serve::limits::TAKING;

    /// How long a connection lasts on which nothing more happens.
    async fn life(streams: &mut Streams, conversation: &Conversation) -> Duration {
        let mut patience = Patience::of(HEAD);
        let began = Instant::now();
        poll_fn(|cx| streams.poll_patience(conversation, conversation.rests(), &mut patience, cx)).await;
        Duration::from_secs(began.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn fault_19_a_connection_lasts_as_long_as_it_is_of_use() {
        let conversation = Conversation::default();
        conversation.use_streams();
        let mut streams = Streams::default();
        assert_eq!(life(&mut streams, &conversation).await, HEAD);
        drop(conversation.open());
        assert_eq!(life(&mut streams, &conversation).await, UNUSED);
        let waiting = conversation.open();
        let hour = Duration::from_secs(3600);
        assert!(tokio::time::timeout(hour, life(&mut streams, &conversation)).await.is_err());
        // An answer that nobody takes.
        let answer = WhileOpen::new(Full::<Bytes>::default(), waiting);
        let stalled = life(&mut streams, &conversation).await;
        assert!(stalled > TAKING && stalled <= TAKING + 2 * LOOK, "{stalled:?}");
        conversation.end();
        drop(answer);
        assert_eq!(life(&mut streams, &conversation).await, FAREWELL);
    }

    #[test]
    fn http2_1_what_asks_for_nothing_is_bounded() {
        let conversation = Conversation::default();
        let mut streams = Streams::default();
        assert!(!streams.are_flooded(&conversation, MOST_UNASKED));
        let open = conversation.open();
        assert!(!streams.are_flooded(&conversation, MOST_UNASKED));
        assert!(!streams.are_flooded(&conversation, MOST_UNASKED), "a body may be long");
        drop(open);
        assert!(streams.are_flooded(&conversation, 1));
    }
}
