//! The one byte encoding under which contents are hashed: MessagePack in its shortest forms, map keys in byte order.
//!
//! Written by hand so that the bytes do not depend on an encoder's version or on `std`.

use crate::value::Value;
use alloc::vec::Vec;
use sha2::{Digest, Sha256};

/// Builds a canonical encoding, piece by piece.
#[derive(Debug, Default)]
pub struct Encoder {
    out: Vec<u8>,
}

impl Encoder {
    /// Nothing, and UNSET.
    pub fn nil(&mut self) {
        self.out.push(0xc0);
    }

    /// A truth value.
    pub fn bool(&mut self, flag: bool) {
        self.out.push(if flag { 0xc3 } else { 0xc2 });
    }

    /// A whole number that is not negative.
    pub fn uint(&mut self, number: u64) {
        match number {
            0..=0x7f => self.out.push(number.to_be_bytes()[7]),
            0x80..=0xff => self.tagged(0xcc, &number.to_be_bytes()[7..]),
            0x100..=0xffff => self.tagged(0xcd, &number.to_be_bytes()[6..]),
            0x1_0000..=0xffff_ffff => self.tagged(0xce, &number.to_be_bytes()[4..]),
            _ => self.tagged(0xcf, &number.to_be_bytes()),
        }
    }

    /// A whole number.
    pub fn int(&mut self, number: i64) {
        match number {
            0.. => self.uint(number.unsigned_abs()),
            -0x20..0 => self.out.push(number.to_be_bytes()[7]),
            -0x80..-0x20 => self.tagged(0xd0, &number.to_be_bytes()[7..]),
            -0x8000..-0x80 => self.tagged(0xd1, &number.to_be_bytes()[6..]),
            -0x8000_0000..-0x8000 => self.tagged(0xd2, &number.to_be_bytes()[4..]),
            _ => self.tagged(0xd3, &number.to_be_bytes()),
        }
    }

    /// Text.
    pub fn text(&mut self, text: &str) {
        match text.len() {
            len @ 0..32 => self.out.push(0xa0 | len.to_be_bytes()[7]),
            len => self.length(len, [Some(0xd9), Some(0xda), Some(0xdb)]),
        }
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len(), [Some(0xc4), Some(0xc5), Some(0xc6)]);
        self.out.extend_from_slice(bytes);
    }

    /// The head of a list; its items follow.
    pub fn array(&mut self, len: usize) {
        match len {
            0..16 => self.out.push(0x90 | len.to_be_bytes()[7]),
            _ => self.length(len, [None, Some(0xdc), Some(0xdd)]),
        }
    }

    /// The head of a map; its keys, in byte order, and values follow.
    pub fn map(&mut self, len: usize) {
        match len {
            0..16 => self.out.push(0x80 | len.to_be_bytes()[7]),
            _ => self.length(len, [None, Some(0xde), Some(0xdf)]),
        }
    }

    /// A value.
    pub fn value(&mut self, value: &Value) {
        match value {
            Value::Bool(flag) => self.bool(*flag),
            Value::Int(number) => self.int(*number),
            Value::Text(text) => self.text(text),
            Value::Bytes(bytes) => self.bytes(bytes),
            Value::List(list) => {
                self.array(list.len());
                for item in list {
                    self.value(item);
                }
            }
            Value::Map(map) => {
                self.map(map.len());
                for (key, item) in map {
                    self.text(key);
                    self.value(item);
                }
            }
        }
    }

    /// A value, or UNSET.
    pub fn option(&mut self, value: Option<&Value>) {
        match value {
            Some(value) => self.value(value),
            None => self.nil(),
        }
    }

    /// What was encoded.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.out
    }

    /// The SHA-256 of what was encoded.
    #[must_use]
    pub fn sha256(self) -> [u8; 32] {
        Sha256::digest(&self.out).into()
    }

    fn tagged(&mut self, tag: u8, rest: &[u8]) {
        self.out.push(tag);
        self.out.extend_from_slice(rest);
    }

    /// A length behind the shortest of the tags for one, two and four bytes. Nothing in memory here reaches 4 GiB:
    /// every input is bounded far below.
    fn length(&mut self, len: usize, [one, two, four]: [Option<u8>; 3]) {
        let bytes = (len as u64).to_be_bytes();
        match (one, two, four) {
            (Some(tag), ..) if len <= 0xff => self.tagged(tag, &bytes[7..]),
            (_, Some(tag), _) if len <= 0xffff => self.tagged(tag, &bytes[6..]),
            (.., tag) => self.tagged(tag.unwrap_or(0xc1), &bytes[4..]),
        }
    }
}

#[cfg(all(test, feature = "wire"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::value::tests::any_value;
    use proptest::prelude::*;

    proptest! {
        /// rmp-serde writes the shortest forms too, so it is an independent check of every branch.
        #[test]
        fn agrees_with_an_independent_encoder(value in any_value(), wide in prop::collection::vec(any::<i64>(), 0..40)) {
            for value in [value, Value::List(wide.into_iter().map(Value::Int).collect())] {
                let mut encoder = Encoder::default();
                encoder.value(&value);
                prop_assert_eq!(encoder.finish(), rmp_serde::to_vec_named(&value).unwrap());
            }
        }
    }

    #[test]
    fn long_texts_bytes_and_lists_agree_too() {
        for len in [0, 15, 16, 31, 32, 255, 256, 65_535, 65_536] {
            for value in [
                Value::Text("x".repeat(len)),
                Value::Bytes(alloc::vec![1; len]),
                Value::List(alloc::vec![Value::Bool(true); len]),
            ] {
                let mut encoder = Encoder::default();
                encoder.value(&value);
                assert_eq!(encoder.finish(), rmp_serde::to_vec_named(&value).unwrap(), "{len}");
            }
        }
    }
}
