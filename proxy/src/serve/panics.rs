//! What fails takes one answer with it, and nobody else's.

use std::cell::Cell;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

/// How many parts of this process have failed.
static FAILURES: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// What failed last on this thread.
    static LAST: Cell<FailureId> = const { Cell::new(FailureId(0)) };
}

/// By which a log line is found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FailureId(u32);

impl fmt::Display for FailureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// Logs and counts whatever panics in this process from now on, with its place and not its words.
pub(super) fn log_panics() {
    std::panic::set_hook(Box::new(|panic| note(panic.location())));
}

fn note(at: Option<&Location<'_>>) {
    let count = FAILURES.fetch_add(1, Ordering::Relaxed);
    // From the randomness of the standard library: names differ from start to start.
    let id = FailureId(RandomState::new().hash_one(count) as u32);
    LAST.set(id);
    let at = at.map(tracing::field::display);
    tracing::error!(%id, at, "a part of the server has failed, and the rest goes on (report this line)");
}

/// How many parts of this process have failed.
pub(crate) fn failures() -> u64 {
    FAILURES.load(Ordering::Relaxed)
}

pin_project! {
    /// What a future comes to, or under what a panic of it was logged.
    pub(super) struct Caught<F> {
        #[pin]
        pub(super) future: F,
    }
}

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output, FailureId>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let future = self.project().future;
        match caught(|| future.poll(cx)) {
            Ok(polled) => polled.map(Ok),
            Err(id) => Poll::Ready(Err(id)),
        }
    }
}

/// What a step comes to, or under what a panic of it was logged.
pub(super) fn caught<T>(step: impl FnOnce() -> T) -> Result<T, FailureId> {
    // What it was at is given up with it; what others share are counts, and used as they are.
    catch_unwind(AssertUnwindSafe(step)).map_err(|_| LAST.get())
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr, TcpListener};
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::task::Waker;
    use std::time::Duration;

    use bytes::Bytes;
    use http::{Request, Response, StatusCode};
    use http_body_util::{BodyExt as _, Empty};
    use hyper::client::conn::{http1, http2};
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use pinfold::PinfoldLayer;
    use pinfold::audit::TracingSink;
    use pinfold::consent::ConsentManagerLayer;
    use pinfold::time::{Clock, UnixTime};
    use tokio::net::TcpStream;
    use tokio::sync::watch;

    use super::super::doorway::{Doorway, Plan, SitePlan};
    use super::super::latency::Latency;
    use super::super::origins::Origins;
    use super::super::worker::{self, Entrance, WayIn};
    use super::*;
    use crate::config::Settings;

    const SECRET: &str = "203.0.113.77";

    /// A clock that fails once when it is asked to, and says what it must not.
    #[derive(Debug, Default)]
    struct Cracked {
        fails: AtomicBool,
    }

    impl Clock for Cracked {
        fn now(&self) -> UnixTime {
            assert!(!self.fails.swap(false, Ordering::Relaxed), "{SECRET}");
            UnixTime::from_seconds(1_795_000_000)
        }

        fn uptime(&self) -> Duration {
            Duration::ZERO
        }
    }

    /// A worker whose own pages alone are asked for.
    fn start(clock: Arc<Cracked>) -> (SocketAddr, watch::Sender<bool>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let settings = Settings::for_origin("http://127.0.0.1:1", None).unwrap();
        let policy = settings.policy(Default::default(), Vec::new()).unwrap();
        let url = policy.origin().parse().unwrap();
        let consent = ConsentManagerLayer::new(policy, settings.calendar.clone()).with_clock(clock);
        let (layer, _) = PinfoldLayer::of(
            consent,
            Arc::new(TracingSink),
            Arc::new(tokio::time::sleep),
            settings.audit.clone(),
        )
        .unwrap();
        let origins = Arc::new(Origins::of(&settings, None).unwrap());
        let site = SitePlan::new(layer, &settings, &url, origins, Arc::default());
        let doorway = Doorway::new(&Plan::new(vec![site]), 0, Arc::<Latency>::default());
        let way_in = WayIn { acceptor: None, doorway: doorway.clone() };
        let (stop, stopped) = watch::channel(false);
        std::thread::spawn(move || worker::run(vec![Entrance { listener, way_in }], doorway, stopped));
        (address, stop)
    }

    /// For a page that looks at the clock: it says how long a choice counts.
    fn request() -> Request<Empty<Bytes>> {
        let request = Request::get("http://localhost/cookies").header("host", "localhost");
        request.header("cookie", "pinfold-consent=1.00000000.202611.0.0").body(Empty::new()).unwrap()
    }

    async fn read(response: Response<hyper::body::Incoming>) -> (StatusCode, String) {
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head.status, format!("{:?} {}", head.headers, String::from_utf8_lossy(&body)))
    }

    fn assert_says_little(answer: &str) {
        assert!(answer.contains("Its number is ") && answer.contains("no-store"), "{answer}");
        for secret in [SECRET, "panic", ".rs", "server:", env!("CARGO_PKG_VERSION")] {
            assert!(!answer.contains(secret), "{secret} in {answer}");
        }
    }

    /// LOG5, too: a number and no message.
    #[tokio::test]
    async fn fault_18_log_05_a_panic_is_500_for_that_request_alone() {
        let clock = Arc::<Cracked>::default();
        let (address, _stop) = start(clock.clone());

        let connection = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let (mut client, driver) = http2::handshake(TokioExecutor::new(), connection).await.unwrap();
        tokio::spawn(driver);
        for expected in [200, 500, 200] {
            clock.fails.store(expected == 500, Ordering::Relaxed);
            let (status, answer) = read(client.send_request(request()).await.unwrap()).await;
            assert_eq!(status, expected);
            if expected == 500 {
                assert_says_little(&answer);
            }
        }

        for expected in [200, 500, 200] {
            let connection = TokioIo::new(TcpStream::connect(address).await.unwrap());
            let (mut client, driver) = http1::handshake(connection).await.unwrap();
            tokio::spawn(driver);
            clock.fails.store(expected == 500, Ordering::Relaxed);
            let (status, answer) = read(client.send_request(request()).await.unwrap()).await;
            assert_eq!(status, expected);
            if expected == 500 {
                assert_says_little(&answer);
                assert!(answer.contains("\"connection\": \"close\""), "{answer}");
            }
        }
    }

    #[test]
    fn fault_18_a_panic_is_counted_and_answered_by_its_number() {
        let before = failures();
        note(Some(Location::caller()));
        assert_eq!(failures() - before, 1);
        let noted = LAST.get();
        assert_eq!(noted.to_string().len(), 8);
        let mut caught = std::pin::pin!(Caught { future: async { panic!("{SECRET}") } });
        let polled: Poll<Result<(), _>> = caught.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(polled, Poll::Ready(Err(noted)));
    }
}
