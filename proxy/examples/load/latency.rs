//! How long a page takes at a rate that is far from what the machine can do.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::{CONNECTIONS, Failure, runtime};

/// Requests a second, over all connections.
const RATE: u32 = 2_000;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(4);

/// Prints the median and the 99th percentile of each server, and what they are more than those of the first. They take turns.
pub(crate) fn compare(servers: &[(&str, SocketAddr)]) -> Result<(), Failure> {
    let mut times = vec![Vec::new(); servers.len()];
    for _ in 0..ROUNDS {
        for ((_, address), times) in servers.iter().zip(&mut times) {
            times.extend(round(*address)?);
        }
    }
    println!("\n{RATE} requests a second, {CONNECTIONS} connections, {} pages each", times[0].len());
    println!("{:>10} {:>10} {:>10} {:>14} {:>14}", "", "p50 us", "p99 us", "added at p50", "added at p99");
    let mut first = None;
    for ((name, _), times) in servers.iter().zip(&mut times) {
        times.sort_unstable();
        let [median, slow] = [50, 99].map(|percent| times[times.len() * percent / 100].as_secs_f64() * 1e6);
        let (its_median, its_slow) = *first.get_or_insert((median, slow));
        println!(
            "{name:>10} {median:>10.0} {slow:>10.0} {:>14.0} {:>14.0}",
            median - its_median,
            slow - its_slow
        );
    }
    Ok(())
}

fn round(address: SocketAddr) -> Result<Vec<Duration>, Failure> {
    runtime()?.block_on(async {
        let apart = Duration::from_secs(1) / RATE;
        let clients: Vec<_> = (0..u32::try_from(CONNECTIONS)?)
            .map(|number| tokio::spawn(client(address, apart * number)))
            .collect();
        let mut times = Vec::new();
        for client in clients {
            times.extend(client.await??);
        }
        Ok(times)
    })
}

/// Asks for a page whenever one is due, the first after `offset`.
async fn client(address: SocketAddr, offset: Duration) -> Result<Vec<Duration>, Failure> {
    let mut client = Client::connect(address).await?;
    client.ask().await?;
    let every = Duration::from_secs(1) / RATE * u32::try_from(CONNECTIONS)?;
    let (mut times, began) = (Vec::new(), Instant::now());
    let mut due = began + offset;
    while due < began + ROUND {
        // Whoever is kept waiting by the page before has waited since this one was due: the clock of a timer is coarse, so others begin
        // when they do.
        let asked = if Instant::now() > due {
            due
        } else {
            tokio::time::sleep_until(due.into()).await;
            Instant::now()
        };
        client.ask().await?;
        times.push(asked.elapsed());
        due += every;
    }
    Ok(times)
}
