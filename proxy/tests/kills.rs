//! Whoever is killed loses nothing that was answered, and serves again without a hand.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use common::chaos::{Chance, note, times};
use common::choices::{MANY_ADDRESSES, Visitors, counted, free_address, is_whole};
use common::{BINARY, Origin, Pinfold, configuration};
use tempfile::TempDir;

fn start(directory: TempDir) -> Pinfold {
    let mut command = Command::new(BINARY);
    command.args(["run", "--config", "pinfold.toml"]).current_dir(directory.path());
    Pinfold::spawn(command, directory)
}

#[test]
fn fault_01_kills_under_load_lose_no_choice_that_was_answered() {
    let rounds = times(10, 200);
    let (origin, site, mut chance) = (Origin::hello(), free_address(), Chance::new());
    let mut directory = tempfile::tempdir().unwrap();
    let text = configuration(origin.address, MANY_ADDRESSES).replacen("127.0.0.1:0", &site.to_string(), 1);
    fs::write(directory.path().join("pinfold.toml"), text).unwrap();
    let visitors = Visitors::choose(site, 4, Duration::ZERO);
    let mut slowest = Duration::ZERO;
    for round in 0..=rounds {
        let started = Instant::now();
        let pinfold = start(directory);
        assert_eq!(pinfold.get("/", &[]).status, 200);
        slowest = slowest.max(started.elapsed());
        assert!(slowest <= Duration::from_secs(1), "serving again after {slowest:?}");
        thread::sleep(chance.milliseconds(50..600));
        if round == rounds {
            let told = visitors.leave();
            let (directory, _) = pinfold.stop();
            let store = directory.path().join("pinfold.db");
            assert!(is_whole(&store));
            told.assert_counted(counted(&store));
            assert!(told.answered() > 10 * rounds as u64, "there was no load: {told:?}");
            note(
                "FAULT1",
                "kill -9 under load",
                rounds,
                "integrity ok, no answered choice lost, none counted twice",
                &format!(
                    "{} choices answered in time; serving again after at most {slowest:?}",
                    told.answered()
                ),
            );
            break;
        }
        (directory, _) = pinfold.kill("KILL");
    }
}
