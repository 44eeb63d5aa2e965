//! What a connection takes that has been answered and is kept.

use std::net::SocketAddr;

use crate::client::Client;
use crate::process::memory;
use crate::{Failure, runtime};

/// The limit of open files must be above this, here and for the servers.
const KEPT: usize = 10_000;

/// Prints the memory of each server, by its process, before and with so many connections.
pub(crate) fn compare(servers: &[(&str, u32, SocketAddr)]) -> Result<(), Failure> {
    println!("\n{KEPT} connections, each answered once and kept");
    println!("{:>10} {:>12} {:>12} {:>16}", "", "KiB before", "KiB then", "KiB each");
    for (name, pid, address) in servers {
        let before = memory(*pid)?;
        let with = runtime()?.block_on(async {
            let mut kept = Vec::with_capacity(KEPT);
            for _ in 0..KEPT {
                let mut client = Client::connect(*address).await?;
                client.ask().await?;
                kept.push(client.into_stream());
            }
            memory(*pid)
        })?;
        let each = with.saturating_sub(before) as f64 / KEPT as f64;
        println!("{name:>10} {before:>12} {with:>12} {each:>16.1}");
    }
    Ok(())
}
