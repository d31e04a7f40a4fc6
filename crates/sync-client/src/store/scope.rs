//! The sharing scope at this machine: which choices it has seen, which of them it has taken up for whom, and what taking
//! one up writes. What a change of scope means for a value, the core says ([`sync_core::sharing`]).
//!
//! A choice that was seen is taken up for a person in the transaction that makes their space level with the server: an
//! answer that is still to come could hold the value that is to be copied. Until then the person's setting lies where it
//! did. So nothing depends on whether the machine was stopped, or out of reach, while the choice was made.

use super::{LogLine, Store, edit, log, meta, rows, set_meta};
use crate::error::Result;
use rusqlite::{Connection, Transaction};
use std::collections::{BTreeMap, BTreeSet};
use sync_core::{
    catalogue::{self, Setting, Sharing},
    change::{Author, Change, Context, Operation},
    id::{ChangeId, Incarnation, RecordId},
    import::DEVICE_SPECIFIC,
    record::{FieldName, Record},
    replica::{self, SpaceHead},
    sharing::{self, Fields, Sent, SharingScope},
    space::{SpaceKind, SpaceName},
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
        let taken_up = match setting.sharing {
            Sharing::Selectable => taken_up(&self.db, space)?,
            Sharing::Shared | Sharing::Device => BTreeSet::new(),
        };
        Ok(sharing::scope_of(setting, &taken_up))
    }
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
}

/// What became of the people's values of one setting.
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
        let mut counts: BTreeMap<(String, SharingScope), Counts> = BTreeMap::new();
        for space in candidates {
            let before = taken_up(tx, &space)?;
            if before == seen {
                continue;
            }
            let Some((row, mut head)) = level(tx, &space)? else { continue };
            for name in before.symmetric_difference(&seen) {
                let Some(setting) = catalogue::find(name) else { continue };
                let scope = sharing::scope_of(setting, &seen);
                let counts = counts.entry((name.clone(), scope)).or_default();
                counts.people += 1;
                match scope {
                    SharingScope::DeviceSpecific => self.bring_level(tx, row, &space, setting)?,
                    SharingScope::Shared => self.send(tx, (row, &mut head), &space, setting, counts)?,
                }
            }
            rows::set_head(tx, row, &head)?;
            set_meta(tx, &taken_up_key(&space), &seen)?;
        }
        for ((name, scope), counts) in counts {
            log::add(tx, &self.line(&name, scope, counts))?;
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
        self.write_own(tx, own_row, &mut own_head, record, own, edit)
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
        self.write_own(tx, own_row, &mut own_head, record, own, edit)
    }

    fn write_own(
        &mut self,
        tx: &Transaction<'_>,
        row: i64,
        head: &mut SpaceHead,
        record: RecordId,
        copy: Option<Record>,
        edit: BTreeMap<FieldName, Option<sync_core::value::Value>>,
    ) -> Result<()> {
        if edit.is_empty() {
            return Ok(());
        }
        let (id, author) = (self.draw(), self.author.clone());
        let change = replica::edit(head, copy.as_ref(), &[], id, record, Operation::Edit(edit), author);
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

    fn line(&self, setting: &str, scope: SharingScope, counts: Counts) -> LogLine {
        let Counts { people, sent, kept } = counts;
        let mut text = format!("{setting} is {scope} now, for {people} people at this machine");
        match scope {
            SharingScope::DeviceSpecific => text.push_str("; it goes on here with the shared values"),
            SharingScope::Shared => {
                if sent > 0 {
                    text += &format!("; {sent} values of this machine are sent");
                }
                if kept > 0 {
                    text += &format!(
                        "; {kept} values of this machine are kept as superseded: the server's stand"
                    );
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
