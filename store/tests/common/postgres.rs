//! A server of PostgreSQL for tests: started in a directory of its own, on a free port, and gone with the last test that has it.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its own part, and a test may panic")]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use pinfold_store::Postgres;
use tempfile::TempDir;

/// The password of every user in tests.
pub(crate) const PASSWORD: &str = "correct horse battery";

static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A running server.
pub(crate) struct Server {
    directory: TempDir,
    pub(crate) port: u16,
}

/// A database of its own, whose owner may sign in and make roles, and nothing more.
pub(crate) struct Database {
    pub(crate) server: Arc<Server>,
    pub(crate) name: String,
}

impl Database {
    /// A new one on the server of this process.
    pub(crate) fn new() -> Self {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        let server = shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Server::start(""));
            *shared = Arc::downgrade(&server);
            server
        });
        Self::on(server)
    }

    pub(crate) fn on(server: Arc<Server>) -> Self {
        let name = format!("town_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        server.sql(
            "postgres",
            &format!("CREATE ROLE {name} LOGIN CREATEROLE PASSWORD '{PASSWORD}'; GRANT pinfold_addresses, pinfold_ledgers TO {name} WITH ADMIN OPTION"),
        );
        server.sql("postgres", &format!("CREATE DATABASE {name} OWNER {name}"));
        Self { server, name }
    }

    /// Its address, as its owner reaches it by the network.
    pub(crate) fn url(&self) -> String {
        format!("postgres://{}@127.0.0.1:{}/{}", self.name, self.server.port, self.name)
    }

    pub(crate) fn password_file(&self) -> PathBuf {
        self.server.password_file()
    }

    /// As a node of this name reaches it.
    pub(crate) fn as_node(&self, node: &str) -> Postgres {
        Postgres::at(&self.url()).unwrap().with_password_file(self.password_file()).with_node(node)
    }

    /// What a query gives, with a line for each row and `|` between columns.
    pub(crate) fn sql(&self, sql: &str) -> String {
        self.server.sql(&self.name, sql)
    }
}

impl Server {
    /// Makes a server and starts it. `settings` are lines of its configuration.
    pub(crate) fn start(settings: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("pinfold-pg").tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let password = directory.path().join("password");
        fs::write(&password, format!("{PASSWORD}\n")).unwrap();
        fs::create_dir(directory.path().join("data")).unwrap();
        if is_root() {
            let owner = user("postgres");
            for path in [directory.path().to_owned(), password, directory.path().join("data")] {
                chown(path, Some(owner.0), Some(owner.1)).unwrap();
            }
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { directory, port };
        let (data, password) = (server.data(), server.password_file());
        let made = server.tool(
            "initdb",
            &[
                "-D",
                text(&data),
                "-U",
                "postgres",
                "--auth-local=trust",
                "--auth-host=scram-sha-256",
                "--pwfile",
                text(&password),
                "-N",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
            ],
        );
        assert!(made.status.success(), "{made:?}");
        let more = format!(
            "port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{}'\nfsync = off\n{settings}\n",
            server.directory.path().display()
        );
        let file = data.join("postgresql.conf");
        let configuration = fs::read_to_string(&file).unwrap();
        fs::write(&file, configuration + &more).unwrap();
        server.resume();
        // Roles belong to the whole server: many databases in it need no more than one pair.
        server.sql("postgres", "CREATE ROLE pinfold_addresses NOLOGIN; CREATE ROLE pinfold_ledgers NOLOGIN");
        server
    }

    /// Starts it, or starts it again.
    pub(crate) fn resume(&self) {
        let log = self.directory.path().join("data/log");
        let started =
            self.tool("pg_ctl", &["-D", text(&self.data()), "-l", text(&log), "-w", "-t", "60", "start"]);
        assert!(started.status.success(), "{started:?} {}", fs::read_to_string(log).unwrap_or_default());
    }

    /// Lets it be spoken to under a certificate.
    pub(crate) fn show_certificate(&self, certificate: &str, key: &str) {
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let file = self.data().join(name);
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
            let owner = fs::metadata(self.data()).unwrap();
            chown(&file, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        self.sql("postgres", "ALTER SYSTEM SET ssl = on");
        let shown = self.tool("pg_ctl", &["-D", text(&self.data()), "-w", "restart"]);
        assert!(shown.status.success(), "{shown:?}");
    }

    /// Stops it as a power cut would.
    pub(crate) fn stop_at_once(&self) {
        let stopped = self.tool("pg_ctl", &["-D", text(&self.data()), "-m", "immediate", "-w", "stop"]);
        assert!(stopped.status.success(), "{stopped:?}");
    }

    /// Sends a signal to the server and to each process that serves a connection.
    pub(crate) fn signal(&self, signal: &str) {
        let main = fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        let main = main.lines().next().unwrap().to_owned();
        let children = Command::new("ps").args(["-o", "pid=", "--ppid", &main]).output().unwrap();
        let children = String::from_utf8(children.stdout).unwrap();
        for process in children.split_whitespace().chain([main.as_str()]) {
            let _ = Command::new("kill").args([signal, process]).stderr(Stdio::null()).status().unwrap();
        }
    }

    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        let told = Command::new("psql")
            .args([
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-U",
                "postgres",
                "-p",
                &self.port.to_string(),
            ])
            .args(["-h", text(self.directory.path()), "-d", database, "-c", sql])
            .output()
            .unwrap();
        assert!(told.status.success(), "{sql}: {told:?}");
        String::from_utf8(told.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn password_file(&self) -> PathBuf {
        self.directory.path().join("password")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Runs one of its tools, as a user that is not root: it refuses to be.
    fn tool(&self, name: &str, arguments: &[&str]) -> Output {
        let tool = tools().join(name);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(tool);
            command
        } else {
            Command::new(tool)
        };
        // What it leaves running must not hold our pipes.
        let said = tempfile::tempfile().unwrap();
        let to = said.try_clone().unwrap();
        let status =
            command.args(arguments).current_dir("/").stdout(Stdio::null()).stderr(to).status().unwrap();
        let mut stderr = Vec::new();
        use std::io::{Read, Seek};
        (&said).rewind().unwrap();
        (&said).read_to_end(&mut stderr).unwrap();
        Output { status, stdout: Vec::new(), stderr }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.signal("-CONT");
        let _ = self.tool("pg_ctl", &["-D", text(&self.data()), "-m", "immediate", "-w", "stop"]);
    }
}

/// Where Debian has them: of several versions the newest.
fn tools() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").expect("Debian's package postgresql");
    let mut versions: Vec<_> = versions.map(|version| version.unwrap().path().join("bin")).collect();
    versions.retain(|tools| tools.join("initdb").exists());
    versions.sort();
    versions.pop().expect("Debian's package postgresql")
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

fn user(name: &str) -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap().to_owned();
    let fields: Vec<_> = line.split(':').collect();
    (fields[2].parse().unwrap(), fields[3].parse().unwrap())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
