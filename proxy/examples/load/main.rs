//! What a request costs the proxy, what it adds to the time of a page, and what a connection that is kept costs, beside a bare
//! pass-through on the same parts, in alternating rounds of one run.
//!
//! `cargo build --release && cargo run --release -p pinfold-proxy --example load`
//!
//! Processor time and memory are those of the kernel's own accounting (/proc), so Linux alone. The origin, the servers and the clients
//! share the machine; all traffic is on loopback.
#![allow(clippy::print_stdout, reason = "an example prints")]

mod client;
mod idle;
mod latency;
mod process;
mod servers;

use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use client::Client;
use process::{binary, processor_time, start};
use servers::{on_every_core, origin, pass_through};

type Failure = Box<dyn Error + Send + Sync>;

const ROUNDS: usize = 7;
const CONNECTIONS: usize = 64;
const REQUESTS: usize = 400;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["origin"] => on_every_core(|_| origin(), None),
        ["pass-through", origin] => on_every_core(pass_through, Some(origin.parse()?)),
        _ => compare(),
    }
}

fn compare() -> Result<(), Failure> {
    let own = std::env::current_exe()?;
    let (_origin, origin) = start(Command::new(&own).arg("origin"), "listening=")?;
    let (bare, bare_address) =
        start(Command::new(&own).args(["pass-through", &origin.to_string()]), "listening=")?;
    let directory = tempfile::tempdir()?;
    let mut command = Command::new(binary());
    fs::write(directory.path().join("pinfold.toml"), configuration(origin))?;
    command.args(["run", "--config", "pinfold.toml"]).current_dir(directory.path());
    let (pinfold, address) = start(&mut command, "site=")?;

    costs((bare.0.id(), bare_address), (pinfold.0.id(), address))?;
    latency::compare(&[("direct", origin), ("bare", bare_address), ("pinfold", address)])?;
    idle::compare(&[("bare", bare.0.id(), bare_address), ("pinfold", pinfold.0.id(), address)])
}

/// Prints what a request costs two servers, each with its address, and the ratio.
fn costs(bare: (u32, SocketAddr), pinfold: (u32, SocketAddr)) -> Result<(), Failure> {
    println!("{} cores; {CONNECTIONS} connections, {} requests a round", cores(), CONNECTIONS * REQUESTS);
    println!("{:>6} {:>18} {:>18} {:>8}", "round", "bare us/request", "pinfold us/request", "ratio");
    let mut ratios = Vec::new();
    for round in 0..=ROUNDS {
        let bare_cost = cost(bare)?;
        let pinfold_cost = cost(pinfold)?;
        // The first round warms everything up.
        if round > 0 {
            ratios.push(bare_cost / pinfold_cost);
            println!("{round:>6} {bare_cost:>18.1} {pinfold_cost:>18.1} {:>8.2}", bare_cost / pinfold_cost);
        }
    }
    ratios.sort_by(f64::total_cmp);
    println!("median of bare over pinfold: {:.2}", ratios[ratios.len() / 2]);
    Ok(())
}

/// Processor time of a server for each request, in microseconds.
fn cost((pid, address): (u32, SocketAddr)) -> Result<f64, Failure> {
    let before = processor_time(pid)?;
    runtime()?.block_on(async {
        let clients: Vec<_> = (0..CONNECTIONS).map(|_| tokio::spawn(asks(address))).collect();
        for client in clients {
            client.await??;
        }
        Ok::<_, Failure>(())
    })?;
    let spent = processor_time(pid)? - before;
    Ok(spent.as_secs_f64() * 1e6 / (CONNECTIONS * REQUESTS) as f64)
}

async fn asks(address: SocketAddr) -> Result<(), Failure> {
    let mut client = Client::connect(address).await?;
    for _ in 0..REQUESTS {
        client.ask().await?;
    }
    Ok(())
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Without a banner: the other servers pass pages on as they are.
fn configuration(origin: SocketAddr) -> String {
    format!(
        "[site]\nname = \"Load\"\nurl = \"https://www.town.example\"\n[origin]\nurl = \"http://{origin}\"\n\
         [consent]\nbanner = false\n[listen]\nhttp = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n\
         [[purpose]]\nid = \"marketing\"\nbasis = \"consent\"\ntitle = \"M\"\ndescription = \"M\"\n\
         [[cookie]]\nname = \"session\"\npurpose = \"strictly-necessary\"\n\
         [[cookie]]\nname = \"theme\"\npurpose = \"strictly-necessary\"\n\
         [[cookie]]\nname = \"_ga*\"\npurpose = \"marketing\"\n"
    )
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
