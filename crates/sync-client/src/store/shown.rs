//! What people see of a space whose copy was set aside, and whose content at the server is on its way: the copy of before,
//! until all of it is here. It is looked at alone; edits, imports and the exchange go by the copy.

use super::{Store, edit, rows};
use crate::error::Result;
use rusqlite::{Connection, Transaction, params};
use std::collections::BTreeMap;
use sync_core::{
    id::RecordId,
    record::{FieldName, Record},
    replica,
    space::SpaceName,
    value::Value,
    wire,
};

/// Made at each opening where it is not there yet.
pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS shown(
    space INTEGER NOT NULL, record BLOB NOT NULL, body BLOB NOT NULL, PRIMARY KEY(space, record)
) WITHOUT ROWID;
";

/// The table from which people are shown a space.
pub(super) fn table(db: &Connection, space: i64) -> Result<&'static str> {
    let kept = db.prepare_cached("SELECT 1 FROM shown WHERE space = ?1 LIMIT 1")?.exists([space])?;
    Ok(if kept { "shown" } else { "record" })
}

/// Keeps what people see now, before the copy goes. What is kept already stays: the copy is not whole yet then.
pub(super) fn keep(tx: &Transaction<'_>, space: i64) -> Result<()> {
    if table(tx, space)? == "shown" {
        return Ok(());
    }
    tx.prepare_cached(
        "INSERT INTO shown(space, record, body) SELECT space, record, body FROM record WHERE space = ?1",
    )?
    .execute([space])?;
    let mut put =
        tx.prepare_cached("INSERT OR REPLACE INTO shown(space, record, body) VALUES (?1, ?2, ?3)")?;
    for change in rows::outbox(tx, space)? {
        let before = rows::copy_in(tx, "shown", space, change.record)?;
        if let Some(record) = replica::view(before, core::slice::from_ref(&change)) {
            put.execute(params![space, change.record.0.as_bytes(), wire::encode(&record)?])?;
        }
    }
    Ok(())
}

/// The space is whole again, or nobody may see it.
pub(super) fn forget(tx: &Transaction<'_>, space: i64) -> Result<()> {
    tx.prepare_cached("DELETE FROM shown WHERE space = ?1")?.execute([space])?;
    Ok(())
}

impl Store {
    /// What people are shown of a space: its live records with the fields that are set. While its content is on its way
    /// after a Start, the one of before with what was written since on top; else [`Store::live`].
    ///
    /// # Errors
    /// What the disk says.
    pub fn shown(&self, space: &SpaceName) -> Result<BTreeMap<RecordId, BTreeMap<FieldName, Value>>> {
        match rows::find(&self.db, space)? {
            Some(found) => edit::live_in(&self.db, table(&self.db, found.id)?, found.id),
            None => Ok(BTreeMap::new()),
        }
    }

    /// The same of one record.
    ///
    /// # Errors
    /// What the disk says.
    pub fn shown_record(&self, space: &SpaceName, record: RecordId) -> Result<Option<Record>> {
        let Some(found) = rows::find(&self.db, space)? else { return Ok(None) };
        let copy = rows::copy_in(&self.db, table(&self.db, found.id)?, found.id, record)?;
        Ok(replica::view(copy, &rows::pending(&self.db, found.id, record)?))
    }
}
