//! Whose personalized data were prepared at this machine, and when (rule 9).

use super::{Store, meta, rows, set_meta};
use crate::error::Result;
use rusqlite::{Connection, Transaction};
use std::collections::BTreeSet;
use sync_core::{machine::Prepared, space::SpaceName, time::Timestamp};

/// Under it the preparations are kept.
const KEY: &str = "prepared";

impl Store {
    /// What was prepared here.
    #[must_use]
    pub fn prepared(&self) -> &Prepared {
        &self.prepared
    }

    /// Keeps that these spaces were prepared; `all` says that they were all that the server had.
    ///
    /// # Errors
    /// What the disk says.
    pub fn set_prepared(&mut self, spaces: BTreeSet<SpaceName>, all: bool, now: Timestamp) -> Result<()> {
        let mut prepared = self.prepared.clone();
        prepared.succeeded(spaces, all, now);
        self.transaction(|tx| set_meta(tx, KEY, &prepared))?;
        self.prepared = prepared;
        Ok(())
    }

    /// The spaces that are level with the server, as far as the last poll said.
    ///
    /// # Errors
    /// What the disk says.
    pub fn level_spaces(&self) -> Result<BTreeSet<SpaceName>> {
        let mut statement =
            self.db.prepare_cached("SELECT name FROM space WHERE member AND NOT stopped AND NOT to_do")?;
        let mut found = statement.query([])?;
        let mut level = BTreeSet::new();
        while let Some(row) = found.next()? {
            level.insert(rows::space_name(&row.get::<_, String>(0)?)?);
        }
        Ok(level)
    }
}

pub(super) fn read(db: &Connection) -> Result<Prepared> {
    Ok(meta(db, KEY)?.unwrap_or_default())
}

/// What was prepared of another server says nothing of this one.
pub(super) fn forget(tx: &Transaction<'_>) -> Result<()> {
    set_meta(tx, KEY, &Prepared::default())
}
