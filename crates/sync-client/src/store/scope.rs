//! The sharing scope at this machine: which choices it has seen, which of them it has taken up for whom, and what taking
//! one up writes. What a change of scope means for a value, the core says ([`sync_core::sharing`]).
//!
//! A choice that was seen is taken up for a person in the transaction that makes their space level with the server: an
//! answer that is still to come could hold the value that is to be copied. Until then the person's setting lies where it
//! did. So nothing depends on whether the machine was stopped, or out of reach, while the choice was made.

use super::{LogLine, Store, edit, kept, log, meta, rows, set_meta};
use crate::{draw, error::Result};
use rusqlite::{Connection, Transaction};
use std::collections::{BTreeMap, BTreeSet};
use sync_core::{
    catalogue::{RecordType, Setting, Sharing, type_of},
    change::{Author, Change, Context, Operation},
    id::{ChangeId, Incarnation, MachineId, RecordId, SnapshotId},
    import::DEVICE_SPECIFIC,
    record::Record,
    replica::{self, SpaceHead},
    sharing::{self, Entries, Fields, OWNER_FIELD, Sent, SentRecords, SharingScope, Subject},
    snapshot::{Reason, Snapshot},
    space::{SpaceKind, SpaceName},
    value::Value,
};

/// Under it the choices are kept that the machine has seen.
const SEEN: &str = "scopes";

/// The place of a person's setting that belongs to this machine.
pub(crate) fn own_place(user: &str, setting: &str) -> (SpaceName, RecordId) {
    (SpaceName::local(DEVICE_SPECIFIC), RecordId::of_setting(&format!("{user}/{setting}")))
}

/// Under it the settings are kept that are device-specific here for the person of a space.
fn taken_up_key(space: &SpaceName) -> String {
    format!("{SEEN}:{space}")
}

impl Store {
    /// The settings that are device-specific by the server's choice, as far as this machine has seen it.
    ///
    /// # Errors
    /// What the disk says.
    pub fn device_specific(&self) -> Result<BTreeSet<String>> {
        Ok(meta(&self.db, SEEN)?.unwrap_or_default())
    }

    /// How a setting is shared at this machine for the person of a space.
    ///
    /// # Errors
    /// What the disk says.
    pub fn scope(&self, setting: &Setting, space: &SpaceName) -> Result<SharingScope> {
        self.scope_of(setting.name, setting.sharing, space)
    }

    /// How the records of a type are shared at this machine for the person of a space.
    ///
    /// # Errors
    /// What the disk says.
    pub fn scope_of_records(&self, known: &RecordType, space: &SpaceName) -> Result<SharingScope> {
        self.scope_of(known.name, known.sharing, space)
    }

    fn scope_of(&self, name: &str, sharing: Sharing, space: &SpaceName) -> Result<SharingScope> {
        let taken_up = match sharing {
            Sharing::Selectable => taken_up(&self.db, space)?,
            Sharing::Shared | Sharing::Device => BTreeSet::new(),
        };
        Ok(sharing::scope_of(name, sharing, &taken_up))
    }

    /// A person's records of a type that lie in the machine's own place, without the field that says whose they are.
    pub(crate) fn own_records(&self, known: &RecordType, user: &str) -> Result<Entries> {
        let Some(found) = rows::find(&self.db, &SpaceName::local(DEVICE_SPECIFIC))? else {
            return Ok(Entries::new());
        };
        own_entries(&rows::copies(&self.db, found.id)?, known, user)
    }
}

/// The live records of a type.
fn entries(copies: &BTreeMap<RecordId, Record>, known: &RecordType) -> Entries {
    let live = copies.iter().filter_map(|(id, record)| Some((*id, record.clone().into_live()?)));
    live.filter(|(_, fields)| type_of(fields) == Some(known.name)).collect()
}

/// Those of them that are one person's, without the field that says so.
fn own_entries(copies: &BTreeMap<RecordId, Record>, known: &RecordType, user: &str) -> Result<Entries> {
    let mut entries = entries(copies, known);
    entries.retain(|_, fields| fields.remove(OWNER_FIELD).as_ref().and_then(Value::as_text) == Some(user));
    Ok(entries)
}

fn taken_up(db: &Connection, space: &SpaceName) -> Result<BTreeSet<String>> {
    Ok(meta(db, &taken_up_key(space))?.unwrap_or_default())
}

/// Taking choices up, in the transaction of an answer.
pub(super) struct TakeUp<'a> {
    /// Whether every person is looked at: once for each opening, since a later program may know more settings.
    pub(super) all: bool,
    /// The realm of the machine.
    pub(super) realm: &'a str,
    /// The present incarnation, once the answer is taken.
    pub(super) incarnation: Incarnation,
    /// The highest number that was drawn; rises by the changes that are made here.
    pub(super) number: &'a mut u64,
    /// Whose round trip it is.
    pub(super) author: &'a Author,
    /// The machine.
    pub(super) machine: Option<MachineId>,
}

/// What became of the people's values of one setting, or of their records of one type.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    people: u64,
    sent: u64,
    kept: u64,
}

impl TakeUp<'_> {
    /// After an answer that spoke of these spaces: takes up what can be taken up now.
    pub(super) fn after(mut self, tx: &Transaction<'_>, answered: &BTreeSet<SpaceName>) -> Result<()> {
        let scopes = sharing::space(self.realm);
        let mut seen: BTreeSet<String> = meta(tx, SEEN)?.unwrap_or_default();
        let mut all = self.all;
        if answered.contains(&scopes)
            && let Some((row, _)) = level(tx, &scopes)?
        {
            let chosen = sharing::device_specific(rows::copies(tx, row)?.values());
            if chosen != seen {
                set_meta(tx, SEEN, &chosen)?;
                seen = chosen;
                all = true;
            }
        }
        let seen = sharing::effective(&seen);
        // Those that are not level yet take it up with the answer that makes them so.
        let candidates = if all {
            people(tx)?
        } else {
            answered.iter().filter(|space| space.kind == SpaceKind::User).cloned().collect()
        };
        let mut counts: BTreeMap<(&'static str, SharingScope), (Subject, Counts)> = BTreeMap::new();
        for space in candidates {
            let before = taken_up(tx, &space)?;
            if before == seen {
                continue;
            }
            let Some((row, mut head)) = level(tx, &space)? else { continue };
            for name in before.symmetric_difference(&seen) {
                let Some(subject) = Subject::find(name) else { continue };
                let scope = subject.scope(&seen);
                let key = (subject.name(), scope);
                let (_, counts) = counts.entry(key).or_insert((subject, Counts::default()));
                counts.people += 1;
                let at = (row, &mut head);
                match (scope, subject) {
                    (SharingScope::DeviceSpecific, Subject::Setting(setting)) => {
                        self.bring_level(tx, row, &space, setting)?;
                    }
                    (SharingScope::DeviceSpecific, Subject::Records(known)) => {
                        self.bring_records_level(tx, row, &space, known)?;
                    }
                    (SharingScope::Shared, Subject::Setting(setting)) => {
                        self.send(tx, at, &space, setting, counts)?;
                    }
                    (SharingScope::Shared, Subject::Records(known)) => {
                        self.send_records(tx, at, &space, known, counts)?;
                    }
                }
            }
            rows::set_head(tx, row, &head)?;
            set_meta(tx, &taken_up_key(&space), &seen)?;
        }
        for ((_, scope), (subject, counts)) in counts {
            log::add(tx, &self.line(subject, scope, counts))?;
        }
        Ok(())
    }

    /// The person's shared value goes into the machine's own place.
    fn bring_level(
        &mut self,
        tx: &Transaction<'_>,
        row: i64,
        user: &SpaceName,
        setting: &Setting,
    ) -> Result<()> {
        let shared = live(rows::copy(tx, row, setting.record())?);
        let (own_row, mut own_head, record, own) = own(tx, user, setting)?;
        let edit = sharing::level(&shared, &live(own.clone()));
        self.write_own(tx, own_row, &mut own_head, record, own, Operation::Edit(edit))
    }

    /// The person's shared records go into the machine's own place.
    fn bring_records_level(
        &mut self,
        tx: &Transaction<'_>,
        row: i64,
        user: &SpaceName,
        known: &RecordType,
    ) -> Result<()> {
        let mut shared = entries(&rows::copies(tx, row)?, known);
        shared.values_mut().for_each(|fields| drop(fields.remove(OWNER_FIELD)));
        self.write_own_records(tx, user, known, &shared)
    }

    /// The machine's own records are sent to the person's space where that has none of the type, and else kept.
    fn send_records(
        &mut self,
        tx: &Transaction<'_>,
        (row, head): (i64, &mut SpaceHead),
        user: &SpaceName,
        known: &RecordType,
        counts: &mut Counts,
    ) -> Result<()> {
        let copies = rows::copies(tx, row)?;
        let (own_row, _) = edit::writable(tx, &SpaceName::local(DEVICE_SPECIFIC))?;
        let own_copies = rows::copies(tx, own_row)?;
        let own = own_entries(&own_copies, known, &user.name)?;
        match sharing::send_records(&own, &entries(&copies, known)) {
            SentRecords::Nothing => {}
            SentRecords::Stand => {
                counts.sent += own.len() as u64;
                for (record, fields) in &own {
                    let edit = fields.iter().map(|(name, value)| (name.clone(), Some(value.clone())));
                    let change = Change {
                        id: self.draw(),
                        record: *record,
                        context: replica::context(head, copies.get(record), &[]),
                        operation: Operation::Edit(edit.collect()),
                        author: self.by(user),
                    };
                    rows::push(tx, row, &change)?;
                }
            }
            SentRecords::Kept => {
                counts.kept += own.len() as u64;
                let mut records: Vec<(RecordId, Record)> =
                    own_copies.into_iter().filter(|(id, _)| own.contains_key(id)).collect();
                records.iter_mut().for_each(|(_, record)| drop(record.fields.remove(OWNER_FIELD)));
                // Of the person's space, so that they come back where they would be shared.
                let snapshot = Snapshot {
                    id: SnapshotId(draw::uuid()?),
                    reason: Reason::SharingScope,
                    time: self.author.time,
                    machine: self.machine,
                    person: Some(user.name.clone()),
                    space: user.clone(),
                    epoch: head.epoch,
                    generation: head.generation,
                    seen: head.seen,
                    records,
                    superseded: Vec::new(),
                    outbox: Vec::new(),
                };
                kept::put(tx, &snapshot)?;
            }
        }
        self.write_own_records(tx, user, known, &Entries::new())
    }

    /// Makes the machine's own place hold these records of a type for a person, and no others.
    fn write_own_records(
        &mut self,
        tx: &Transaction<'_>,
        user: &SpaceName,
        known: &RecordType,
        wanted: &Entries,
    ) -> Result<()> {
        let (row, mut head) = edit::writable(tx, &SpaceName::local(DEVICE_SPECIFIC))?;
        let mut copies = rows::copies(tx, row)?;
        let own = own_entries(&copies, known, &user.name)?;
        for (record, mut operation) in sharing::level_records(wanted, &own) {
            if let Operation::Edit(edit) = &mut operation {
                edit.insert(OWNER_FIELD.to_string(), Some(user.name.as_str().into()));
            }
            self.write_own(tx, row, &mut head, record, copies.remove(&record), operation)?;
        }
        Ok(())
    }

    /// The machine's own value is sent to the person's space; what it becomes there is decided as for any change.
    fn send(
        &mut self,
        tx: &Transaction<'_>,
        (row, head): (i64, &mut SpaceHead),
        user: &SpaceName,
        setting: &Setting,
        counts: &mut Counts,
    ) -> Result<()> {
        let copy = rows::copy(tx, row, setting.record())?;
        let (own_row, mut own_head, record, own) = own(tx, user, setting)?;
        let (edit, context) = match sharing::send(&live(own.clone()), &live(copy.clone())) {
            Sent::Nothing => (None, Context::default()),
            Sent::Stands(edit) => {
                counts.sent += 1;
                (Some(edit), replica::context(head, copy.as_ref(), &[]))
            }
            Sent::Kept(edit) => {
                counts.kept += 1;
                (Some(edit), Context::default())
            }
        };
        if let Some(edit) = edit {
            let change = Change {
                id: self.draw(),
                record: setting.record(),
                context,
                operation: Operation::Edit(edit),
                author: self.by(user),
            };
            rows::push(tx, row, &change)?;
        }
        // Moved, not copied: nothing of it is met again when the setting becomes device-specific once more.
        let edit = sharing::level(&Fields::new(), &live(own.clone()));
        self.write_own(tx, own_row, &mut own_head, record, own, Operation::Edit(edit))
    }

    fn write_own(
        &mut self,
        tx: &Transaction<'_>,
        row: i64,
        head: &mut SpaceHead,
        record: RecordId,
        copy: Option<Record>,
        operation: Operation,
    ) -> Result<()> {
        if matches!(&operation, Operation::Edit(edit) if edit.is_empty()) {
            return Ok(());
        }
        let (id, author) = (self.draw(), self.author.clone());
        let change = replica::edit(head, copy.as_ref(), &[], id, record, operation, author);
        edit::apply_locally(tx, row, head, copy, &change)?;
        rows::set_local_head(tx, row, head)
    }

    fn draw(&mut self) -> ChangeId {
        *self.number += 1;
        (self.incarnation, *self.number).into()
    }

    /// Whoever is logged in did not write it: it is the value of the person whose space it is.
    fn by(&self, user: &SpaceName) -> Author {
        Author { person: Some(user.name.clone()), ..self.author.clone() }
    }

    fn line(&self, subject: Subject, scope: SharingScope, counts: Counts) -> LogLine {
        let Counts { people, sent, kept } = counts;
        let (what, how) = match subject {
            Subject::Setting(_) => ("values", "superseded"),
            Subject::Records(_) => ("records", "a snapshot"),
        };
        let mut text = format!("{} is {scope} now, for {people} people at this machine", subject.name());
        match scope {
            SharingScope::DeviceSpecific => text += &format!("; it goes on here with the shared {what}"),
            SharingScope::Shared => {
                if sent > 0 {
                    text += &format!("; {sent} {what} of this machine are sent");
                }
                if kept > 0 {
                    text += &format!("; {kept} {what} of this machine are kept as {how}: the server's stand");
                }
            }
        }
        LogLine {
            time: self.author.time,
            level: if kept > 0 { log::Level::Warning } else { log::Level::Info }.as_str().to_string(),
            code: "sharing_scope".to_string(),
            sent: 0,
            received: 0,
            text,
        }
    }
}

/// A space that is level with the server as far as the machine has heard: its row and head.
fn level(tx: &Transaction<'_>, space: &SpaceName) -> Result<Option<(i64, SpaceHead)>> {
    let mut statement =
        tx.prepare_cached("SELECT 1 FROM space WHERE id = ?1 AND member AND NOT stopped AND NOT to_do")?;
    match rows::find(tx, space)? {
        Some(found) if statement.exists([found.id])? => Ok(Some((found.id, found.head))),
        _ => Ok(None),
    }
}

/// The spaces of all people whom the machine has.
fn people(tx: &Transaction<'_>) -> Result<BTreeSet<SpaceName>> {
    let mut statement = tx.prepare_cached("SELECT name FROM space WHERE member")?;
    let mut found = statement.query([])?;
    let mut people = BTreeSet::new();
    while let Some(row) = found.next()? {
        let space = rows::space_name(&row.get::<_, String>(0)?)?;
        if space.kind == SpaceKind::User {
            people.insert(space);
        }
    }
    Ok(people)
}

/// The machine's own place of a person's setting: row and head of its space, the record and what it holds.
fn own(
    tx: &Transaction<'_>,
    user: &SpaceName,
    setting: &Setting,
) -> Result<(i64, SpaceHead, RecordId, Option<Record>)> {
    let (space, record) = own_place(&user.name, setting.name);
    let (row, head) = edit::writable(tx, &space)?;
    let copy = rows::copy(tx, row, record)?;
    Ok((row, head, record, copy))
}

fn live(record: Option<Record>) -> Fields {
    record.and_then(Record::into_live).unwrap_or_default()
}

#[cfg(test)]
mod tests;
