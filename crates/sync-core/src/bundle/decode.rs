//! MessagePack back into values, in the canonical form alone and within limits.
//!
//! One value has one encoding here (`crate::canonical`), so that a bundle which is read and written again is the same
//! bytes. Any other form is refused.

use super::{MAX_NESTING, MAX_WEIGHT};
use crate::value::Value;
use alloc::{collections::BTreeMap, string::String, vec::Vec};

/// Named values: the content of every frame that holds a map.
pub(super) type Named = BTreeMap<String, Value>;

/// What a list or a map weighs beside its items.
const CONTAINER: usize = 8;

/// Why a payload does not decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    /// What is wrong with its form.
    Form(&'static str),
    /// It weighs more than [`MAX_WEIGHT`].
    Weight,
}

/// Decodes a payload that is one map.
pub(super) fn named(payload: &[u8]) -> Result<Named, Wrong> {
    match one(payload)? {
        Value::Map(map) => Ok(map),
        _ => Err(Wrong::Form("a map should stand here")),
    }
}

/// Decodes a payload that is one value.
pub(super) fn one(payload: &[u8]) -> Result<Value, Wrong> {
    let mut decoder = Decoder { rest: payload, weight: MAX_WEIGHT - 1 };
    let value = decoder.value(MAX_NESTING)?;
    if decoder.rest.is_empty() { Ok(value) } else { Err(Wrong::Form("bytes follow the value")) }
}

/// What a list or a map of these values weighs beside the 1 that every value does; `nesting` is how many lists and maps
/// may lie inside one another from it on.
pub(super) fn weigh<'a>(mut values: impl Iterator<Item = &'a Value>, nesting: usize) -> Result<usize, Wrong> {
    let nesting = nesting.checked_sub(1).ok_or(TOO_DEEP)?;
    values.try_fold(CONTAINER, |sum, value| {
        let inside = match value {
            Value::List(list) => weigh(list.iter(), nesting)?,
            Value::Map(map) => weigh(map.values(), nesting)?,
            _ => 0,
        };
        Ok(sum + 1 + inside)
    })
}

const CUT: Wrong = Wrong::Form("a value is cut off");
const NOT_SHORTEST: Wrong = Wrong::Form("a number or length is not in its shortest form");
const TOO_DEEP: Wrong = Wrong::Form("a value lies too deep");

struct Decoder<'a> {
    rest: &'a [u8],
    /// What may still be taken into memory.
    weight: usize,
}

impl<'a> Decoder<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Wrong> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(CUT)?;
        self.rest = rest;
        Ok(taken)
    }

    /// A number of `len` bytes, which is at least `least`: smaller ones have a shorter form.
    fn uint(&mut self, len: usize, least: u64) -> Result<u64, Wrong> {
        let number = self.take(len)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        if number < least { Err(NOT_SHORTEST) } else { Ok(number) }
    }

    fn length(&mut self, len: usize, least: u64) -> Result<usize, Wrong> {
        usize::try_from(self.uint(len, least)?).map_err(|_| CUT)
    }

    /// A number of `len` bytes with a sign, which is below `below`: all others have another form.
    fn negative(&mut self, len: usize, below: i64) -> Result<Value, Wrong> {
        let bytes = self.take(len)?;
        let first = if bytes.first().is_some_and(|byte| *byte >= 0x80) { -1 } else { 0 };
        let number = bytes.iter().fold(first, |number: i64, byte| number << 8 | i64::from(*byte));
        if number < below { Ok(Value::Int(number)) } else { Err(NOT_SHORTEST) }
    }

    fn value(&mut self, nesting: usize) -> Result<Value, Wrong> {
        let [tag] = self.take(1)? else { return Err(CUT) };
        match *tag {
            tag @ 0x00..=0x7f => Ok(Value::Int(i64::from(tag))),
            tag @ 0x80..=0x8f => self.map(usize::from(tag & 0x0f), nesting),
            tag @ 0x90..=0x9f => self.list(usize::from(tag & 0x0f), nesting),
            tag @ (0xa0..=0xbf | 0xd9..=0xdb) => Ok(Value::Text(self.text(tag)?.into())),
            0xc2 => Ok(Value::Bool(false)),
            0xc3 => Ok(Value::Bool(true)),
            0xc4 => self.bytes(1, 0),
            0xc5 => self.bytes(2, 0x100),
            0xc6 => self.bytes(4, 0x1_0000),
            0xcc => self.whole(1, 0x80),
            0xcd => self.whole(2, 0x100),
            0xce => self.whole(4, 0x1_0000),
            0xcf => self.whole(8, 0x1_0000_0000),
            0xd0 => self.negative(1, -0x20),
            0xd1 => self.negative(2, -0x80),
            0xd2 => self.negative(4, -0x8000),
            0xd3 => self.negative(8, -0x8000_0000),
            0xdc => self.length(2, 0x10).and_then(|len| self.list(len, nesting)),
            0xdd => self.length(4, 0x1_0000).and_then(|len| self.list(len, nesting)),
            0xde => self.length(2, 0x10).and_then(|len| self.map(len, nesting)),
            0xdf => self.length(4, 0x1_0000).and_then(|len| self.map(len, nesting)),
            tag @ 0xe0..=0xff => Ok(Value::Int(i64::from(tag.cast_signed()))),
            0xc0 | 0xc1 | 0xc7..=0xcb | 0xd4..=0xd8 => Err(Wrong::Form(
                "a value is neither yes or no, a whole number, text, bytes, a list nor a map",
            )),
        }
    }

    fn whole(&mut self, len: usize, least: u64) -> Result<Value, Wrong> {
        let number = self.uint(len, least)?;
        i64::try_from(number).map(Value::Int).map_err(|_| Wrong::Form("a whole number is too large"))
    }

    fn bytes(&mut self, len: usize, least: u64) -> Result<Value, Wrong> {
        let len = self.length(len, least)?;
        Ok(Value::Bytes(self.take(len)?.into()))
    }

    /// The text behind `tag`.
    fn text(&mut self, tag: u8) -> Result<&'a str, Wrong> {
        let len = match tag {
            0xa0..=0xbf => usize::from(tag & 0x1f),
            0xd9 => self.length(1, 0x20)?,
            0xda => self.length(2, 0x100)?,
            0xdb => self.length(4, 0x1_0000)?,
            _ => return Err(Wrong::Form("a key is no text")),
        };
        core::str::from_utf8(self.take(len)?).map_err(|_| Wrong::Form("text is not UTF-8"))
    }

    /// Pays for a list or map of `len` items before any of them takes memory; gives the nesting that is left.
    fn open(&mut self, len: usize, nesting: usize) -> Result<usize, Wrong> {
        if len > self.rest.len() {
            return Err(CUT);
        }
        let weight = len.saturating_add(CONTAINER);
        self.weight = self.weight.checked_sub(weight).ok_or(Wrong::Weight)?;
        nesting.checked_sub(1).ok_or(TOO_DEEP)
    }

    fn list(&mut self, len: usize, nesting: usize) -> Result<Value, Wrong> {
        let nesting = self.open(len, nesting)?;
        let mut list = Vec::with_capacity(len);
        for _ in 0..len {
            list.push(self.value(nesting)?);
        }
        Ok(Value::List(list))
    }

    fn map(&mut self, len: usize, nesting: usize) -> Result<Value, Wrong> {
        let nesting = self.open(len, nesting)?;
        let mut map = Named::new();
        let mut last = None;
        for _ in 0..len {
            let [tag] = self.take(1)? else { return Err(CUT) };
            let key = self.text(*tag)?;
            if last.is_some_and(|last| last >= key) {
                return Err(Wrong::Form("the keys of a map are doubled or out of order"));
            }
            last = Some(key);
            map.insert(key.into(), self.value(nesting)?);
        }
        Ok(Value::Map(map))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{canonical::Encoder, value::tests::any_value};
    use alloc::vec;
    use proptest::prelude::*;

    fn encoded(value: &Value) -> Vec<u8> {
        let mut encoder = Encoder::default();
        encoder.value(value);
        encoder.finish()
    }

    proptest! {
        #[test]
        fn every_value_comes_back(value in any_value(), wide in any::<Vec<i64>>()) {
            for value in [value, Value::List(wide.into_iter().map(Value::Int).collect())] {
                prop_assert_eq!(one(&encoded(&value)), Ok(value));
            }
        }

        /// What decodes has one encoding: these bytes.
        #[test]
        fn what_decodes_is_canonical(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(value) = one(&bytes) {
                prop_assert_eq!(encoded(&value), bytes);
            }
        }
    }

    #[test]
    fn the_edges_of_every_form_come_back() {
        let mut edges: Vec<i64> = vec![i64::MIN, i64::MAX];
        for power in [5, 7, 8, 15, 16, 31, 32, 62] {
            for number in [(1 << power) - 1, 1 << power, (1 << power) + 1_i64] {
                edges.extend([number, -number]);
            }
        }
        for number in edges {
            assert_eq!(one(&encoded(&Value::Int(number))), Ok(Value::Int(number)), "{number}");
        }
        for len in [0, 15, 16, 31, 32, 255, 256, 65_535, 65_536] {
            for value in [Value::Text("x".repeat(len)), Value::Bytes(vec![1; len])] {
                assert_eq!(one(&encoded(&value)), Ok(value), "{len}");
            }
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for bytes in [
            &[0xcc, 0x7f][..],
            &[0xcd, 0, 0xff],
            &[0xd0, 0xff],
            &[0xd1, 0xff, 0x80],
            &[0xd9, 1, b'x'],
            &[0xdc, 0, 0],
            &[0xcf, 0xff, 0, 0, 0, 0, 0, 0, 0],
            &[0xc0],
            &[0xca, 0, 0, 0, 0],
            &[0xa1, 0xff],
            &[0x01, 0x01],
            &[0x82, 0xa1, b'b', 1, 0xa1, b'a', 1],
            &[0x82, 0xa1, b'a', 1, 0xa1, b'a', 1],
            &[0x81, 1, 1],
            &[0xdd, 0xff, 0xff, 0xff, 0xff],
            &[],
        ] {
            assert!(matches!(one(bytes), Err(Wrong::Form(_))), "{bytes:02x?}");
        }
    }

    #[test]
    fn weight_and_nesting_are_bounded_alike_both_ways() {
        let list = |len| Value::List(vec![Value::Bool(true); len]);
        let most = list(MAX_WEIGHT - CONTAINER - 1);
        let Value::List(items) = &most else { unreachable!() };
        assert_eq!(weigh(items.iter(), MAX_NESTING), Ok(MAX_WEIGHT - 1));
        assert!(one(&encoded(&most)).is_ok());
        assert_eq!(one(&encoded(&list(MAX_WEIGHT - CONTAINER))), Err(Wrong::Weight));
        // In a map of one entry: 1 and CONTAINER for the map, 1 for the entry.
        let fits = list(MAX_WEIGHT - 2 * CONTAINER - 2);
        assert_eq!(weigh([&fits].into_iter(), MAX_NESTING), Ok(MAX_WEIGHT - 1));
        assert!(named(&encoded(&Value::Map([("a".into(), fits)].into()))).is_ok());
        let over = list(MAX_WEIGHT - 2 * CONTAINER - 1);
        assert_eq!(named(&encoded(&Value::Map([("a".into(), over)].into()))), Err(Wrong::Weight));

        let nested = |depth| (0..depth).fold(Value::Int(1), |inner, _| Value::List(vec![inner]));
        assert!(one(&encoded(&nested(MAX_NESTING))).is_ok());
        assert_eq!(one(&encoded(&nested(MAX_NESTING + 1))), Err(TOO_DEEP));
        assert!(weigh([&nested(MAX_NESTING - 1)].into_iter(), MAX_NESTING).is_ok());
        assert_eq!(weigh([&nested(MAX_NESTING)].into_iter(), MAX_NESTING), Err(TOO_DEEP));
    }
}
