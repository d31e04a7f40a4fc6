//! Edits and what a person sees: an edit becomes a change with its context, and waits in the outbox; in a local space it
//! is applied at once. Everything that writes data goes through [`Store::apply`], imports too.

use super::{Store, join, kept, rows};
use crate::error::{Error, Result};
use rusqlite::{Connection, Rows, Transaction};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashSet};
use sync_core::{
    change::{Author, Change, Operation},
    id::{ChangeId, Incarnation, MachineId, RecordId},
    record::{FieldName, Record},
    replica::{self, SpaceHead},
    sharing::is_read_only,
    snapshot::Reason,
    space::SpaceName,
    value::Value,
};

/// One edit of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Where.
    pub space: SpaceName,
    /// Which record; a new one where there is none.
    pub record: RecordId,
    /// What to do with it.
    pub operation: Operation,
}

/// Edits that are written together or not at all: a person's edit of several things, or a whole import.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// The edits, in order.
    pub edits: Vec<Edit>,
    /// Who, when, in which import.
    pub author: Author,
    /// Keep each space that is edited as a snapshot first, for this reason.
    pub keep: Option<Reason>,
}

impl Store {
    /// Writes a batch in one transaction; says the change that each edit became.
    ///
    /// # Errors
    /// [`Error::NotAMember`] where a space that synchronizes is not at this machine, [`Error::Unwritable`] where a value
    /// could not be read again; nothing is written then.
    pub fn apply(&mut self, batch: &Batch) -> Result<Vec<ChangeId>> {
        let writer = self.writer(batch.edits.len());
        self.transaction(|tx| apply(tx, batch, writer))
    }

    /// Draws the numbers of so many changes before they are written: gaps are legal, a number that is used twice is not.
    pub(super) fn writer(&mut self, changes: usize) -> Writer {
        let writer =
            Writer { incarnation: self.incarnation, machine: self.identity.machine, first: self.number + 1 };
        self.number += changes as u64;
        writer
    }

    /// Writes one edit.
    ///
    /// # Errors
    /// As [`Store::apply`].
    pub fn edit(
        &mut self,
        space: &SpaceName,
        record: RecordId,
        operation: Operation,
        author: Author,
    ) -> Result<()> {
        let edits = vec![Edit { space: space.clone(), record, operation }];
        self.apply(&Batch { edits, author, keep: None }).map(|_| ())
    }

    /// What a person sees of one record: the copy with the outbox on top.
    ///
    /// # Errors
    /// What the disk says.
    pub fn view(&self, space: &SpaceName, record: RecordId) -> Result<Option<Record>> {
        let Some(found) = rows::find(&self.db, space)? else {
            return Ok(None);
        };
        let copy = rows::copy(&self.db, found.id, record)?;
        Ok(replica::view(copy, &rows::pending(&self.db, found.id, record)?))
    }

    /// What a person sees of a space: its live records with the fields that are set, by id. Nothing where the machine
    /// does not have the space.
    ///
    /// # Errors
    /// What the disk says.
    pub fn live(&self, space: &SpaceName) -> Result<BTreeMap<RecordId, BTreeMap<FieldName, Value>>> {
        match rows::find(&self.db, space)? {
            Some(found) => live(&self.db, found.id),
            None => Ok(BTreeMap::new()),
        }
    }

    /// The same record by record, in the order of their ids.
    ///
    /// # Errors
    /// What the disk says.
    pub fn each_live(
        &self,
        space: &SpaceName,
        mut each: impl FnMut(RecordId, BTreeMap<FieldName, Value>),
    ) -> Result<()> {
        match rows::find(&self.db, space)? {
            Some(found) => each_view(&self.db, found.id, |id, record| {
                if let Some(fields) = record.into_live() {
                    each(id, fields);
                }
            }),
            None => Ok(()),
        }
    }
}

/// Who writes: the incarnation, and the first of the numbers that were drawn.
#[derive(Clone, Copy)]
pub(super) struct Writer {
    incarnation: Incarnation,
    machine: Option<MachineId>,
    first: u64,
}

/// Writes a batch; says the change that each edit became.
pub(super) fn apply(tx: &Transaction<'_>, batch: &Batch, writer: Writer) -> Result<Vec<ChangeId>> {
    let Batch { edits, author, keep } = batch;
    let mut writing = Writing::new(tx, author, writer, *keep);
    let ids = edits
        .iter()
        .map(|edit| Ok(writing.write(&edit.space, edit.record, edit.operation.clone())?.id))
        .collect::<Result<_>>()?;
    writing.end()?;
    Ok(ids)
}

/// Refuses what nobody could read again.
fn readable(operation: &Operation) -> Result<()> {
    let Operation::Edit(fields) = operation else { return Ok(()) };
    for (field, value) in fields {
        if let Some(Err(why)) = value.as_ref().map(Value::writable) {
            return Err(Error::Unwritable { field: field.clone(), why });
        }
    }
    Ok(())
}

/// A space that is being written into.
struct Open {
    name: SpaceName,
    row: i64,
    head: SpaceHead,
    /// Whether it held any copy, and any change that waits, before: of an empty one nothing has to be looked up.
    copies: bool,
    waiting: bool,
    /// The records that were written since.
    written: HashSet<RecordId>,
}

/// Edits on their way into the store, one by one, in a transaction of the caller's. What it holds in memory grows with their
/// number by no more than their ids.
pub(super) struct Writing<'a> {
    tx: &'a Transaction<'a>,
    author: Author,
    writer: Writer,
    keep: Option<Reason>,
    next: u64,
    spaces: Vec<Open>,
}

/// What became of an edit.
pub(super) struct Written {
    /// Its change.
    pub(super) id: ChangeId,
    /// What a person saw of the record before.
    pub(super) before: Option<Record>,
    /// The edit's operation, given back.
    pub(super) operation: Operation,
}

impl<'a> Writing<'a> {
    pub(super) fn new(
        tx: &'a Transaction<'a>,
        author: &Author,
        writer: Writer,
        keep: Option<Reason>,
    ) -> Self {
        Self { tx, author: author.clone(), writer, keep, next: writer.first, spaces: Vec::new() }
    }

    /// Writes one edit.
    pub(super) fn write(
        &mut self,
        space: &SpaceName,
        record: RecordId,
        operation: Operation,
    ) -> Result<Written> {
        readable(&operation)?;
        let id = ChangeId { incarnation: self.writer.incarnation, number: self.next };
        let at = self.open(space)?;
        let (tx, author) = (self.tx, core::mem::take(&mut self.author));
        let Open { row, head, copies, waiting, written, .. } = &mut self.spaces[at];
        let again = !written.insert(record);
        let copy = if *copies || again { rows::copy(tx, *row, record)? } else { None };
        let pending = if *waiting || again { rows::pending(tx, *row, record)? } else { Vec::new() };
        let change = replica::edit(head, copy.as_ref(), &pending, id, record, operation, author);
        let before = if space.synchronizes() {
            rows::push(tx, *row, &change)?;
            replica::view(copy, &pending)
        } else {
            // Nothing of a local space ever waits.
            apply_locally(tx, *row, head, copy.clone(), &change)?;
            copy
        };
        let Change { operation, author, .. } = change;
        self.author = author;
        self.next += 1;
        Ok(Written { id, before, operation })
    }

    /// Where among those that are being written into; edits of one space come together, mostly.
    fn open(&mut self, space: &SpaceName) -> Result<usize> {
        if let Some(at) = self.spaces.iter().rposition(|open| open.name == *space) {
            return Ok(at);
        }
        let (row, head) = writable(self.tx, space)?;
        if let Some(reason) = self.keep {
            let occasion = kept::Occasion { reason, author: &self.author, machine: self.writer.machine };
            kept::keep(self.tx, row, space, &head, &occasion)?;
        }
        let copies =
            self.tx.prepare_cached("SELECT 1 FROM record WHERE space = ?1 LIMIT 1")?.exists([row])?;
        let waiting = !rows::outbox_is_empty(self.tx, row)?;
        let (name, written) = (space.clone(), HashSet::new());
        self.spaces.push(Open { name, row, head, copies, waiting, written });
        Ok(self.spaces.len() - 1)
    }

    /// Writes the heads; without it the spaces do not know what was written into them.
    pub(super) fn end(self) -> Result<()> {
        for Open { name, row, head, .. } in &self.spaces {
            if name.synchronizes() {
                rows::set_head(self.tx, *row, head)?;
            } else {
                rows::set_local_head(self.tx, *row, head)?;
            }
        }
        Ok(())
    }
}

/// The row and head of a space that can be edited; a local one is made where there is none.
pub(super) fn writable(tx: &Transaction<'_>, space: &SpaceName) -> Result<(i64, SpaceHead)> {
    match rows::find(tx, space)? {
        _ if is_read_only(space) => Err(Error::ReadOnly(space.clone())),
        Some(found) if found.member => Ok((found.id, found.head)),
        None if !space.synchronizes() => {
            let id = join(tx, space, false)?;
            Ok((id, SpaceHead { unpulled: false, ..SpaceHead::new(false) }))
        }
        _ => Err(Error::NotAMember(space.clone())),
    }
}

/// A change of a local space: applied, and kept in its history.
pub(super) fn apply_locally(
    tx: &Transaction<'_>,
    space: i64,
    head: &mut SpaceHead,
    copy: Option<Record>,
    change: &Change,
) -> Result<()> {
    let applied = replica::apply_locally(head, copy, change);
    if let Some(record) = applied.record {
        rows::put_copy(tx, space, change.record, &record)?;
    }
    kept::remember(tx, space, head.seen, change)
}

/// What a person sees of all records of a space.
pub(super) fn views(db: &Connection, space: i64) -> Result<BTreeMap<RecordId, Record>> {
    let mut views = BTreeMap::new();
    each_view(db, space, |id, record| {
        views.insert(id, record);
    })?;
    Ok(views)
}

/// The same record by record, in the order of their ids: what lies in memory does not grow with their number.
fn each_view(db: &Connection, space: i64, each: impl FnMut(RecordId, Record)) -> Result<()> {
    each_view_in(db, "record", space, each)
}

fn each_view_in(
    db: &Connection,
    table: &'static str,
    space: i64,
    mut each: impl FnMut(RecordId, Record),
) -> Result<()> {
    let mut copies =
        db.prepare_cached(&format!("SELECT record, body FROM {table} WHERE space = ?1 ORDER BY record"))?;
    let mut waiting =
        db.prepare_cached("SELECT record, body FROM outbox WHERE space = ?1 ORDER BY record, place")?;
    let (mut copies, mut waiting) = (copies.query([space])?, waiting.query([space])?);
    let mut copy = next::<Record>(&mut copies)?;
    let mut change = next::<Change>(&mut waiting)?;
    loop {
        let id = match (&copy, &change) {
            (Some((copy, _)), Some((change, _))) => *copy.min(change),
            (Some((id, _)), None) | (None, Some((id, _))) => *id,
            (None, None) => return Ok(()),
        };
        let mut view = None;
        if let Some((_, record)) = copy.take_if(|(found, _)| *found == id) {
            view = Some(record);
            copy = next(&mut copies)?;
        }
        while let Some((_, one)) = change.take_if(|(found, _)| *found == id) {
            view = replica::view(view, core::slice::from_ref(&one));
            change = next(&mut waiting)?;
        }
        if let Some(record) = view {
            each(id, record);
        }
    }
}

fn next<T: DeserializeOwned>(rows: &mut Rows<'_>) -> Result<Option<(RecordId, T)>> {
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some((RecordId(rows::uuid(row, 0)?), rows::body(row, 1)?)))
}

/// The live records of a space, with the fields that are set.
pub(super) fn live(db: &Connection, space: i64) -> Result<BTreeMap<RecordId, BTreeMap<FieldName, Value>>> {
    live_in(db, "record", space)
}

/// The same, over one of the two tables that hold records.
pub(super) fn live_in(
    db: &Connection,
    table: &'static str,
    space: i64,
) -> Result<BTreeMap<RecordId, BTreeMap<FieldName, Value>>> {
    let mut live = BTreeMap::new();
    each_view_in(db, table, space, |id, record| {
        live.extend(record.into_live().map(|fields| (id, fields)));
    })?;
    Ok(live)
}
