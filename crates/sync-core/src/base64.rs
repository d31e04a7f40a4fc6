//! Base64 (RFC 4648, section 4).

use alloc::{string::String, vec::Vec};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The text of bytes, padded.
pub(crate) fn to_base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = usize::try_from(word >> (18 - 6 * place) & 63).unwrap_or(0);
            text.push(if place <= chunk.len() { char::from(ALPHABET[digit]) } else { '=' });
        }
    }
    text
}

/// The bytes of a text, which must be padded and have nothing between its digits.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut places = [None; 256];
    for (digit, byte) in (0_u32..).zip(ALPHABET) {
        places[usize::from(*byte)] = Some(digit);
    }
    let digits = text.trim_end_matches('=').as_bytes();
    let padding = text.len() - digits.len();
    if !text.len().is_multiple_of(4) || padding > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for chunk in digits.chunks(4) {
        let mut word = 0;
        for byte in chunk {
            word = word << 6 | places[usize::from(*byte)]?;
        }
        word <<= 6 * (4 - chunk.len());
        // What the last digits hold beyond the last byte must be nothing: one text for each content.
        let whole = chunk.len() - 1;
        let [_, three @ ..] = word.to_be_bytes();
        if three[whole..].iter().any(|rest| *rest != 0) {
            return None;
        }
        bytes.extend(&three[..whole]);
    }
    Some(bytes)
}
