//! Moments. The core has no clock: whoever calls it says what time it is.

use alloc::string::{String, ToString};
use chrono::{DateTime, SecondsFormat, Utc};
use core::{fmt, str::FromStr, time::Duration};
use serde::{Deserialize, Serialize};

/// A moment in milliseconds since 1970-01-01T00:00:00Z.
///
/// No rule of the merge compares moments; they are for people, for windows and for reservations.
///
/// ```
/// use sync_core::time::Timestamp;
/// let t: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
/// assert_eq!(t.to_string(), "2026-11-24T08:00:00.000Z");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This moment and `after`; the last moment there is where the sum would not fit.
    #[must_use]
    pub fn plus(self, after: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(after.as_millis()).unwrap_or(i64::MAX)))
    }

    /// So long before this moment.
    #[must_use]
    pub fn minus(self, before: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(before.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long it is from `earlier` to this moment; zero where `earlier` is later (a clock that jumped).
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::<Utc>::from_timestamp_millis(self.0) {
            Some(moment) => f.write_str(&moment.to_rfc3339_opts(SecondsFormat::Millis, true)),
            None => write!(f, "{} ms", self.0),
        }
    }
}

/// The text was not an RFC 3339 date and time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a date and time: write it as 2026-11-24T08:00:00Z")]
pub struct NotATimestamp(pub String);

impl FromStr for Timestamp {
    type Err = NotATimestamp;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        DateTime::parse_from_rfc3339(text)
            .map(|moment| Self(moment.timestamp_millis()))
            .map_err(|_| NotATimestamp(text.to_string()))
    }
}

/// Moments as RFC 3339 text, for what people and scripts read; numbers are read too. For `#[serde(with = ...)]`.
pub mod as_text {
    use super::Timestamp;
    use core::fmt;
    use serde::{Deserializer, Serializer, de};

    /// Writes the text.
    ///
    /// # Errors
    /// The encoder's.
    pub fn serialize<S: Serializer>(moment: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(moment)
    }

    /// Reads a text, or milliseconds.
    ///
    /// # Errors
    /// Where it is neither.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        struct Either;
        impl de::Visitor<'_> for Either {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a date and time, or milliseconds since 1970")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                // How a moment beyond the calendar is written.
                let milliseconds = text.strip_suffix(" ms").and_then(|number| number.parse().ok());
                milliseconds.map_or_else(|| text.parse().map_err(de::Error::custom), |ms| Ok(Timestamp(ms)))
            }

            fn visit_i64<E: de::Error>(self, milliseconds: i64) -> Result<Timestamp, E> {
                Ok(Timestamp(milliseconds))
            }

            fn visit_u64<E: de::Error>(self, milliseconds: u64) -> Result<Timestamp, E> {
                i64::try_from(milliseconds).map(Timestamp).map_err(de::Error::custom)
            }
        }
        deserializer.deserialize_any(Either)
    }
}
