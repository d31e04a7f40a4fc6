//! Imports: each under its id, with what it did, in the transaction of its edits, and with what stood before, so that it
//! can be undone. A repeat changes nothing.
//!
//! The journal has a line for each import. It is durable as `started` before the file is read and becomes `done` in the
//! transaction, so that the next opening knows which of the two stands after a power cut.

use super::{
    LogLine, Store,
    before::{self, Before, Keeping},
    edit::Writing,
    log, rows,
};
use crate::error::{Error, Result};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;
use sync_core::{
    change::{Author, Operation},
    id::{ImportId, RecordId},
    item::Item,
    procedure::ListMode,
    replica::SpaceHead,
    snapshot::Reason,
    space::SpaceName,
    time::Timestamp,
    wire::Malformed,
};

/// So many of the last imports can be undone, however long ago they were.
pub const KEPT_IMPORTS: u64 = 20;
/// Older ones can be undone for so many days.
pub const KEPT_DAYS: i64 = 90;

/// Made at each opening where they are not there yet.
pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS import_line(
    place INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    time INTEGER NOT NULL,
    -- started, done, or not-done: found as started at an opening.
    state TEXT NOT NULL,
    -- Whether people know how it ended: 0 no, 1 it stands in the log, 2 yes.
    told INTEGER NOT NULL,
    -- Whether what stood before is still kept.
    kept INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS import_before(
    line INTEGER NOT NULL, part INTEGER NOT NULL, space TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY(line, part)
) WITHOUT ROWID;
";

/// How an import ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImportState {
    /// It is being written, or its process died meanwhile.
    Started,
    /// It was written, as a whole.
    Done,
    /// Its process died before it was written: nothing was changed.
    NotDone,
}

impl ImportState {
    const ALL: [Self; 3] = [Self::Started, Self::Done, Self::NotDone];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Done => "done",
            Self::NotDone => "not-done",
        }
    }
}

/// What an import was, as its journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportFacts {
    /// The person who was logged in, or the administrator.
    pub person: String,
    /// The file, as it was named; `None` of an undo.
    #[serde(default)]
    pub file: Option<String>,
    /// The import that it takes back; `None` of an import from a file.
    #[serde(default)]
    pub undoes: Option<ImportId>,
    /// The items that were taken.
    pub items: Vec<Item>,
    /// Whether they were taken as a batch.
    #[serde(default)]
    pub batch: bool,
    /// What happened to lists that had entries; `None` of an undo.
    #[serde(default)]
    pub mode: Option<ListMode>,
    /// New records.
    pub added: u64,
    /// Records whose fields changed.
    pub changed: u64,
    /// Records that went.
    pub removed: u64,
}

/// One line of the history of imports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportLine {
    /// The import's id, which all its changes carry.
    pub import: ImportId,
    /// When.
    pub time: Timestamp,
    /// How it ended.
    pub state: ImportState,
    /// The undo that took it back, and is in force.
    pub undone_by: Option<ImportId>,
    /// Whether it can be undone: what stood before is still kept.
    pub kept: bool,
    /// What it was.
    #[serde(flatten)]
    pub facts: ImportFacts,
}

/// What an import writes.
pub struct Importing<'a, T, E> {
    /// Its id, and who and when.
    pub author: &'a Author,
    /// For its journal.
    pub facts: &'a ImportFacts,
    /// What is answered to a repeat.
    pub did: &'a T,
    /// How many edits there are at most.
    pub most: usize,
    /// The edits; those of one space together.
    pub edits: E,
    /// Keep each space that is edited as a snapshot first, for this reason.
    pub keep: Option<Reason>,
}

impl Store {
    /// Writes an import in one transaction: its edits, what stood before, and what it did. `false` where it was done
    /// before, and nothing is written then. `go_on` hears how many edits are written, for the last time right before the
    /// commit; an error of its ends the import.
    ///
    /// # Errors
    /// Of `go_on`, or as [`Store::apply`]; nothing is written then.
    pub fn import<'e, T: Serialize>(
        &mut self,
        id: ImportId,
        importing: Importing<'_, T, impl Iterator<Item = (&'e SpaceName, RecordId, Operation)>>,
        go_on: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<bool> {
        let Importing { author, facts, did, most, edits, keep } = importing;
        let did = json(did)?;
        let author = Author { import: Some(id), ..author.clone() };
        if self.import_is_done(id)? {
            return Ok(false);
        }
        let writer = self.writer(most);
        let line = self.transaction(|tx| begin(tx, id, author.time, facts))?;
        let done = self.transaction(|tx| {
            let mut writing = Writing::new(tx, &author, writer, keep);
            let mut kept = Keeping::new(tx, line);
            let mut count = 0;
            for (space, record, operation) in edits {
                let written = writing.write(space, record, operation)?;
                if let Some(before) = Before::of(written.before, written.operation) {
                    kept.keep(space, record, before)?;
                }
                count += 1;
                go_on(count)?;
            }
            kept.end()?;
            writing.end()?;
            tx.execute(
                "INSERT INTO import(id, time, body) VALUES (?1, ?2, ?3)",
                params![id.0.as_bytes(), author.time.0, did],
            )?;
            tx.execute("UPDATE import_line SET state = 'done', kept = 1 WHERE place = ?1", [line])?;
            forget_old(tx, line, author.time)?;
            log::add(tx, &line_of_the_log(id, facts, author.time))?;
            go_on(count)
        });
        if let Err(error) = done {
            // It is known that nothing happened: nothing to find at the next opening.
            self.transaction(|tx| Ok(tx.execute("DELETE FROM import_line WHERE place = ?1", [line])?))?;
            return Err(error);
        }
        Ok(true)
    }

    /// An import begins to be read: durable before anything else of it, so that the next opening says of one whose process
    /// died that it did not happen.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) fn import_begins(&mut self, id: ImportId, time: Timestamp, facts: &ImportFacts) -> Result<()> {
        self.transaction(|tx| {
            // One that was done stands; of one that did not happen before, and nobody was told of, the line says it already.
            let stands = "SELECT 1 FROM import_line WHERE id = ?1 AND (state = 'done' OR told < 2)";
            if tx.prepare_cached(stands)?.exists([id.0.as_bytes()])? {
                return Ok(());
            }
            begin(tx, id, time, facts).map(|_| ())
        })
    }

    /// An import that began ended before it was written, and whoever asked for it hears so.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) fn import_ends(&mut self, id: ImportId) -> Result<()> {
        self.transaction(|tx| {
            tx.execute("DELETE FROM import_line WHERE id = ?1 AND state = 'started'", [id.0.as_bytes()])?;
            Ok(())
        })
    }

    /// Whoever asked for an import knows how it ended.
    ///
    /// # Errors
    /// What the disk says.
    pub fn import_is_told(&mut self, id: ImportId) -> Result<()> {
        self.transaction(|tx| {
            tx.execute("UPDATE import_line SET told = 2 WHERE id = ?1 AND told < 2", [id.0.as_bytes()])?;
            Ok(())
        })
    }

    fn import_is_done(&self, id: ImportId) -> Result<bool> {
        Ok(self.db.prepare_cached("SELECT 1 FROM import WHERE id = ?1")?.exists([id.0.as_bytes()])?)
    }

    /// What an import did; `None` where there was none.
    ///
    /// # Errors
    /// What the disk says.
    pub fn imported<T: DeserializeOwned>(&self, id: ImportId) -> Result<Option<T>> {
        let mut statement = self.db.prepare_cached("SELECT body FROM import WHERE id = ?1")?;
        let body: Option<Vec<u8>> =
            statement.query_row(params![id.0.as_bytes()], |row| row.get(0)).optional()?;
        body.map(|body| from_json(&body)).transpose()
    }

    /// All imports and undos, the newest first.
    ///
    /// # Errors
    /// What the disk says.
    pub fn imports(&self) -> Result<Vec<ImportLine>> {
        lines(&self.db, |_| true)
    }

    /// The imports whose process died before anybody was told how they ended, the newest first.
    ///
    /// # Errors
    /// What the disk says.
    pub fn interrupted_imports(&self) -> Result<Vec<ImportLine>> {
        lines(&self.db, |told| told == 1)
    }

    /// What stood before an import, space by space and record by record, in the order in which it was written.
    ///
    /// # Errors
    /// What the disk says, or `each`.
    pub fn before_import(
        &self,
        id: ImportId,
        each: impl FnMut(&SpaceName, RecordId, Before) -> Result<()>,
    ) -> Result<()> {
        before::each(&self.db, id, each)
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

fn begin(tx: &Transaction<'_>, id: ImportId, time: Timestamp, facts: &ImportFacts) -> Result<i64> {
    // An import that did not happen may be asked for again under its id.
    tx.execute("DELETE FROM import_line WHERE id = ?1", [id.0.as_bytes()])?;
    tx.execute(
        "INSERT INTO import_line(id, time, state, told, kept, body) VALUES (?1, ?2, 'started', 0, 0, ?3)",
        params![id.0.as_bytes(), time.0, json(facts)?],
    )?;
    Ok(tx.last_insert_rowid())
}

/// What stood before old imports goes; their lines stay.
fn forget_old(tx: &Transaction<'_>, line: i64, now: Timestamp) -> Result<()> {
    let oldest = now.0.saturating_sub(KEPT_DAYS * 24 * 60 * 60 * 1_000);
    let mut statement = tx.prepare_cached(
        "SELECT place FROM import_line WHERE kept AND time < ?2 AND place <= coalesce((SELECT place FROM import_line
            WHERE kept AND place <= ?1 ORDER BY place DESC LIMIT 1 OFFSET ?3), 0)",
    )?;
    let old = statement
        .query_map(params![line, oldest, i64::try_from(KEPT_IMPORTS).unwrap_or(0)], |row| {
            row.get::<_, i64>(0)
        })?;
    for place in old.collect::<Result<Vec<_>, _>>()? {
        tx.execute("DELETE FROM import_before WHERE line = ?1", [place])?;
        tx.execute("UPDATE import_line SET kept = 0 WHERE place = ?1", [place])?;
    }
    Ok(())
}

/// At an opening: imports that were being written when the process died are not done, as the journal says then; and of
/// those whose end nobody heard the log says how they ended. Once.
pub(super) fn resolve(tx: &Transaction<'_>, now: Timestamp) -> Result<()> {
    for line in lines(tx, |told| told == 0)? {
        let id = line.import;
        let done = line.state == ImportState::Done;
        let state = if done { ImportState::Done } else { ImportState::NotDone };
        tx.execute(
            "UPDATE import_line SET told = 1, state = ?2 WHERE id = ?1",
            params![id.0.as_bytes(), state.as_str()],
        )?;
        let line = ImportLine { state, ..line };
        let level = if done { log::Level::Info } else { log::Level::Warning };
        log::add(tx, &log_line(level, line.ended_code(), line.ended(), now))?;
    }
    Ok(())
}

impl ImportLine {
    /// How an interrupted one ended, as a stable code.
    #[must_use]
    pub const fn ended_code(&self) -> &'static str {
        match self.state {
            ImportState::Done => "import_was_done",
            ImportState::Started | ImportState::NotDone => "import_did_not_happen",
        }
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let ImportFacts { person, file, undoes, added, changed, removed, .. } = &self.facts;
        let what = match (file, undoes) {
            (Some(file), _) => file.clone(),
            (None, Some(undone)) => format!("undo of {undone}"),
            (None, None) => "import".into(),
        };
        let standing = match (self.state, self.undone_by, self.kept) {
            (ImportState::Done, Some(by), _) => format!("undone by {by}"),
            (ImportState::Done, None, true) => "done".into(),
            (ImportState::Done, None, false) => "done; can no longer be undone".into(),
            (state, ..) => state.as_str().into(),
        };
        let (import, time) = (self.import, self.time);
        format!("{import}  {time}  {person}  {what}  +{added} ~{changed} -{removed}  {standing}")
    }

    /// How an interrupted one ended, as a sentence.
    #[must_use]
    pub fn ended(&self) -> String {
        let what = if self.facts.undoes.is_some() { "undo" } else { "import" };
        match self.state {
            ImportState::Done => {
                format!("the {what} {} was interrupted after it was done: all of it stands", self.import)
            }
            _ => format!("the {what} {} did not happen; nothing was changed", self.import),
        }
    }
}

fn line_of_the_log(id: ImportId, facts: &ImportFacts, now: Timestamp) -> LogLine {
    let records = facts.added + facts.changed + facts.removed;
    let (code, text) = match facts.undoes {
        None => ("imported", format!("{records} records changed by the import {id}")),
        Some(undone) => {
            ("import_undone", format!("the import {undone} was undone: {records} records changed by {id}"))
        }
    };
    log_line(log::Level::Info, code, text, now)
}

fn log_line(level: log::Level, code: &str, text: String, time: Timestamp) -> LogLine {
    LogLine { time, level: level.as_str().into(), code: code.into(), sent: 0, received: 0, text }
}

/// The lines, the newest first, with whether people know how they ended.
fn all_lines(db: &Connection) -> Result<Vec<(ImportLine, i64)>> {
    let mut statement =
        db.prepare_cached("SELECT id, time, state, told, kept, body FROM import_line ORDER BY place DESC")?;
    let mut found = statement.query([])?;
    let mut lines = Vec::new();
    // An undo comes after what it takes back, and is itself in force unless a later one took it back.
    let mut undone: BTreeMap<ImportId, ImportId> = BTreeMap::new();
    while let Some(row) = found.next()? {
        let mut line = line(row)?;
        line.undone_by = undone.get(&line.import).copied();
        if let (ImportState::Done, Some(before), None) = (line.state, line.facts.undoes, line.undone_by) {
            undone.insert(before, line.import);
        }
        lines.push((line, row.get(3)?));
    }
    Ok(lines)
}

fn lines(db: &Connection, wanted: impl Fn(i64) -> bool) -> Result<Vec<ImportLine>> {
    Ok(all_lines(db)?.into_iter().filter(|(_, told)| wanted(*told)).map(|(line, _)| line).collect())
}

fn line(row: &Row<'_>) -> Result<ImportLine> {
    let state: String = row.get(2)?;
    let state = ImportState::ALL.into_iter().find(|one| one.as_str() == state);
    Ok(ImportLine {
        import: ImportId(rows::uuid(row, 0)?),
        time: Timestamp(row.get(1)?),
        state: state.ok_or_else(|| Malformed("the state of an import".into()))?,
        undone_by: None,
        kept: row.get(4)?,
        facts: from_json(row.get_ref(5)?.as_blob().map_err(rusqlite::Error::from)?)?,
    })
}

/// JSON, which every form of enum and every later field survives.
fn json<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| Error::from(Malformed(error.to_string())))
}

fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| Error::from(Malformed(error.to_string())))
}

#[cfg(test)]
mod tests;
