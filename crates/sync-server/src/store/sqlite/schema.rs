//! The tables, their version, and how a file is opened.

use super::super::StoreError;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::{collections::BTreeMap, path::Path};
use sync_core::{digest::Digest, id::RecordId, record::Record, wire};

/// Marks a file as a store of this program (`PRAGMA application_id`).
const APPLICATION_ID: i64 = 0x464c_5359;
/// The version of the tables (`PRAGMA user_version`).
const SCHEMA_VERSION: i64 = 3;

/// Tables are keyed by space first: what one commit writes lies together. `history` holds one row a batch.
const TABLES: &str = "
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE space(
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    generation INTEGER NOT NULL, head INTEGER NOT NULL, horizon INTEGER NOT NULL, position INTEGER NOT NULL);
CREATE TABLE record(
    space INTEGER NOT NULL, record BLOB NOT NULL, sequence INTEGER NOT NULL, live INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY(space, record)) WITHOUT ROWID;
CREATE INDEX record_by_sequence ON record(space, sequence);
CREATE TABLE last(
    space INTEGER NOT NULL, incarnation BLOB NOT NULL, number INTEGER NOT NULL, hash BLOB NOT NULL,
    sequence INTEGER NOT NULL, PRIMARY KEY(space, incarnation)) WITHOUT ROWID;
CREATE TABLE superseded(
    space INTEGER NOT NULL, sequence INTEGER NOT NULL, n INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY(space, sequence, n)) WITHOUT ROWID;
CREATE TABLE history(
    space INTEGER NOT NULL, generation INTEGER NOT NULL, first INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY(space, generation, first)) WITHOUT ROWID;
CREATE TABLE member(
    space INTEGER NOT NULL, machine BLOB NOT NULL, present INTEGER NOT NULL, position INTEGER NOT NULL,
    PRIMARY KEY(space, machine)) WITHOUT ROWID;
CREATE TABLE reservation(
    space INTEGER PRIMARY KEY, machine BLOB NOT NULL, procedure BLOB NOT NULL, until INTEGER NOT NULL);
CREATE INDEX reservation_by_procedure ON reservation(procedure);
CREATE TABLE machine(
    id BLOB PRIMARY KEY, name TEXT NOT NULL, token BLOB NOT NULL UNIQUE, scope BLOB NOT NULL,
    enrolled INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE code(
    hash BLOB PRIMARY KEY, scope BLOB NOT NULL, expires INTEGER NOT NULL, used_by BLOB) WITHOUT ROWID;
CREATE TABLE login(
    machine BLOB NOT NULL, user TEXT NOT NULL, time INTEGER NOT NULL, PRIMARY KEY(machine, user)) WITHOUT ROWID;
CREATE TABLE step(
    procedure BLOB NOT NULL, step TEXT NOT NULL, result TEXT NOT NULL, PRIMARY KEY(procedure, step)) WITHOUT ROWID;
CREATE TABLE snapshot(
    id BLOB PRIMARY KEY, space TEXT NOT NULL, time INTEGER NOT NULL, reason TEXT NOT NULL, person TEXT,
    records INTEGER NOT NULL, outbox INTEGER NOT NULL, body BLOB NOT NULL);
";

/// What version 2 added. `over` and `due` are read off the bodies: what is not over is counted, and at the opening the open
/// deliveries alone are read.
const DISTRIBUTIONS: &str = "
CREATE TABLE distribution(
    id BLOB PRIMARY KEY, ordered INTEGER NOT NULL, over INTEGER, body BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX distribution_open ON distribution(id) WHERE over IS NULL;
CREATE TABLE distribution_file(distribution BLOB PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE delivery(
    distribution BLOB NOT NULL, machine BLOB NOT NULL, due INTEGER, body BLOB NOT NULL,
    PRIMARY KEY(distribution, machine)) WITHOUT ROWID;
CREATE INDEX delivery_due ON delivery(due) WHERE due IS NOT NULL;
";

/// What version 3 added: the digest of each space, what members still need, what was given back after a recovery (`field` is
/// `f` and the field's name, or `d` for a deletion), and which records have something that can be forgotten one day.
const FORGETTING: &str = "
ALTER TABLE space ADD COLUMN digest BLOB NOT NULL DEFAULT x'00000000000000000000000000000000';
ALTER TABLE member ADD COLUMN floor_generation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE member ADD COLUMN floor INTEGER NOT NULL DEFAULT 0;
ALTER TABLE record ADD COLUMN forgettable INTEGER NOT NULL DEFAULT 0;
CREATE INDEX record_forgettable ON record(space) WHERE forgettable;
CREATE TABLE recovered(
    space INTEGER NOT NULL, incarnation BLOB NOT NULL, number INTEGER NOT NULL, field TEXT NOT NULL, hash INTEGER NOT NULL,
    PRIMARY KEY(space, incarnation, number, field)) WITHOUT ROWID;
";

/// Fills in what version 3 keeps of records that are there.
fn note_records(transaction: &Connection) -> Result<(), StoreError> {
    let mut spaces: BTreeMap<i64, Digest> = BTreeMap::new();
    let mut flag =
        transaction.prepare("UPDATE record SET forgettable = 1 WHERE space = ?1 AND record = ?2")?;
    let mut statement = transaction.prepare("SELECT space, record, body FROM record")?;
    let mut rows = statement.query([])?;
    let mut forgettable = Vec::new();
    while let Some(row) = rows.next()? {
        let (space, id): (i64, [u8; 16]) = (row.get(0)?, row.get(1)?);
        let record: Record = wire::decode(&row.get::<_, Vec<u8>>(2)?)?;
        if is_forgettable(&record) {
            forgettable.push((space, id));
        }
        let id = RecordId(uuid::Uuid::from_bytes(id));
        spaces.entry(space).or_default().replace(id, None, Some(&record));
    }
    drop(rows);
    for (space, id) in forgettable {
        flag.execute((space, id))?;
    }
    for (space, digest) in spaces {
        transaction.execute("UPDATE space SET digest = ?2 WHERE id = ?1", (space, digest_bytes(digest)))?;
    }
    Ok(())
}

/// Whether a record has something that a horizon lets go: it is dead, or a field of it is unset.
pub(super) fn is_forgettable(record: &Record) -> bool {
    record.dead.is_some() || record.fields.values().any(|entry| entry.value.is_none())
}

/// A digest as the table has it: both numbers, big-endian.
pub(super) fn digest_bytes(Digest([first, second]): Digest) -> [u8; 16] {
    (u128::from(first) << 64 | u128::from(second)).to_be_bytes()
}

/// How a file is opened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// By the one that writes; the file is made where there is none.
    Write,
    /// To read only.
    Read,
}

/// Opens a file as a store of the present schema; an empty one is given its tables, one of an older version is brought
/// up to date.
pub(crate) fn open_file(path: &Path, access: Access) -> Result<Connection, StoreError> {
    let flags = match access {
        Access::Write => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        Access::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    let mut connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(core::time::Duration::from_secs(10))?;
    connection.set_prepared_statement_cache_capacity(64);
    let version = identify(&connection, path)?;
    match (version, access) {
        (Some(version), _) if version > SCHEMA_VERSION => {
            return Err(StoreError::Version { path: path.into(), found: version, known: SCHEMA_VERSION });
        }
        (Some(_), Access::Read) => connection.pragma_update(None, "query_only", true)?,
        (None, Access::Read) => return Err(StoreError::Foreign(path.into())),
        (version, Access::Write) => {
            // Every acknowledged commit must survive a power cut: in WAL that needs FULL.
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.pragma_update(None, "cache_size", -32_000)?;
            connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
            // A distributed file and its pass phrase are not to lie on in the rest of a page, or in free ones.
            connection.pragma_update_and_check(None, "secure_delete", "ON", |_| Ok(()))?;
            migrate(&mut connection, version.unwrap_or(0))?;
        }
    }
    Ok(connection)
}

/// The schema version of a store; `None` where the file is still empty.
fn identify(connection: &Connection, path: &Path) -> Result<Option<i64>, StoreError> {
    let read = || -> rusqlite::Result<(i64, i64, i64)> {
        Ok((
            connection.pragma_query_value(None, "application_id", |row| row.get(0))?,
            connection.pragma_query_value(None, "user_version", |row| row.get(0))?,
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?,
        ))
    };
    match read() {
        Ok((APPLICATION_ID, version @ 1.., _)) => Ok(Some(version)),
        Ok((0, 0, 0)) => Ok(None),
        Ok(_) => Err(StoreError::Foreign(path.into())),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            Err(StoreError::Foreign(path.into()))
        }
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => {
            Err(StoreError::Damaged { path: path.into(), detail: error.to_string() })
        }
        Err(error) => Err(error.into()),
    }
}

/// One step for each version, from the one found to the present one, in one transaction.
fn migrate(connection: &mut Connection, from: i64) -> Result<(), StoreError> {
    if from == SCHEMA_VERSION {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    for version in from..SCHEMA_VERSION {
        match version {
            0 => transaction.execute_batch(TABLES)?,
            1 => transaction.execute_batch(DISTRIBUTIONS)?,
            2 => {
                transaction.execute_batch(FORGETTING)?;
                note_records(&transaction)?;
            }
            _ => return Err(StoreError::Fault),
        }
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A file as version 1 left it.
    fn first_version(path: &Path) {
        let file = Connection::open(path).unwrap();
        file.execute_batch(TABLES).unwrap();
        file.execute("INSERT INTO meta(key, value) VALUES('note:kept', 'yes')", []).unwrap();
        file.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        file.pragma_update(None, "user_version", 1).unwrap();
    }

    #[test]
    fn a_store_of_the_first_version_is_brought_up_to_date_and_keeps_what_it_held() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        first_version(&path);
        // Whoever only reads it leaves it as it is.
        let read = open_file(&path, Access::Read).unwrap();
        assert_eq!(identify(&read, &path).unwrap(), Some(1));
        drop(read);
        for _ in 0..2 {
            let file = open_file(&path, Access::Write).unwrap();
            assert_eq!(identify(&file, &path).unwrap(), Some(SCHEMA_VERSION));
            let kept: String = file
                .query_row("SELECT value FROM meta WHERE key = 'note:kept'", [], |row| row.get(0))
                .unwrap();
            let orders: i64 =
                file.query_row("SELECT count(*) FROM distribution", [], |row| row.get(0)).unwrap();
            assert_eq!((&*kept, orders), ("yes", 0));
        }
    }

    #[test]
    fn a_store_of_a_later_version_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        first_version(&path);
        Connection::open(&path).unwrap().pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
        assert_eq!(open_file(&path, Access::Write).err().unwrap().code(), "store_version");
    }
}
