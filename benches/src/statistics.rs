//! What is said of measurements: medians, and how sure a paired ratio is. Used
//! by the programs in `src/bin/`.

/// Resamples of a bootstrap; the interval's ends then move by less than its width.
const RESAMPLES: usize = 10_000;

/// A generator for shuffles and resamples, seeded so that a run can be repeated.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// A generator; equal seeds give equal sequences.
    #[must_use]
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `bound`, which is small against 2^64 and not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        // Marsaglia, "Xorshift RNGs", 2003.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 11) % bound as u64).expect("it is below a usize")
    }

    /// Puts `items` in random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// The middle value, or the mean of the two middle ones.
///
/// # Panics
/// If there is none, or one is no number.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| a.partial_cmp(b).expect("measurements are numbers"));
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    } else {
        sorted[middle]
    }
}

/// A median, and the interval that holds it with a confidence of 95 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The median.
    pub median: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
}

impl Estimate {
    /// The median of `values` with its percentile bootstrap interval.
    ///
    /// # Panics
    /// If there is none, or one is no number.
    #[must_use]
    pub fn of(values: &[f64]) -> Estimate {
        let mut random = Random::new(1);
        let mut resample = vec![0.0; values.len()];
        let mut medians = Vec::with_capacity(RESAMPLES);
        for _ in 0..RESAMPLES {
            resample.fill_with(|| values[random.below(values.len())]);
            medians.push(median(&resample));
        }
        medians.sort_by(|a, b| a.partial_cmp(b).expect("measurements are numbers"));
        Estimate {
            median: median(values),
            low: medians[RESAMPLES * 25 / 1000],
            high: medians[RESAMPLES * 975 / 1000 - 1],
        }
    }

    /// The estimate of the ratio of two series that were measured in pairs.
    ///
    /// # Panics
    /// If the series differ in length, or as [`of`](Estimate::of).
    #[must_use]
    pub fn of_ratio(values: &[f64], reference: &[f64]) -> Estimate {
        assert_eq!(values.len(), reference.len(), "they are pairs");
        let ratios: Vec<f64> = values.iter().zip(reference).map(|(a, b)| a / b).collect();
        Estimate::of(&ratios)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn an_interval_holds_its_median_and_narrows() {
        let few: Vec<f64> = (0..9).map(|index| f64::from(index % 3)).collect();
        let many: Vec<f64> = (0..900)
            .map(|index| f64::from(index % 300) / 150.0)
            .collect();
        let (few, many) = (Estimate::of(&few), Estimate::of(&many));
        assert!(few.low <= few.median && few.median <= few.high, "{few:?}");
        assert!(
            many.high - many.low < few.high - few.low,
            "{few:?} {many:?}"
        );
        assert!((many.median - 1.0).abs() < 0.01, "{many:?}");
    }

    #[test]
    fn a_paired_ratio_does_not_see_what_both_share() {
        let noise = [1.0, 5.0, 2.0, 9.0, 1.5];
        let twice: Vec<f64> = noise.iter().map(|value| value * 2.0).collect();
        let ratio = Estimate::of_ratio(&twice, &noise);
        assert_eq!((ratio.low, ratio.median, ratio.high), (2.0, 2.0, 2.0));
    }

    #[test]
    fn a_shuffle_keeps_everything() {
        let mut items: Vec<usize> = (0..100).collect();
        Random::new(3).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
