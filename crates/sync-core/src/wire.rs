//! MessagePack in and out, for messages and for stored rows.

use alloc::{string::String, vec::Vec};
use serde::{Serialize, de::DeserializeOwned};
use std::io::Cursor;

/// How deep a message may nest; deeper ones are refused before they cost memory or stack.
pub const MAX_DEPTH: usize = 48;

/// The bytes are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a message that can be read: {0}")]
pub struct Malformed(pub String);

/// Encodes a message or a row: structures as maps with named keys, so that a later version can add some.
///
/// # Errors
/// [`Malformed`] where the structure cannot be encoded; no structure of this crate is such.
pub fn encode<T: Serialize + ?Sized>(message: &T) -> Result<Vec<u8>, Malformed> {
    rmp_serde::to_vec_named(message).map_err(|error| Malformed(alloc::format!("{error}")))
}

/// Decodes a message or a row. Nothing may follow it.
///
/// # Errors
/// [`Malformed`] where the bytes are truncated, too deep, of another shape, or too many.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Malformed> {
    let mut reader = rmp_serde::Deserializer::new(Cursor::new(bytes));
    reader.set_max_depth(MAX_DEPTH);
    let message = T::deserialize(&mut reader).map_err(|error| Malformed(alloc::format!("{error}")))?;
    if reader.position() != bytes.len() as u64 {
        return Err(Malformed("bytes follow the message".into()));
    }
    Ok(message)
}
