//! What counting, writing and reading share: frames, and the running sums of one section.

use super::{BundleError, Entry, FRAME_HEAD, MAX_FRAME, Section};
use crate::id::RecordId;
use alloc::string::String;
use sha2::{Digest, Sha256};

/// The kinds of frames.
pub(super) mod kind {
    pub(crate) const MANIFEST: u8 = b'M';
    pub(crate) const SECTION: u8 = b'S';
    pub(crate) const RECORD: u8 = b'R';
    pub(crate) const END: u8 = b'E';
}

/// The head of a frame: its kind, and the length of its payload.
pub(super) fn head(kind: u8, payload: &[u8]) -> Result<[u8; FRAME_HEAD], BundleError> {
    match u32::try_from(payload.len()) {
        Ok(len) if payload.len() <= MAX_FRAME => {
            let [a, b, c, d] = len.to_be_bytes();
            Ok([kind, a, b, c, d])
        }
        _ => Err(too_long(payload.len() as u64)),
    }
}

pub(super) const fn too_long(found: u64) -> BundleError {
    BundleError::TooLarge { what: "the bytes of a record or of the manifest", found, most: MAX_FRAME as u64 }
}

/// A section that is being counted, written or read.
#[derive(Debug, Default)]
pub(super) struct Running {
    hash: Sha256,
    pub(super) records: u64,
    pub(super) bytes: u64,
    last: Option<(String, RecordId)>,
}

impl Running {
    /// Takes a record's frame into the sums.
    pub(super) fn add(&mut self, head: &[u8; FRAME_HEAD], payload: &[u8]) {
        self.hash.update(head);
        self.hash.update(payload);
        self.records += 1;
        self.bytes = self.bytes.saturating_add((head.len() + payload.len()) as u64);
    }

    /// Holds a record to the order.
    pub(super) fn rise(&mut self, entry: &Entry) -> Result<(), BundleError> {
        match &mut self.last {
            Some((place, id)) if (&*entry.place, entry.id) <= (place.as_str(), *id) => {
                return Err(BundleError::Order {
                    item: entry.item.clone(),
                    place: entry.place.clone(),
                    id: entry.id,
                });
            }
            Some((place, id)) => {
                if *place != entry.place {
                    place.clone_from(&entry.place);
                }
                *id = entry.id;
            }
            None => self.last = Some((entry.place.clone(), entry.id)),
        }
        Ok(())
    }

    /// Writes the sums into the manifest's row.
    pub(super) fn close_into(self, row: &mut Section) {
        row.records = self.records;
        row.bytes = self.bytes;
        row.sha256 = self.hash.finalize().into();
    }

    /// Whether the sums are those of the manifest's row.
    pub(super) fn is(self, row: &Section) -> bool {
        let hash: [u8; 32] = self.hash.finalize().into();
        (self.records, self.bytes, hash) == (row.records, row.bytes, row.sha256)
    }
}
