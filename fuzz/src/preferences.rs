//! The cookie of preferences: whatever it holds, the site is told of a declared choice that stands in it, or of none.

use crate::site::{PREFERENCES, TOWN, cookie_set};

const DECLARED: [(&str, &[&str]); 2] = [("text-size", &["large", "largest"]), ("contrast", &["high"])];

pub fn run(data: &[u8]) {
    let site = &TOWN.0;
    let cookie = [PREFERENCES.as_bytes(), b"=", data].concat();
    let told = preferred(&cookie);
    for (name, value) in told.iter().map(|member| member.split_once('=').expect("a dictionary")) {
        let is_declared = DECLARED.iter().any(|(its, values)| *its == name && values.contains(&value));
        assert!(is_declared, "{name}={value}");
        let written = format!(".{name}={value}");
        assert!(
            data.windows(written.len()).any(|text| text == written.as_bytes()),
            "{}",
            data.escape_ascii()
        );
    }
    let mut names: Vec<_> = told.iter().filter_map(|member| Some(member.split_once('=')?.0)).collect();
    names.dedup();
    assert_eq!(names.len(), told.len(), "a preference is named twice");
    // What is written is read again.
    let fields: Vec<_> =
        told.iter().map(|member| format!("preference[{}", member.replacen('=', "]=", 1))).collect();
    let answer = site.form(&[&cookie], fields.join("&").as_bytes()).answer;
    if let Some(written) = cookie_set(answer.headers(), PREFERENCES).filter(|written| !written.is_empty()) {
        assert_eq!(preferred(format!("{PREFERENCES}={written}").as_bytes()), told, "{written}");
    }
}

fn preferred(cookie: &[u8]) -> Vec<String> {
    let seen = TOWN.0.page(&[cookie]).seen.expect("pages are the site's");
    let told = seen.get("pinfold-preference").map(|field| field.to_str().expect("tokens are ASCII"));
    told.into_iter().flat_map(|told| told.split(", ")).map(str::to_owned).collect()
}
