//! What a field can hold.

use alloc::{collections::BTreeMap, string::String, vec::Vec};
use core::fmt;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, SeqAccess, Visitor},
    ser::{SerializeMap, SerializeSeq},
};

/// How many lists and maps may lie inside one another in a [`Value`]; deeper ones are refused at decoding.
pub const MAX_DEPTH: usize = 16;

/// What a field holds. A field that is *unset* holds no value: `Option<Value>` is `None` then.
///
/// There is no floating point: equality decides whether a conflict is reported, so it must be exact.
/// In MessagePack and JSON a value is written as itself, without a tag; bytes become a byte string in
/// MessagePack and, in JSON, an object with the one key `$bytes` that holds hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text in UTF-8.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Several values in order, written as one.
    List(Vec<Self>),
    /// What belongs together and is written as one, such as a server's host, port and path.
    Map(BTreeMap<String, Self>),
}

impl Value {
    /// The text, if this is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if this is a whole number.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The entry `key` of a map.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(map) => map.get(key),
            _ => None,
        }
    }

    /// Whether what is written can be read again: not too deep, and no map that JSON could not tell from bytes.
    ///
    /// # Errors
    /// [`Unwritable`], which says why not.
    pub fn writable(&self) -> Result<(), Unwritable> {
        self.writable_within(MAX_DEPTH)
    }

    fn writable_within(&self, depth: usize) -> Result<(), Unwritable> {
        let deeper = || depth.checked_sub(1).ok_or(Unwritable::TooDeep);
        match self {
            Self::List(list) => {
                let depth = deeper()?;
                list.iter().try_for_each(|item| item.writable_within(depth))
            }
            Self::Map(map) if map.len() == 1 && map.contains_key(BYTES_KEY) => Err(Unwritable::ReservedKey),
            Self::Map(map) => {
                let depth = deeper()?;
                map.values().try_for_each(|item| item.writable_within(depth))
            }
            _ => Ok(()),
        }
    }

    fn depth(&self) -> usize {
        match self {
            Self::List(list) => 1 + list.iter().map(Self::depth).max().unwrap_or(0),
            Self::Map(map) => 1 + map.values().map(Self::depth).max().unwrap_or(0),
            _ => 0,
        }
    }
}

/// Nobody could read a value again that was written so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// Lists and maps lie in one another more than [`MAX_DEPTH`] deep.
    #[error("lists and maps lie more than {MAX_DEPTH} deep in one another")]
    TooDeep,
    /// A map whose only key is the one under which JSON carries bytes.
    #[error("a map can't have `{BYTES_KEY}` as its only key")]
    ReservedKey,
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

/// As a person reads it: text as it is, everything else as JSON has it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Bool(flag) => write!(f, "{flag}"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::List(list) => {
                f.write_str("[")?;
                for (i, item) in list.iter().enumerate() {
                    write!(f, "{}{item}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Self::Map(map) => {
                f.write_str("{")?;
                for (i, (key, item)) in map.iter().enumerate() {
                    write!(f, "{}{key}: {item}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str("}")
            }
        }
    }
}

/// The key under which JSON carries bytes.
const BYTES_KEY: &str = "$bytes";

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(flag) => serializer.serialize_bool(*flag),
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) if serializer.is_human_readable() => {
                let mut hex = String::with_capacity(bytes.len() * 2);
                for byte in bytes {
                    for digit in [byte >> 4, byte & 15] {
                        hex.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
                    }
                }
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(BYTES_KEY, &hex)?;
                map.end()
            }
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Self::List(list) => {
                let mut seq = serializer.serialize_seq(Some(list.len()))?;
                for item in list {
                    seq.serialize_element(item)?;
                }
                seq.end()
            }
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, item) in entries {
                    map.serialize_entry(key, item)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = deserializer.deserialize_any(ValueVisitor)?;
        if value.depth() > MAX_DEPTH {
            return Err(de::Error::custom("a value lies too deep"));
        }
        Ok(value)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a truth value, a whole number, text, bytes, a list or a map")
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        i64::try_from(number).map(Value::Int).map_err(|_| E::custom("a whole number is too large"))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.into()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(bytes.into()))
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Value, E> {
        Ok(Value::Bytes(bytes))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = seq.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some((key, item)) = map.next_entry::<String, Value>()? {
            entries.insert(key, item);
        }
        if let (1, Some(Value::Text(hex))) = (entries.len(), entries.get(BYTES_KEY)) {
            let digits: Option<Vec<u8>> =
                hex.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
            return match digits {
                Some(digits) if digits.len() % 2 == 0 => {
                    Ok(Value::Bytes(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()))
                }
                _ => Err(de::Error::custom("bytes are written as an even number of hexadecimal digits")),
            };
        }
        Ok(Value::Map(entries))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Any value that is not a map with the reserved key.
    pub(crate) fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            ".{0,8}".prop_map(Value::Text),
            prop::collection::vec(any::<u8>(), 0..8).prop_map(Value::Bytes),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                prop::collection::btree_map("[a-z]{0,4}", inner, 0..4).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn comes_back_from_json(value in any_value()) {
            let text = serde_json::to_string(&value).unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
    }

    #[test]
    fn what_could_not_be_read_again_is_not_writable() {
        let nested = |times: usize| (0..times).fold(Value::Int(1), |inner, _| Value::List(vec![inner]));
        assert_eq!(nested(MAX_DEPTH).writable(), Ok(()));
        assert_eq!(nested(MAX_DEPTH + 1).writable(), Err(Unwritable::TooDeep));
        let map = |keys: &[&str]| {
            Value::Map(keys.iter().map(|key| ((*key).into(), Value::Int(1))).collect::<BTreeMap<_, _>>())
        };
        assert_eq!(Value::List(vec![map(&["$bytes"])]).writable(), Err(Unwritable::ReservedKey));
        assert_eq!(map(&["$bytes", "a"]).writable(), Ok(()));
        assert_eq!(Value::Bytes(vec![1]).writable(), Ok(()));
    }

    #[test]
    fn refuses_what_lies_too_deep() {
        let deep = "[".repeat(40) + &"]".repeat(40);
        assert!(serde_json::from_str::<Value>(&deep).is_err());
        assert!(serde_json::from_str::<Value>("1.5").is_err());
    }
}
