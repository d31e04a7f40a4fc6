//! Randomness and time: the core has neither, so they are drawn here.

use crate::error::{Error, Result};
use sync_core::time::Timestamp;
use uuid::Uuid;

/// Random bytes of the system.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(Error::Random)?;
    Ok(bytes)
}

/// A random name (RFC 9562, version 4 in form).
pub(crate) fn uuid() -> Result<Uuid> {
    Ok(uuid::Builder::from_random_bytes(bytes()?).into_uuid())
}

/// A random number for the spread of retries.
pub(crate) fn number() -> Result<u32> {
    getrandom::u32().map_err(Error::Random)
}

/// Random bytes as hexadecimal digits.
pub(crate) fn secret() -> Result<String> {
    Ok(hex(&bytes::<32>()?))
}

/// Hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use core::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of pairs of hexadecimal digits; `None` where the text is none.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    rest.is_empty().then(|| bytes.collect())?
}

/// Now, by this machine's clock.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp(chrono::Utc::now().timestamp_millis())
}
