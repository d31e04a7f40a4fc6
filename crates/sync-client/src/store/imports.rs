//! Imports: each under its id, with what it did, in the transaction of its edits. A repeat changes nothing.

use super::{Batch, Store, edit, rows};
use crate::error::{Error, Result};
use rusqlite::{OptionalExtension as _, params};
use serde::{Serialize, de::DeserializeOwned};
use sync_core::{change::Author, id::ImportId, replica::SpaceHead, space::SpaceName, wire::Malformed};

impl Store {
    /// Writes an import's edits and what it did, in one transaction; `false` where it was done before, and nothing is
    /// written then. The import's id is the author's.
    ///
    /// # Errors
    /// As [`Store::apply`]; nothing is written then.
    pub fn import<T: Serialize>(&mut self, id: ImportId, batch: &Batch, did: &T) -> Result<bool> {
        let body = serde_json::to_vec(did).map_err(|error| Malformed(error.to_string()))?;
        let time = batch.author.time;
        let batch = Batch { author: Author { import: Some(id), ..batch.author.clone() }, ..batch.clone() };
        let writer = self.writer(batch.edits.len());
        self.transaction(|tx| {
            let new = tx.execute(
                "INSERT OR IGNORE INTO import(id, time, body) VALUES (?1, ?2, ?3)",
                params![id.0.as_bytes(), time.0, body],
            )?;
            if new == 0 {
                return Ok(false);
            }
            edit::apply(tx, &batch, writer).map(|_| true)
        })
    }

    /// What an import did; `None` where there was none.
    ///
    /// # Errors
    /// What the disk says.
    pub fn imported<T: DeserializeOwned>(&self, id: ImportId) -> Result<Option<T>> {
        let mut statement = self.db.prepare_cached("SELECT body FROM import WHERE id = ?1")?;
        let body: Option<Vec<u8>> =
            statement.query_row(params![id.0.as_bytes()], |row| row.get(0)).optional()?;
        body.map(|body| {
            serde_json::from_slice(&body).map_err(|error| Error::from(Malformed(error.to_string())))
        })
        .transpose()
    }

    /// The heads of the spaces named; `None` where the machine is no member.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) fn heads(&self, spaces: &[SpaceName]) -> Result<Vec<(SpaceName, Option<SpaceHead>)>> {
        spaces
            .iter()
            .map(|space| {
                let found = rows::find(&self.db, space)?.filter(|found| found.member);
                Ok((space.clone(), found.map(|found| found.head)))
            })
            .collect()
    }
}
