//! What a page takes into which the banner is put, from the request to the last byte of the answer.
//!
//! `cargo bench --features html --bench banner` times it. With a kind, a size and a number the program sends so many requests, for a tool that counts
//! instructions: `scripts/instructions`.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use http::{HeaderValue, Request, Response};
use http_body::{Body, Frame};
use http_body_util::Empty;
use pinfold::PinfoldLayer;
use pinfold::audit::{AuditSettings, TracingSink};
use pinfold::consent::{ConsentManagerLayer, CookieRule, Embed, LegalBasis, Policy, Purpose};
use pinfold::time::Calendar;
use tower::{Layer as _, Service, ServiceBuilder, service_fn};

const KINDS: [(&str, Kind); 4] =
    [("bare", Kind::Bare), ("same", Kind::Same), ("other", Kind::Other), ("gate", Kind::Gate)];

/// Which pages are asked for.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// One, of the site alone.
    Bare,
    /// One, again and again.
    Same,
    /// One whose beginning differs each time.
    Other,
    /// One, of a site that declares content of others, which is read to its end.
    Gate,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [kind, kib, calls] = &arguments[..]
        && let Some((_, kind)) = KINDS.into_iter().find(|(name, _)| name == kind)
    {
        let mut visit = visit(kind, kib.parse().expect("a number of KiB"));
        (0..calls.parse().expect("a number of calls")).for_each(|_| visit());
        return;
    }
    let mut criterion = Criterion::default().configure_from_args().sample_size(50);
    for kib in [10, 100] {
        let mut group = criterion.benchmark_group(format!("{kib} KiB"));
        group.throughput(Throughput::Bytes(kib << 10));
        for (name, kind) in KINDS {
            let mut visit = visit(kind, kib as usize);
            group.bench_function(name, |bencher| bencher.iter(&mut visit));
        }
        group.finish();
    }
    criterion.final_summary();
}

/// Asks for a page and reads it to its end.
fn visit(kind: Kind, kib: usize) -> Box<dyn FnMut()> {
    match kind {
        Kind::Bare => Box::new(asking(ServiceBuilder::new().service_fn(site(kind, kib)))),
        Kind::Same | Kind::Other | Kind::Gate => {
            Box::new(asking(layer(kind).layer(service_fn(site(kind, kib)))))
        }
    }
}

fn asking<S, B>(mut service: S) -> impl FnMut()
where
    S: Service<Request<Empty<Bytes>>, Response = Response<B>, Error = Infallible>,
    B: Body<Data = Bytes>,
{
    move || {
        let request = Request::get("/bins/collection-days")
            .header("host", "www.town.example")
            .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
            .header("accept-language", "en-GB,en;q=0.8")
            .header("sec-fetch-dest", "document")
            .body(Empty::new())
            .expect("a sound request");
        let mut context = Context::from_waker(Waker::noop());
        let answered = pin!(service.call(request)).poll(&mut context);
        let Poll::Ready(Ok(answer)) = answered else { panic!("the site answers at once") };
        let mut body = pin!(answer.into_body());
        while let Poll::Ready(Some(Ok(frame))) = body.as_mut().poll_frame(&mut context) {
            black_box(frame);
        }
        assert!(body.is_end_stream());
    }
}

/// A page as it comes from a connection: part by part.
struct Parts(Bytes);

impl Body for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let length = self.0.len().min(PART);
        Poll::Ready((length > 0).then(|| Ok(Frame::data(self.0.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }
}

/// How much of a page comes at once.
const PART: usize = 8 * 1024;

/// A page of so many KiB, with a head as the sites of councils have.
fn site(
    kind: Kind,
    kib: usize,
) -> impl FnMut(Request<Empty<Bytes>>) -> Ready<Result<Response<Parts>, Infallible>> {
    let head = |number: u32| {
        let styles: String = ["fonts", "govuk-frontend", "town", "print", "search"]
            .map(|name| format!("<link rel=\"stylesheet\" href=\"/assets/{name}.css?v=8.2.1\">\n"))
            .concat();
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\" class=\"govuk-template\">\n<head>\n<meta charset=\"utf-8\">\n<title>Bins {number:08}</title>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"description\" content=\"When your bins are emptied, and what to put in which.\">\n\
             <link rel=\"canonical\" href=\"https://www.town.example/bins/collection-days\">\n{styles}\
             <script src=\"/assets/jquery.js?v=3.7\"></script>\n<script>window.town = {{\"page\": \"bins\", \"modules\": [\"search\", \"menu\"]}};</script>\n\
             </head>\n<body class=\"page page--bins\">\n"
        )
    };
    let line = "<p class=\"govuk-body\">Put your bin out by <strong>7am</strong> on the day: see <a href=\"/bins/days\">the days</a>.</p>\n";
    let rest = line.repeat((kib << 10) / line.len());
    let (first, mut number) = (Bytes::from(head(0) + &rest), 0);
    move |request| {
        black_box(request);
        let page = if let Kind::Other = kind {
            number += 1;
            Bytes::from(head(number) + &rest)
        } else {
            first.clone()
        };
        let mut response = Response::new(Parts(page));
        response.headers_mut().insert("content-type", HeaderValue::from_static("text/html; charset=utf-8"));
        ready(Ok(response))
    }
}

fn layer(kind: Kind) -> PinfoldLayer {
    let policy = Policy::builder("Town", "https://www.town.example")
        .purpose(Purpose::new("statistics", LegalBasis::Consent, "Statistics", "They count."))
        .cookie(CookieRule::new("_ga*", "statistics"))
        .banner(true)
        .gate(true);
    let policy = if let Kind::Gate = kind {
        policy.embed(Embed::new("statistics", ["statistics.example", "*.video.example"]))
    } else {
        policy
    };
    let policy = policy.build().expect("a sound policy");
    let consent = ConsentManagerLayer::new(policy, Calendar::named("Europe/London").expect("a zone"));
    let (layer, background) = PinfoldLayer::of(
        consent,
        Arc::new(TracingSink),
        Arc::new(tokio::time::sleep),
        AuditSettings::default(),
    )
    .expect("randomness");
    drop(background);
    layer
}
