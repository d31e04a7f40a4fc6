//! What an import does to one space, record by record.

use super::{Packed, packed::Edit};
use crate::{address::TYPE_FIELD, change::Operation, files::Note, id::RecordId};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::Serialize;

/// A record whose fields change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The record.
    pub id: RecordId,
    /// What it was.
    pub before: Packed,
    /// The fields that are set, or unset.
    pub edit: Packed,
}

/// What an import does to one space.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// New records, in the order of the file.
    pub added: Vec<(RecordId, Packed)>,
    /// Records whose fields change, in the order of the file.
    pub changed: Vec<Changed>,
    /// Records that go.
    pub removed: Vec<(RecordId, Packed)>,
    /// Records that are what the file says already.
    pub same: Vec<(RecordId, Packed)>,
    /// What was odd: members that are not there, passwords that stay.
    pub notes: Vec<Note>,
}

/// How many records an import adds, changes, removes, and leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// New ones.
    pub added: usize,
    /// Those whose fields change.
    pub changed: usize,
    /// Those that go.
    pub removed: usize,
    /// Those that are what the file says already.
    pub same: usize,
}

impl Counts {
    /// How many records it touches.
    #[must_use]
    pub const fn touched(&self) -> usize {
        self.added + self.changed + self.removed
    }
}

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Becomes {
    /// It is new.
    Add,
    /// Some of its fields change.
    Change,
    /// It goes.
    Remove,
    /// It is what the file says already.
    Same,
}

/// What becomes of one record, as a plan shows it. It never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Effect {
    /// What becomes of it.
    pub effect: Becomes,
    /// The record; of a new one, the id that it gets.
    pub record: RecordId,
    /// What people call it.
    pub name: String,
    /// The names of the fields that change.
    pub fields: Vec<String>,
}

impl Plan {
    /// How many of each.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            added: self.added.len(),
            changed: self.changed.len(),
            removed: self.removed.len(),
            same: self.same.len(),
        }
    }

    /// The one operation of each record that does not stay as it is: removals first, then changes, then additions. Each is
    /// unpacked when it is asked for.
    pub fn operations(&self) -> impl Iterator<Item = (RecordId, Operation)> + '_ {
        let removed = self.removed.iter().map(|(id, _)| (*id, Operation::Delete));
        let changed = self.changed.iter().map(|change| (change.id, Operation::Edit(change.edit.edit())));
        let added = self.added.iter().map(|(id, fields)| (*id, Operation::Edit(fields.edit())));
        removed.chain(changed).chain(added)
    }

    /// What becomes of each record: the new ones, those that change, those that go, those that are the same.
    pub fn effects(&self) -> impl Iterator<Item = Effect> + '_ {
        let whole = |becomes| {
            move |(id, fields): &(RecordId, Packed)| Effect {
                effect: becomes,
                record: *id,
                name: shown_name(fields, None),
                fields: Vec::new(),
            }
        };
        let changed = self.changed.iter().map(|change| Effect {
            effect: Becomes::Change,
            record: change.id,
            name: shown_name(&change.before, Some(&change.edit)),
            fields: change.edit.names().map(ToString::to_string).collect(),
        });
        let added = self.added.iter().map(whole(Becomes::Add));
        let removed = self.removed.iter().map(whole(Becomes::Remove));
        added.chain(changed).chain(removed).chain(self.same.iter().map(whole(Becomes::Same)))
    }
}

impl Changed {
    /// The edit, unpacked.
    #[must_use]
    pub fn edit(&self) -> Edit {
        self.edit.edit()
    }
}

/// What people call a record: its name, or else its type and what tells it from others.
pub(super) fn shown_name(fields: &Packed, edit: Option<&Packed>) -> String {
    let text = |field: &str| edit.and_then(|edit| edit.text(field)).or_else(|| fields.text(field));
    for field in ["name", "title"] {
        if let Some(name) = text(field).filter(|name| !name.is_empty()) {
            return name.into();
        }
    }
    let kind = text("kind").or_else(|| text(TYPE_FIELD)).unwrap_or("record");
    let number = edit.and_then(|edit| edit.int("number")).or_else(|| fields.int("number"));
    match (number, text("id").or_else(|| text("user"))) {
        (Some(number), _) => format!("{kind} {number}"),
        (None, Some(id)) => format!("{kind} {id}"),
        (None, None) => kind.into(),
    }
}
