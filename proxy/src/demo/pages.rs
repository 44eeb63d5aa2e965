use http::StatusCode;
use maud::{DOCTYPE, Markup, html};

pub(super) const STYLE: &str = include_str!("style.css");

/// The page at a path, with what the site saw of cookies on this request.
pub(super) fn render(path: &str, received: &[String], set: &[String], granted: &str) -> (StatusCode, String) {
    let (status, title, text) = match path {
        "/" => (StatusCode::OK, "Welcome to Marlbury", home()),
        "/bins" => (StatusCode::OK, "Bins and recycling", bins()),
        "/council-tax" => (StatusCode::OK, "Council tax", council_tax()),
        "/news/storm" => (StatusCode::OK, "Storm: what to expect", storm()),
        "/planning" => (StatusCode::OK, "Planning applications", planning()),
        _ => (
            StatusCode::NOT_FOUND,
            "Page not found",
            html! { p { "There is no page here. Try the links above." } },
        ),
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " - Marlbury Borough Council" }
                link rel="stylesheet" href="/style.css";
            }
            body {
                a.skip href="#main" { "Skip to main content" }
                header {
                    p { strong { "Marlbury Borough Council" } " (an invented council)" }
                    p { a href={ "/cookies?return=" (path) "#preferences" } { "Text size and contrast" } }
                    nav aria-label="Sections" {
                        ul {
                            li { a href="/" { "Home" } }
                            li { a href="/bins" { "Bins" } }
                            li { a href="/council-tax" { "Council tax" } }
                            li { a href="/planning" { "Planning" } }
                            li { a href="/news/storm" { "News" } }
                        }
                    }
                }
                main id="main" {
                    h1 { (title) }
                    (text)
                    (behind(received, set, granted))
                }
                footer { p { a href="/cookies" { "Cookies" } } }
            }
        }
    };
    (status, page.into_string())
}

/// What the site tried, and what it was given: the point of the demo.
fn behind(received: &[String], set: &[String], granted: &str) -> Markup {
    let name = |cookie: &str| cookie.split('=').next().unwrap_or_default().to_owned();
    let names: Vec<_> = received.iter().map(|cookie| name(cookie)).collect();
    html! {
        section.behind aria-labelledby="behind" {
            h2 id="behind" { "Behind the page" }
            p {
                "This site tries to set these cookies on every page. Pinfold stands between it and you, and lets through "
                "what you allow. Load a second page to see which came back."
            }
            table {
                thead { tr { th scope="col" { "Cookie" } th scope="col" { "Sent back by your browser, and let through" } } }
                tbody {
                    @for cookie in set {
                        @let name = name(cookie);
                        tr {
                            th scope="row" { code { (name) } }
                            td { @if names.contains(&name) { "yes" } @else { "no" } }
                        }
                    }
                }
            }
            p {
                "Pinfold tells this site that you allow: "
                strong { @if granted.is_empty() { "nothing beyond what is strictly necessary" } @else { (granted) } }
                ". " a href="/cookies" { "See why, and change it" } "."
            }
        }
    }
}

fn home() -> Markup {
    html! {
        p { "Find out when your bins are collected, pay your council tax, and see what is planned in your street." }
        ul {
            li { a href="/bins" { "When is my bin day?" } }
            li { a href="/council-tax" { "Bands and payments" } }
            li { a href="/planning" { "Planning applications near you" } }
        }
    }
}

fn bins() -> Markup {
    html! {
        p { "Put your bins out by 7am. Collections after a bank holiday are one day late." }
        table {
            thead { tr { th scope="col" { "Week" } th scope="col" { "What we collect" } } }
            tbody {
                tr { td { "This week" } td { "Recycling and food waste" } }
                tr { td { "Next week" } td { "Rubbish, garden waste and food waste" } }
            }
        }
    }
}

fn council_tax() -> Markup {
    html! {
        p { "Your bill depends on the band of your home. You can pay over ten or twelve months." }
        table {
            thead { tr { th scope="col" { "Band" } th scope="col" { "A year" } } }
            tbody {
                tr { td { "A" } td { "£1,420" } }
                tr { td { "B" } td { "£1,657" } }
                tr { td { "C" } td { "£1,894" } }
                tr { td { "D" } td { "£2,130" } }
            }
        }
    }
}

fn planning() -> Markup {
    html! {
        p { "Comment on an application within 21 days of its date." }
        ul {
            li { "26/00417/FUL: a bicycle shelter at Marlbury station" }
            li { "26/00422/LBC: new windows at the Corn Exchange" }
        }
    }
}

fn storm() -> Markup {
    html! {
        p { "Strong winds are expected on Sunday. Parks close at noon. Bin collections on Monday go ahead." }
        p { "If a tree blocks a road, call us at any time." }
        h2 { "The forecast as a film" }
        iframe src="https://video.example/storm" title="The forecast" width="560" height="315" {}
    }
}
