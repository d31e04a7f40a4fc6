//! Single rows of the replica's tables, read and written inside a transaction of the caller's.

use super::shown;
use crate::error::{Error, Result};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use sync_core::{
    change::Change,
    id::{Incarnation, RecordId},
    record::Record,
    replica::{SpaceHead, Wanted},
    space::SpaceName,
    wire::{self, Malformed},
};
use uuid::Uuid;

/// A space's row.
pub(super) struct Found {
    pub(super) id: i64,
    pub(super) head: SpaceHead,
    pub(super) member: bool,
}

pub(super) fn space_name(text: &str) -> Result<SpaceName> {
    text.parse().map_err(|error| Error::Damaged(Malformed(format!("{error}"))))
}

/// A column that holds an encoded structure.
pub(super) fn body<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T> {
    Ok(wire::decode(row.get_ref(column)?.as_blob().map_err(rusqlite::Error::from)?)?)
}

/// A column that holds 16 bytes.
pub(super) fn uuid(row: &Row<'_>, column: usize) -> Result<Uuid> {
    let bytes = row.get_ref(column)?.as_blob().map_err(rusqlite::Error::from)?;
    Uuid::from_slice(bytes).map_err(|error| Error::Damaged(Malformed(format!("{error}"))))
}

/// A column that holds a count.
pub(super) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

pub(super) fn find(db: &Connection, space: &SpaceName) -> Result<Option<Found>> {
    let mut statement = db.prepare_cached("SELECT id, head, member FROM space WHERE name = ?1")?;
    let mut rows = statement.query([space.to_string()])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    Ok(Some(Found { id: row.get(0)?, head: body(row, 1)?, member: row.get(2)? }))
}

/// Adds a space of which the machine is a member; says its row.
pub(super) fn insert_space(tx: &Transaction<'_>, space: &SpaceName, head: &SpaceHead) -> Result<i64> {
    let mut statement = tx
        .prepare_cached("INSERT INTO space(name, head, member, stopped, to_do) VALUES (?1, ?2, 1, ?3, ?4)")?;
    let to_do = space.synchronizes() && head.has_to_do(true, None);
    statement.execute(params![space.to_string(), wire::encode(head)?, head.stopped, to_do])?;
    Ok(tx.last_insert_rowid())
}

/// Writes a synchronizing space's head, and with it whether there is something to say to the server.
pub(super) fn set_head(tx: &Transaction<'_>, space: i64, head: &SpaceHead) -> Result<()> {
    let wanted: Option<Vec<u8>> = tx
        .prepare_cached("SELECT wanted FROM space WHERE id = ?1")?
        .query_row([space], |row| row.get(0))
        .optional()?
        .flatten();
    let wanted: Option<Wanted> = wanted.map(|wanted| wire::decode(&wanted)).transpose()?;
    let to_do = head.has_to_do(outbox_is_empty(tx, space)?, wanted.as_ref());
    let mut statement =
        tx.prepare_cached("UPDATE space SET head = ?2, stopped = ?3, to_do = ?4 AND member WHERE id = ?1")?;
    statement.execute(params![space, wire::encode(head)?, head.stopped, to_do])?;
    if !head.unpulled || head.stopped {
        shown::forget(tx, space)?;
    }
    Ok(())
}

/// Writes a local space's head: it has no server, so nothing to do.
pub(super) fn set_local_head(tx: &Transaction<'_>, space: i64, head: &SpaceHead) -> Result<()> {
    let mut statement = tx.prepare_cached("UPDATE space SET head = ?2 WHERE id = ?1")?;
    statement.execute(params![space, wire::encode(head)?])?;
    Ok(())
}

pub(super) fn set_wanted(tx: &Transaction<'_>, space: i64, wanted: &Wanted) -> Result<()> {
    let mut statement = tx.prepare_cached("UPDATE space SET wanted = ?2 WHERE id = ?1")?;
    statement.execute(params![space, wire::encode(wanted)?])?;
    Ok(())
}

pub(super) fn outbox_is_empty(db: &Connection, space: i64) -> Result<bool> {
    let mut statement = db.prepare_cached("SELECT 1 FROM outbox WHERE space = ?1 LIMIT 1")?;
    Ok(!statement.exists([space])?)
}

pub(super) fn copy(db: &Connection, space: i64, record: RecordId) -> Result<Option<Record>> {
    copy_in(db, "record", space, record)
}

/// A record of one of the two tables that hold records.
pub(super) fn copy_in(
    db: &Connection,
    table: &'static str,
    space: i64,
    record: RecordId,
) -> Result<Option<Record>> {
    let mut statement =
        db.prepare_cached(&format!("SELECT body FROM {table} WHERE space = ?1 AND record = ?2"))?;
    let mut rows = statement.query(params![space, record.0.as_bytes()])?;
    rows.next()?.map(|row| body(row, 0)).transpose()
}

pub(super) fn put_copy(tx: &Transaction<'_>, space: i64, id: RecordId, record: &Record) -> Result<()> {
    let mut statement = tx.prepare_cached(
        "INSERT OR REPLACE INTO record(space, record, sequence, body) VALUES (?1, ?2, ?3, ?4)",
    )?;
    statement.execute(params![
        space,
        id.0.as_bytes(),
        i64::try_from(record.sequence).unwrap_or(i64::MAX),
        wire::encode(record)?
    ])?;
    Ok(())
}

pub(super) fn remove_copy(tx: &Transaction<'_>, space: i64, id: RecordId) -> Result<()> {
    let mut statement = tx.prepare_cached("DELETE FROM record WHERE space = ?1 AND record = ?2")?;
    statement.execute(params![space, id.0.as_bytes()])?;
    Ok(())
}

/// The copies of all records, dead ones too.
pub(super) fn copies(db: &Connection, space: i64) -> Result<BTreeMap<RecordId, Record>> {
    let mut statement = db.prepare_cached("SELECT record, body FROM record WHERE space = ?1")?;
    let mut rows = statement.query([space])?;
    let mut copies = BTreeMap::new();
    while let Some(row) = rows.next()? {
        copies.insert(RecordId(uuid(row, 0)?), body(row, 1)?);
    }
    Ok(copies)
}

/// The outbox's changes to one record, in order.
pub(super) fn pending(db: &Connection, space: i64, record: RecordId) -> Result<Vec<Change>> {
    let mut statement =
        db.prepare_cached("SELECT body FROM outbox WHERE space = ?1 AND record = ?2 ORDER BY place")?;
    let mut rows = statement.query(params![space, record.0.as_bytes()])?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next()? {
        changes.push(body(row, 0)?);
    }
    Ok(changes)
}

/// How many changes of a space one request carries at most: their records come back in the answer.
const PREFIX: usize = 1_000;
/// The largest change, in bytes as it is written: far below the largest request that a server reads.
const LARGEST: usize = 1 << 20;

/// The whole outbox in its order.
pub(super) fn outbox(db: &Connection, space: i64) -> Result<Vec<Change>> {
    Ok(outbox_up_to(db, space, usize::MAX, usize::MAX)?.0)
}

/// Whether the outbox has more changes than the first `most`.
pub(super) fn outbox_has_more(db: &Connection, space: i64, most: usize) -> Result<bool> {
    let mut statement = db.prepare_cached("SELECT 1 FROM outbox WHERE space = ?1 LIMIT 1 OFFSET ?2")?;
    Ok(statement.exists(params![space, i64::try_from(most).unwrap_or(i64::MAX)])?)
}

/// What of the outbox one request carries, and its bytes: up to the change with which `budget` bytes are reached, and
/// [`PREFIX`] changes at most. At least one, and always the same prefix for the same outbox, so that a repeat carries what
/// the lost request carried.
pub(super) fn outbox_prefix(db: &Connection, space: i64, budget: usize) -> Result<(Vec<Change>, usize)> {
    outbox_up_to(db, space, budget, PREFIX)
}

fn outbox_up_to(db: &Connection, space: i64, budget: usize, most: usize) -> Result<(Vec<Change>, usize)> {
    let mut statement = db.prepare_cached("SELECT body FROM outbox WHERE space = ?1 ORDER BY place")?;
    let mut rows = statement.query([space])?;
    let (mut changes, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let next = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?.len();
        if !changes.is_empty() && (bytes + next > budget || changes.len() >= most) {
            break;
        }
        bytes += next;
        changes.push(body(row, 0)?);
    }
    Ok((changes, bytes))
}

pub(super) fn push(tx: &Transaction<'_>, space: i64, change: &Change) -> Result<()> {
    let body = wire::encode(change)?;
    if body.len() > LARGEST {
        return Err(Error::TooLarge { bytes: body.len(), most: LARGEST });
    }
    let mut statement = tx.prepare_cached(
        "INSERT INTO outbox(space, incarnation, number, record, body) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    statement.execute(params![
        space,
        change.id.incarnation.0.as_bytes(),
        i64::try_from(change.id.number).unwrap_or(i64::MAX),
        change.record.0.as_bytes(),
        body
    ])?;
    Ok(())
}

/// The incarnations in a space's outbox.
pub(super) fn incarnations(db: &Connection, space: i64) -> Result<std::collections::BTreeSet<Incarnation>> {
    let mut statement = db.prepare_cached("SELECT DISTINCT incarnation FROM outbox WHERE space = ?1")?;
    let mut rows = statement.query([space])?;
    let mut found = std::collections::BTreeSet::new();
    while let Some(row) = rows.next()? {
        found.insert(Incarnation(uuid(row, 0)?));
    }
    Ok(found)
}

/// Empties a space: no copy, no superseded values, no outbox. That a superseded value was taken stays known, for when
/// the server names it again.
pub(super) fn clear(tx: &Transaction<'_>, space: i64) -> Result<()> {
    for what in ["record WHERE", "outbox WHERE", "received WHERE", "superseded WHERE NOT taken AND"] {
        tx.execute(&format!("DELETE FROM {what} space = ?1"), [space])?;
    }
    Ok(())
}
