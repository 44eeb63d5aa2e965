use std::fmt::Write as _;

use super::purpose::PurposeSet;
use crate::time::CivilMonth;

/// A visitor's choice, as the cookie holds it: `1.<policy>.<yyyymm>.<answered>.<granted>`.
///
/// Everybody who chose the same in the same month holds the same value. It is not signed: forging it changes nobody's
/// choice but one's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) fingerprint: u32,
    pub(super) month: CivilMonth,
    pub(super) answered: PurposeSet,
    pub(super) granted: PurposeSet,
}

/// The longest value: every bit of 32 purposes answered and granted.
const LONGEST: usize = "1.00000000.202611.ffffffff.ffffffff".len();

impl Decision {
    pub(super) fn encode(&self) -> String {
        let mut value = String::with_capacity(LONGEST);
        let (answered, granted) = (self.answered.bits(), self.granted.bits());
        let _ = write!(value, "1.{:08x}.{}.{answered:x}.{granted:x}", self.fingerprint, self.month);
        value
    }

    /// Reads exactly what [`Decision::encode`] writes; anything else is no decision.
    pub(super) fn decode(value: &[u8]) -> Option<Self> {
        if value.len() > LONGEST {
            return None;
        }
        let mut parts = value.split(|&byte| byte == b'.');
        let mut next = || parts.next();
        let (version, fingerprint, month, answered, granted) = (next()?, next()?, next()?, next()?, next()?);
        if version != b"1" || next().is_some() || fingerprint.len() != 8 || month.len() != 6 {
            return None;
        }
        let month = month.iter().try_fold(0, |number, byte| {
            byte.is_ascii_digit().then(|| number * 10 + i32::from(byte - b'0'))
        })?;
        let decision = Self {
            fingerprint: fingerprint.iter().try_fold(0, |number, &byte| Some(number << 4 | nibble(byte)?))?,
            month: CivilMonth::new(month / 100, month % 100)?,
            answered: PurposeSet::from_bits(hex(answered)?),
            granted: PurposeSet::from_bits(hex(granted)?),
        };
        decision.answered.holds(decision.granted).then_some(decision)
    }

    /// The fingerprint of the policy that was answered, as text.
    pub(super) fn policy(&self) -> String {
        format!("{:08x}", self.fingerprint)
    }

    /// Whether it was taken no later than `now` and is not yet `lifetime` months old.
    pub(super) fn is_in_force(&self, now: CivilMonth, lifetime: u8) -> bool {
        self.month <= now && now < self.month.plus(lifetime)
    }
}

/// Up to eight lower-case digits with no leading zero.
fn hex(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 8 || (digits[0] == b'0' && digits.len() > 1) {
        return None;
    }
    digits.iter().try_fold(0, |number, &byte| Some(number << 4 | nibble(byte)?))
}

fn nibble(byte: u8) -> Option<u32> {
    match byte {
        b'0'..=b'9' => Some(u32::from(byte - b'0')),
        b'a'..=b'f' => Some(u32::from(byte - b'a') + 10),
        _ => None,
    }
}

/// Where a visitor stands: what they answered, and what follows from it for every purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) state: ChoiceState,
    pub(super) answered: PurposeSet,
    pub(super) granted: PurposeSet,
}

impl Standing {
    /// What the visitor has refused in so many words.
    pub(super) fn refused(&self) -> PurposeSet {
        self.answered.without(self.granted)
    }
}

/// Whether a visitor has chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChoiceState {
    /// There is an answer to everything that has to be asked.
    Decided,
    /// There is none, but the browser sends `Sec-GPC: 1`, which refuses what needs consent.
    Signal,
    /// There is none.
    Undecided,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(answered: u32, granted: u32) -> Decision {
        Decision {
            fingerprint: 0x00c0_ffee,
            month: CivilMonth::new(2026, 11).unwrap(),
            answered: PurposeSet::from_bits(answered),
            granted: PurposeSet::from_bits(granted),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for (answered, granted, text) in [
            (0, 0, "1.00c0ffee.202611.0.0"),
            (3, 1, "1.00c0ffee.202611.3.1"),
            (u32::MAX, u32::MAX, "1.00c0ffee.202611.ffffffff.ffffffff"),
        ] {
            assert_eq!(decision(answered, granted).encode(), text);
            assert_eq!(Decision::decode(text.as_bytes()), Some(decision(answered, granted)));
        }
    }

    #[test]
    fn claim_03_anything_else_is_no_decision() {
        for text in [
            "",
            "1",
            "2.00c0ffee.202611.3.1",
            "01.00c0ffee.202611.3.1",
            "1.00c0ffee.202611.3",
            "1.00c0ffee.202611.3.1.0",
            "1.00C0FFEE.202611.3.1",
            "1.c0ffee.202611.3.1",
            "1.00c0ffee.202613.3.1",
            "1.00c0ffee.202600.3.1",
            "1.00c0ffee.196911.3.1",
            "1.00c0ffee.2026.3.1",
            "1.00c0ffee.+02611.3.1",
            "1.00c0ffee.202611.1.3",
            "1.00c0ffee.202611.03.1",
            "1.00c0ffee.202611.x.1",
            "1.00c0ffee.202611.3.",
            "1.00c0ffee.202611.3.1 ",
            "\"1.00c0ffee.202611.3.1\"",
            "1.00c0ffee.202611.fffffffff.1",
            "1.00c0ffee.202611.3.\u{e9}",
        ] {
            assert_eq!(Decision::decode(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Decision::decode(&[b'1'; 5000]), None);
    }

    /// LOG4. There is no signature; what is read is the same work whatever was chosen. Both kinds are timed in pairs, in an order left to chance,
    /// so that what else the machine does falls on both; pairs in which something else had the machine are left out.
    #[test]
    #[ignore = "timings, for a machine that does nothing else: scripts/chaos runs it"]
    fn log_04_reading_a_grant_and_a_refusal_takes_the_same_time() {
        use std::hint::black_box;
        use std::time::Instant;

        const TIMINGS: usize = 100_000;
        let values: [&[u8]; 2] = [b"1.00c0ffee.202611.3.3", b"1.00c0ffee.202611.3.0"];
        let timed = |kind: usize| {
            let began = Instant::now();
            for _ in 0..20 {
                assert!(Decision::decode(black_box(values[kind])).is_some());
            }
            began.elapsed().as_nanos() as f64
        };
        let mut chance = 1_u64;
        let mut pairs: Vec<[f64; 2]> = Vec::with_capacity(TIMINGS);
        for _ in 0..TIMINGS {
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            let first = usize::from(chance.count_ones().is_multiple_of(2));
            let (one, other) = (timed(first), timed(1 - first));
            pairs.push(if first == 0 { [one, other] } else { [other, one] });
        }
        pairs.sort_by(|one, other| (one[0].max(one[1])).total_cmp(&other[0].max(other[1])));
        pairs.truncate(TIMINGS * 9 / 10);
        let [(mean, error), (other, other_error)] = [0, 1].map(|kind| {
            let count = pairs.len() as f64;
            let mean = pairs.iter().map(|pair| pair[kind]).sum::<f64>() / count;
            let squares = pairs.iter().map(|pair| (pair[kind] - mean).powi(2)).sum::<f64>();
            (mean, squares / (count - 1.0) / count)
        });
        let welch = (mean - other) / (error + other_error).sqrt();
        // Less than a nanosecond for each is where in memory things happen to be: its sign is another in another run.
        let is_the_same = welch.abs() < 4.5 || (mean - other).abs() < 20.0;
        assert!(is_the_same, "t = {welch}, {mean} ns and {other} ns for twenty");
    }
}
