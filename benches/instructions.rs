//! One scene, sent through one service a number of times, for a tool that counts instructions: `scripts/instructions`.
//!
//! Counts do not depend on what else the machine does, as times do.

#[path = "layer/scenes.rs"]
mod scenes;

use std::convert::Infallible;

use scenes::{Ask, Scene, Stage};
use tower::Service;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo bench` says nothing of a scene.
    let [scene, service, calls] = &arguments[..] else { return };
    let (scene, calls) = (Scene::named(scene), calls.parse::<u32>().expect("a number of calls"));
    match service.as_str() {
        "bare" => repeat(calls, &scene.bare()),
        "pinfold" => repeat(calls, &scene.layered()),
        "tower-cookies" => repeat(calls, &scene.behind_tower_cookies()),
        _ => panic!("no service `{service}`"),
    }
}

fn repeat<S>(calls: u32, stage: &Stage<S>)
where
    S: Service<Ask, Error = Infallible> + Clone,
{
    (0..calls).for_each(|_| stage.run());
}
