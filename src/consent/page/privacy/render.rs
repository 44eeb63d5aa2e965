//! The section as HTML and as Markdown.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::section::{Phrase, PrivacyPart, PrivacySection};
use crate::consent::page::Language;

impl PrivacySection {
    /// HTML from a heading of the second level on. Whatever the operator wrote is escaped.
    pub fn to_html(&self) -> String {
        let section = html! {
            @for part in self.parts() {
                @match part {
                    PrivacyPart::Title(text) => h2 id="privacy" { (text) },
                    PrivacyPart::Heading(text) => h3 { (text) },
                    PrivacyPart::Paragraph(phrases) => p { (self.phrases(phrases)) },
                    PrivacyPart::List(items) => ul { @for item in items { li { (self.phrases(item)) } } },
                }
            }
        };
        section.into_string()
    }

    fn phrases(&self, phrases: &[Phrase]) -> Markup {
        html! {
            @for phrase in phrases {
                @match phrase {
                    Phrase::Words(text, language) if *language == self.language() => (text),
                    Phrase::Words(text, language) => span lang=(Language::code(*language)) { (text) },
                    Phrase::Code(text) => code { (text) },
                }
            }
        }
    }

    /// Markdown (CommonMark) from a heading of the second level on. Whatever the operator wrote is escaped.
    pub fn to_markdown(&self) -> String {
        let mut text = String::new();
        for part in self.parts() {
            // Writing into a string does not fail.
            let _ = match part {
                PrivacyPart::Title(title) => writeln!(text, "## {}\n", escaped(title)),
                PrivacyPart::Heading(heading) => writeln!(text, "### {}\n", escaped(heading)),
                PrivacyPart::Paragraph(phrases) => writeln!(text, "{}\n", line(phrases)),
                PrivacyPart::List(items) => {
                    let items: Vec<_> = items.iter().map(|item| format!("- {}\n", line(item))).collect();
                    writeln!(text, "{}", items.concat())
                }
            };
        }
        text
    }
}

fn line(phrases: &[Phrase]) -> String {
    phrases
        .iter()
        .map(|phrase| match phrase {
            Phrase::Words(text, _) => escaped(text),
            Phrase::Code(text) => format!("`{text}`"),
        })
        .collect()
}

/// Text that means nothing but itself, on one line.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    // These begin an item of a list, at the start of a line.
    let number = text.bytes().take_while(u8::is_ascii_digit).count();
    let marks = if number == 0 { "-+" } else { ".)" };
    for (place, letter) in text.char_indices() {
        if "\\`*_[]<>#|~&".contains(letter) || (place == number && marks.contains(letter)) {
            escaped.push('\\');
        }
        escaped.push(if letter.is_control() { ' ' } else { letter });
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::{LegalBasis, Policy, Purpose};

    #[test]
    fn no_item_begins_another() {
        for (text, expected) in [
            ("1. x", "1\\. x"),
            ("- x", "\\- x"),
            ("a-b 1.", "a-b 1."),
            ("2026", "2026"),
            ("", ""),
            ("3) x", "3\\) x"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }

    #[test]
    fn form_04_what_the_operator_wrote_is_text() {
        let section = Policy::builder("A <b>& *Town*", "https://www.example.gov.uk")
            .purpose(Purpose::new("x", LegalBasis::Consent, "<i>One", "[two](x)\n# three"))
            .build()
            .unwrap()
            .privacy_section(Language::Welsh);
        let html = section.to_html();
        assert!(html.contains("A &lt;b&gt;&amp; *Town*"), "{html}");
        assert!(
            html.contains("<span lang=\"en\">&lt;i&gt;One: [two](x)\n# three</span> Maent i ffwrdd"),
            "{html}"
        );
        assert!(html.contains("<li>Mae <code>__Host-pinfold-consent</code> yn cofio"), "{html}");
        let markdown = section.to_markdown();
        assert!(markdown.contains("A \\<b\\>\\& \\*Town\\*"), "{markdown}");
        assert!(markdown.contains("\n- \\<i\\>One: \\[two\\](x) \\# three Maent i ffwrdd"), "{markdown}");
        assert!(markdown.contains("\n- Mae `__Host-pinfold-consent` yn cofio"), "{markdown}");
        assert!(
            markdown.starts_with("## Defnyddio cwcis\n\n") && markdown.contains("\n\n### Cwcis\n\n"),
            "{markdown}"
        );
    }
}
