//! Small numbers are not published, and cannot be had by subtraction. Pure.
//!
//! What fewer than five did says too much of each of them (Office for National Statistics, policy on protecting confidentiality in
//! tables). So it is not shown, nor is any number from which, with a total, it could be worked out.

/// What is shown where a number is too small.
pub(super) const LEAST: i64 = 5;

/// Whether a number says too much of those behind it.
pub(super) fn is_small(count: i64) -> bool {
    (1..LEAST).contains(&count)
}

/// Rows of a list whose total is known: those that are too small are put together, with as many more as it takes for their sum not to
/// be small. The highest come first, at most `most` of them; the last number is the sum of the rest.
pub(super) fn folded<T>(mut rows: Vec<(T, i64)>, most: usize) -> (Vec<(T, i64)>, i64) {
    rows.retain(|(_, count)| *count > 0);
    // Those of one count stay in the order in which they came.
    rows.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut shown = rows.iter().take_while(|(_, count)| !is_small(*count)).count().min(most);
    let rest = |shown: usize| rows[shown..].iter().map(|(_, count)| count).sum::<i64>();
    while shown > 0 && is_small(rest(shown)) {
        shown -= 1;
    }
    let rest = rest(shown);
    rows.truncate(shown);
    (rows, rest)
}

/// Counts of a row whose total is known, each of them as it is shown; nothing where it is too small, or would tell one that is.
pub(super) fn masked(counts: &[i64]) -> Vec<Option<i64>> {
    let mut shown: Vec<Option<i64>> =
        counts.iter().map(|count| Some(*count).filter(|count| !is_small(*count))).collect();
    let hidden = |shown: &[Option<i64>]| {
        let places = counts.iter().zip(shown).filter(|(_, shown)| shown.is_none());
        places.fold((0, 0), |(number, sum), (count, _)| (number + 1, sum + count))
    };
    // One that is hidden alone is the difference; several whose sum is small are each smaller still.
    while let (number @ 1.., sum) = hidden(&shown)
        && (number == 1 || is_small(sum))
    {
        let next = counts
            .iter()
            .zip(&shown)
            .enumerate()
            .filter(|(_, (count, shown))| **count > 0 && shown.is_some());
        let Some((place, _)) = next.min_by_key(|(_, (count, _))| **count) else { break };
        shown[place] = None;
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_a_list_is_never_small() {
        for (counts, shown, rest) in [
            (&[100, 50, 7][..], &[100, 50, 7][..], 0),
            (&[100, 50, 3], &[100], 53),
            (&[100, 50, 3, 2], &[100, 50], 5),
            (&[100, 4], &[], 104),
            (&[4], &[], 4),
            (&[9, 0, 8, 7, 6], &[9, 8], 13),
            (&[], &[], 0),
        ] {
            let rows = counts.iter().map(|count| ((), *count)).collect();
            let most = if counts.len() == 5 { 2 } else { 10 };
            let (rows, left) = folded(rows, most);
            let rows: Vec<_> = rows.into_iter().map(|(_, count)| count).collect();
            assert_eq!((&rows[..], left), (shown, rest), "{counts:?}");
        }
    }

    #[test]
    fn no_hidden_number_is_what_the_others_leave() {
        for (counts, shown) in [
            (&[10, 20, 0][..], &[Some(10), Some(20), Some(0)][..]),
            (&[10, 20, 3], &[None, Some(20), None]),
            (&[10, 4, 3], &[Some(10), None, None]),
            (&[10, 1, 1], &[None, None, None]),
            (&[2], &[None]),
            (&[0, 0], &[Some(0), Some(0)]),
        ] {
            assert_eq!(masked(counts), shown, "{counts:?}");
        }
    }

    /// Whoever has the total and everything that is shown: does any hidden number have one value alone?
    #[test]
    fn by_subtraction_nothing_small_can_be_had() {
        for seed in 0..2_000_u64 {
            let counts: Vec<i64> = (0..6).map(|place| (seed >> (2 * place) & 7) as i64 * 3 % 11).collect();
            let shown = masked(&counts);
            let hidden: Vec<i64> = counts
                .iter()
                .zip(&shown)
                .filter(|(_, shown)| shown.is_none())
                .map(|(count, _)| *count)
                .collect();
            let all = counts.iter().filter(|count| **count > 0).count();
            assert!(hidden.len() != 1 || all == 1, "{counts:?} {shown:?}");
        }
    }
}
