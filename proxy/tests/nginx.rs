//! A real web server behind the proxy: nginx with static pages. `scripts/check` installs it and runs this.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use common::{Pinfold, configuration};
use tempfile::TempDir;

struct Nginx {
    child: Child,
    address: SocketAddr,
    files: TempDir,
}

impl Nginx {
    /// Speaks HTTP/1.1, or HTTP/2 where that is what `listens` says.
    fn start(listens: &str) -> Self {
        let files = tempfile::tempdir().unwrap();
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let root = files.path().join("pages");
        fs::create_dir(&root).unwrap();
        fs::write(root.join("index.html"), "<!DOCTYPE html><title>Town</title><p>Welcome").unwrap();
        fs::write(root.join("big.bin"), vec![7_u8; 3 << 20]).unwrap();
        fs::write(files.path().join("nginx.conf"), nginx_conf(files.path(), &format!("{address}{listens}")))
            .unwrap();
        let binary = if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" };
        let child = Command::new(binary)
            .args(["-e", "stderr", "-p"])
            .arg(files.path())
            .args(["-c", "nginx.conf"])
            .stderr(Stdio::null())
            .spawn()
            .expect("install nginx: scripts/check does");
        for _ in 0..100 {
            if TcpStream::connect(address).is_ok() {
                break;
            }
            thread::sleep(Duration::from_millis(50));
        }
        Self { child, address, files }
    }
}

fn nginx_conf(directory: &Path, listens: &str) -> String {
    let directory = directory.display();
    format!(
        "daemon off; master_process off; pid nginx.pid; events {{}}
         http {{
           types {{ text/html html; }} default_type application/octet-stream; access_log {directory}/access.log combined;
           client_body_temp_path body; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
           server {{
             listen {listens}; root pages;
             add_header Set-Cookie 'session=1; Path=/; HttpOnly' always;
             add_header Set-Cookie '_ga=GA1; Path=/' always;
             add_header Set-Cookie 'undeclared=1' always;
             add_header X-Saw-Cookies $http_cookie always;
             add_header X-Saw-Address $http_x_forwarded_for always;
             location = /moved {{ return 301 /; }}
             location = /broken {{ return 500; }}
           }}
         }}"
    )
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "needs nginx: scripts/check installs it and runs this"]
fn nginx_serves_its_pages_through_pinfold_and_its_cookies_are_held() {
    serves_its_pages_and_its_cookies_are_held("", "", "HTTP/1.1");
}

#[test]
#[ignore = "needs nginx: scripts/check installs it and runs this"]
fn nginx_does_the_same_over_http_2() {
    serves_its_pages_and_its_cookies_are_held(" http2", "http2 = true\nhealth = \"/\"\n", "HTTP/2.0");
}

fn serves_its_pages_and_its_cookies_are_held(listens: &str, more: &str, version: &str) {
    let nginx = Nginx::start(listens);
    let pinfold = Pinfold::configured(&configuration(nginx.address, more));
    for (path, status) in
        [("/", 200), ("/nothing", 404), ("/moved", 301), ("/broken", 500), ("/big.bin", 200)]
    {
        let fields = [
            ("cookie", "session=1; _ga=2; other=3"),
            ("x-forwarded-for", "203.0.113.5"),
            ("accept", "text/html"),
        ];
        let answer = pinfold.get(path, &fields);
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.values("set-cookie"), ["session=1; Path=/; HttpOnly"], "{path}");
        assert_eq!(answer.values("x-saw-cookies"), ["session=1"], "{path}");
        assert!(answer.values("x-saw-address").is_empty(), "{path}");
    }
    assert!(pinfold.get("/", &[]).body.contains("Welcome"));
    assert_eq!(pinfold.get("/big.bin", &[]).values("content-length"), ["3145728"]);
    let part = pinfold.get("/big.bin", &[("range", "bytes=0-9")]);
    assert_eq!((part.status, part.body.len()), (206, 10));
    let tag = pinfold.get("/", &[]).values("etag")[0].to_owned();
    assert_eq!(pinfold.get("/", &[("if-none-match", &tag)]).status, 304);
    let (directory, _) = pinfold.stop();
    let report = Pinfold::report(directory.path());
    assert_eq!(report["traffic"]["by_status"]["2xx"], 6);
    assert_eq!(report["traffic"]["by_status"]["3xx"], 2);
    assert_eq!(report["traffic"]["by_status"]["4xx"], 1);
    assert_eq!(report["traffic"]["by_status"]["5xx"], 1);
    let held = report["cookies"].as_array().unwrap().iter().find(|cookie| {
        cookie["pattern"] == "_ga*" && cookie["direction"] == "response" && cookie["action"] == "withheld"
    });
    assert_eq!(held.unwrap()["seen"], 10);
    let log = fs::read_to_string(nginx.files.path().join("access.log")).unwrap();
    assert!(log.lines().all(|line| line.contains(version)), "{log}");
}
