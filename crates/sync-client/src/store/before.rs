//! What an import found of each record, and what it made of it: gathered while it writes, for an undo.

use super::rows;
use crate::error::Result;
use rusqlite::{Connection, Transaction, params};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use sync_core::{
    canonical::Encoder,
    change::Operation,
    id::{ImportId, RecordId},
    import::Fields,
    record::{FieldName, Record},
    space::SpaceName,
    value::Value,
    wire,
};

/// About how many bytes of it lie in one row.
const PART: usize = 64 * 1024;

/// What an import found of a record, and what it made of it: enough to bring back what stood before, and to tell what
/// somebody changed since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Before {
    /// It was not there; the hash is of the fields that were written.
    #[serde(rename = "a")]
    Nothing([u64; 2]),
    /// It had these fields, and the second were set or unset.
    #[serde(rename = "c")]
    Fields(Fields, FieldEdit),
    /// It had these fields, and was removed.
    #[serde(rename = "r")]
    Removed(Fields),
}

/// Fields that are set, or unset with `None`.
pub type FieldEdit = BTreeMap<FieldName, Option<Value>>;

impl Before {
    pub(super) fn of(before: Option<Record>, operation: Operation) -> Option<Self> {
        Some(match (before.and_then(Record::into_live), operation) {
            (None, Operation::Delete) => return None,
            (None, Operation::Edit(edit)) => {
                let set = edit.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
                Self::Nothing(hash(set.clone().count(), set))
            }
            (Some(fields), Operation::Edit(edit)) => Self::Fields(fields, edit),
            (Some(fields), Operation::Delete) => Self::Removed(fields),
        })
    }

    /// About how many bytes it takes.
    fn weight(&self) -> usize {
        let fields =
            |fields: &Fields| fields.iter().map(|(name, value)| name.len() + weight(value)).sum::<usize>();
        match self {
            Self::Nothing(_) => 40,
            Self::Fields(before, edit) => {
                let edit = edit.iter().map(|(name, v)| name.len() + v.as_ref().map_or(1, weight));
                40 + fields(before) + edit.sum::<usize>()
            }
            Self::Removed(before) => 40 + fields(before),
        }
    }
}

fn weight(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len() + 3,
        Value::Bytes(bytes) => bytes.len() + 3,
        Value::List(list) => list.iter().map(weight).sum::<usize>() + 3,
        Value::Map(map) => map.iter().map(|(key, value)| key.len() + weight(value)).sum::<usize>() + 3,
        Value::Bool(_) | Value::Int(_) => 9,
    }
}

/// Half a SHA-256 over the canonical encoding of a record's fields.
fn hash<'a>(len: usize, fields: impl Iterator<Item = (&'a FieldName, &'a Value)>) -> [u64; 2] {
    let mut encoder = Encoder::default();
    encoder.map(len);
    for (name, value) in fields {
        encoder.text(name);
        encoder.value(value);
    }
    let sha256 = encoder.sha256();
    let number = |from: usize| sha256[from..from + 8].iter().fold(0, |all, byte| all << 8 | u64::from(*byte));
    [number(0), number(8)]
}

/// The hash of a live record's fields, as [`Before::Nothing`] has it.
#[must_use]
pub fn hash_of(fields: &Fields) -> [u64; 2] {
    hash(fields.len(), fields.iter())
}

/// What stood before, gathered into rows of a bounded size.
pub(super) struct Keeping<'a> {
    tx: &'a Transaction<'a>,
    line: i64,
    part: i64,
    space: Option<SpaceName>,
    rows: Vec<(RecordId, Before)>,
    bytes: usize,
}

impl<'a> Keeping<'a> {
    pub(super) fn new(tx: &'a Transaction<'a>, line: i64) -> Self {
        Self { tx, line, part: 0, space: None, rows: Vec::new(), bytes: 0 }
    }

    pub(super) fn keep(&mut self, space: &SpaceName, record: RecordId, before: Before) -> Result<()> {
        if self.space.as_ref() != Some(space) {
            self.end()?;
            self.space = Some(space.clone());
        }
        self.bytes += before.weight();
        self.rows.push((record, before));
        if self.bytes >= PART { self.end() } else { Ok(()) }
    }

    pub(super) fn end(&mut self) -> Result<()> {
        let rows = core::mem::take(&mut self.rows);
        self.bytes = 0;
        let Some(space) = self.space.as_ref().filter(|_| !rows.is_empty()) else {
            return Ok(());
        };
        let mut statement = self
            .tx
            .prepare_cached("INSERT INTO import_before(line, part, space, body) VALUES (?1, ?2, ?3, ?4)")?;
        statement.execute(params![self.line, self.part, space.to_string(), wire::encode(&rows)?])?;
        self.part += 1;
        Ok(())
    }
}

/// All that an import found, in the order in which it was written.
pub(super) fn each(
    db: &Connection,
    id: ImportId,
    mut each: impl FnMut(&SpaceName, RecordId, Before) -> Result<()>,
) -> Result<()> {
    let mut statement = db.prepare_cached(
        "SELECT space, import_before.body FROM import_before JOIN import_line ON line = place
         WHERE id = ?1 ORDER BY part",
    )?;
    let mut found = statement.query([id.0.as_bytes()])?;
    while let Some(row) = found.next()? {
        let space = rows::space_name(&row.get::<_, String>(0)?)?;
        let part: Vec<(RecordId, Before)> = rows::body(row, 1)?;
        part.into_iter().try_for_each(|(record, before)| each(&space, record, before))?;
    }
    Ok(())
}
