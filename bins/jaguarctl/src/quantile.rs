//! Order statistics of measured times.

/// Quantiles of a set of samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub(crate) struct Quantiles {
    /// Median.
    pub(crate) p50: f64,
    /// 99th percentile.
    pub(crate) p99: f64,
    /// Largest sample.
    pub(crate) max: f64,
}

impl Quantiles {
    /// The quantiles by nearest rank: the smallest sample that at least the share `q` of all samples does not exceed. None without samples.
    pub(crate) fn of(mut samples: Vec<f64>) -> Option<Self> {
        samples.sort_by(f64::total_cmp);
        let max = *samples.last()?;
        let rank = |q: f64| {
            let position = (q * samples.len() as f64).ceil() as usize;
            samples[position.clamp(1, samples.len()) - 1]
        };
        Some(Self {
            p50: rank(0.50),
            p99: rank(0.99),
            max,
        })
    }
}

/// Quantiles of a histogram, as exact as its buckets.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub(crate) struct BucketQuantiles {
    /// Median.
    pub(crate) p50: f64,
    /// 99th percentile.
    pub(crate) p99: f64,
}

/// Quantiles of several histograms together, given as cumulative buckets with the same upper bounds, ascending and ending with infinity. None without samples.
pub(crate) fn quantiles_of_buckets<'a>(
    histograms: impl Iterator<Item = &'a Vec<(f64, f64)>>,
) -> Option<BucketQuantiles> {
    let mut sum: Vec<(f64, f64)> = Vec::new();
    for histogram in histograms {
        if sum.is_empty() {
            sum.clone_from(histogram);
        } else {
            sum.iter_mut()
                .zip(histogram)
                .for_each(|(total, bucket)| total.1 += bucket.1);
        }
    }
    let total = sum.last()?.1;
    (total > 0.0).then(|| BucketQuantiles {
        p50: bucket_quantile(&sum, 0.50 * total),
        p99: bucket_quantile(&sum, 0.99 * total),
    })
}

/// As Prometheus' `histogram_quantile`: linear inside a bucket, the highest finite bound beyond it.
fn bucket_quantile(buckets: &[(f64, f64)], rank: f64) -> f64 {
    let mut lower = (0.0, 0.0);
    for &(bound, count) in buckets {
        if count >= rank {
            let share = (rank - lower.1) / (count - lower.1);
            return if bound.is_finite() {
                lower.0 + share * (bound - lower.0)
            } else {
                lower.0
            };
        }
        lower = (bound, count);
    }
    lower.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_rank_of_one_to_a_hundred() {
        let samples = (1..=100).rev().map(f64::from).collect();
        let expected = Quantiles {
            p50: 50.0,
            p99: 99.0,
            max: 100.0,
        };
        assert_eq!(Quantiles::of(samples), Some(expected));
    }

    #[test]
    fn one_sample_is_every_quantile_and_no_sample_has_none() {
        let one = Quantiles::of(vec![3.5]).map(|q| [q.p50, q.p99, q.max]);
        assert_eq!(one, Some([3.5; 3]));
        assert_eq!(Quantiles::of(Vec::new()), None);
    }

    #[test]
    fn bucket_quantiles_interpolate_and_stop_at_the_last_bound() {
        // 100 samples: 80 below 1, 15 between 1 and 2, 5 above 2.
        let one = vec![(1.0, 40.0), (2.0, 48.0), (f64::INFINITY, 50.0)];
        let other = vec![(1.0, 40.0), (2.0, 47.0), (f64::INFINITY, 50.0)];
        let quantiles = quantiles_of_buckets([one, other].iter());
        assert_eq!(quantiles, Some(BucketQuantiles { p50: 0.625, p99: 2.0 }));
        assert_eq!(quantiles_of_buckets([].iter()), None);
    }
}
