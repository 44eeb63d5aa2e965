//! Sends an access log (combined format) through a running Pinfold and compares what was counted with what the log says.
//!
//! `cargo run --release -p pinfold-proxy --example replay -- access.log`
//!
//! Each line becomes a request from a trusted loopback peer, with its address in X-Forwarded-For, its method, path, referrer
//! and agent; a stub origin answers with its status. Then every file left behind is searched for every address.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::collections::{BTreeMap, HashSet};
use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

type Failure = Box<dyn Error>;

struct Entry {
    address: String,
    method: String,
    target: String,
    status: String,
    referrer: String,
    agent: String,
}

fn main() -> Result<(), Failure> {
    let log = std::env::args().nth(1).ok_or("name an access log")?;
    let text = fs::read(&log)?;
    let text = String::from_utf8_lossy(&text);
    let entries: Vec<Entry> = text.lines().filter_map(parse).collect();
    let (lines, readable) = (text.lines().count(), entries.len());
    println!("{lines} lines, {readable} readable");

    let directory = tempfile::tempdir()?;
    let origin = start_origin()?;
    let (mut pinfold, site) = start_pinfold(directory.path(), origin)?;
    let mut connection = BufReader::new(TcpStream::connect(site)?);
    for entry in &entries {
        send(&mut connection, entry)?;
    }
    drop(connection);
    let stopped = Command::new("sh").args(["-c", &format!("kill -s TERM {}", pinfold.id())]).status()?;
    if !stopped.success() || !pinfold.wait()?.success() {
        return Err("pinfold did not stop cleanly".into());
    }
    let report = report(directory.path())?;

    let mut agree = true;
    let mut compare = |what: &str, truth: i64, counted: i64, tolerance: f64| {
        let fits = (counted - truth).abs() as f64 <= truth as f64 * tolerance;
        agree &= fits;
        println!(
            "{what:<24} log {truth:>8}   pinfold {counted:>8}   {}",
            if fits { "agrees" } else { "DIFFERS" }
        );
    };
    compare("requests", entries.len() as i64, number(&report["traffic"]["requests"]), 0.0);
    for (status, count) in tally(entries.iter().map(|entry| format!("{}xx", &entry.status[..1]))) {
        compare(&format!("status {status}"), count, number(&report["traffic"]["by_status"][&status]), 0.0);
    }
    for (method, count) in tally(entries.iter().map(|entry| class(&entry.method).to_owned())) {
        compare(&format!("method {method}"), count, number(&report["traffic"]["by_method"][&method]), 0.0);
    }
    let routes = report["routes"].as_array().into_iter().flatten();
    compare(
        "requests by route",
        entries.len() as i64,
        routes.map(|route| number(&route["requests"])).sum(),
        0.0,
    );
    let addresses: HashSet<&str> = entries.iter().map(|entry| entry.address.as_str()).collect();
    let distinct = number(&report["distinct_addresses"][0]["at_most"]);
    compare("distinct addresses", addresses.len() as i64, distinct, 0.03);
    compare("addresses found in files", 0, found_in_files(directory.path(), &addresses)?, 0.0);
    if agree { Ok(()) } else { Err("the figures differ".into()) }
}

/// One line: `address - user [time] "method target version" status size "referrer" "agent"`.
fn parse(line: &str) -> Option<Entry> {
    let mut quoted = line.split('"');
    let before = quoted.next()?;
    let mut request = quoted.next()?.split(' ');
    let (method, target) = (request.next()?, request.next()?);
    let status = quoted.next()?.split_whitespace().next()?;
    let referrer = quoted.next().unwrap_or_default();
    quoted.next();
    let agent = quoted.next().unwrap_or_default();
    let sound =
        status.len() == 3 && target.starts_with('/') && line.bytes().all(|byte| (32..127).contains(&byte));
    sound.then(|| Entry {
        address: before.split(' ').next().unwrap_or_default().to_owned(),
        method: method.to_owned(),
        target: target.split('#').next().unwrap_or_default().to_owned(),
        status: status.to_owned(),
        referrer: referrer.to_owned(),
        agent: agent.to_owned(),
    })
}

fn class(method: &str) -> &str {
    if ["GET", "HEAD", "POST"].contains(&method) { method } else { "other" }
}

fn tally(keys: impl Iterator<Item = String>) -> BTreeMap<String, i64> {
    keys.fold(BTreeMap::new(), |mut tally, key| {
        *tally.entry(key).or_default() += 1;
        tally
    })
}

fn number(value: &serde_json::Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

fn start_origin() -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
    Ok(address)
}

/// Answers each request with the status that it asks for.
fn answer(stream: TcpStream) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut status = String::from("200");
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("x-replay-status:") {
                status = value.trim().to_owned();
            }
            if line == "\r\n" {
                break;
            }
        }
        let head =
            format!("HTTP/1.1 {status} Replayed\r\ncontent-length: 0\r\ncontent-type: text/html\r\n\r\n");
        stream.get_mut().write_all(head.as_bytes())?;
    }
}

fn start_pinfold(directory: &Path, origin: SocketAddr) -> Result<(Child, SocketAddr), Failure> {
    let configuration = format!(
        "[site]\nname = \"Replay\"\nurl = \"https://www.town.example\"\n[origin]\nurl = \"http://{origin}\"\n\
         [listen]\nhttp = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n\
         [client_address]\nsource = \"x-forwarded-for\"\ntrusted_proxies = [\"127.0.0.1\"]\n"
    );
    fs::write(directory.join("pinfold.toml"), configuration)?;
    let mut child = Command::new(binary())
        .args(["run", "--config", "pinfold.toml"])
        .current_dir(directory)
        .env("PINFOLD_LOG", "info")
        .stderr(Stdio::piped())
        .spawn()?;
    let mut log = BufReader::new(child.stderr.take().ok_or("no standard error")?);
    let mut kept = fs::File::create(directory.join("pinfold.log"))?;
    loop {
        let mut line = String::new();
        if log.read_line(&mut line)? == 0 {
            return Err("pinfold did not start: is target/release/pinfold built?".into());
        }
        kept.write_all(line.as_bytes())?;
        if let Some(site) = line.split("site=").nth(1).and_then(|rest| rest.split_whitespace().next()) {
            let site = site.parse()?;
            thread::spawn(move || std::io::copy(&mut log, &mut kept));
            return Ok((child, site));
        }
    }
}

fn binary() -> PathBuf {
    std::env::var_os("PINFOLD_BIN").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/pinfold"),
        PathBuf::from,
    )
}

fn send(connection: &mut BufReader<TcpStream>, entry: &Entry) -> Result<(), Failure> {
    let Entry { address, method, target, status, referrer, agent } = entry;
    let body = if method == "POST" { "content-length: 0\r\n" } else { "" };
    let request = format!(
        "{method} {target} HTTP/1.1\r\nhost: www.town.example\r\nx-forwarded-for: {address}\r\nuser-agent: {agent}\r\n\
         referer: {referrer}\r\naccept: text/html\r\nx-replay-status: {status}\r\n{body}\r\n"
    );
    connection.get_mut().write_all(request.as_bytes())?;
    let (mut length, mut first) = (0, true);
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line)? == 0 {
            return Err(format!("the connection was closed on {method} {target}").into());
        }
        if first && line.split(' ').nth(1) != Some(status) {
            return Err(format!("{method} {target} gave {line}").into());
        }
        first = false;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; if method == "HEAD" || status == "304" { 0 } else { length }];
    connection.read_exact(&mut body)?;
    Ok(())
}

fn report(directory: &Path) -> Result<serde_json::Value, Failure> {
    let output = Command::new(binary())
        .args(["report", "--config", "pinfold.toml", "--format", "json"])
        .current_dir(directory)
        .output()?;
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// How many of the addresses stand in any file, as text or as octets.
fn found_in_files(directory: &Path, addresses: &HashSet<&str>) -> Result<i64, Failure> {
    let mut found = 0;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let bytes = fs::read(&path)?;
        println!("searched {} ({} bytes)", path.file_name().unwrap_or_default().display(), bytes.len());
        for address in addresses {
            let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
            let octets = address.parse::<Ipv4Addr>().map(|address| address.octets());
            // Four octets turn up by chance in random bytes; the store has none but pseudonyms, which are looked at as text.
            let octets_found = octets.is_ok_and(|octets| !path.ends_with("pinfold.db") && holds(&octets));
            found += i64::from(holds(address.as_bytes()) || octets_found);
        }
    }
    Ok(found)
}
