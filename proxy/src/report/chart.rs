//! Charts, drawn on the server as SVG: no script, and every one has a table of the same numbers beside it.

use maud::{Markup, html};

/// The height of the drawing, in its own units; its width is one for each bar.
const HEIGHT: f64 = 100.0;

/// How much of a bar's place it fills.
const FILL: f64 = 0.8;

/// Bars in order of time, from nothing up to the highest. `title` says what they are, `finding` what they show.
pub(super) fn bars(title: &str, finding: &str, counts: &[i64]) -> Markup {
    let highest = counts.iter().copied().max().unwrap_or_default().max(1) as f64;
    let width = counts.len().max(1);
    html! {
        svg.bars width="600" height="144" role="img" aria-label={ (title) ". " (finding) } viewBox={ "0 0 " (width) " " (HEIGHT) } preserveAspectRatio="none" {
            title { (title) }
            @for (place, count) in counts.iter().enumerate() {
                @let height = (*count).max(0) as f64 / highest * HEIGHT;
                rect x={ (format!("{:.2}", place as f64 + (1.0 - FILL) / 2.0)) } y={ (format!("{:.2}", HEIGHT - height)) }
                    width=(FILL) height={ (format!("{height:.2}")) } {}
            }
        }
    }
}

/// One bar beside a number, as long as its share of the highest.
pub(super) fn share(count: i64, highest: i64) -> Markup {
    let length = count.max(0) as f64 / highest.max(1) as f64 * 100.0;
    html! {
        svg.share width="96" height="11" aria-hidden="true" viewBox="0 0 100 10" preserveAspectRatio="none" {
            rect x="0" y="0" width={ (format!("{length:.1}")) } height="10" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_drawn_to_scale() {
        let drawn = bars("Page views", "Ten at most", &[5, 0, 10]).into_string();
        assert!(drawn.contains("viewBox=\"0 0 3 100\""), "{drawn}");
        for bar in ["y=\"50.00\"", "y=\"100.00\"", "y=\"0.00\"", "x=\"2.10\"", "height=\"100.00\""] {
            assert!(drawn.contains(bar), "{bar}: {drawn}");
        }
        assert!(drawn.contains("width=\"600\" height=\"144\""), "without styles it is no larger: {drawn}");
        assert!(drawn.contains("role=\"img\"") && drawn.contains("aria-label=\"Page views. Ten at most\""));
        assert!(bars("Nothing", "", &[]).into_string().contains("viewBox=\"0 0 1 100\""));
    }
}
