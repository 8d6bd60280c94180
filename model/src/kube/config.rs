//! ConfigMap and Secret: values that environments and volumes take.

use core::fmt;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{self, Deserializer};

use crate::yaml;

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConfigMap {
    pub data: BTreeMap<String, String>,
    pub binary_data: BTreeMap<String, Base64>,
}

/// A Secret. Its values never appear in `Debug` output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Secret {
    #[serde(rename = "type")]
    pub kind: String,
    pub data: BTreeMap<String, Base64>,
    /// Not encoded; wins over `data`.
    string_data: BTreeMap<String, Hidden>,
}

/// Bytes written as standard base64.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Base64(pub Vec<u8>);

#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
struct Hidden(String);

// === impl Secret ===

impl Secret {
    /// The value of `key`, decoded.
    pub fn value(&self, key: &str) -> Option<&[u8]> {
        match self.string_data.get(key) {
            Some(Hidden(text)) => Some(text.as_bytes()),
            None => self.data.get(key).map(|Base64(bytes)| &**bytes),
        }
    }

    /// All keys, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let mut keys: Vec<&str> = self.data.keys().map(String::as_str).collect();
        keys.extend(self.string_data.keys().map(String::as_str));
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter()
    }
}

// === impl Base64 ===

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        yaml::base64(&text).map(Self).ok_or_else(|| {
            de::Error::custom("not valid base64, plain text belongs in `stringData`")
        })
    }
}

impl fmt::Debug for Base64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

// === impl Hidden ===

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}
