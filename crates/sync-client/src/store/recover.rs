//! After the server was recovered from a backup, or the copy turned out to differ from what the server has: what is given
//! back, what is forgotten, what is downloaded anew (`docs/protocol.md`, "After a restore", "The digest", "The horizon").

use super::rows;
use crate::error::Result;
use rusqlite::{Connection, Transaction, params};
use std::collections::BTreeSet;
use sync_core::{
    id::{ChangeId, PROVISIONAL, RecordId, Sequence, is_provisional},
    protocol::Giveback,
    record::{Record, Superseded},
    replica::{self, SpaceHead, Sweep},
    server::pruned,
    wire,
};

/// What version 2 of the file added: which records a download of the whole space has brought, and the records that are
/// still to be given back.
pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS received(space INTEGER NOT NULL, record BLOB NOT NULL, PRIMARY KEY(space, record)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS record_provisional ON record(space, record) WHERE sequence >= 4611686018427387904;
";

/// How many records are read at once, where a whole space is gone through.
const SOME: usize = 500;

/// The next part of what a space owes, up to about `budget` bytes of records; its superseded values go with the last part.
pub(super) fn giveback(
    db: &Connection,
    space: i64,
    head: &SpaceHead,
    budget: usize,
) -> Result<Option<(Giveback, usize)>> {
    let Some(owed) = &head.owed else { return Ok(None) };
    let mut statement = db.prepare_cached(
        "SELECT record, body FROM record WHERE space = ?1 AND sequence >= 4611686018427387904 ORDER BY record",
    )?;
    let mut found = statement.query([space])?;
    let (mut records, mut bytes, mut more): (Vec<(RecordId, Record)>, _, _) = (Vec::new(), 0, false);
    while let Some(row) = found.next()? {
        let next = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?.len();
        if !records.is_empty() && bytes + next > budget {
            more = true;
            break;
        }
        bytes += next;
        records.push((RecordId(rows::uuid(row, 0)?), rows::body(row, 1)?));
    }
    let mut lost = Vec::new();
    if !more {
        let all = superseded(db, space)?.into_iter();
        lost.extend(all.map(|(_, lost)| lost).filter(|lost| is_provisional(lost.sequence)));
    }
    Ok(Some((replica::give_back(owed, records, lost, more), bytes)))
}

/// All superseded values of a space, also those that were taken.
fn superseded(db: &Connection, space: i64) -> Result<Vec<(i64, Superseded)>> {
    let mut statement = db.prepare_cached("SELECT id, body FROM superseded WHERE space = ?1 ORDER BY id")?;
    let mut found = statement.query([space])?;
    let mut all = Vec::new();
    while let Some(row) = found.next()? {
        all.push((row.get(0)?, rows::body(row, 1)?));
    }
    Ok(all)
}

fn renumber(tx: &Transaction<'_>, id: i64, lost: Superseded, sequence: Sequence) -> Result<()> {
    let mut statement = tx.prepare_cached("UPDATE superseded SET body = ?2 WHERE id = ?1")?;
    statement.execute(params![id, wire::encode(&Superseded { sequence, ..lost })?])?;
    Ok(())
}

/// The superseded values that were given back are the server's again: it tells them with sequences of its own.
pub(super) fn given_back(
    tx: &Transaction<'_>,
    space: i64,
    given: &BTreeSet<(Sequence, ChangeId)>,
) -> Result<()> {
    if given.is_empty() {
        return Ok(());
    }
    for (id, lost) in superseded(tx, space)? {
        if is_provisional(lost.sequence) && given.contains(&(lost.sequence & !PROVISIONAL, lost.id)) {
            renumber(tx, id, lost, 0)?;
        }
    }
    Ok(())
}

/// The highest sequence in the copy and among the superseded values.
pub(super) fn highest(db: &Connection, space: i64) -> Result<Sequence> {
    let of_records: Option<i64> = db
        .prepare_cached("SELECT max(sequence) FROM record WHERE space = ?1")?
        .query_row([space], |row| row.get(0))?;
    let of_records = of_records.map_or(0, |sequence| u64::try_from(sequence).unwrap_or(0));
    let lost = superseded(db, space)?.into_iter().map(|(_, lost)| lost.sequence).max();
    Ok(of_records.max(lost.unwrap_or(0)))
}

/// The server was recovered: what is above `common` is not of its sequences.
pub(super) fn recover(tx: &Transaction<'_>, space: i64, common: Sequence, head: &SpaceHead) -> Result<()> {
    let mut write = tx.prepare_cached(
        "UPDATE outbox SET body = ?4 WHERE space = ?1 AND incarnation = ?2 AND number = ?3",
    )?;
    for change in rows::outbox(tx, space)? {
        let copy = rows::copy(tx, space, change.record)?;
        let number = i64::try_from(change.id.number).unwrap_or(i64::MAX);
        let change = replica::recontext(change, copy.as_ref(), common);
        write.execute(params![space, change.id.incarnation.0.as_bytes(), number, wire::encode(&change)?])?;
    }
    each(tx, space, |id, record| {
        if record.sequence > common {
            rows::put_copy(tx, space, id, &replica::provisional(record, common))?;
        }
        Ok(())
    })?;
    for (id, lost) in superseded(tx, space)? {
        if lost.sequence > common {
            let sequence = lost.sequence | PROVISIONAL;
            renumber(tx, id, lost, sequence)?;
        }
    }
    tx.execute("DELETE FROM received WHERE space = ?1", [space])?;
    rows::set_head(tx, space, head)
}

/// What a page of a download of the whole space says of the copy's other records.
pub(super) fn sweep(
    tx: &Transaction<'_>,
    space: i64,
    head: &mut SpaceHead,
    sweep: Option<Sweep>,
) -> Result<()> {
    let Some(Sweep { begins, received, ends }) = sweep else { return Ok(()) };
    if begins {
        tx.execute("DELETE FROM received WHERE space = ?1", [space])?;
    }
    let mut note = tx.prepare_cached("INSERT OR IGNORE INTO received(space, record) VALUES (?1, ?2)")?;
    for id in received {
        note.execute(params![space, id.0.as_bytes()])?;
    }
    if ends {
        let mut known = tx.prepare_cached("SELECT 1 FROM received WHERE space = ?1 AND record = ?2")?;
        each(tx, space, |id, record| {
            if !is_provisional(record.sequence) && !known.exists(params![space, id.0.as_bytes()])? {
                head.digest.replace(id, Some(&record), None);
                rows::remove_copy(tx, space, id)?;
            }
            Ok(())
        })?;
        tx.execute("DELETE FROM received WHERE space = ?1", [space])?;
    }
    Ok(())
}

/// Whether a download of the whole space that is going on has brought a record.
pub(super) fn is_received(db: &Connection, space: i64, id: RecordId) -> Result<bool> {
    let mut statement = db.prepare_cached("SELECT 1 FROM received WHERE space = ?1 AND record = ?2")?;
    Ok(statement.exists(params![space, id.0.as_bytes()])?)
}

/// Forgets what the server has forgotten.
pub(super) fn prune(tx: &Transaction<'_>, space: i64, horizon: Sequence) -> Result<()> {
    each(tx, space, |id, record| match pruned(record.clone(), horizon) {
        None => rows::remove_copy(tx, space, id),
        Some(left) if left != record => rows::put_copy(tx, space, id, &left),
        Some(_) => Ok(()),
    })
}

/// Goes through the copy, some records at a time; what is done to one may change or remove it.
fn each(
    tx: &Transaction<'_>,
    space: i64,
    mut take: impl FnMut(RecordId, Record) -> Result<()>,
) -> Result<()> {
    let mut after: Vec<u8> = Vec::new();
    loop {
        let mut some: Vec<(RecordId, Record)> = Vec::with_capacity(SOME);
        let mut statement = tx.prepare_cached(
            "SELECT record, body FROM record WHERE space = ?1 AND record > ?2 ORDER BY record LIMIT ?3",
        )?;
        let mut found = statement.query(params![space, after, i64::try_from(SOME).unwrap_or(i64::MAX)])?;
        while let Some(row) = found.next()? {
            some.push((RecordId(rows::uuid(row, 0)?), rows::body(row, 1)?));
        }
        let Some((last, _)) = some.last() else { return Ok(()) };
        after = last.0.as_bytes().to_vec();
        some.into_iter().try_for_each(|(id, record)| take(id, record))?;
    }
}

/// Gives each synchronizing space of a file of version 1 the digest of its copy.
pub(super) fn note_digests(tx: &Transaction<'_>) -> Result<()> {
    let mut statement = tx.prepare("SELECT id, name, head FROM space")?;
    let mut found = statement.query([])?;
    let mut spaces: Vec<(i64, SpaceHead)> = Vec::new();
    while let Some(row) = found.next()? {
        if rows::space_name(&row.get::<_, String>(1)?)?.synchronizes() {
            spaces.push((row.get(0)?, rows::body(row, 2)?));
        }
    }
    for (space, mut head) in spaces {
        each(tx, space, |id, record| {
            head.digest.replace(id, None, Some(&record));
            Ok(())
        })?;
        rows::set_local_head(tx, space, &head)?;
    }
    Ok(())
}
