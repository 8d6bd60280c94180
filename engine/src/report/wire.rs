//! How frames look as JSON. Only where derives would not do: keys that are written as one word,
//! tables as arrays, histograms as pairs.

use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

use super::counters::Flags;
use super::histogram::Histogram;
use super::row::Table;
use crate::failure::Flag;
use crate::snapshot::{ClusterKey, ObjectName};
use crate::time::Instant;

/// A row of a table: the fields of key and row side by side.
#[derive(serde::Serialize)]
struct LineRef<'a, K, R> {
    #[serde(flatten)]
    key: &'a K,
    #[serde(flatten)]
    row: &'a R,
}

#[derive(serde::Deserialize)]
struct Line<K, R> {
    #[serde(flatten)]
    key: K,
    #[serde(flatten)]
    row: R,
}

/// `buckets` are pairs of index and count, ascending; the bounds of an index are
/// [`Histogram::bounds`].
#[derive(serde::Serialize, serde::Deserialize)]
struct Counted {
    sum_us: u64,
    buckets: Vec<(usize, u64)>,
}

// === time ===

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u64(self.as_nanos())
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        u64::deserialize(d).map(Self::from_nanos)
    }
}

/// An optional duration in nanoseconds.
pub(super) mod window {
    use super::{Deserialize, Deserializer, Serialize, Serializer};
    use crate::time::{Duration, nanos};

    pub(crate) fn serialize<S: Serializer>(d: &Option<Duration>, s: S) -> Result<S::Ok, S::Error> {
        d.map(nanos).serialize(s)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(d)?.map(Duration::from_nanos))
    }
}

// === names ===

impl Serialize for ObjectName {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ObjectName {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let parts = text.split_once('/');
        let name = parts.map(|(namespace, name)| Self::new(namespace, name));
        name.ok_or_else(|| D::Error::custom(format!("`{text}` is not NAMESPACE/NAME")))
    }
}

impl Serialize for ClusterKey {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ClusterKey {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let key = text.split_once('/').and_then(|(namespace, rest)| {
            let (name, port) = rest.rsplit_once(':')?;
            Some(Self {
                service: ObjectName::new(namespace, name),
                port: port.parse().ok()?,
            })
        });
        key.ok_or_else(|| D::Error::custom(format!("`{text}` is not NAMESPACE/NAME:PORT")))
    }
}

// === tables ===

impl<K: Serialize, R: Serialize> Serialize for Table<K, R> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.0.iter().map(|(key, row)| LineRef { key, row }))
    }
}

impl<'de, K, R> Deserialize<'de> for Table<K, R>
where
    K: Deserialize<'de> + Ord,
    R: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let lines = Vec::<Line<K, R>>::deserialize(d)?;
        Ok(Self(lines.into_iter().map(|l| (l.key, l.row)).collect()))
    }
}

// === counters ===

impl Serialize for Flags {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Flags {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(BTreeMap::<Flag, u64>::deserialize(d)?.into_iter().collect())
    }
}

impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let counted = Counted {
            sum_us: self.sum_micros(),
            buckets: self.buckets().collect(),
        };
        counted.serialize(s)
    }
}

impl<'de> Deserialize<'de> for Histogram {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let counted = Counted::deserialize(d)?;
        Self::from_buckets(counted.buckets, counted.sum_us)
            .ok_or_else(|| D::Error::custom("a bucket's index is out of range"))
    }
}

/// Counts by gRPC code. Keys are text in JSON, and serde hands them on as text inside of a
/// flattened row, so that the derive for `u32` keys would refuse its own output.
pub(super) mod codes {
    use super::{BTreeMap, Deserialize, Deserializer, Error, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        codes: &BTreeMap<u32, u64>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        s.collect_map(codes.iter().map(|(code, n)| (code.to_string(), n)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<BTreeMap<u32, u64>, D::Error> {
        let text = BTreeMap::<String, u64>::deserialize(d)?;
        let codes = text.into_iter().map(|(code, n)| {
            let code = code
                .parse()
                .map_err(|_| D::Error::custom(format!("`{code}` is not a gRPC status code")))?;
            Ok((code, n))
        });
        codes.collect()
    }
}
