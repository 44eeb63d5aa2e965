//! The servers as processes, and what the kernel says of them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failure;

/// A server that is stopped when it goes out of sight.
pub(crate) struct Server(pub(crate) Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a server and reads its address, which stands behind `mark` in what it prints.
pub(crate) fn start(command: &mut Command, mark: &str) -> Result<(Server, SocketAddr), Failure> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (stdout, stderr) = (child.stdout.take().ok_or("no output")?, child.stderr.take().ok_or("no output")?);
    let server = Server(child);
    let (found, address) = std::sync::mpsc::channel();
    for output in [Box::new(stdout) as Box<dyn std::io::Read + Send>, Box::new(stderr)] {
        let (mark, found) = (mark.to_owned(), found.clone());
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let address =
                    line.split(&mark).nth(1).and_then(|rest| rest.split_whitespace().next()?.parse().ok());
                if let Some(address) = address {
                    let _ = found.send(address);
                }
            }
        });
    }
    let started = Instant::now();
    let address: SocketAddr = address.recv_timeout(Duration::from_secs(10)).map_err(|_| {
        format!("no server after {:?}: build it with cargo build --release", started.elapsed())
    })?;
    Ok((server, address))
}

pub(crate) fn binary() -> PathBuf {
    std::env::var_os("PINFOLD_BIN").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/pinfold"),
        PathBuf::from,
    )
}

/// User and system time of a process so far, from /proc, in ticks of a hundredth of a second.
pub(crate) fn processor_time(pid: u32) -> Result<Duration, Failure> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit(')').next().ok_or("no name")?;
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).map(|field| field.parse().unwrap_or(0)).sum();
    Ok(Duration::from_millis(ticks * 10))
}

/// The memory of a process in KiB, its share of what is shared included.
pub(crate) fn memory(pid: u32) -> Result<u64, Failure> {
    let sums = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let pss = sums.lines().find_map(|line| line.strip_prefix("Pss:")).ok_or("no Pss")?;
    Ok(pss.trim().trim_end_matches(" kB").parse()?)
}
