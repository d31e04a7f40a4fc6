//! Records: the entries of a space, made of named fields, each of which knows who wrote it last.

use crate::{
    id::{ChangeId, Epoch, RecordId, Sequence},
    value::Value,
};
use alloc::{collections::BTreeMap, string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// The name of a field. An element of a set is a field of its own (`member:ID`), so that two additions merge.
pub type FieldName = String;

/// Where something stood before a whole-store restore that gave it back: (old epoch, old sequence).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin(pub Epoch, pub Sequence);

/// One field of a record as the server last let it be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What it holds; `None` is UNSET, which is a value that somebody wrote.
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// The sequence of the change that wrote it.
    #[serde(rename = "s")]
    pub sequence: Sequence,
    /// The change that wrote it.
    #[serde(rename = "w")]
    pub writer: ChangeId,
    /// Only on what was given back after a restore.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// One deletion of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion(pub Sequence, pub ChangeId);

/// The last birth, revival or death of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// When, in the space's own counting.
    #[serde(rename = "s")]
    pub sequence: Sequence,
    /// By which change.
    #[serde(rename = "i")]
    pub id: ChangeId,
    /// Only on what was given back after a restore.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// One entry of a space with all that the merge needs to know of it. A dead record keeps its fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The last change that touched it.
    #[serde(rename = "s")]
    pub sequence: Sequence,
    /// By field name; an entry whose value is `None` is UNSET.
    #[serde(rename = "f")]
    pub fields: BTreeMap<FieldName, Entry>,
    /// The deletions, while it is dead.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub dead: Option<Vec<Deletion>>,
    /// Its last birth, revival or death.
    #[serde(rename = "l")]
    pub life: Life,
}

impl Record {
    /// What a person sees of it: the fields that are set; nothing of a dead record.
    #[must_use]
    pub fn live(&self) -> Option<BTreeMap<&str, &Value>> {
        if self.dead.is_some() {
            return None;
        }
        Some(self.fields.iter().filter_map(|(name, e)| Some((name.as_str(), e.value.as_ref()?))).collect())
    }

    /// The same by value: what is left of the record for whoever writes it anew elsewhere.
    #[must_use]
    pub fn into_live(self) -> Option<BTreeMap<FieldName, Value>> {
        if self.dead.is_some() {
            return None;
        }
        Some(self.fields.into_iter().filter_map(|(name, entry)| Some((name, entry.value?))).collect())
    }

    /// The value of a field of a live record.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&Value> {
        if self.dead.is_some() { None } else { self.fields.get(field)?.value.as_ref() }
    }
}

/// What was kept because somebody else's version stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Superseded {
    /// The sequence that the change took which brought it.
    #[serde(rename = "s")]
    pub sequence: Sequence,
    /// The change whose value or deletion this is.
    #[serde(rename = "i")]
    pub id: ChangeId,
    /// The record.
    #[serde(rename = "r")]
    pub record: RecordId,
    /// What was kept.
    #[serde(rename = "w")]
    pub what: Lost,
}

/// What of a change did not take effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lost {
    /// The value that a field would have had; `None` is UNSET.
    #[serde(rename = "f")]
    Field(FieldName, Option<Value>),
    /// A deletion.
    #[serde(rename = "d")]
    Deletion,
}
