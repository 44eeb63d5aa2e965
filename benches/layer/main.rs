//! What one request costs in the layer, around a service that does nothing.
//!
//! `cargo bench --bench layer` runs every scene under criterion and then prints a table of ratios, in which the layer and
//! what it is compared with take turns in one run: on a noisy machine the ratios hold where the times do not.
#![allow(clippy::print_stdout, reason = "a benchmark prints")]

mod paired;
mod scenes;

use criterion::Criterion;
use scenes::Scene;

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(50);
    for scene in Scene::all() {
        let bare = scene.bare();
        criterion.bench_function(&format!("{}/bare", scene.name), |bencher| bencher.iter(|| bare.run()));
        let layered = scene.layered();
        criterion
            .bench_function(&format!("{}/pinfold", scene.name), |bencher| bencher.iter(|| layered.run()));
    }
    criterion.final_summary();
    if std::env::args().any(|argument| argument == "--bench") {
        paired::print_table();
    }
}
