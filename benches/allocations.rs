//! How often one request allocates in the layer. Counts do not depend on the machine, so they are asserted.
//!
//! Nothing where nothing changes; at most one for each header field that is rewritten.
#![allow(clippy::print_stdout, reason = "a benchmark prints")]

#[path = "layer/scenes.rs"]
mod scenes;

use allocation_counter::measure;
use scenes::Scene;

fn main() {
    println!("Allocations added to a service that does nothing");
    for scene in Scene::all() {
        let (bare, layered) = (scene.bare(), scene.layered());
        let added = allocations(|| layered.run()) - allocations(|| bare.run());
        println!("{:<30} {added:>3}", scene.name);
        let rewritten = match scene.name {
            "six cookies, two held" | "held one way" => 1,
            "held both ways" => 2,
            _ => 0,
        };
        assert!(added <= rewritten, "{}: {added} allocations, {rewritten} allowed", scene.name);
    }
}

/// Allocations of one call, once everything is warm.
fn allocations(call: impl Fn()) -> i64 {
    (0..100).for_each(|_| call());
    let counted = measure(|| (0..100).for_each(|_| call()));
    i64::try_from(counted.count_total / 100).unwrap_or(i64::MAX)
}
