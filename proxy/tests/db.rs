//! The store as a whole: copied, exported, carried forward and looked at, with and without a server beside it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use common::{Origin, Pinfold, configuration, pinfold};
use serde_json::Value;

fn said(directory: &Path, arguments: &[&str]) -> String {
    let output = pinfold(arguments, directory);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn refusal(directory: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = pinfold(arguments, directory);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("pinfold: ") || text.starts_with("error: "), "{text}");
    (output.status.code(), text)
}

fn accept(server: &Pinfold) -> u16 {
    let fields = [("sec-fetch-site", "same-origin"), ("content-type", "application/x-www-form-urlencoded")];
    server.send("POST", "/cookies", &fields, "cookies[all]=yes").status
}

#[test]
fn a_copy_is_made_beside_the_server_and_serves_in_the_place_of_the_store() {
    let origin = Origin::hello();
    let server = Pinfold::in_front_of(&origin);
    (0..12).for_each(|_| assert_eq!(accept(&server), 303));
    let text = said(server.path(), &["db", "backup", "copy.db", "--reason", "nightly"]);
    assert!(text.starts_with("copy.db holds ") && text.contains("Head of the action ledger: "), "{text}");
    let (code, text) = refusal(server.path(), &["db", "backup", "copy.db"]);
    assert!(code == Some(2) && text.contains("copy.db exists (name a new file)"), "{text}");
    assert!(
        said(server.path(), &["ledger", "verify"]).starts_with("whole: 1 entries"),
        "what was refused is no copy"
    );
    let (code, text) = refusal(server.path(), &["db", "backup", "nowhere/copy.db", "--reason", "nightly"]);
    assert_eq!(code, Some(3), "{text}");
    let acts = said(server.path(), &["db", "export", "--reason", "to see"]);
    let failed: Vec<_> = acts.lines().filter(|line| line.contains("backup")).collect();
    assert!(failed.len() == 3 && failed[2].contains("backup failed"), "{failed:?}");
    let (code, text) = refusal(server.path(), &["db", "migrate"]);
    assert!(code == Some(3) && text.contains("(stop it first"), "{text}");
    let (code, text) = refusal(server.path(), &["db", "export", "--reason", " "]);
    assert!(code == Some(2) && text.contains("(write in a few words why)"), "{text}");

    let (directory, _) = server.stop();
    std::fs::rename(directory.path().join("copy.db"), directory.path().join("pinfold.db")).unwrap();
    let report: Value =
        serde_json::from_str(&said(directory.path(), &["report", "--format", "json"])).unwrap();
    let accepted = report.to_string();
    assert!(accepted.contains("accepted"), "{accepted}");
    // Without a server it is entered as well, in the copy that is the store now.
    let text = said(directory.path(), &["db", "backup", "again.db"]);
    assert!(text.contains("Head of the action ledger"), "{text}");
    assert!(said(directory.path(), &["ledger", "verify"]).starts_with("whole: 2 entries"));
}

#[test]
fn every_row_is_exported_once_it_is_written_down() {
    let origin = Origin::hello();
    let server = Pinfold::in_front_of(&origin);
    (0..3).for_each(|_| assert_eq!(accept(&server), 303));
    let (code, text) = refusal(server.path(), &["db", "export"]);
    assert!(code == Some(2) && text.contains("--reason"), "{text}");
    let text = said(server.path(), &["db", "export", "--reason", "data warehouse", "-o", "rows.jsonl"]);
    assert!(text.contains("not for publication"), "{text}");
    let file = server.path().join("rows.jsonl");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let rows = std::fs::read_to_string(file).unwrap();
    let rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(text.contains(&format!("holds {} rows", rows.len())), "{text}");
    let accepted = rows.iter().find(|row| row["ledger"] == "consent" && row["event"] == "accepted").unwrap();
    assert!(accepted["events"] == 3 && accepted["day"].is_string() && accepted["site"] == "www.town.example");
    assert!(rows.iter().all(|row| row["ledger"] != "address"));

    let printed = said(server.path(), &["db", "export", "--reason", "once more"]);
    let actions: Vec<Value> = printed
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|row| row["ledger"] == "action")
        .collect();
    // The rows are those of the moment before.
    assert_eq!(actions.len(), 1, "{actions:?}");
    assert_eq!((&actions[0]["act"], &actions[0]["basis"]), (&"export".into(), &"data warehouse".into()));
    let (code, text) = refusal(
        server.path(),
        &["db", "export", "--reason", "x", "--from", "2026-11-02", "--to", "2026-11-01"],
    );
    assert!(code == Some(2) && text.contains("turn them round"), "{text}");
}

#[test]
fn the_status_says_who_has_the_store_and_whether_it_is_whole() {
    let origin = Origin::hello();
    let server = Pinfold::in_front_of(&origin);
    assert_eq!(accept(&server), 303);
    let text = said(server.path(), &["db", "status"]);
    assert!(text.contains("server  a server has it") && text.contains("whole   yes"), "{text}");
    let (code, text) = refusal(server.path(), &["db", "migrate"]);
    assert!(code == Some(3) && text.contains("a server has the store"), "{text}");
    let (directory, _) = server.stop();
    let status: Value =
        serde_json::from_str(&said(directory.path(), &["db", "status", "--format", "json"])).unwrap();
    assert_eq!((&status["in_use"], &status["whole"]), (&false.into(), &true.into()));
    assert_eq!(status["schema"], status["newest_schema"]);
    assert!(said(directory.path(), &["db", "migrate"]).contains("nothing to do"));

    std::fs::write(
        directory.path().join("pinfold.db"),
        "no store at all, but a text that is long enough to look at",
    )
    .unwrap();
    let (code, text) = refusal(directory.path(), &["db", "status"]);
    assert!(code == Some(3) && text.contains("pinfold.db cannot be used"), "{text}");
    let elsewhere = tempfile::tempdir().unwrap();
    for command in [&["db", "status"][..], &["db", "migrate"], &["db", "backup", "copy.db"]] {
        assert_eq!(refusal(elsewhere.path(), command).0, Some(3));
    }
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0, "nothing is made");
    std::fs::write(elsewhere.path().join("pinfold.toml"), configuration(origin.address, "")).unwrap();
    assert_eq!(refusal(elsewhere.path(), &["db", "status"]).0, Some(3));
}
