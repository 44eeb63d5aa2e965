//! How servers read the `Cookie` fields of a request: each parser in a program of its own language.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::thread;

use cookie::Cookie;

use super::fastcgi::Php;

/// The fields of one request, in order.
pub(crate) type Fields = Vec<Vec<u8>>;

/// The names that a parser finds in one request.
pub(crate) type Names = Vec<Vec<u8>>;

/// A parser, and how to ask it.
pub(crate) struct Reader {
    pub(crate) name: &'static str,
    reads: fn(&[Fields]) -> Vec<Names>,
}

impl Reader {
    /// The names in each of these requests.
    pub(crate) fn read(&self, requests: &[Fields]) -> Vec<Names> {
        let names = (self.reads)(requests);
        assert_eq!(names.len(), requests.len(), "{} stopped early", self.name);
        names
    }
}

pub(crate) const READERS: [Reader; 10] = [
    Reader { name: "PHP", reads: |requests| php(requests, "plain") },
    Reader { name: "PHP that decodes names", reads: |requests| php(requests, "decoding") },
    Reader { name: "Django", reads: |requests| python(requests, "django") },
    Reader { name: "Python's http.cookies", reads: |requests| python(requests, "http.cookies") },
    Reader { name: "Node's cookie", reads: |requests| node(requests, "cookie") },
    Reader { name: "Node's tough-cookie", reads: |requests| node(requests, "tough-cookie") },
    Reader { name: "Node's tough-cookie, loose", reads: |requests| node(requests, "tough-cookie, loose") },
    Reader { name: "Go's net/http", reads: |requests| ask(&mut Command::new(&*GO_PROGRAM), requests) },
    Reader { name: "Rust's cookie", reads: |requests| rust(requests, Cookie::split_parse) },
    Reader { name: "Rust's cookie, decoding", reads: |requests| rust(requests, Cookie::split_parse_encoded) },
];

fn source(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cookie_parsers").join(file)
}

/// A directory for what is built for the parsers, kept from one run to the next.
fn workshop() -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cookie_parsers");
    fs::create_dir_all(&directory).unwrap();
    directory
}

fn php(requests: &[Fields], reader: &str) -> Vec<Names> {
    let (mut php, script) = (Php::start(), source("names.php"));
    let names = requests.iter().map(|fields| {
        let parameters = [("HTTP_COOKIE", &*fields.join(&b"; "[..])), ("READER", reader.as_bytes())];
        names_of(str::from_utf8(&php.ask(&script, &parameters)).unwrap())
    });
    names.collect()
}

fn python(requests: &[Fields], reader: &str) -> Vec<Names> {
    static PYTHON: LazyLock<&str> = LazyLock::new(|| {
        // Debian's own has Debian's Django, whatever else stands before it.
        let has_django = |python: &&str| {
            let tried = Command::new(python).args(["-c", "import django"]).stderr(Stdio::null()).status();
            tried.is_ok_and(|status| status.success())
        };
        let found = ["/usr/bin/python3", "python3"].into_iter().find(has_django);
        found.expect("install python3-django: scripts/check does")
    });
    ask(Command::new(*PYTHON).arg(source("names.py")).arg(reader), requests)
}

fn node(requests: &[Fields], reader: &str) -> Vec<Names> {
    static SCRIPT: LazyLock<PathBuf> = LazyLock::new(|| {
        let directory = workshop();
        for file in ["package.json", "package-lock.json", "names.mjs"] {
            fs::copy(source(file), directory.join(file)).unwrap();
        }
        let mut npm = Command::new("npm");
        npm.args(["ci", "--silent", "--no-audit", "--no-fund", "--prefer-offline"]).current_dir(&directory);
        let status = npm.status().expect("install npm: scripts/check does");
        assert!(status.success(), "npm cannot install the packages of {}", source("package.json").display());
        directory.join("names.mjs")
    });
    let mut node = Command::new("node");
    ask(node.arg(&*SCRIPT).arg(reader), requests)
}

static GO_PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let program = workshop().join("names");
    let mut go = Command::new("go");
    go.args(["build", "-o"]).arg(&program).arg(source("main.go"));
    go.env("GOCACHE", workshop().join("go")).env("GOTELEMETRY", "off").current_dir(workshop());
    let status = go.status().expect("install golang-go: scripts/check does");
    assert!(status.success(), "go cannot build {}", source("main.go").display());
    program
});

fn rust<'a, C>(requests: &[Fields], split: fn(String) -> C) -> Vec<Names>
where
    C: Iterator<Item = Result<Cookie<'a>, cookie::ParseError>>,
{
    let names = requests.iter().map(|fields| {
        let text = String::from_utf8_lossy(&fields.join(&b"; "[..])).into_owned();
        split(text).flatten().map(|cookie| cookie.name().as_bytes().to_vec()).collect()
    });
    names.collect()
}

/// Asks a program that reads a request from each line, and writes a line of names for it.
fn ask(command: &mut Command, requests: &[Fields]) -> Vec<Names> {
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let program = command.get_program();
    let mut child = spawned.unwrap_or_else(|_| panic!("install {}: scripts/check does", program.display()));
    let mut lines = child.stdin.take().unwrap();
    let answers = BufReader::new(child.stdout.take().unwrap());
    let names = thread::scope(|scope| {
        scope.spawn(move || {
            for fields in requests {
                // A program that has ended says so below.
                let _ =
                    writeln!(lines, "{}", fields.iter().map(|field| hex(field) + ",").collect::<String>());
            }
        });
        answers.lines().map(|line| names_of(&line.unwrap())).collect()
    });
    assert!(child.wait().unwrap().success(), "{} failed", program.display());
    names
}

fn names_of(line: &str) -> Names {
    line.split_terminator(',').map(bytes).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
