//! The servers that stand before Pinfold, with the configuration that the manual shows and a cache where they have one.

use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::common::signal;
use crate::common::tls::{Authority, NAME};
use crate::manual::{block, put};

/// One of them, running in a directory of its own.
pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    child: Child,
    _files: TempDir,
}

impl Front {
    fn start(files: TempDir, address: SocketAddr, program: &str, arguments: &[&str]) -> Self {
        let administrators = Path::new("/usr/sbin").join(program);
        let log = fs::File::create(files.path().join("log")).unwrap();
        let mut child = Command::new(if administrators.exists() { administrators } else { program.into() })
            .args(arguments)
            .current_dir(files.path())
            .env("XDG_DATA_HOME", files.path())
            .env("XDG_CONFIG_HOME", files.path())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error} (scripts/check installs it)"));
        let listens = (0..200).any(|_| {
            thread::sleep(Duration::from_millis(50));
            TcpStream::connect(address).is_ok() || child.try_wait().unwrap().is_some()
        });
        let written = || fs::read_to_string(files.path().join("log")).unwrap();
        assert!(listens && child.try_wait().unwrap().is_none(), "{program}: {}", written());
        Self { address, child, _files: files }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        // Asked to end, it takes its children along.
        signal(self.child.id(), "TERM");
        let _ = self.child.wait();
    }
}

/// Where it will listen.
pub(crate) fn free() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// A directory that is also there for whoever a server becomes that was started by root.
fn directory() -> TempDir {
    let files = tempfile::tempdir().unwrap();
    fs::create_dir(files.path().join("kept")).unwrap();
    for place in [files.path().to_owned(), files.path().join("kept")] {
        fs::set_permissions(place, Permissions::from_mode(0o777)).unwrap();
    }
    files
}

pub(crate) fn nginx(pinfold: SocketAddr, authority: &Authority) -> Front {
    let (files, address) = (directory(), free());
    let [certificate, key] = ["cert.pem", "key.pem"].map(|name| authority.path(name).display().to_string());
    let site = put(
        &block("nginx", "nginx", 0),
        &[
            ("443 ssl", &format!("{address} ssl")),
            ("127.0.0.1:8080", &pinfold.to_string()),
            (&format!("/etc/ssl/{NAME}.pem"), &certificate),
            (&format!("/etc/ssl/private/{NAME}.key"), &key),
            (
                "location / {",
                "location / { proxy_cache pages; add_header X-Cache $upstream_cache_status always;",
            ),
        ],
    );
    let text = format!(
        "daemon off; master_process off; pid nginx.pid; events {{}}
         http {{
           access_log off; proxy_cache_path kept keys_zone=pages:1m;
           client_body_temp_path body; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
           {site}
         }}"
    );
    fs::write(files.path().join("nginx.conf"), text).unwrap();
    let prefix = files.path().display().to_string();
    Front::start(files, address, "nginx", &["-e", "stderr", "-p", &prefix, "-c", "nginx.conf"])
}

/// The half that stands before Pinfold. The other is the site, which is another here.
pub(crate) fn apache(pinfold: SocketAddr, authority: &Authority) -> Front {
    let shown = block("apache-drupal", "apache", 0);
    let (visitors, _) = shown.split_once("Listen 127.0.0.1:8000").unwrap();
    start_apache(directory(), visitors, pinfold, authority)
}

/// Both halves, with the files of a CMS that has a `.htaccess` as Drupal's: it rewrites, and keeps some files from visitors.
pub(crate) fn apache_at_both_ends(site: SocketAddr, pinfold: SocketAddr, authority: &Authority) -> Front {
    let files = directory();
    // As Debian has it for /var/www: nothing may be overridden unless it is said.
    let (www, root) = (files.path().join("www"), files.path().join("www/drupal/web"));
    fs::create_dir_all(&root).unwrap();
    let rewriting = "RewriteEngine on\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteCond %{REQUEST_FILENAME} !-d\nRewriteRule ^ index.html [L]\n\
                     <FilesMatch \"\\.(install|yml)$\">\nRequire all denied\n</FilesMatch>\n";
    for (name, text) in [
        (".htaccess", rewriting),
        ("index.html", "<!DOCTYPE html><html lang=en><title>Town</title><body><p>Drupal answers"),
        ("style.css", "p{margin:0}"),
        ("services.yml", "secret"),
    ] {
        fs::write(root.join(name), text).unwrap();
    }
    let whole = put(
        &block("apache-drupal", "apache", 0),
        &[("127.0.0.1:8000", &site.to_string()), ("/var/www/drupal/web", &root.display().to_string())],
    );
    let default = format!(
        "<Directory />\nAllowOverride None\nRequire all denied\n</Directory>\n\
         <Directory {}>\nAllowOverride None\nRequire all granted\n</Directory>\n",
        www.display()
    );
    start_apache(files, &format!("{default}{whole}"), pinfold, authority)
}

fn start_apache(files: TempDir, hosts: &str, pinfold: SocketAddr, authority: &Authority) -> Front {
    let address = free();
    let [certificate, key] = ["cert.pem", "key.pem"].map(|name| authority.path(name).display().to_string());
    let host = put(
        hosts,
        &[
            ("*:443", &format!("*:{}", address.port())),
            ("127.0.0.1:8080", &pinfold.to_string()),
            (&format!("/etc/ssl/{NAME}.pem"), &certificate),
            (&format!("/etc/ssl/private/{NAME}.key"), &key),
        ],
    );
    let modules =
        "mpm_event authz_core mime filter deflate ssl socache_shmcb proxy proxy_http cache cache_disk dir rewrite"
            .split(' ');
    let load = |name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n");
    let modules: String = modules.map(load).collect();
    let place = files.path().display();
    let text = format!(
        "{modules}ServerRoot {place}\nDefaultRuntimeDir {place}\nPidFile pid\nErrorLog /dev/stderr\nServerName {NAME}
         User nobody\nGroup nogroup\nTypesConfig /etc/mime.types\nListen {address}
         CacheEnable disk /\nCacheRoot {place}/kept\nCacheHeader on\n{host}"
    );
    fs::write(files.path().join("apache.conf"), text).unwrap();
    let file = files.path().join("apache.conf").display().to_string();
    Front::start(files, address, "apache2", &["-D", "FOREGROUND", "-f", &file])
}

pub(crate) fn caddy(pinfold: SocketAddr, authority: &Authority) -> Front {
    let (files, address) = (directory(), free());
    let [certificate, key] = ["cert.pem", "key.pem"].map(|name| authority.path(name).display().to_string());
    let opening = format!("{NAME}:{} {{\n\tbind 127.0.0.1\n\ttls {certificate} {key}", address.port());
    let site = put(
        &block("caddy", "caddyfile", 0),
        &[(&format!("{NAME} {{"), &opening), ("127.0.0.1:8080", &pinfold.to_string())],
    );
    let text = format!("{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{site}");
    fs::write(files.path().join("Caddyfile"), text).unwrap();
    Front::start(files, address, "caddy", &["run", "--config", "Caddyfile", "--adapter", "caddyfile"])
}

pub(crate) fn haproxy(pinfold: SocketAddr, authority: &Authority) -> Front {
    let (files, address) = (directory(), free());
    let both = ["cert.pem", "key.pem"].map(|name| fs::read_to_string(authority.path(name)).unwrap()).concat();
    fs::write(files.path().join("both.pem"), both).unwrap();
    let kept = "backend pinfold\n    http-request cache-use pages\n    http-response cache-store pages";
    let text = put(
        &block("haproxy", "haproxy", 0),
        &[
            ("bind :443", &format!("bind {address}")),
            (&format!("/etc/haproxy/{NAME}.pem"), "both.pem"),
            ("192.0.2.10:8080", &pinfold.to_string()),
            ("backend pinfold\n", &format!("{kept}\n")),
        ],
    );
    let cache = "cache pages\n    total-max-size 4\n    max-age 600\n";
    fs::write(files.path().join("haproxy.cfg"), format!("{text}\n{cache}")).unwrap();
    Front::start(files, address, "haproxy", &["-dW", "-db", "-f", "haproxy.cfg"])
}

/// It passes on what it cannot read, and says by the PROXY protocol whose it is.
pub(crate) fn haproxy_unopened(pinfold: SocketAddr) -> Front {
    let (files, address) = (directory(), free());
    let shown = block("haproxy", "haproxy", 1);
    let text =
        put(&shown, &[("bind :443", &format!("bind {address}")), ("192.0.2.10:443", &pinfold.to_string())]);
    fs::write(files.path().join("haproxy.cfg"), text).unwrap();
    Front::start(files, address, "haproxy", &["-dW", "-db", "-f", "haproxy.cfg"])
}
