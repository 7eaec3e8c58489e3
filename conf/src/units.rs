//! Values with units, as text: `30s`, `1h30m` (the form of Kubernetes' GEP-2257), `64KiB`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// A length of time, written with units: `250ms`, `30s`, `1h30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(time::Duration);

/// A number of bytes, written with a unit: `512B`, `64KiB`, `1MiB`, `10MB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(u64);

/// A text is not what its unit demands.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum UnitError {
    /// Not a duration.
    #[error("expected a duration such as 250ms, 30s or 1h30m, got `{0}`")]
    Duration(String),
    /// A number where a duration is wanted.
    #[error("expected a duration with a unit, such as `{0}s`, got `{0}`")]
    BareDuration(String),
    /// A duration that no clock should be asked to add.
    #[error("expected a duration of at most {LONGEST}, got `{0}`")]
    LongDuration(String),
    /// Not a size.
    #[error("expected a size such as 512B, 64KiB or 1MiB, got `{0}`")]
    ByteSize(String),
    /// A number where a size is wanted.
    #[error("expected a size with a unit, such as `{0}B`, got `{0}`")]
    BareByteSize(String),
}

/// Ten years. Adding it to any instant cannot overflow, and nobody means more.
const LONGEST: Duration = Duration(time::Duration::from_secs(87_600 * 3_600));

const TIME_UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
const SIZE_UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

impl Duration {
    /// From whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(time::Duration::from_secs(seconds))
    }

    /// From whole milliseconds.
    pub(crate) const fn from_millis(milliseconds: u64) -> Self {
        Self(time::Duration::from_millis(milliseconds))
    }

    /// The standard library's duration.
    pub const fn get(self) -> time::Duration {
        self.0
    }

    /// Whether it is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

impl From<Duration> for time::Duration {
    fn from(duration: Duration) -> Self {
        duration.0
    }
}

/// To the millisecond, which is the smallest unit of the text form.
impl From<time::Duration> for Duration {
    fn from(duration: time::Duration) -> Self {
        let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(time::Duration::from_millis(ms))
    }
}

impl ByteSize {
    /// From bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number of bytes.
    pub const fn get(self) -> u64 {
        self.0
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Digits, then a unit's letters; gives both and what follows.
fn split_component(text: &str) -> Option<(u64, &str, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, rest) = text.split_at_checked(digits)?;
    let letters = rest
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(rest.len());
    let (unit, rest) = rest.split_at_checked(letters)?;
    Some((number.parse().ok()?, unit, rest))
}

/// Units must fall, so that `30s1h` is a mistake and not a surprise.
fn parse_milliseconds(mut text: &str) -> Option<u64> {
    let mut total: u64 = 0;
    let mut smallest = u64::MAX;
    while !text.is_empty() {
        let (number, unit, rest) = split_component(text)?;
        let (_, scale) = TIME_UNITS.iter().find(|(name, _)| *name == unit)?;
        if *scale >= smallest {
            return None;
        }
        smallest = *scale;
        total = total.checked_add(number.checked_mul(*scale)?)?;
        text = rest;
    }
    (smallest < u64::MAX).then_some(total)
}

impl FromStr for Duration {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        if is_number(text) {
            return Err(UnitError::BareDuration(text.to_owned()));
        }
        let duration = parse_milliseconds(text)
            .map(|ms| Self(time::Duration::from_millis(ms)))
            .ok_or_else(|| UnitError::Duration(text.to_owned()))?;
        if duration > LONGEST {
            return Err(UnitError::LongDuration(text.to_owned()));
        }
        Ok(duration)
    }
}

impl FromStr for ByteSize {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        if is_number(text) {
            return Err(UnitError::BareByteSize(text.to_owned()));
        }
        let parse = || {
            let (number, unit, rest) = split_component(text)?;
            let (_, scale) = SIZE_UNITS.iter().find(|(name, _)| *name == unit)?;
            rest.is_empty().then_some(number.checked_mul(*scale)?)
        };
        parse()
            .map(Self)
            .ok_or_else(|| UnitError::ByteSize(text.to_owned()))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if left == 0 {
            return f.write_str("0s");
        }
        for (unit, scale) in TIME_UNITS {
            if left >= scale {
                write!(f, "{}{unit}", left / scale)?;
                left %= scale;
            }
        }
        Ok(())
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let binary = SIZE_UNITS.iter().filter(|(name, _)| name.contains('i'));
        match binary
            .into_iter()
            .find(|(_, scale)| self.0 > 0 && self.0.is_multiple_of(*scale))
        {
            Some((unit, scale)) => write!(f, "{}{unit}", self.0 / scale),
            None => write!(f, "{}B", self.0),
        }
    }
}

/// Reads a scalar as its text, whatever YAML takes it for, so that `30` gets the message that `30x` gets.
struct Text;

impl de::Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value with a unit")
    }

    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_u64<E>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_i64<E>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_f64<E>(self, number: f64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_bool<E>(self, on: bool) -> Result<String, E> {
        Ok(on.to_string())
    }
}

fn parse<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    deserializer
        .deserialize_any(Text)?
        .parse()
        .map_err(de::Error::custom)
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse(deserializer)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse(deserializer)
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A length of time with units that fall: h, m, s, ms. At most 87600h.",
            "pattern": "^([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$",
            "minLength": 2,
            "examples": ["250ms", "30s", "1h30m"],
        })
    }
}

impl JsonSchema for ByteSize {
    fn schema_name() -> Cow<'static, str> {
        "ByteSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A number of bytes with a unit.",
            "pattern": "^[0-9]+(B|kB|KiB|MB|MiB|GB|GiB)$",
            "examples": ["512B", "64KiB", "1MiB"],
        })
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn durations_round_trip() {
        for text in ["0s", "250ms", "30s", "1h30m", "1h1m1s1ms"] {
            assert_eq!(text.parse::<Duration>().unwrap().to_string(), text);
        }
        assert_eq!("90m".parse::<Duration>().unwrap().to_string(), "1h30m");
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "30x",
            "s",
            "-1s",
            "1.5s",
            "30s1h",
            "1s1s",
            "30 s",
            "99999999999999999999s",
        ] {
            assert_eq!(
                text.parse::<Duration>(),
                Err(UnitError::Duration(text.to_owned())),
                "{text:?}"
            );
        }
    }

    #[test]
    fn sizes_round_trip() {
        for text in ["0B", "1B", "1000B", "64KiB", "1MiB", "3GiB"] {
            assert_eq!(text.parse::<ByteSize>().unwrap().to_string(), text);
        }
        assert_eq!("10kB".parse::<ByteSize>().unwrap().get(), 10_000);
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "1K", "MiB", "1MiB1B", "1.5MiB", "99999999999GiB"] {
            assert_eq!(
                text.parse::<ByteSize>(),
                Err(UnitError::ByteSize(text.to_owned())),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_number_alone_is_told_its_unit() {
        let duration = "30".parse::<Duration>().unwrap_err();
        assert_eq!(
            duration.to_string(),
            "expected a duration with a unit, such as `30s`, got `30`"
        );
        let size = "1024".parse::<ByteSize>().unwrap_err();
        assert_eq!(size, UnitError::BareByteSize("1024".into()));
    }

    #[test]
    fn ten_years_are_the_longest_duration() {
        assert_eq!("87600h".parse::<Duration>().unwrap(), LONGEST);
        let text = "87600h1ms";
        assert_eq!(
            text.parse::<Duration>(),
            Err(UnitError::LongDuration(text.into()))
        );
    }
}
