//! A digest of what is live in a space, kept up to date record by record.
//!
//! A machine compares its own with the server's whenever it has everything that the server has; where they differ, one
//! of the two lost something without noticing, and the machine downloads the space anew. It is made to find faults, not
//! to withstand somebody who builds records that cancel each other out.

use crate::{canonical, id::RecordId, record::Record};
use serde::{Deserialize, Serialize};

/// The sum, lane by lane and without carry between them, of one hash for each live record. The order in which records
/// are added does not matter, and what was added can be taken away again. An empty space has zero.
///
/// Source: `docs/protocol.md`, "The digest".
///
/// ```
/// use sync_core::{change::*, digest::Digest, id::*, merge::apply, value::Value};
/// let id = RecordId(uuid::Uuid::from_u128(7));
/// let change = Change {
///     id: ChangeId { incarnation: Incarnation(uuid::Uuid::from_u128(1)), number: 1 },
///     record: id,
///     context: Context::default(),
///     operation: Operation::Edit([("name".into(), Some(Value::from("Front desk")))].into()),
///     author: Author::default(),
/// };
/// let record = apply(None, &change, 1, 0).record;
/// let mut digest = Digest::default();
/// digest.replace(id, None, record.as_ref());
/// assert_ne!(digest, Digest::default());
/// digest.replace(id, record.as_ref(), None);
/// assert_eq!(digest, Digest::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(pub [u64; 2]);

impl Digest {
    /// The record's share: of a live record the first 16 bytes of SHA-256 over the canonical encoding of its id and of
    /// the fields that are set; nothing of a dead one.
    #[must_use]
    pub fn of(id: RecordId, record: &Record) -> Self {
        let Some(live) = record.live() else {
            return Self::default();
        };
        let mut encoder = canonical::Encoder::default();
        encoder.array(2);
        encoder.bytes(id.0.as_bytes());
        encoder.map(live.len());
        for (name, value) in live {
            encoder.text(name);
            encoder.value(value);
        }
        let hash = encoder.sha256();
        let lane = |at: usize| hash[at..at + 8].iter().fold(0_u64, |lane, byte| lane << 8 | u64::from(*byte));
        Self([lane(0), lane(8)])
    }

    /// A record takes the place of another, or comes, or goes.
    pub fn replace(&mut self, id: RecordId, before: Option<&Record>, after: Option<&Record>) {
        let share = |record: Option<&Record>| record.map_or(Self::default(), |record| Self::of(id, record));
        self.exchange(share(before), share(after));
    }

    /// One share takes the place of another.
    pub fn exchange(&mut self, before: Self, after: Self) {
        for (lane, (before, after)) in self.0.iter_mut().zip(before.0.into_iter().zip(after.0)) {
            *lane = lane.wrapping_sub(before).wrapping_add(after);
        }
    }
}
