//! What was superseded or set aside, as people see it, and how they bring it back.

use crate::{
    error::{Error, Result},
    machine::Machine,
    store::{SnapshotRow, SupersededRow},
};
use serde_json::{Value as Json, json};
use sync_core::{
    address::is_secret_field,
    id::{RecordId, SnapshotId},
    record::Lost,
    snapshot::Snapshot,
    value::Value,
};

impl Machine {
    /// Takes a superseded value after all, as a new change.
    ///
    /// # Errors
    /// As [`Store::take`](crate::store::Store::take).
    pub fn take_superseded(&self, id: i64) -> Result<SupersededRow> {
        let author = self.author(None);
        let taken = self.store().take(id, &author)?;
        self.changed();
        Ok(taken)
    }

    /// Brings a snapshot back, as new changes over what stands; says how many records changed.
    ///
    /// # Errors
    /// As [`Store::restore`](crate::store::Store::restore).
    pub fn restore_snapshot(&self, id: SnapshotId) -> Result<u64> {
        let author = self.author(None);
        let restored = self.store().restore(id, &author)?;
        self.changed();
        Ok(restored)
    }

    /// A superseded value for scripts, with what stands in its place.
    ///
    /// # Errors
    /// What the disk says.
    pub fn superseded_json(&self, row: &SupersededRow) -> Result<Json> {
        let record = self.store().view(&row.space, row.lost.record)?;
        let known = |field: &str| record.as_ref().and_then(|record| record.get(field));
        let mut object = json!({
            "id": row.id,
            "space": row.space,
            "time": row.time.to_string(),
            "record": row.lost.record,
            "name": known("name"),
        });
        match &row.lost.what {
            Lost::Field(field, value) => {
                object["what"] = "field".into();
                object["field"] = field.as_str().into();
                object["value"] = shown(field, value.as_ref());
                object["stands"] = shown(field, known(field));
            }
            Lost::Deletion => object["what"] = "deletion".into(),
        }
        Ok(object)
    }
}

/// A snapshot's name, as people write it.
///
/// # Errors
/// [`Error::UnknownSnapshot`].
pub fn snapshot_id(text: &str) -> Result<SnapshotId> {
    text.parse().map_err(|_| Error::UnknownSnapshot(text.to_string()))
}

/// An entry's name, as people write it.
///
/// # Errors
/// [`Error::UnknownEntry`].
pub fn record_id(text: &str) -> Result<RecordId> {
    text.parse().map_err(|_| Error::UnknownEntry(text.to_string()))
}

/// A snapshot in a list, for scripts.
#[must_use]
pub fn snapshot_row_json(row: &SnapshotRow) -> Json {
    json!({
        "id": row.id,
        "space": row.space,
        "reason": row.reason,
        "time": row.time.to_string(),
        "records": row.records,
        "unsent": row.outbox,
    })
}

/// A snapshot with its content as a person would see it, for scripts.
#[must_use]
pub fn snapshot_json(snapshot: &Snapshot) -> Json {
    let live = crate::store::live_of(snapshot);
    let records = live.iter().map(|(id, fields)| {
        let mut object = json!({"id": id});
        for (name, value) in fields {
            object[name] = shown(name, Some(value));
        }
        object
    });
    json!({
        "id": snapshot.id,
        "space": snapshot.space,
        "reason": snapshot.reason.as_str(),
        "time": snapshot.time.to_string(),
        "person": snapshot.person,
        "unsent": snapshot.outbox.len(),
        "records": records.collect::<Vec<_>>(),
    })
}

fn shown(field: &str, value: Option<&Value>) -> Json {
    match value {
        Some(_) if is_secret_field(field) => "***".into(),
        value => serde_json::to_value(value).unwrap_or_default(),
    }
}
