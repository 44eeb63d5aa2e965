//! How counts are rounded before anything is published. Pure.
//!
//! What fewer than five did says too much of each of them (Office for National Statistics, policy on protecting confidentiality in
//! tables). Hiding such numbers one table at a time does not help, for the next table or period is the difference. So each count of a
//! day is rounded by itself, first of all, and whatever is published is added up of what is left: no table, period or format knows more.

use super::words::number;

/// Counts are rounded to the nearest multiple of this; what is below it is small.
pub(super) const LEAST: i64 = 5;

/// What a small count is taken for in a sum.
const FEW: i64 = 2;

/// A count of one day as it goes into what is published.
pub(super) fn rounded(count: i64) -> i64 {
    match count {
        ..=0 => 0,
        1..LEAST => FEW,
        _ => (count + LEAST / 2) / LEAST * LEAST,
    }
}

/// The count of one name in a list, where a small one is not told from none.
pub(super) fn listed(count: i64) -> i64 {
    if count < LEAST { 0 } else { rounded(count) }
}

/// A count that is not rounded yet, as it is shown.
pub(crate) fn shown_alone(count: i64) -> String {
    shown(rounded(count))
}

/// A rounded count, or a sum of such, as it is shown: `0`, `<5`, or a multiple of five.
pub(super) fn shown(count: i64) -> String {
    match count {
        ..=0 => "0".to_owned(),
        1..=FEW => format!("<{LEAST}"),
        // Several small ones may be as many as that.
        _ => number(rounded(count.max(LEAST))),
    }
}

/// Whether the parts of a whole, neither of them more than known as rounded, leave each other no room: then the parts are exact to
/// whoever looks, and are not published.
pub(super) fn is_tight(whole: i64, parts: impl IntoIterator<Item = i64>) -> bool {
    let least: i64 = parts.into_iter().map(least).sum();
    least > 0 && least >= most(whole)
}

/// The lowest number that is rounded to the same.
pub(super) fn least(count: i64) -> i64 {
    match rounded(count) {
        0 => 0,
        FEW => 1,
        LEAST => LEAST,
        rounded => rounded - LEAST / 2,
    }
}

/// The highest number that is rounded to the same.
pub(super) fn most(count: i64) -> i64 {
    match rounded(count) {
        0 => 0,
        FEW => LEAST - 1,
        rounded => rounded + LEAST / 2,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn counts_are_rounded_and_shown() {
        for (count, stands_for, text) in [
            (0, 0, "0"),
            (1, 2, "<5"),
            (2, 2, "<5"),
            (4, 2, "<5"),
            (5, 5, "5"),
            (7, 5, "5"),
            (8, 10, "10"),
            (12, 10, "10"),
            (13, 15, "15"),
            (1_234, 1_235, "1,235"),
        ] {
            assert_eq!((rounded(count), shown(rounded(count)).as_str()), (stands_for, text), "{count}");
            assert_eq!(listed(count), if count < 5 { 0 } else { stands_for }, "{count}");
        }
        assert_eq!(shown(rounded(4) + rounded(4)), "5", "two small ones may be eight");
    }

    #[test]
    fn what_is_rounded_alike_is_between_least_and_most() {
        for count in 0..1_000 {
            assert!((least(count)..=most(count)).contains(&count));
            for (edge, beyond) in [(least(count), -1), (most(count), 1)] {
                assert_eq!(rounded(edge), rounded(count));
                assert!(edge + beyond < 0 || rounded(edge + beyond) != rounded(count), "{count}");
            }
        }
    }

    /// Days, and what two reports show of them: whatever the days beside it, the last day is 2 in every sum.
    #[test]
    fn no_period_has_a_difference_that_tells_a_day() {
        for small in 1..LEAST {
            let days = [50, 10, small].map(rounded);
            let sum = |from: usize| days[from..].iter().sum::<i64>();
            assert_eq!((sum(0), sum(1), sum(2)), (62, 12, 2), "{small}");
            assert_eq!([sum(0), sum(1), sum(2)].map(shown), ["60", "10", "<5"], "{small}");
            // 41 new visits and so many that return.
            assert_eq!(shown(rounded(41) + rounded(small)), "40", "{small}");
        }
    }

    /// All days there can be with so many page views at most: the whole, two lists of names that add up to it (of one name, and of two)
    /// with what is in no list, and two parts of it, such as new and returning visits. Whoever knows the method, and every rounded
    /// number of the day (so whatever any two periods, tables or formats differ by), has at least two values for each that is below 5.
    #[test]
    fn no_small_number_has_one_value_alone() {
        const MOST: i64 = 13;
        let mut known: HashMap<[i64; 6], [u32; 8]> = HashMap::new();
        let pairs = |sum: i64| (0..=sum).flat_map(move |one| (0..=sum - one).map(move |two| (one, two)));
        for whole in 0..=MOST {
            for one in 0..=whole {
                for (two, three) in pairs(whole) {
                    for (new, returning) in pairs(whole) {
                        let parts = [new, returning];
                        let parts = if is_tight(whole, parts) { [0; 2] } else { parts.map(rounded) };
                        let lists = [one, two, three].map(listed);
                        let view = [rounded(whole), lists[0], lists[1], lists[2], parts[0], parts[1]];
                        let rest = [whole - one, whole - two - three];
                        let truth = [whole, one, two, three, new, returning, rest[0], rest[1]];
                        for (values, value) in known.entry(view).or_default().iter_mut().zip(truth) {
                            *values |= 1 << value;
                        }
                    }
                }
            }
        }
        let small = 0b11110;
        for (view, cells) in known {
            for (cell, values) in cells.into_iter().enumerate() {
                assert!(values & small == 0 || values.count_ones() > 1, "cell {cell} of {view:?}");
            }
        }
    }
}
