//! Quantities of the Kubernetes API ("1", "500m", "2Gi").

use anyhow::{Context, bail};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// What a suffix multiplies by, in thousandths.
const SUFFIXES: [(&str, i128); 13] = [
    ("Ki", 1000 << 10),
    ("Mi", 1000 << 20),
    ("Gi", 1000 << 30),
    ("Ti", 1000 << 40),
    ("Pi", 1000 << 50),
    ("Ei", 1000 << 60),
    ("m", 1),
    ("k", 1_000_000),
    ("M", 1_000_000_000),
    ("G", 1_000_000_000_000),
    ("T", 1_000_000_000_000_000),
    ("P", 1_000_000_000_000_000_000),
    ("E", 1_000_000_000_000_000_000_000),
];

/// A quantity in thousandths of its unit. Smaller parts are rounded up, as the API does.
///
/// # Errors
/// When it is not a decimal number with one of the suffixes; exponents are not understood.
pub(super) fn thousandths(quantity: &Quantity) -> anyhow::Result<i128> {
    let text = quantity.0.trim();
    let suffix = SUFFIXES.iter().find(|(suffix, _)| text.ends_with(suffix));
    let (number, scale) = suffix.map_or((text, 1000), |(suffix, scale)| {
        (&text[..text.len() - suffix.len()], *scale)
    });
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}");
    if fraction.len() > 9 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        bail!("'{text}' is not a quantity that is understood here");
    }
    let value: i128 = digits.parse().with_context(|| format!("'{text}' is not a quantity"))?;
    let divisor = 10_i128.pow(u32::try_from(fraction.len())?);
    let product = value
        .checked_mul(scale)
        .with_context(|| format!("'{text}' is too large"))?;
    Ok((product + divisor - 1) / divisor)
}

/// How many of `divisor` a quantity is, rounded up: what the downward API gives.
///
/// # Errors
/// When one of both is no quantity, or the divisor is 0.
pub(super) fn in_units_of(quantity: &Quantity, divisor: &Quantity) -> anyhow::Result<i128> {
    let divisor = thousandths(divisor)?;
    if divisor == 0 {
        bail!("a divisor of 0");
    }
    Ok((thousandths(quantity)? + divisor - 1) / divisor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_the_api_reads_them() {
        let check = |text: &str, expected: i128| {
            assert_eq!(thousandths(&Quantity(text.to_owned())).unwrap(), expected, "{text}");
        };
        check("1", 1000);
        check("500m", 500);
        check("0.5", 500);
        check("2Gi", 2_147_483_648_000);
        check("1.5Ki", 1_536_000);
        check("3k", 3_000_000);
        check("0.0001", 1);
        for wrong in ["", "-1", "1e3", "one", "1Xi", "Gi"] {
            assert!(thousandths(&Quantity(wrong.to_owned())).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_downward_api_divides_and_rounds_up() {
        let check = |quantity: &str, divisor: &str, expected| {
            let units = in_units_of(&Quantity(quantity.to_owned()), &Quantity(divisor.to_owned()));
            assert_eq!(units.unwrap(), expected);
        };
        check("1", "1m", 1000);
        check("250m", "1", 1);
        check("2Gi", "1", 2 << 30);
        check("2Gi", "1Mi", 2048);
    }
}
