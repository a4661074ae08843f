//! Names of snapshots, which are folders in a store.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::limits::NAME_BYTES;

/// What the names of automatic snapshots begin with. Retention counts and deletes these alone.
const AUTOMATIC: &str = "auto-";

/// A snapshot's name: 1 to 63 of a-z, 0-9, dash, dot and underscore, with a letter or digit first and last.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// A name that is not allowed. The user chooses another one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "snapshot name {found:?}: 1 to {NAME_BYTES} of a-z, 0-9, '-', '.' and '_' are allowed, with a letter or digit first and last"
)]
pub struct NameError {
    found: String,
}

impl Name {
    /// The name of an automatic snapshot taken at this time, ascending with time.
    pub fn automatic(now: SystemTime) -> Self {
        Self(format!("{AUTOMATIC}{}", timestamp(now)))
    }

    /// The name of the snapshot that a world takes at its end.
    pub fn farewell(now: SystemTime) -> Self {
        Self(format!("{AUTOMATIC}{}-final", timestamp(now)))
    }

    /// A name for a snapshot that someone asked for without naming it.
    pub fn manual(now: SystemTime) -> Self {
        Self(format!("manual-{}", timestamp(now)))
    }

    /// Whether retention may delete it.
    pub fn is_automatic(&self) -> bool {
        self.0.starts_with(AUTOMATIC)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let bytes = text.as_bytes();
        let ends = [bytes.first(), bytes.last()];
        let good = bytes.len() <= NAME_BYTES
            && ends.iter().all(|end| end.is_some_and(|&byte| is_plain(byte)))
            && bytes.iter().all(|&byte| is_plain(byte) || b"-._".contains(&byte));
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError { found: text.to_owned() })
        }
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Milliseconds since 1970 as a date and time of UTC: `2026-11-24 13:35:00`.
pub fn date_time(unix_ms: u64) -> String {
    let [year, month, day, hour, minute, second, _] = parts(unix_ms);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// Milliseconds since 1970; a clock before that counts as 1970.
pub fn unix_ms(now: SystemTime) -> u64 {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// `20261124t133500.123z`: sorts by time.
fn timestamp(now: SystemTime) -> String {
    let [year, month, day, hour, minute, second, ms] = parts(unix_ms(now));
    format!("{year:04}{month:02}{day:02}t{hour:02}{minute:02}{second:02}.{ms:03}z")
}

/// Year, month, day, hour, minute, second, millisecond of UTC. The date after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn parts(unix_ms: u64) -> [u64; 7] {
    let (days, ms) = (unix_ms / 86_400_000, unix_ms % 86_400_000);
    // Days since 0000-03-01, in eras of 400 years.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let second = ms / 1000;
    [
        year,
        month,
        day,
        second / 3600,
        second / 60 % 60,
        second % 60,
        ms % 1000,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folders_everywhere() {
        for good in ["a", "before-upgrade", "v1.2_x", &"a".repeat(63)] {
            assert_eq!(good.parse::<Name>().map(|name| name.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "A", "a/b", "..", ".a", "a.", "-a", "a b", "ä", &"a".repeat(64)] {
            assert!(bad.parse::<Name>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        // From `date -u -d @N`.
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_399, "2000-02-28 23:59:59"),
            (951_782_400, "2000-02-29 00:00:00"),
            (1_795_527_300, "2026-11-24 13:35:00"),
            (4_107_542_400, "2100-03-01 00:00:00"),
        ] {
            assert_eq!(date_time(seconds * 1000), text);
        }
    }

    #[test]
    fn automatic_names_are_valid_and_sort_by_time() {
        let at = |seconds| Name::automatic(UNIX_EPOCH + Duration::from_secs(seconds));
        assert!(at(1_795_527_299) < at(1_795_527_300));
        for name in [at(1_795_527_300), Name::farewell(UNIX_EPOCH), Name::manual(UNIX_EPOCH)] {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
        assert!(Name::farewell(UNIX_EPOCH).is_automatic() && !Name::manual(UNIX_EPOCH).is_automatic());
    }
}
