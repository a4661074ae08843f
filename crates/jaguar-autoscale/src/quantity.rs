//! Quantities of the Kubernetes API: `7000`, `7k`, `7500m`, `2Gi`, `1e3`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A number with a suffix, as the API writes it; a number without quotes is taken too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Quantity(
    /// Finite.
    pub(crate) f64,
);

/// What each suffix multiplies by (`apimachinery/pkg/api/resource/suffix.go`).
const SUFFIXES: [(&str, f64); 15] = [
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("Ei", 1_152_921_504_606_846_976.0),
    ("n", 1e-9),
    ("u", 1e-6),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("E", 1e18),
];

impl Quantity {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let suffixed = SUFFIXES
            .iter()
            .find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, *factor)));
        let (number, factor) = suffixed.unwrap_or((text, 1.0));
        // Rust also reads `inf`, `nan` and, behind a suffix, exponents; the API does not.
        let is_plain = number
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte));
        let is_number = is_plain
            || factor == 1.0
                && number
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
        let value = number.parse::<f64>().ok().filter(|_| is_number)? * factor;
        value.is_finite().then_some(Self(value))
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuantityVisitor)
    }
}

struct QuantityVisitor;

impl Visitor<'_> for QuantityVisitor {
    type Value = Quantity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quantity such as 7000, \"7k\", \"7500m\" or \"2Gi\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Quantity, E> {
        Quantity::parse(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Quantity, E> {
        Ok(Quantity(value as f64))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Quantity, E> {
        Ok(Quantity(value as f64))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Quantity, E> {
        if value.is_finite() {
            Ok(Quantity(value))
        } else {
            Err(E::invalid_value(serde::de::Unexpected::Float(value), &self))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_multiply_and_other_text_is_refused() {
        for (text, value) in [
            ("7000", 7_000.0),
            ("7k", 7_000.0),
            ("7500m", 7.5),
            ("0.5", 0.5),
            ("2Gi", 2_147_483_648.0),
            ("1e3", 1_000.0),
            ("1E3", 1_000.0),
            ("3E", 3e18),
            ("-1", -1.0),
            ("1M", 1e6),
        ] {
            assert_eq!(Quantity::parse(text), Some(Quantity(value)), "{text}");
        }
        for text in ["", "k", "7 k", "7kk", "1e3k", "inf", "nan", "1e400", "seven", "7gi"] {
            assert_eq!(Quantity::parse(text), None, "{text:?}");
        }
    }
}
