//! `serde::Deserializer` over nodes.

use std::borrow::Cow;

use serde::de::value::{CowStrDeserializer, StrDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::error::{Error, Segment};
use crate::yaml::{Entry, Kind, Node, Scalar};

/// Reads one node.
#[derive(Clone, Copy)]
pub(super) struct De<'a> {
    node: &'a Node,
}

/// Reads a key; errors point at it.
struct Key<'a> {
    text: Cow<'a, str>,
    node: &'a Node,
}

struct Items<'a> {
    items: core::iter::Enumerate<core::slice::Iter<'a, Node>>,
}

struct Entries<'a> {
    entries: std::vec::IntoIter<(Cow<'a, str>, &'a Entry)>,
    value: Option<(String, &'a Node)>,
}

/// A single-key mapping or a string, as an enum.
struct Variant<'a> {
    name: &'a str,
    key: Option<&'a Node>,
    value: Option<&'a Node>,
    node: &'a Node,
}

// === impl De ===

impl<'a> De<'a> {
    pub(super) fn new(node: &'a Node) -> Self {
        Self { node }
    }

    fn any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.resolved().kind {
            Kind::Scalar { value, text, .. } => match value.as_json() {
                Scalar::Null => visitor.visit_unit(),
                Scalar::Bool(value) => visitor.visit_bool(value),
                Scalar::Int(value) => visitor.visit_i64(value),
                Scalar::UInt(value) => visitor.visit_u64(value),
                Scalar::Float(value) => visitor.visit_f64(value),
                Scalar::Str => visitor.visit_borrowed_str(text),
            },
            Kind::Sequence { items, .. } => visitor.visit_seq(Items::new(items)),
            Kind::Mapping { .. } => visitor.visit_map(Entries::new(self.node, false)),
            // `resolved` follows aliases to their end.
            Kind::Alias(_) => visitor.visit_unit(),
        }
        .map_err(|error| error.at(self.node))
    }
}

/// Null as the empty value that Go leaves in place.
macro_rules! null_is {
    ($($method:ident => $visit:ident($($empty:expr)?);)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            if self.node.is_null() {
                return visitor.$visit($($empty)?).map_err(|error: Error| error.at(self.node));
            }
            self.any(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for De<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.any(visitor)
    }

    null_is! {
        deserialize_bool => visit_bool(false);
        deserialize_i8 => visit_i64(0);
        deserialize_i16 => visit_i64(0);
        deserialize_i32 => visit_i64(0);
        deserialize_i64 => visit_i64(0);
        deserialize_u8 => visit_u64(0);
        deserialize_u16 => visit_u64(0);
        deserialize_u32 => visit_u64(0);
        deserialize_u64 => visit_u64(0);
        deserialize_f32 => visit_f64(0.0);
        deserialize_f64 => visit_f64(0.0);
        deserialize_str => visit_str("");
        deserialize_string => visit_str("");
        deserialize_seq => visit_seq(Items::new(&[]));
        deserialize_map => visit_map(Entries::none());
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let entries = match self.node.resolved().kind {
            Kind::Mapping { .. } => Entries::new(self.node, true),
            _ if self.node.is_null() => Entries::none(),
            _ => return self.any(visitor),
        };
        visitor
            .visit_map(entries)
            .map_err(|error| error.at(self.node))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.node.is_null() {
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor
            .visit_newtype_struct(self)
            .map_err(|error| error.at(self.node))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let variant = match (self.node.as_str(), self.node.entries()) {
            (Some(name), _) => Variant {
                name,
                key: None,
                value: None,
                node: self.node,
            },
            (None, Some([entry])) if entry.key.as_str().is_some() => Variant {
                name: entry.key.as_str().unwrap_or_default(),
                key: Some(&entry.key),
                value: Some(&entry.value),
                node: self.node,
            },
            _ => return Err(Error::wanted("a string").at(self.node)),
        };
        visitor
            .visit_enum(variant)
            .map_err(|error| error.at(self.node))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

impl<'de> IntoDeserializer<'de, Error> for De<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

// === impl Key ===

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let result = match self.text {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        };
        result.map_err(|error: Error| error.at(self.node))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let text: CowStrDeserializer<'_, Error> = self.text.into_deserializer();
        visitor
            .visit_enum(text)
            .map_err(|error| error.at(self.node))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

// === impl Items ===

impl<'a> Items<'a> {
    fn new(items: &'a [Node]) -> Self {
        Self {
            items: items.iter().enumerate(),
        }
    }
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some((index, node)) = self.items.next() else {
            return Ok(None);
        };
        seed.deserialize(De::new(node))
            .map(Some)
            .map_err(|error| error.within(Segment::Index(index)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

// === impl Entries ===

impl<'a> Entries<'a> {
    fn new(node: &'a Node, skip_null: bool) -> Self {
        let mut entries = node.decided();
        if skip_null {
            entries.retain(|(_, entry)| !entry.value.is_null());
        }
        Self {
            entries: entries.into_iter(),
            value: None,
        }
    }

    fn none() -> Self {
        Self {
            entries: Vec::new().into_iter(),
            value: None,
        }
    }
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((text, entry)) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some((text.clone().into_owned(), &entry.value));
        let key = Key {
            text,
            node: &entry.key,
        };
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some((key, node)) = self.value.take() else {
            return Err(Error::wanted("a value after a key"));
        };
        seed.deserialize(De::new(node))
            .map_err(|error| error.within(Segment::Key(key)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

// === impl Variant ===

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let name: StrDeserializer<'_, Error> = self.name.into_deserializer();
        let value = seed
            .deserialize(name)
            .map_err(|error| error.at(self.key.unwrap_or(self.node)))?;
        Ok((value, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.value {
            Some(value) if !value.is_null() => Err(Error::wanted("a string").at(self.node)),
            _ => Ok(()),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        let Some(value) = self.value else {
            return Err(Error::wanted("an object with one field").at(self.node));
        };
        seed.deserialize(De::new(value))
            .map_err(|error| error.within(Segment::Key(self.name.to_owned())))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Error> {
        let Some(value) = self.value else {
            return Err(Error::wanted("an object with one field").at(self.node));
        };
        De::new(value)
            .deserialize_seq(visitor)
            .map_err(|error| error.within(Segment::Key(self.name.to_owned())))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Some(value) = self.value else {
            return Err(Error::wanted("an object with one field").at(self.node));
        };
        De::new(value)
            .deserialize_struct("", fields, visitor)
            .map_err(|error| error.within(Segment::Key(self.name.to_owned())))
    }
}
