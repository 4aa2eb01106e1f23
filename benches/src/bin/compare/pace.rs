//! How long a measurement may be, so that a run ends in the minutes it was given.
//! The answer is the same in each round: a contender has as many iterations in one
//! as in another.

use crate::child::Calibration;

/// A measurement is no shorter, and a run that has no limit has none that is longer.
const SHORTEST_NANOS: f64 = 5e6;
const LONGEST_NANOS: f64 = 250e6;

/// A contender's part of a run: what is known of it, and how often it is measured.
pub(crate) struct Part {
    pub(crate) calibration: Calibration,
    pub(crate) rounds: usize,
    /// The fewest iterations of a measurement.
    pub(crate) least: u64,
}

impl Part {
    /// What all rounds take if a measurement is to take `nanos`.
    #[expect(clippy::cast_precision_loss, reason = "rounds are few")]
    fn nanos(&self, nanos: f64) -> f64 {
        let iterations = iterations(&self.calibration, nanos, self.least);
        // With more than one, one more is measured for its CPU time.
        let measured = if iterations == 1 { 1 } else { iterations + 1 } as f64;
        let each = measured * self.calibration.iteration_nanos + self.calibration.beside_nanos;
        each * self.rounds as f64
    }
}

/// How many iterations take about `nanos`; `least` at least.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the quotient is positive; if it is too large it is cut off"
)]
pub(crate) fn iterations(calibration: &Calibration, nanos: f64, least: u64) -> u64 {
    ((nanos / calibration.iteration_nanos.max(0.1)) as u64).max(least)
}

/// The longest measurement with which all parts take at most `limit_nanos`; the
/// shortest one if even that takes longer.
pub(crate) fn measurement_nanos(parts: &[Part], limit_nanos: Option<f64>) -> f64 {
    let Some(limit) = limit_nanos else {
        return LONGEST_NANOS;
    };
    let (mut short, mut long) = (SHORTEST_NANOS, LONGEST_NANOS);
    for _ in 0..30 {
        let middle = f64::midpoint(short, long);
        if total(parts, middle) <= limit {
            short = middle;
        } else {
            long = middle;
        }
    }
    short
}

/// What a run takes in nanoseconds.
pub(crate) fn total(parts: &[Part], nanos: f64) -> f64 {
    parts.iter().map(|part| part.nanos(nanos)).sum()
}

#[test]
fn a_run_ends_within_its_limit() {
    let part = |iteration_nanos| Part {
        calibration: Calibration {
            iteration_nanos,
            beside_nanos: 1e6,
        },
        rounds: 15,
        least: 2,
    };
    let parts = [part(10.0), part(3e6), part(80e6)];
    let nanos = measurement_nanos(&parts, Some(4e9));
    assert!(total(&parts, nanos) <= 4e9, "{nanos}");
    assert!(total(&parts, nanos * 1.2) > 4e9, "{nanos}");
    assert_eq!(measurement_nanos(&parts, None), LONGEST_NANOS);
    assert_eq!(
        measurement_nanos(&parts, Some(1.0)),
        SHORTEST_NANOS,
        "a limit that can not be kept"
    );
}
