//! The replica as it was at one moment, for whoever reads long: the machine works on meanwhile.

use super::{Store, rows, shown};
use crate::error::Result;
use rusqlite::{Connection, OpenFlags};
use std::collections::BTreeMap;
use sync_core::{
    id::RecordId,
    record::{FieldName, Record},
    replica,
    space::SpaceName,
    value::Value,
};
use uuid::Uuid;

/// All that the replica held at one moment, read over a connection of its own.
#[derive(Debug)]
pub(crate) struct Moment {
    db: Connection,
}

/// The records of one space at that moment, dead ones too, by id.
#[derive(Debug)]
pub(crate) struct Records {
    space: i64,
    /// Where they lie.
    table: &'static str,
    /// Their ids, rising byte by byte.
    pub(crate) ids: Vec<RecordId>,
}

impl Store {
    /// This moment. What is written later is not in it.
    ///
    /// # Errors
    /// What the disk says; also of a replica in memory, which nobody else can read.
    pub(crate) fn moment(&self) -> Result<Moment> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(self.db.path().unwrap_or_default(), flags)?;
        db.busy_timeout(core::time::Duration::from_secs(5))?;
        // SQLite takes the moment at the first read.
        db.execute_batch("BEGIN; SELECT count(*) FROM space;")?;
        Ok(Moment { db })
    }
}

impl Moment {
    /// The records of a space; none where the machine does not have it.
    pub(crate) fn records(&self, space: &SpaceName) -> Result<Records> {
        let Some(found) = rows::find(&self.db, space)? else {
            return Ok(Records { space: 0, table: "record", ids: Vec::new() });
        };
        let table = shown::table(&self.db, found.id)?;
        let mut statement = self.db.prepare_cached(&format!(
            "SELECT record FROM {table} WHERE space = ?1 UNION SELECT record FROM outbox WHERE space = ?1 ORDER BY 1"
        ))?;
        let mut rows = statement.query([found.id])?;
        let mut ids: Vec<RecordId> = Vec::new();
        while let Some(row) = rows.next()? {
            let id: Uuid = rows::uuid(row, 0)?;
            ids.push(RecordId(id));
        }
        Ok(Records { space: found.id, table, ids })
    }

    /// What a person saw of a record; `None` where it was dead.
    pub(crate) fn live(&self, of: &Records, id: RecordId) -> Result<Option<BTreeMap<FieldName, Value>>> {
        let copy = rows::copy_in(&self.db, of.table, of.space, id)?;
        let pending = rows::pending(&self.db, of.space, id)?;
        let view = if pending.is_empty() { copy } else { replica::view(copy, &pending) };
        Ok(view.and_then(Record::into_live))
    }
}
