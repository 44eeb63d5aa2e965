//! Whether a server keeps what it is given in memory alone, and does not throw it away.

use std::fmt;

/// A server is there, and must not be given anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    problem: String,
    remedy: &'static str,
}

impl Unfit {
    pub(super) fn new(problem: impl Into<String>, remedy: &'static str) -> Self {
        Self { problem: problem.into(), remedy }
    }

    /// What is wrong with it.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        self.remedy
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.problem, self.remedy)
    }
}

impl std::error::Error for Unfit {}

const SAVES_NOT: &str = "set save \"\" and appendonly no in its configuration, and delete its dump";

/// What a server says of itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a> {
    /// `INFO`.
    pub(super) info: &'a str,
    /// `CONFIG GET save`; nothing where it may not be asked.
    pub(super) save: Option<&'a str>,
    /// `CONFIG GET appendonly`; nothing where it may not be asked.
    pub(super) appendonly: Option<&'a str>,
}

/// What cannot be known, although nothing speaks against the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    None,
    /// It has not saved so far, but may do so one day.
    Saves,
}

/// Whether a server may be used.
///
/// Where its configuration may not be asked for, what it has done counts: a server that has written a dump or an append-only file, or
/// is about to, is one that persists.
pub(super) fn judge(said: Said<'_>) -> Result<Doubt, Unfit> {
    let field =
        |name: &str| said.info.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'));
    let known = |name: &str| {
        field(name).ok_or_else(|| {
            Unfit::new(
                format!("it does not say what `{name}` is"),
                "let Pinfold's user run INFO, and use Valkey, or Redis 6.2 or later",
            )
        })
    };
    if said.appendonly.is_some_and(|appendonly| appendonly != "no") || known("aof_enabled")? != "0" {
        return Err(Unfit::new("it writes what it is given to a file (appendonly)", SAVES_NOT));
    }
    if said.save.is_some_and(|save| !save.trim().is_empty()) {
        return Err(Unfit::new("it saves what it is given to a file (save)", SAVES_NOT));
    }
    let saves = |name: &str| field(name).is_some_and(|count| count != "0");
    if known("rdb_bgsave_in_progress")? != "0" || saves("rdb_saves") {
        return Err(Unfit::new("it has saved what it was given to a file since it was started", SAVES_NOT));
    }
    if known("role")? != "master" || known("connected_slaves")? != "0" {
        return Err(Unfit::new(
            "it is or has a replica, and copies go by way of a disk",
            "give Pinfold a Valkey of its own without replicas: losing it costs little",
        ));
    }
    if field("cluster_enabled").is_some_and(|enabled| enabled != "0") {
        return Err(Unfit::new(
            "it is part of a cluster of its own",
            "give Pinfold one Valkey that stands alone",
        ));
    }
    if known("maxmemory")? != "0" && known("maxmemory_policy")? != "noeviction" {
        return Err(Unfit::new(
            "it throws away what it is given when its memory is full",
            "set maxmemory-policy noeviction in its configuration",
        ));
    }
    Ok(if said.save.is_some() { Doubt::None } else { Doubt::Saves })
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &str = "# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n# Persistence\r\nrdb_bgsave_in_progress:0\r\n\
        rdb_saves:0\r\naof_enabled:0\r\n# Replication\r\nrole:master\r\nconnected_slaves:0\r\n# Cluster\r\ncluster_enabled:0\r\n";

    #[test]
    fn what_persists_hands_on_or_throws_away_is_refused() {
        let sound = Said { info: INFO, save: Some(""), appendonly: Some("no") };
        assert_eq!(judge(sound), Ok(Doubt::None));
        assert_eq!(judge(Said { save: None, appendonly: None, ..sound }), Ok(Doubt::Saves));
        for (save, appendonly, word) in [("3600 1 300 100", "no", "(save)"), ("", "yes", "(appendonly)")] {
            let unfit = judge(Said { save: Some(save), appendonly: Some(appendonly), ..sound }).unwrap_err();
            assert!(unfit.problem().contains(word), "{unfit}");
        }
        for (before, after, word) in [
            ("aof_enabled:0", "aof_enabled:1", "(appendonly)"),
            ("rdb_saves:0", "rdb_saves:2", "has saved"),
            ("rdb_bgsave_in_progress:0", "rdb_bgsave_in_progress:1", "has saved"),
            ("role:master", "role:slave", "replica"),
            ("connected_slaves:0", "connected_slaves:1", "replica"),
            ("cluster_enabled:0", "cluster_enabled:1", "cluster"),
            ("maxmemory:0", "maxmemory:1000000", "throws away"),
            ("aof_enabled:0", "", "`aof_enabled`"),
            ("role:master", "", "`role`"),
        ] {
            let info = INFO.replace(before, after);
            let unfit = judge(Said { info: &info, save: None, appendonly: None }).unwrap_err();
            assert!(unfit.to_string().contains(word), "{after}: {unfit}");
        }
        for policy in ["volatile-ttl", "volatile-lru", "allkeys-random"] {
            let info = INFO.replace("maxmemory:0", "maxmemory:9").replace("allkeys-lru", policy);
            assert!(judge(Said { info: &info, ..sound }).is_err(), "{policy}: the share has an end, too");
        }
        let info = INFO.replace("maxmemory:0", "maxmemory:9").replace("allkeys-lru", "noeviction");
        assert_eq!(judge(Said { info: &info, ..sound }), Ok(Doubt::None));
        let info = INFO.replace("rdb_saves:0\r\n", "");
        assert_eq!(
            judge(Said { info: &info, ..sound }),
            Ok(Doubt::None),
            "Redis before 7.0 does not count them"
        );
    }
}
