//! Changes: small, with an identity and a context.

use crate::{
    canonical,
    id::{ChangeId, ImportId, Incarnation, RecordId, Sequence},
    record::FieldName,
    time::Timestamp,
    value::Value,
};
use alloc::{collections::BTreeMap, string::String};
use serde::{Deserialize, Serialize};

/// What the author of a change had read of the record: everything up to one sequence, and their own changes that were
/// still on the way.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Context {
    /// Everything of this record up to here (`s` in `docs/protocol.md`).
    #[serde(rename = "s", default)]
    pub seen: Sequence,
    /// The author's own pending changes of this record: the highest number of each incarnation. Normally none or one.
    #[serde(rename = "o", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub own: BTreeMap<Incarnation, u64>,
}

impl Context {
    /// Whether the author had read what was written at `sequence` by `writer`.
    #[must_use]
    pub fn saw(&self, sequence: Sequence, writer: ChangeId) -> bool {
        sequence <= self.seen
            || self.own.get(&writer.incarnation).is_some_and(|number| *number >= writer.number)
    }
}

/// What a change does to its record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// Sets the named fields, or unsets those with `None`.
    #[serde(rename = "e")]
    Edit(BTreeMap<FieldName, Option<Value>>),
    /// Deletes the record.
    #[serde(rename = "d")]
    Delete,
}

/// Who made a change, when (by their own clock, for people only), and in which import.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Author {
    /// The person who was logged in, or the administrator; `None` where nobody was.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// By the author's clock.
    #[serde(rename = "t", default)]
    pub time: Timestamp,
    /// The import that made it.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub import: Option<ImportId>,
}

/// One change of one record. It never alters, except that a fork renames it and a new epoch rewrites its context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Born with it.
    #[serde(rename = "i")]
    pub id: ChangeId,
    /// What it changes.
    #[serde(rename = "r")]
    pub record: RecordId,
    /// What its author had read.
    #[serde(rename = "c", default)]
    pub context: Context,
    /// What it does.
    #[serde(rename = "o")]
    pub operation: Operation,
    /// Who, when, in which import.
    #[serde(rename = "a", default)]
    pub author: Author,
}

/// SHA-256 over the canonical encoding of a change's record, operation and time of birth. Its id and context stay out,
/// since they may be rewritten. The time tells apart two changes that do the same: a machine that is turned back and
/// happens to do the same once more, after something else, is a fork all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentHash(pub [u8; 32]);

impl Change {
    /// The hash of what it does: two changes under one number with different hashes tell a copied or reverted machine.
    #[must_use]
    pub fn content_hash(&self) -> ContentHash {
        let mut encoder = canonical::Encoder::default();
        encoder.array(3);
        encoder.bytes(self.record.0.as_bytes());
        match &self.operation {
            Operation::Delete => encoder.nil(),
            Operation::Edit(fields) => {
                encoder.map(fields.len());
                for (name, value) in fields {
                    encoder.text(name);
                    encoder.option(value.as_ref());
                }
            }
        }
        encoder.int(self.author.time.0);
        ContentHash(encoder.sha256())
    }
}
