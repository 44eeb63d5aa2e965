use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::Response;
use http::header::CONTENT_TYPE;
use http::uri::PathAndQuery;
use pin_project_lite::pin_project;

use super::asked::Asked;
use super::auditor::{Auditor, Unsettled, lock};
use super::details::Answered;
use super::entrance::Entrance;
use crate::consent::ResponseBody;
use crate::pseudonym::Pseudonym;
use crate::time::Sleep;

/// How long a visitor who chooses waits for the count to be kept.
const PATIENCE: Duration = Duration::from_millis(100);

pin_project! {
    /// The future of [`super::Audit`].
    pub struct ResponseFuture<F, ResBody> {
        // Nothing where the request is refused.
        #[pin]
        inner: Option<F>,
        entrance: Arc<Entrance>,
        asked: Asked,
        target: Option<PathAndQuery>,
        // Told to nobody: an error or a choice may have to be counted.
        host: Option<Pseudonym>,
        choosing: Option<Box<Choosing<ResBody>>>,
    }
}

/// The answer to a choice, held until the choice is counted.
struct Choosing<ResBody> {
    auditor: Arc<Auditor>,
    response: Option<Response<ResponseBody<ResBody>>>,
    batch: Option<Unsettled>,
    patience: Sleep,
}

impl<F, ResBody> ResponseFuture<F, ResBody> {
    pub(super) fn new(
        inner: Option<F>,
        entrance: Arc<Entrance>,
        asked: Asked,
        target: Option<PathAndQuery>,
        host: Option<Pseudonym>,
    ) -> Self {
        Self { inner, entrance, asked, target, host, choosing: None }
    }
}

impl<F, ResBody, E> Future for ResponseFuture<F, ResBody>
where
    F: Future<Output = Result<Response<ResponseBody<ResBody>>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(choosing) = this.choosing {
            return choosing.poll(cx).map(Ok);
        }
        // The answer stays where it is: it is large, and nearly always goes on at once.
        let mut polled = match this.inner.as_pin_mut() {
            Some(inner) => inner.poll(cx),
            None => Poll::Ready(Ok(this.entrance.refusal())),
        };
        let Poll::Ready(Ok(response)) = &mut polled else { return polled };
        let (auditor, edition) = (&*this.entrance.auditor, &*this.entrance.edition);
        let (day, asked) = (auditor.today(), &*this.asked);
        let page = asked.is_answered_by_page(response.status(), || is_html(response));
        let visit = if page && asked.is_by_a_person() {
            auditor.note_visit(&edition.policy, asked, day, response)
        } else {
            None
        };
        edition.count(&Answered {
            day,
            method: asked.method,
            status: response.status(),
            path: this.target.as_ref().map_or("/", PathAndQuery::path),
            page,
            entry: asked.entry,
            visit,
            agent: asked.agent,
            referrer: Some(asked.referrer()),
            outcome: response.body().outcome(),
        });
        let failed = response.status().is_client_error() || response.status().is_server_error();
        if let Some(host) = this.host.filter(|_| failed) {
            auditor.addresses.mine().note_error(host);
        }
        let Some(choice) = response.body().outcome().choice() else { return polled };
        let Some(batch) = auditor.record_choice(choice, edition.choice_rows, *this.host, day) else {
            return polled;
        };
        let patience = auditor.timer.sleep(PATIENCE);
        let auditor = this.entrance.auditor.clone();
        let response = Some(ready!(polled?));
        let choosing = Choosing { auditor, response, batch: Some(batch), patience };
        this.choosing.insert(Box::new(choosing)).poll(cx).map(Ok)
    }
}

impl<ResBody> Choosing<ResBody> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Response<ResponseBody<ResBody>>> {
        if let Some(batch) = &mut self.batch {
            match Pin::new(&mut batch.delivery).poll(cx) {
                Poll::Ready(Ok(())) => self.batch = None,
                Poll::Ready(Err(_)) => {
                    self.auditor.note_loss(batch.ledger, batch.rows);
                    self.batch = None;
                }
                Poll::Pending => ready!(self.patience.as_mut().poll(cx)),
            }
        }
        // The choice is honoured either way.
        self.hand_over();
        match self.response.take() {
            Some(response) => Poll::Ready(response),
            None => Poll::Pending,
        }
    }

    /// If the count is still under way, the background sees to it.
    fn hand_over(&mut self) {
        lock(&self.auditor.unsettled).extend(self.batch.take());
    }
}

impl<ResBody> Drop for Choosing<ResBody> {
    /// A visitor who hangs up has chosen all the same.
    fn drop(&mut self) {
        self.hand_over();
    }
}

fn is_html<B>(response: &Response<B>) -> bool {
    let start = response.headers().get(CONTENT_TYPE).and_then(|value| value.as_bytes().get(..9));
    // Nearly every server writes it so.
    start.is_some_and(|start| start == b"text/html" || start.eq_ignore_ascii_case(b"text/html"))
}

impl<F, ResBody> fmt::Debug for ResponseFuture<F, ResBody> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("asked", &self.asked).finish_non_exhaustive()
    }
}
