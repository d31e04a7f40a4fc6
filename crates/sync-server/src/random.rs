//! Random bytes and fresh names: the only place that draws.

use crate::clock;
use std::io;
use sync_core::id::SnapshotId;
use uuid::Uuid;

/// Random bytes of the operating system.
///
/// # Errors
/// Where it has none.
pub(crate) fn bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

/// A random name.
pub(crate) fn uuid() -> io::Result<Uuid> {
    Ok(uuid::Builder::from_random_bytes(bytes()?).into_uuid())
}

/// A fresh name for a snapshot: time-ordered.
pub(crate) fn snapshot_id() -> io::Result<SnapshotId> {
    let now = u64::try_from(clock::now().0).unwrap_or(0);
    Ok(SnapshotId(uuid::Builder::from_unix_timestamp_millis(now, &bytes()?).into_uuid()))
}

/// As hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
        text
    })
}
