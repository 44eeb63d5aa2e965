//! A Redis server as Debian has it: Valkey's protocol is Redis's. It ends with the test.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its own part, and a test may panic")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// In memory alone, unless it is said otherwise.
pub(crate) const IN_MEMORY: [&str; 4] = ["--save", "", "--appendonly", "no"];

pub(crate) struct Redis {
    pub(crate) port: u16,
    directory: TempDir,
    child: Child,
}

impl Redis {
    /// One that nothing is wrong with.
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// One with other settings; the last of each counts.
    pub(crate) fn with(more: &[&str]) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        Self::at(free, more)
    }

    pub(crate) fn at(port: u16, more: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"]).arg(directory.path());
        command.args(IN_MEMORY).args(more).stdout(Stdio::null()).stderr(Stdio::null());
        let redis = Self { port, directory, child: command.spawn().unwrap() };
        let began = Instant::now();
        while !redis.is_there() {
            assert!(began.elapsed() < Duration::from_secs(10), "redis-server did not start");
            thread::sleep(Duration::from_millis(20));
        }
        redis
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn is_there(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) else { return false };
        stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let mut answer = [0; 1];
        stream.write_all(b"PING\r\n").is_ok() && stream.read_exact(&mut answer).is_ok()
    }

    /// What it answers to a command, as bytes; nothing, where there is nothing.
    pub(crate) fn ask(&self, words: &[&str]) -> Option<Vec<u8>> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut text = format!("*{}\r\n", words.len());
        words.iter().for_each(|word| text.push_str(&format!("${}\r\n{word}\r\n", word.len())));
        (&stream).write_all(text.as_bytes()).unwrap();
        let mut answer = BufReader::new(stream);
        let mut line = String::new();
        answer.read_line(&mut line).unwrap();
        match line.trim_end().split_at(1) {
            ("$", "-1") => None,
            ("$", length) => {
                let mut bytes = vec![0; length.parse().unwrap()];
                answer.read_exact(&mut bytes).unwrap();
                Some(bytes)
            }
            (_, simple) => Some(simple.as_bytes().to_vec()),
        }
    }

    /// Leaves it no memory for anything more.
    pub(crate) fn fill(&self) {
        assert_eq!(self.ask(&["CONFIG", "SET", "maxmemory", "1"]).unwrap(), b"OK");
    }

    /// The names of everything that it has.
    pub(crate) fn names(&self) -> Vec<String> {
        // A script, so that one string is the answer.
        let joined = self.ask(&["EVAL", "return table.concat(redis.call('KEYS', '*'), '\\n')", "0"]).unwrap();
        String::from_utf8(joined).unwrap().lines().map(str::to_owned).collect()
    }

    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -s {name} {}", self.pid());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Kills it, and waits until it is gone; where it was.
    pub(crate) fn kill(mut self) -> u16 {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.port
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
