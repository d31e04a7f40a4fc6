//! The merge: what one change does to one record. There is no other.
//!
//! The server runs it with the next sequence; a view (what a person sees: the replica's copy with its outbox on top)
//! runs it with [`VIEW_SEQUENCE`](crate::id::VIEW_SEQUENCE). No clock decides anything.

use crate::{
    change::{Change, Operation},
    id::Sequence,
    record::{Deletion, Entry, FieldName, Life, Lost, Record, Superseded},
    value::Value,
};
use alloc::{collections::BTreeMap, vec, vec::Vec};

/// What stands after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The record; `None` where there is still none.
    pub record: Option<Record>,
    /// What of the change, or of the deletions that it overcame, did not take effect.
    pub superseded: Vec<Superseded>,
}

/// What is to become of one field of an edit.
#[derive(PartialEq)]
enum Fate {
    /// This very change wrote it already: left as it is.
    Done,
    /// Nobody else wrote it after the change's context: it is applied.
    Wins,
    /// Somebody else did: the value is kept as superseded.
    Loses,
}

/// Applies `change` to `record` at sequence `q`.
///
/// A field conflicts exactly when somebody else wrote it after the change's context; of two that conflict, the first
/// to arrive stands. Below `horizon` tombstones and unset fields may have been forgotten, so a change older than it
/// cannot write what it finds missing.
///
/// Source: `docs/protocol.md`, "The merge".
///
/// ```
/// use sync_core::{change::*, id::*, merge::apply, value::Value};
/// let author = Incarnation(uuid::Uuid::from_u128(1));
/// let change = Change {
///     id: ChangeId { incarnation: author, number: 1 },
///     record: RecordId(uuid::Uuid::from_u128(7)),
///     context: Context::default(),
///     operation: Operation::Edit([("name".into(), Some(Value::from("Front desk")))].into()),
///     author: Author::default(),
/// };
/// let record = apply(None, &change, 1, 0).record.unwrap();
/// assert_eq!(record.get("name"), Some(&Value::from("Front desk")));
/// ```
#[must_use]
pub fn apply(record: Option<Record>, change: &Change, q: Sequence, horizon: Sequence) -> Applied {
    let old = change.context.seen < horizon;
    match &change.operation {
        Operation::Delete => delete(record, change, q, old),
        Operation::Edit(fields) => edit(record, change, fields, q, old),
    }
}

fn delete(record: Option<Record>, change: &Change, q: Sequence, old: bool) -> Applied {
    let Some(mut record) = record else {
        return Applied { record: None, superseded: Vec::new() };
    };
    if let Some(deletions) = &mut record.dead {
        deletions.push(Deletion(q, change.id));
        record.sequence = q;
        return Applied { record: Some(record), superseded: Vec::new() };
    }
    if old || record.fields.values().any(|entry| !change.context.saw(entry.sequence, entry.writer)) {
        let superseded =
            vec![Superseded { sequence: q, id: change.id, record: change.record, what: Lost::Deletion }];
        return Applied { record: Some(record), superseded };
    }
    record.dead = Some(vec![Deletion(q, change.id)]);
    record.life = Life { sequence: q, id: change.id, origin: None };
    record.sequence = q;
    Applied { record: Some(record), superseded: Vec::new() }
}

fn edit(
    record: Option<Record>,
    change: &Change,
    fields: &BTreeMap<FieldName, Option<Value>>,
    q: Sequence,
    old: bool,
) -> Applied {
    let fate = |name: &FieldName| match record.as_ref().and_then(|r| r.fields.get(name)) {
        Some(entry) if entry.writer == change.id => Fate::Done,
        Some(entry) if change.context.saw(entry.sequence, entry.writer) => Fate::Wins,
        None if !old => Fate::Wins,
        _ => Fate::Loses,
    };
    let mut winners = Vec::new();
    let mut superseded = Vec::new();
    for (name, value) in fields {
        match fate(name) {
            Fate::Done => {}
            Fate::Wins => winners.push((name, value)),
            Fate::Loses => {
                let stands =
                    record.as_ref().and_then(|r| r.fields.get(name)).and_then(|entry| entry.value.as_ref());
                if stands != value.as_ref() {
                    superseded.push(Superseded {
                        sequence: q,
                        id: change.id,
                        record: change.record,
                        what: Lost::Field(name.clone(), value.clone()),
                    });
                }
            }
        }
    }
    if winners.is_empty() {
        return Applied { record, superseded };
    }
    let born = Life { sequence: q, id: change.id, origin: None };
    let mut record =
        record.unwrap_or(Record { sequence: q, fields: BTreeMap::new(), dead: None, life: born });
    if let Some(deletions) = record.dead.take() {
        if deletions.iter().any(|Deletion(sequence, id)| change.context.saw(*sequence, *id)) {
            // The author wrote anew what they knew to be deleted: nothing of the old content comes back with it.
            for entry in record.fields.values_mut() {
                entry.value = None;
            }
        } else {
            superseded.extend(deletions.iter().map(|Deletion(_, id)| Superseded {
                sequence: q,
                id: *id,
                record: change.record,
                what: Lost::Deletion,
            }));
        }
        record.life = born;
    }
    for (name, value) in winners {
        let entry = Entry { value: value.clone(), sequence: q, writer: change.id, origin: None };
        record.fields.insert(name.clone(), entry);
    }
    record.sequence = q;
    Applied { record: Some(record), superseded }
}
