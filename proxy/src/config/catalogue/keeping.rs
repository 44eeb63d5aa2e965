//! The tables about what is kept, and who looks after it.

use super::key::{Key, Kind, Unwritten};

pub(super) const AUDIT: &[Key] = &[
    Key::new("store", Kind::Store)
        .unwritten(Unwritten::Text("sqlite:pinfold.db"))
        .about("Where counts are kept: a file beside this one, or a database of PostgreSQL that several nodes may write to, such as `postgres://pinfold@db.example/pinfold`, which is known by its certificate unless it is on this machine. A password is never in it."),
    Key::new("password_file", Kind::File)
        .example("\"database.password\"")
        .unwritten(Unwritten::Words("no password"))
        .about("A file whose first line is the password for PostgreSQL. It is read at each connection.")
        .aside(),
    Key::new("node", Kind::Text)
        .example("\"web-1\"")
        .unwritten(Unwritten::Words("the name of this machine"))
        .about("What this node is called in a database of PostgreSQL. No two that write to it have one name.")
        .aside(),
    Key::new("footprint", Kind::Flag)
        .unwritten(Unwritten::Flag(true))
        .about("Whether visits are counted by a cookie of one byte. It brings its own purpose \"statistics\" where none is declared."),
    Key::new("crowd", Kind::Number(2, i64::MAX))
        .unwritten(Unwritten::Number(10))
        .about("How many networks it takes before anything detailed is written, and how many requests before a page is named."),
    Key::new("retention", Kind::Months(1, 120))
        .unwritten(Unwritten::Text("25 months"))
        .about("How long counts are kept. Addresses go with the key of their day, after 48 hours at most.")
        .source("UK GDPR Article 5(1)(e)"),
    Key::new("store_limit", Kind::Size(1 << 20))
        .unwritten(Unwritten::Text("4 GiB"))
        .about("How large the store may become. Beyond it nothing more is written, which is counted and said."),
    Key::new("choice_rows_per_minute", Kind::Number(1, 1_000_000))
        .unwritten(Unwritten::Number(20))
        .about("How many choices of one address are counted in a minute. More are honoured, but not counted."),
    Key::new("routes", Kind::List(&Kind::Path))
        .unwritten(Unwritten::Words("none"))
        .example("[\"/planning/:application\", \"/council-tax/*\"]")
        .about("Paths under which pages are counted: `:name` is one segment, `*` whatever follows. Other paths lose their numbers and names."),
    Key::new("spool", Kind::File)
        .example("\"pinfold-spool\"")
        .about("A directory of this node alone, where batches wait while PostgreSQL is away: two million rows, or 1 GiB. Addresses and acts of administrators do not: they wait in memory.")
        .aside(),
];

pub(super) const KEYS: &[Key] = &[
    Key::new("hold", Kind::Words(&["memory", "descriptor-store", "valkey"]))
        .unwritten(Unwritten::Text("memory"))
        .about("Whether keys and blocks end with the process, systemd holds them in memory across a restart, or several nodes have them in common: see docs/administration.md."),
    Key::new("valkey", Kind::Table(VALKEY))
        .example("{ url = \"redis://127.0.0.1:6379\", secret_file = \"cluster.secret\" }")
        .about("Where the nodes of `hold = \"valkey\"` keep their halves of the keys, their blocks and their counts of addresses: a Valkey or Redis in memory alone.")
        .aside(),
];

const VALKEY: &[Key] = &[
    Key::new("url", Kind::Valkey)
        .unwritten(Unwritten::Required)
        .example("\"redis://127.0.0.1:6379\"")
        .about("Where it is: `rediss://` by TLS, and perhaps `/` and the number of a database. A server that saves, evicts or has replicas is refused."),
    Key::new("secret_file", Kind::File)
        .unwritten(Unwritten::Required)
        .example("\"cluster.secret\"")
        .about("The other half of every key, the same on each node and nowhere else. `pinfold keys secret` makes one."),
    Key::new("password_file", Kind::File)
        .example("\"valkey.password\"")
        .unwritten(Unwritten::Words("no password"))
        .about("A file with the password of the server, or with user and password on two lines.")
        .aside(),
    Key::new("ca", Kind::File)
        .unwritten(Unwritten::Words("those that this machine trusts"))
        .example("\"ca.pem\"")
        .about("Authorities as PEM that alone may have signed the certificate of a server reached by `rediss://`.")
        .aside(),
];

pub(super) const ADMIN: &[Key] = &[
    Key::new("listen", Kind::Address)
        .unwritten(Unwritten::Text("127.0.0.1:8081"))
        .about("Where /healthz, /readyz, /metrics and the dashboard are. Anything but loopback needs a `password_file`."),
    Key::new("socket", Kind::File)
        .unwritten(Unwritten::Text("pinfold.sock"))
        .about("The Unix socket, beside this file, by which `pinfold top`, `block`, `keys` and the like reach the server."),
    Key::new("password_file", Kind::File)
        .example("\"admin.password\"")
        .unwritten(Unwritten::Words("no password"))
        .about("A file whose first line, at least 12 characters, those must know who read the figures. Needed where `listen` is not loopback.")
        .source("RFC 7617")
        .aside(),
    Key::new("lookup_approval", Kind::Words(&["named", "second-user"]))
        .unwritten(Unwritten::Text("named"))
        .about("Whether a look-up needs two names, which is a record, or waits for `pinfold approve` by another user of the machine, which is a control."),
    Key::new("blocked_status", Kind::Numbers(&[429, 403]))
        .unwritten(Unwritten::Number(429))
        .about("What whoever is blocked is answered.")
        .source("RFC 6585 section 4"),
];
