//! What is kept and can be brought back: snapshots, superseded values, the history of local spaces.

use super::{Store, edit, rows};
use crate::{
    draw,
    error::{Error, Result},
};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use std::collections::BTreeMap;
use sync_core::{
    change::{Author, Change, Operation},
    id::{ChangeId, MachineId, PROVISIONAL, RecordId, SnapshotId},
    record::{FieldName, Lost, Superseded},
    replica::{self, SpaceHead},
    snapshot::{Reason, Snapshot},
    space::SpaceName,
    time::Timestamp,
    value::Value,
    wire,
};

/// Why and by whom something is set aside.
pub(super) struct Occasion<'a> {
    pub(super) reason: Reason,
    pub(super) author: &'a Author,
    pub(super) machine: Option<MachineId>,
}

/// A snapshot in a list, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRow {
    /// Its name.
    pub id: SnapshotId,
    /// The space.
    pub space: SpaceName,
    /// Why it was made, as [`Reason::as_str`] has it.
    pub reason: String,
    /// When.
    pub time: Timestamp,
    /// How many records a person saw in it: the live ones, with what had not been sent.
    pub records: u64,
    /// How many changes that had not been sent.
    pub outbox: u64,
}

/// A value that was superseded, or a deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupersededRow {
    /// By this it is taken.
    pub id: i64,
    /// The space.
    pub space: SpaceName,
    /// When this machine heard of it.
    pub time: Timestamp,
    /// What.
    pub lost: Superseded,
}

impl Store {
    /// The snapshots, newest first.
    ///
    /// # Errors
    /// What the disk says.
    pub fn snapshots(&self) -> Result<Vec<SnapshotRow>> {
        let mut statement = self.db.prepare_cached(
            "SELECT id, space, reason, time, records, outbox FROM snapshot ORDER BY place DESC",
        )?;
        let mut found = statement.query([])?;
        let mut snapshots = Vec::new();
        while let Some(row) = found.next()? {
            snapshots.push(SnapshotRow {
                id: SnapshotId(rows::uuid(row, 0)?),
                space: rows::space_name(&row.get::<_, String>(1)?)?,
                reason: row.get(2)?,
                time: Timestamp(row.get(3)?),
                records: rows::count(row, 4)?,
                outbox: rows::count(row, 5)?,
            });
        }
        Ok(snapshots)
    }

    /// One snapshot.
    ///
    /// # Errors
    /// [`Error::UnknownSnapshot`], or what the disk says.
    pub fn snapshot(&self, id: SnapshotId) -> Result<Snapshot> {
        let mut statement = self.db.prepare_cached("SELECT body FROM snapshot WHERE id = ?1")?;
        let mut found = statement.query(params![id.0.as_bytes()])?;
        let row = found.next()?.ok_or_else(|| Error::UnknownSnapshot(id.to_string()))?;
        rows::body(row, 0)
    }

    /// Brings a snapshot's live records back, with what had not been sent, as new changes over what stands; what stands
    /// is kept first. Says how many records changed.
    ///
    /// # Errors
    /// [`Error::UnknownSnapshot`]; [`Error::NotAMember`] where the machine may not have the space any more.
    pub fn restore(&mut self, id: SnapshotId, author: &Author) -> Result<u64> {
        let snapshot = self.snapshot(id)?;
        let live: Vec<_> = live_of(&snapshot).into_iter().collect();
        let space = snapshot.space;
        let (incarnation, machine, first) = (self.incarnation, self.identity.machine, self.number + 1);
        self.number += live.len() as u64;
        self.transaction(|tx| {
            let (row, mut head) = edit::writable(tx, &space)?;
            let views = edit::views(tx, row)?;
            let stands = |id| views.get(&id).cloned();
            let changes = replica::bring_back(stands, live, incarnation, first, author);
            if changes.is_empty() {
                return Ok(0);
            }
            keep(tx, row, &space, &head, &Occasion { reason: Reason::BroughtBack, author, machine })?;
            let count = changes.len() as u64;
            for mut change in changes {
                let copy = rows::copy(tx, row, change.record)?;
                let pending = rows::pending(tx, row, change.record)?;
                change.context = replica::context(&head, copy.as_ref(), &pending);
                if space.synchronizes() {
                    rows::push(tx, row, &change)?;
                } else {
                    edit::apply_locally(tx, row, &mut head, copy, &change)?;
                }
            }
            if space.synchronizes() {
                rows::set_head(tx, row, &head)?;
            } else {
                rows::set_local_head(tx, row, &head)?;
            }
            Ok(count)
        })
    }

    /// What was superseded and not taken since, newest first.
    ///
    /// # Errors
    /// What the disk says.
    pub fn superseded(&self) -> Result<Vec<SupersededRow>> {
        let mut statement = self.db.prepare_cached(
            "SELECT superseded.id, name, time, body FROM superseded JOIN space ON space.id = superseded.space
             WHERE NOT taken ORDER BY superseded.id DESC",
        )?;
        let mut found = statement.query([])?;
        let mut list = Vec::new();
        while let Some(row) = found.next()? {
            list.push(superseded_row(row)?);
        }
        Ok(list)
    }

    /// Takes a superseded value after all: it becomes a new change with a full context. Says what was taken.
    ///
    /// # Errors
    /// [`Error::UnknownSuperseded`], [`Error::NotAMember`], or what the disk says.
    pub fn take(&mut self, id: i64, author: &Author) -> Result<SupersededRow> {
        let (incarnation, number) = (self.incarnation, self.number + 1);
        self.number = number;
        self.transaction(|tx| {
            let mut statement = tx.prepare_cached(
                "SELECT superseded.id, name, time, body FROM superseded JOIN space ON space.id = superseded.space
                 WHERE NOT taken AND superseded.id = ?1",
            )?;
            let mut found = statement.query([id])?;
            let taken = superseded_row(found.next()?.ok_or(Error::UnknownSuperseded(id))?)?;
            let (row, head) = edit::writable(tx, &taken.space)?;
            let operation = match &taken.lost.what {
                Lost::Field(name, value) => Operation::Edit([(name.clone(), value.clone())].into()),
                Lost::Deletion => Operation::Delete,
            };
            let record = taken.lost.record;
            let copy = rows::copy(tx, row, record)?;
            let pending = rows::pending(tx, row, record)?;
            let id = ChangeId { incarnation, number };
            let change =
                replica::edit(&head, copy.as_ref(), &pending, id, record, operation, author.clone());
            rows::push(tx, row, &change)?;
            rows::set_head(tx, row, &head)?;
            tx.execute("UPDATE superseded SET taken = 1 WHERE id = ?1", [taken.id])?;
            Ok(taken)
        })
    }

    /// The changes of a local space, oldest first.
    ///
    /// # Errors
    /// What the disk says.
    pub fn history(&self, space: &SpaceName) -> Result<Vec<Change>> {
        let mut statement = self.db.prepare_cached(
            "SELECT body FROM history JOIN space ON space.id = history.space WHERE name = ?1 ORDER BY sequence",
        )?;
        let mut found = statement.query([space.to_string()])?;
        let mut changes = Vec::new();
        while let Some(row) = found.next()? {
            changes.push(rows::body(row, 0)?);
        }
        Ok(changes)
    }
}

/// What a person saw of the space when it was set aside: its live records, with what had not been sent.
#[must_use]
pub fn live_of(snapshot: &Snapshot) -> BTreeMap<RecordId, BTreeMap<FieldName, Value>> {
    let mut records: BTreeMap<_, _> = snapshot.records.iter().cloned().collect();
    for change in &snapshot.outbox {
        let record = replica::view(records.remove(&change.record), core::slice::from_ref(change));
        records.extend(record.map(|record| (change.record, record)));
    }
    records.into_iter().filter_map(|(id, record)| Some((id, record.into_live()?))).collect()
}

fn superseded_row(row: &rusqlite::Row<'_>) -> Result<SupersededRow> {
    Ok(SupersededRow {
        id: row.get(0)?,
        space: rows::space_name(&row.get::<_, String>(1)?)?,
        time: Timestamp(row.get(2)?),
        lost: rows::body(row, 3)?,
    })
}

/// Keeps a space as a snapshot, unless there is nothing to keep.
pub(super) fn keep(
    tx: &Transaction<'_>,
    row: i64,
    space: &SpaceName,
    head: &SpaceHead,
    occasion: &Occasion<'_>,
) -> Result<Option<SnapshotId>> {
    let copies = rows::copies(tx, row)?.into_iter();
    let records: Vec<_> = copies.map(|(id, record)| (id, replica::told(record))).collect();
    let outbox = rows::outbox(tx, row)?;
    if records.is_empty() && outbox.is_empty() {
        return Ok(None);
    }
    let snapshot = Snapshot {
        id: SnapshotId(draw::uuid()?),
        reason: occasion.reason,
        time: occasion.author.time,
        machine: occasion.machine,
        person: occasion.author.person.clone(),
        space: space.clone(),
        epoch: head.epoch,
        generation: head.generation,
        seen: head.seen,
        records,
        superseded: all_superseded(tx, row)?,
        outbox,
    };
    put(tx, &snapshot)?;
    Ok(Some(snapshot.id))
}

/// Keeps a snapshot.
pub(super) fn put(tx: &Transaction<'_>, snapshot: &Snapshot) -> Result<()> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO snapshot(id, space, reason, time, records, outbox, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    statement.execute(params![
        snapshot.id.0.as_bytes(),
        snapshot.space.to_string(),
        snapshot.reason.as_str(),
        snapshot.time.0,
        i64::try_from(live_of(snapshot).len()).unwrap_or(i64::MAX),
        i64::try_from(snapshot.outbox.len()).unwrap_or(i64::MAX),
        wire::encode(snapshot)?
    ])?;
    Ok(())
}

fn all_superseded(db: &Connection, space: i64) -> Result<Vec<Superseded>> {
    let mut statement =
        db.prepare_cached("SELECT body FROM superseded WHERE space = ?1 AND NOT taken ORDER BY id")?;
    let mut found = statement.query([space])?;
    let mut all = Vec::new();
    while let Some(row) = found.next()? {
        let lost: Superseded = rows::body(row, 0)?;
        all.push(Superseded { sequence: lost.sequence & !PROVISIONAL, ..lost });
    }
    Ok(all)
}

/// Adds a superseded value; one that is there already stays once. Says whether it was new.
pub(super) fn add_superseded(
    tx: &Transaction<'_>,
    space: i64,
    lost: &Superseded,
    now: Timestamp,
) -> Result<bool> {
    let field = match &lost.what {
        Lost::Field(name, _) => Some(name),
        Lost::Deletion => None,
    };
    let key = wire::encode(&(lost.id, lost.record, field))?;
    // One that was given back comes again, with another sequence.
    let mut there = tx.prepare_cached("UPDATE superseded SET body = ?3 WHERE space = ?1 AND key = ?2")?;
    if there.execute(params![space, key, wire::encode(lost)?])? > 0 {
        return Ok(false);
    }
    let mut statement =
        tx.prepare_cached("INSERT INTO superseded(space, key, time, body) VALUES (?1, ?2, ?3, ?4)")?;
    statement.execute(params![space, key, now.0, wire::encode(lost)?])?;
    Ok(true)
}

/// Keeps a change of a local space in its history.
pub(super) fn remember(tx: &Transaction<'_>, space: i64, sequence: u64, change: &Change) -> Result<()> {
    let mut statement =
        tx.prepare_cached("INSERT INTO history(space, sequence, body) VALUES (?1, ?2, ?3)")?;
    statement.execute(params![space, i64::try_from(sequence).unwrap_or(i64::MAX), wire::encode(change)?])?;
    Ok(())
}

impl Store {
    /// How many snapshots and superseded values there are.
    ///
    /// # Errors
    /// What the disk says.
    pub fn count_kept(&self) -> Result<(u64, u64)> {
        let counts = self
            .db
            .query_row(
                "SELECT (SELECT count(*) FROM snapshot), (SELECT count(*) FROM superseded WHERE NOT taken)",
                [],
                |row| Ok((rows::count(row, 0)?, rows::count(row, 1)?)),
            )
            .optional()?;
        Ok(counts.unwrap_or_default())
    }
}
