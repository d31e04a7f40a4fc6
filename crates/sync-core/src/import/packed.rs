//! Fields in little memory: a list of 100,000 entries is compared while it lies in its canonical encoding.

use super::Fields;
use crate::{canonical::Encoder, record::FieldName, value::Value};
use alloc::{boxed::Box, collections::BTreeMap, string::String, vec::Vec};
use core::fmt;

/// What an edit sets, or unsets with `None`.
pub type Edit = BTreeMap<FieldName, Option<Value>>;

/// The fields of a record, or of an edit, in their canonical encoding ([`crate::canonical`]). It takes a fifth of what a
/// map takes, equal fields are equal bytes, and what is in it never shows in a report: it may be secret.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Packed(Box<[u8]>);

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl From<&Fields> for Packed {
    fn from(fields: &Fields) -> Self {
        Self::of(fields.len(), fields.iter().map(|(name, value)| (name.as_str(), Some(value))))
    }
}

impl From<&Edit> for Packed {
    fn from(edit: &Edit) -> Self {
        Self::of(edit.len(), edit.iter().map(|(name, value)| (name.as_str(), value.as_ref())))
    }
}

impl Packed {
    fn of<'a>(len: usize, fields: impl Iterator<Item = (&'a str, Option<&'a Value>)>) -> Self {
        let mut encoder = Encoder::default();
        encoder.map(len);
        for (name, value) in fields {
            encoder.text(name);
            encoder.option(value);
        }
        Self(encoder.finish().into())
    }

    /// The fields that are set.
    #[must_use]
    pub fn fields(&self) -> Fields {
        self.entries().filter_map(|(name, mut bytes)| Some((name.into(), bytes.value()??))).collect()
    }

    /// The same as an edit.
    #[must_use]
    pub fn edit(&self) -> Edit {
        self.entries().filter_map(|(name, mut bytes)| Some((name.into(), bytes.value()?))).collect()
    }

    /// The value of one field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value> {
        self.entries().find(|(found, _)| *found == name).and_then(|(_, mut bytes)| bytes.value()?)
    }

    /// The text in one field.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.entries().find(|(found, _)| *found == name).and_then(|(_, mut bytes)| bytes.text())
    }

    /// The whole number in one field.
    #[must_use]
    pub fn int(&self, name: &str) -> Option<i64> {
        self.get(name)?.as_int()
    }

    /// The names of the fields, in byte order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries().map(|(name, _)| name)
    }

    /// The encoding itself, which is hashed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn entries(&self) -> impl Iterator<Item = (&str, Bytes<'_>)> {
        let mut rest = Bytes(&self.0);
        let len = rest.length(0x80, [0xde, 0xdf]).unwrap_or(0);
        (0..len).map_while(move |_| {
            let name = rest.text()?;
            let value = rest;
            rest.skip()?;
            Some((name, value))
        })
    }
}

/// What is still to be read. Only what [`Encoder`] wrote comes here; `None` stands where that is not so.
#[derive(Clone, Copy)]
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self, len: usize) -> Option<u64> {
        Some(self.take(len)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn size(&mut self, len: usize) -> Option<usize> {
        usize::try_from(self.number(len)?).ok()
    }

    /// The length of a list or map, whose short form has the tag `short` with the length in the lower four bits.
    fn length(&mut self, short: u8, [two, four]: [u8; 2]) -> Option<usize> {
        match self.take(1)?[0] {
            tag if tag & 0xf0 == short => Some(usize::from(tag & 0x0f)),
            tag if tag == two => self.size(2),
            tag if tag == four => self.size(4),
            _ => None,
        }
    }

    fn text(&mut self) -> Option<&'a str> {
        let len = match self.take(1)?[0] {
            tag @ 0xa0..=0xbf => usize::from(tag & 0x1f),
            0xd9 => self.size(1)?,
            0xda => self.size(2)?,
            0xdb => self.size(4)?,
            _ => return None,
        };
        core::str::from_utf8(self.take(len)?).ok()
    }

    /// Passes over one value.
    fn skip(&mut self) -> Option<()> {
        let tag = *self.0.first()?;
        let len = match tag {
            0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => 1,
            0xcc | 0xd0 => 2,
            0xcd | 0xd1 => 3,
            0xce | 0xd2 => 5,
            0xcf | 0xd3 => 9,
            0xa0..=0xbf | 0xd9..=0xdb => return self.text().map(|_| ()),
            0xc4..=0xc6 => return self.bytes().map(|_| ()),
            0x90..=0x9f | 0xdc | 0xdd => {
                let items = self.length(0x90, [0xdc, 0xdd])?;
                return (0..items).try_for_each(|_| self.skip());
            }
            _ => {
                let items = self.length(0x80, [0xde, 0xdf])?;
                return (0..items).try_for_each(|_| self.text().and_then(|_| self.skip()));
            }
        };
        self.take(len).map(|_| ())
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = match self.take(1)?[0] {
            0xc4 => self.size(1)?,
            0xc5 => self.size(2)?,
            _ => self.size(4)?,
        };
        self.take(len)
    }

    /// A value, or UNSET.
    fn value(&mut self) -> Option<Option<Value>> {
        let signed =
            |number: u64, bits: u32| i64::from_be_bytes((number << (64 - bits)).to_be_bytes()) >> (64 - bits);
        let tag = *self.0.first()?;
        let value = match tag {
            0xa0..=0xbf | 0xd9..=0xdb => Value::Text(self.text()?.into()),
            0xc4..=0xc6 => Value::Bytes(self.bytes()?.into()),
            0x90..=0x9f | 0xdc | 0xdd => {
                let len = self.length(0x90, [0xdc, 0xdd])?;
                Value::List((0..len).map(|_| self.value()?).collect::<Option<Vec<_>>>()?)
            }
            0x80..=0x8f | 0xde | 0xdf => {
                let len = self.length(0x80, [0xde, 0xdf])?;
                let entry = |_| Some((String::from(self.text()?), self.value()??));
                Value::Map((0..len).map(entry).collect::<Option<BTreeMap<_, _>>>()?)
            }
            _ => {
                self.take(1)?;
                match tag {
                    0xc0 => return Some(None),
                    0xc2 => Value::Bool(false),
                    0xc3 => Value::Bool(true),
                    0x00..=0x7f => Value::Int(i64::from(tag)),
                    0xe0..=0xff => Value::Int(signed(u64::from(tag), 8)),
                    0xcc => Value::Int(i64::try_from(self.number(1)?).ok()?),
                    0xcd => Value::Int(i64::try_from(self.number(2)?).ok()?),
                    0xce => Value::Int(i64::try_from(self.number(4)?).ok()?),
                    0xcf => Value::Int(i64::try_from(self.number(8)?).ok()?),
                    0xd0 => Value::Int(signed(self.number(1)?, 8)),
                    0xd1 => Value::Int(signed(self.number(2)?, 16)),
                    0xd2 => Value::Int(signed(self.number(4)?, 32)),
                    0xd3 => Value::Int(signed(self.number(8)?, 64)),
                    _ => return None,
                }
            }
        };
        Some(Some(value))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::value::tests::any_value;
    use proptest::prelude::*;

    proptest! {
        /// Whatever is packed comes back, field by field and as a whole.
        #[test]
        fn fields_come_back(
            fields in prop::collection::btree_map(
                "[a-z:]{0,40}",
                prop_oneof![any_value(), any::<i64>().prop_map(Value::Int), any::<i16>().prop_map(|n| Value::Int(n.into()))],
                0..20,
            ),
            unset in "[A-Z]{1,3}",
        ) {
            let packed = Packed::from(&fields);
            prop_assert_eq!(packed.fields(), fields.clone());
            for (name, value) in &fields {
                prop_assert_eq!(packed.get(name), Some(value.clone()));
                prop_assert_eq!(packed.text(name), value.as_text());
            }
            prop_assert!(packed.names().eq(fields.keys()));
            let mut edit: Edit = fields.into_iter().map(|(name, value)| (name, Some(value))).collect();
            edit.insert(unset.clone(), None);
            let packed = Packed::from(&edit);
            prop_assert_eq!(packed.edit(), edit);
            prop_assert_eq!(packed.get(&unset), None);
        }
    }

    #[test]
    fn long_texts_lists_and_bytes_come_back() {
        for len in [31, 32, 255, 256, 65_535, 65_536] {
            let fields: Fields = [
                ("a".into(), Value::Text("x".repeat(len))),
                ("b".into(), Value::Bytes(alloc::vec![1; len])),
                ("c".into(), Value::List(alloc::vec![Value::Bool(true); len])),
                ("d".into(), Value::Int(-1)),
            ]
            .into();
            let packed = Packed::from(&fields);
            assert_eq!(packed.fields(), fields);
            assert_eq!(packed.int("d"), Some(-1));
        }
    }
}
