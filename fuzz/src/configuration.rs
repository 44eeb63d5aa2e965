//! The configuration: each fault is one line that says where, what and what to do.

use pinfold_proxy::fuzzing::configuration_faults;

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let lines = text.split('\n').count();
    for [place, problem, remedy] in configuration_faults(text) {
        let said = format!("{place}: {problem} ({remedy})");
        assert!(!problem.is_empty() && !remedy.is_empty(), "{said}");
        assert!(!said.contains(|letter: char| letter.is_control()), "{said:?}");
        let mut parts = place.split(':');
        assert_eq!(parts.next(), Some("pinfold.toml"), "{said}");
        let numbers: Vec<usize> = parts.map(|number| number.parse().expect("a number")).collect();
        match numbers[..] {
            [] => {}
            [line, column] => assert!((1..=lines).contains(&line) && column >= 1, "{said}"),
            _ => panic!("{said}"),
        }
    }
}
