//! Chance that comes out the same every time (SplitMix64: Steele, Lea and Flood, 2014).

pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `most`.
    pub(crate) fn below(&mut self, most: usize) -> usize {
        (self.fraction() * most as f64) as usize
    }

    /// From 0 up to but not including 1.
    pub(crate) fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn happens(&mut self, chance: f64) -> bool {
        self.fraction() < chance
    }

    /// Seconds until something that happens every `mean` seconds.
    pub(crate) fn wait(&mut self, mean: f64) -> i64 {
        (-mean * (1.0 - self.fraction()).ln()) as i64
    }
}

/// Things of which some are likelier than others, by their running sums.
pub(crate) struct Weighted(Vec<f64>);

impl Weighted {
    pub(crate) fn new(weights: impl IntoIterator<Item = f64>) -> Self {
        let sums = weights.into_iter().scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Self(sums.collect())
    }

    /// The n-th is drawn once for every n times that the first is (Zipf, 1949).
    pub(crate) fn zipf(count: usize) -> Self {
        Self::new((1..=count).map(|rank| 1.0 / rank as f64))
    }

    pub(crate) fn draw(&self, dice: &mut Dice) -> usize {
        let at = dice.fraction() * self.0.last().copied().unwrap_or_default();
        self.0.partition_point(|sum| *sum <= at).min(self.0.len() - 1)
    }
}
