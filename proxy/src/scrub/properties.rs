//! What holds for any line.

use std::net::{Ipv4Addr, Ipv6Addr};

use pinfold::pseudonym::EpochKey;
use proptest::prelude::*;

use super::job::scrub_line;
use super::text::{Keep, Scrubber};
use crate::access_log::Format;

const FORMATS: [Format; 4] = [Format::Combined, Format::Common, Format::VhostCombined, Format::Json];

const KEEP_ALL: Keep = Keep { users: true, queries: true, mails: true };

/// An address in a spelling of its own.
fn address() -> impl Strategy<Value = String> {
    let v4 = any::<[u8; 4]>()
        .prop_map(Ipv4Addr::from)
        .prop_filter("nobody's, or a version", |one| one.octets()[1..] != [0, 0, 0]);
    let v6 = (any::<[u16; 8]>(), any::<u8>()).prop_map(|(mut groups, zero)| {
        for (place, group) in groups.iter_mut().enumerate() {
            *group *= u16::from(zero >> place & 1);
        }
        groups[0] |= 0x2000;
        Ipv6Addr::from(groups)
    });
    prop_oneof![
        v4.clone().prop_map(|one| one.to_string()),
        v4.clone().prop_map(|one| format!("{one}:443")),
        v4.prop_map(|one| one.to_ipv6_mapped().to_string()),
        v6.clone().prop_map(|one| one.to_string()),
        v6.clone().prop_map(|one| one.to_string().to_uppercase()),
        v6.clone().prop_map(|one| format!("[{one}]:443")),
        v6.clone().prop_map(|one| format!("{one}%eth0")),
        v6.prop_map(|one| one.segments().map(|group| format!("{group:04x}")).join(":")),
    ]
}

/// A text in which no address stands, nor anything else that is replaced or needs an escape; few words can be made of its letters.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-df-rt-z /.,;_=()-]{0,20}",
        Just("/council-tax/".to_owned()),
        Just("https://www.example.org/a/".to_owned()),
        Just("Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Chrome/141.0.0.0".to_owned()),
        Just("10:00:00 1.2.3 256.1.1.1 a:b:c:".to_owned()),
        "[g-rt-z\u{e0}-\u{ff} :;.]{0,20}",
    ]
    .prop_filter("parameters of paths are cut", |text| !text.contains(";") || !text.contains('='))
}

/// What finders look for, in any order.
fn parts() -> impl Strategy<Value = String> {
    "([\\[\\]{}:,.\"\\\\%@?#; 0-9a-fu/]|://|%3A%2F%2F|%40|@a.bc|%3B|=|1.2.3.4|a::1){0,80}"
}

fn line(format: Format, host: &str, [request, referrer, agent]: [&str; 3]) -> String {
    let begin = format!("{host} - - [22/Nov/2026:10:00:00 +0000] \"GET {request} HTTP/1.1\" 200 1");
    match format {
        Format::Combined => format!("{begin} \"{referrer}\" \"{agent}\""),
        Format::Common => begin,
        Format::VhostCombined => format!("town.example:443 {begin} \"{referrer}\" \"{agent}\""),
        Format::Json => format!(
            r#"{{ "h":"{host}" , "n":1.50,"request":"GET {request} HTTP/1.1","{agent} at":[{{"referer":"{referrer}"}}]}}"#
        ),
    }
}

fn scrubbed(line: &str, format: Format, keep: Keep) -> (String, u64) {
    let mut scrubber = Scrubber::new(EpochKey::from_root([7; 32], "scrub"), keep);
    let mut out = Vec::new();
    assert!(scrub_line(line.as_bytes(), format, &mut scrubber, &mut out), "{line}");
    (String::from_utf8(out).unwrap(), scrubber.tally.addresses)
}

fn without_ending(address: &str) -> &str {
    let address = address.strip_suffix("%eth0").unwrap_or(address);
    let address = address.strip_suffix("]:443").unwrap_or(address).trim_start_matches('[');
    if address.contains('.') { address.strip_suffix(":443").unwrap_or(address) } else { address }
}

proptest! {
    #[test]
    fn no_address_survives_wherever_it_is(
        planted in prop::array::uniform4(address()),
        around in prop::array::uniform6(text()),
        dividers in prop::array::uniform6(prop::sample::select(vec![" ", "/", "(", ")", ",", "=", "-", "_", "~", "|", "+", "'"])),
        keep in any::<[bool; 3]>(),
    ) {
        let keep = Keep { users: keep[0], queries: keep[1], mails: keep[2] };
        let host = without_ending(&planted[3]);
        let texts: [String; 3] = std::array::from_fn(|place| {
            // After `Name/` there are versions, in the name of a browser.
            let before = if place == 2 && dividers[place] == "/" { " " } else { dividers[place] };
            format!("{}{before}{}{}{}", around[place], planted[place], dividers[place + 3], around[place + 3])
        });
        for format in FORMATS {
            let (out, _) = scrubbed(&line(format, host, [&texts[0], &texts[1], &texts[2]]), format, keep);
            for address in &planted {
                prop_assert!(!out.contains(without_ending(address)), "{address} in {out}");
            }
        }
    }

    #[test]
    fn no_address_survives_behind_escapes(address in address(), escapes in prop::collection::vec(0_u8..5, 64)) {
        let address = without_ending(&address);
        let escaped: String = address.chars().zip(escapes).map(|(letter, escape)| match escape {
            0 => format!("%{:02x}", u32::from(letter)),
            1 => format!("%25{:02X}", u32::from(letter)),
            2 => format!("\\u{:04x}", u32::from(letter)),
            _ => letter.to_string(),
        }).collect();
        let line = format!("{{\"a\":\"/x/{escaped}/\"}}");
        let (_, count) = scrubbed(&line, Format::Json, KEEP_ALL);
        prop_assert_eq!(count, 1, "{}", line);
    }

    #[test]
    fn what_has_no_address_is_byte_for_byte_the_same(texts in prop::array::uniform3(text())) {
        for format in FORMATS {
            // A word in place of the host, where that is no address that must be there.
            let line = line(format, if format == Format::Json { "x" } else { "::" }, [&texts[0], &texts[1], &texts[2]]);
            let (out, _) = scrubbed(&line, format, Keep::default());
            let (_, rest) = line.split_once("::").filter(|_| format != Format::Json).unwrap_or(("", &line));
            prop_assert!(out.ends_with(rest), "{line} became {out}");
        }
    }

    #[test]
    fn anything_can_be_read(line in prop::collection::vec(any::<u8>(), 0..200), text in parts()) {
        let mut scrubber = Scrubber::new(EpochKey::from_root([7; 32], "scrub"), Keep::default());
        let mut out = Vec::new();
        for format in FORMATS {
            scrub_line(&line, format, &mut scrubber, &mut out);
            scrub_line(text.as_bytes(), format, &mut scrubber, &mut out);
        }
        for kind in [super::text::Text::Target, super::text::Text::Agent, super::text::Text::Any] {
            scrubber.text(&line, kind);
            scrubber.text(text.as_bytes(), kind);
        }
    }
}
