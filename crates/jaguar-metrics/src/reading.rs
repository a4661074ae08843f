//! Metrics that are read from elsewhere instead of recorded: a value that is set as a whole, may have fractions though it is a counter, and is exposed only
//! while it is known. The `metrics` crate has neither; so these are written out here, behind its page.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::names::{Kind, Metric};

/// The value of one metric, unknown until it is set. Clones share it.
#[derive(Clone, Debug)]
pub struct Reading {
    metric: &'static Metric,
    /// Bits of an f64; NaN while it is unknown.
    bits: Arc<AtomicU64>,
}

impl Reading {
    pub(crate) fn new(metric: &'static Metric) -> Self {
        Self {
            metric,
            bits: Arc::new(AtomicU64::new(f64::NAN.to_bits())),
        }
    }

    /// Sets the value; not known is not exposed.
    pub fn set(&self, value: Option<f64>) {
        self.bits.store(value.unwrap_or(f64::NAN).to_bits(), Ordering::Relaxed);
    }

    pub(crate) fn write(&self, page: &mut String) {
        let value = f64::from_bits(self.bits.load(Ordering::Relaxed));
        if value.is_nan() {
            return;
        }
        let Metric { name, kind, help, .. } = self.metric;
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => unreachable!("{name}: a histogram is recorded"),
        };
        let written = write!(page, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n\n");
        written.expect("a string takes all that is written");
    }
}
