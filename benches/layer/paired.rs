//! Times of several services that take turns, as ratios.

use std::thread;
use std::time::Instant;

use pinfold::client_ip::ClientIpResolver;
use pinfold::pseudonym::{EpochKey, Unit};

use crate::scenes::Scene;

const ROUNDS: usize = 41;
const CALLS: u32 = 4_000;

/// Prints what the layer adds, beside what it is compared with.
pub(crate) fn print_table() {
    let hmac = hash_alone();
    println!("\nAdded to a service that does nothing; medians of {ROUNDS} rounds in turn");
    println!("{:<44} {:>9} {:>17} {:>14}", "", "added ns", "x tower-cookies", "x HMAC alone");
    for scene in Scene::all() {
        let (bare, layered, cookies) = (scene.bare(), scene.layered(), scene.behind_tower_cookies());
        let times =
            in_turn(&mut [&mut || bare.run(), &mut || layered.run(), &mut || cookies.run(), &mut || {
                hmac();
            }]);
        let added = times[1] - times[0];
        println!(
            "{:<44} {:>9.0} {:>17.2} {:>14.2}",
            scene.name,
            added,
            added / (times[2] - times[0]),
            added / times[3]
        );
    }
    print_flatness();
    print_threads();
}

/// A pseudonym under a key schedule that is computed once: the floor.
fn hash_alone() -> impl Fn() {
    let key = EpochKey::from_root([7; 32], "town");
    let client = ClientIpResolver::peer().resolve("203.0.113.77".parse().ok(), &http::HeaderMap::new());
    let client = client.expect("a peer is a client");
    move || {
        std::hint::black_box(key.operations().pseudonym(Unit::Host, std::hint::black_box(&client)));
    }
}

/// That a request costs the same however much there is of something.
fn print_flatness() {
    let scene = Scene::named("everything allowed");
    let (bare, ten, thousand) =
        (scene.bare(), scene.clone().with_rules(10).layered(), scene.clone().with_rules(1_000).layered());
    let million = scene.layered_with_blocks(1_000_000);
    let times =
        in_turn(&mut [&mut || bare.run(), &mut || ten.run(), &mut || thousand.run(), &mut || million.run()]);
    let over_ten = |time: f64| (time - times[0]) / (times[1] - times[0]);
    println!("{:<44} {:>9.2}", "1,000 cookie rules over 10", over_ten(times[2]));
    println!("{:<44} {:>9.2}", "1,000,000 blocks over none", over_ten(times[3]));
    for (name, clients, pages) in [
        ("10,000 addresses over 1,000", [1_000, 10_000], [100; 2]),
        ("10,000 routes over 100", [10_000; 2], [100, 10_000]),
    ] {
        // What differs without the layer is the requests themselves, which are in no cache where there are many.
        let [few, many] = [0, 1].map(|which| {
            let bare = scene.parade(clients[which], pages[which], scene.bare_service());
            let layered = scene.parade(clients[which], pages[which], scene.service());
            let times = in_turn(&mut [&mut || bare.run(), &mut || layered.run()]);
            times[1] - times[0]
        });
        println!("{name:<44} {:>9.2}", many / few);
    }
}

/// Requests on one shared state: the processor time of each, by one thread and by four.
fn print_threads() {
    let scene = Scene::named("everything allowed");
    let stages = scene.layered_for_threads(4);
    let wall = |threads: usize| {
        let started = Instant::now();
        thread::scope(|scope| {
            for stage in stages.iter().take(threads) {
                scope.spawn(move || (0..CALLS * 20).for_each(|_| stage.run()));
            }
        });
        // With more threads than cores they take turns: what counts is the time a core spends on a request.
        let cores = thread::available_parallelism().map_or(1, usize::from).min(threads);
        started.elapsed().as_secs_f64() * cores as f64 / threads as f64
    };
    let mut ratios: Vec<f64> = (0..9).map(|_| wall(4) / wall(1)).collect();
    println!("{:<44} {:>9.2}", "four threads over one, a request", median(&mut ratios));
}

/// The median time of each, in nanoseconds a call.
fn in_turn(services: &mut [&mut dyn FnMut()]) -> Vec<f64> {
    let mut times = vec![Vec::with_capacity(ROUNDS); services.len()];
    for _ in 0..ROUNDS {
        for (service, times) in services.iter_mut().zip(&mut times) {
            let started = Instant::now();
            for _ in 0..CALLS {
                service();
            }
            times.push(started.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS));
        }
    }
    times.iter_mut().map(|times| median(times)).collect()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
