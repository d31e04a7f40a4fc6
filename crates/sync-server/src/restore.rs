//! A whole store is restored from a backup, on a closed data folder.
//!
//! The restored store lives in a new epoch, so that every machine learns of it. What was replaced is kept as a file. The
//! present machines, their memberships and their logins stay: who belongs to the fleet is not a matter of its data. So do
//! the snapshots: nothing that was set aside is lost with the state that is left. So do distributions: an old one that the
//! backup holds must not begin again. Where no store is left, they go on from where the backup has them.

use crate::{
    clock,
    folder::{Folder, FolderError, make_private_folder},
    random,
    store::{StoreError, inspect, open_file, read_heads},
};
use rusqlite::{Connection, backup::Backup};
use serde::Serialize;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};
use sync_core::{
    id::Epoch,
    protocol::RestoreMode,
    server::{Heads, PastEpoch},
    wire,
};

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The new epoch.
    pub epoch: Epoch,
    /// What the restore was for.
    pub mode: RestoreMode,
    /// Where the store that was replaced lies, whether it could be read or not; `None` where there was none.
    pub replaced: Option<PathBuf>,
}

/// A store cannot be restored. The folder is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The backup, or the store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RestoreError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Folder(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }
}

impl From<rusqlite::Error> for RestoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Restores the whole store of a folder from `backup`.
///
/// # Errors
/// [`FolderError::InUse`] while a server serves; [`StoreError`] where the backup is none, or damaged.
pub fn restore(folder: &Folder, backup: &Path, mode: RestoreMode) -> Result<Restored, RestoreError> {
    let _lock = folder.lock()?;
    inspect(backup)?;
    let store = folder.store();
    let new = folder.path().join("store.db.restored");
    let io = |what: &str| StoreError::io(what.to_string());
    let readable = settle(&store).is_some();
    let epoch = build(backup, &new, readable.then_some(store.as_path()), mode)?;
    let replaced = set_aside(folder, &store)?;
    // Where the store could not be read, its log is still beside it. It would be replayed over the restored file.
    for companion in COMPANIONS {
        remove(&beside(&store, companion))?;
    }
    // One step: before it the old store is there, after it the new one.
    fs::rename(&new, &store).map_err(io("the restored store could not be put in place"))?;
    sync(folder.path())?;
    Ok(Restored { epoch, mode, replaced })
}

/// What SQLite keeps beside a file that is in use, or was when its process ended.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

fn beside(path: &Path, companion: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(companion);
    name.into()
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StoreError::io(format!("{} could not be removed", path.display()))(error))
        }
        _ => Ok(()),
    }
}

/// Copies what is to be replaced, readable or not, with what lies beside it: a log alone may be all that a lost disk
/// left.
fn set_aside(folder: &Folder, store: &Path) -> Result<Option<PathBuf>, RestoreError> {
    let parts: Vec<&str> =
        [""].into_iter().chain(COMPANIONS).filter(|part| beside(store, part).exists()).collect();
    if parts.is_empty() {
        return Ok(None);
    }
    make_private_folder(&folder.replaced())?;
    let time = clock::now().to_string().replace([':', '.'], "-");
    let kept = folder.replaced().join(format!("store-{time}.db"));
    for part in parts {
        let to = beside(&kept, part);
        fs::copy(beside(store, part), &to).map_err(StoreError::io("the present store could not be kept"))?;
        sync(&to)?;
    }
    sync(&folder.replaced())?;
    Ok(Some(kept))
}

fn sync(path: &Path) -> Result<(), StoreError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(StoreError::io(format!("{} could not be made durable", path.display())))
}

/// Brings the present store into one file, without companions; `None` where there is none that can be read.
fn settle(store: &Path) -> Option<()> {
    if !store.exists() {
        return None;
    }
    // A damaged one is not written to: it is kept as it was found.
    inspect(store).ok()?;
    let connection = open_file(store, true).ok()?;
    connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())).ok()?;
    connection.close().ok()
}

/// Makes the restored store beside the present one: the backup in a new epoch, with the present members.
fn build(
    backup: &Path,
    new: &Path,
    present: Option<&Path>,
    mode: RestoreMode,
) -> Result<Epoch, RestoreError> {
    for companion in [""].into_iter().chain(COMPANIONS) {
        remove(&beside(new, companion))?;
    }
    {
        // Read as a store, not as a file: one that was copied with its log is whole only with it.
        let source = open_file(backup, false)?;
        let mut target = Connection::open(new)?;
        Backup::new(&source, &mut target)?.step(-1)?;
    }
    let present = present.map(|store| open_file(store, false)).transpose()?;
    let mut connection = open_file(new, true)?;
    let (_, heads) = read_heads(&connection)?;
    let (present_position, present_restores) = match &present {
        Some(present) => {
            let (_, heads) = read_heads(present)?;
            (heads.store().position, heads.store().epoch.restores)
        }
        None => (0, 0),
    };
    let draw = random::uuid().map_err(StoreError::io("the system has no random bytes"))?;
    let before = heads.store();
    let epoch = Epoch { restores: before.epoch.restores.max(present_restores) + 1, draw };
    let mut lineage = before.lineage.clone();
    lineage.push(past(&heads, mode));
    let transaction = connection.transaction()?;
    let mut set = transaction.prepare("UPDATE meta SET value = ?2 WHERE key = ?1")?;
    set.execute(("epoch", wire::encode(&epoch).map_err(StoreError::from)?))?;
    set.execute(("lineage", wire::encode(&lineage).map_err(StoreError::from)?))?;
    let position = before.position.max(present_position) + 1;
    set.execute(("position", i64::try_from(position).unwrap_or(i64::MAX)))?;
    drop(set);
    if let Some(present) = &present {
        keep_members(present, &transaction)?;
    }
    transaction.commit()?;
    connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    connection.close().map_err(|(_, error)| error)?;
    sync(new)?;
    Ok(epoch)
}

fn past(heads: &Heads, mode: RestoreMode) -> PastEpoch {
    let at = heads.spaces().map(|(name, head)| (name.clone(), (head.generation, head.head))).collect();
    PastEpoch { epoch: heads.store().epoch, mode, heads: at }
}

/// The tables that tell who belongs to the fleet, and their columns.
const MEMBERS: [(&str, &str); 3] = [
    ("machine", "id, name, token, scope, enrolled"),
    ("code", "hash, scope, expires, used_by"),
    ("login", "machine, user, time"),
];

/// The tables of distributions, and their columns.
const DISTRIBUTIONS: [(&str, &str); 3] = [
    ("distribution", "id, ordered, over, body"),
    ("distribution_file", "distribution, body"),
    ("delivery", "distribution, machine, due, body"),
];

fn keep_members(present: &Connection, new: &Connection) -> Result<(), RestoreError> {
    for (table, columns) in MEMBERS.into_iter().chain(DISTRIBUTIONS) {
        new.execute(&format!("DELETE FROM {table}"), [])?;
        take_over(present, new, table, columns, "")?;
    }
    take_over(present, new, "snapshot", "id, space, time, reason, person, records, outbox, body", "")?;
    // The notes say who administers and whose memberships are level; both are the members' matter.
    take_over(present, new, "meta", "key, value", "WHERE key LIKE 'note:%'")?;
    // Spaces have other row ids in the two files: memberships go by name.
    new.execute("DELETE FROM member", [])?;
    new.execute("DELETE FROM reservation", [])?;
    let mut rows = present.prepare(
        "SELECT space.name, space.kind, machine, present, member.position FROM member JOIN space ON space.id = member.space",
    )?;
    let mut rows = rows.query([])?;
    let mut space = new.prepare(
        "INSERT OR IGNORE INTO space(name, kind, generation, head, horizon, position) VALUES(?1, ?2, 1, 0, 0, 0)",
    )?;
    let mut member = new.prepare(
        "INSERT INTO member(space, machine, present, position)
         VALUES((SELECT id FROM space WHERE name = ?1), ?2, ?3, ?4)",
    )?;
    while let Some(row) = rows.next()? {
        let (name, kind): (String, String) = (row.get(0)?, row.get(1)?);
        let (machine, present, position): (Vec<u8>, i64, i64) = (row.get(2)?, row.get(3)?, row.get(4)?);
        space.execute((&name, &kind))?;
        member.execute((&name, machine, present, position))?;
    }
    Ok(())
}

/// Copies rows; of two with one key the present one stands.
fn take_over(
    present: &Connection,
    new: &Connection,
    table: &str,
    columns: &str,
    which: &str,
) -> Result<(), RestoreError> {
    let width = columns.split(',').count();
    let places = vec!["?"; width].join(", ");
    let mut insert = new.prepare(&format!("INSERT OR REPLACE INTO {table}({columns}) VALUES({places})"))?;
    let mut rows = present.prepare(&format!("SELECT {columns} FROM {table} {which}"))?;
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        let values: Vec<rusqlite::types::Value> = (0..width).map(|i| row.get(i)).collect::<Result<_, _>>()?;
        insert.execute(rusqlite::params_from_iter(values))?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::store::{SqliteOptions, SqliteStore, Store};
    use sync_core::{
        change::Author,
        id::{Incarnation, RecordId, SnapshotId},
        server::{Answer, Request},
        space::SpaceName,
        time::Timestamp,
        value::Value,
    };
    use uuid::Uuid;

    fn space() -> SpaceName {
        SpaceName::user("office", "alice")
    }

    /// A commit that makes `count` records of some size, from number `from` on.
    async fn write(store: &SqliteStore, from: u128, count: u128) {
        let record = |n| {
            let fields = [("name".to_string(), Value::from("x".repeat(200)))].into();
            (RecordId(Uuid::from_u128(n)), fields)
        };
        let request = Request::BringBack {
            space: space(),
            records: (from..from + count).map(record).collect(),
            incarnation: Incarnation(Uuid::from_u128(from)),
            snapshot: SnapshotId(Uuid::from_u128(from)),
            author: Author { person: None, time: Timestamp(1), import: None },
        };
        let answers = store.commit(vec![request]).await.unwrap();
        assert!(matches!(answers[..], [Answer::BroughtBack { changes, .. }] if u128::from(changes) == count));
    }

    fn open(folder: &Folder) -> SqliteStore {
        SqliteStore::open(&folder.store(), SqliteOptions::default()).unwrap()
    }

    /// A data folder whose store has 3 records, a backup of it, and after that 500 records more.
    async fn with_backup(data: &Path) -> (Folder, PathBuf) {
        let folder = Folder::new(data);
        let store = open(&folder);
        write(&store, 1, 3).await;
        let backup = data.join("backup.db");
        store.backup(&backup).await.unwrap();
        write(&store, 10, 500).await;
        store.close().await;
        (folder, backup)
    }

    async fn restored(folder: &Folder, done: &Restored) {
        inspect(&folder.store()).unwrap();
        let store = open(folder);
        assert_eq!(store.space(space()).await.unwrap().records.len(), 3);
        assert_eq!(store.known(|known| known.heads().store().epoch), done.epoch);
        store.close().await;
    }

    #[tokio::test]
    async fn goes_on_above_what_was_there_and_keeps_what_was_set_aside() {
        let data = tempfile::tempdir().unwrap();
        let (folder, backup) = with_backup(data.path()).await;
        let store = open(&folder);
        let (before, kept) =
            (store.known(|known| known.heads().store().clone()), store.snapshots().await.unwrap());
        assert_eq!(kept.len(), 1);
        store.keep_note("test", "present".into()).await.unwrap();
        store.close().await;
        let done = restore(&folder, &backup, RestoreMode::Rollback).unwrap();
        restored(&folder, &done).await;
        let store = open(&folder);
        let after = store.known(|known| known.heads().store().clone());
        assert!(after.position > before.position);
        assert_eq!(after.lineage.len(), 1);
        assert_eq!(after.lineage[0].heads[&space()], (1, 3));
        assert_eq!(store.snapshots().await.unwrap(), kept);
        assert_eq!(store.note("test").await.unwrap().as_deref(), Some("present"));
        store.close().await;
        inspect(&done.replaced.unwrap()).unwrap();
        // The same backup once more is another epoch, counted on.
        let again = restore(&folder, &backup, RestoreMode::Recover).unwrap();
        assert_eq!(again.epoch.restores, done.epoch.restores + 1);
    }

    /// An order that stands in a backup is over, or cancelled, since: it must not begin again.
    #[tokio::test]
    async fn distributions_stay_as_they_are_now() {
        let data = tempfile::tempdir().unwrap();
        let (folder, backup) = with_backup(data.path()).await;
        // As a program of the first version wrote it.
        let file = Connection::open(&backup).unwrap();
        file.execute_batch(
            "DROP TABLE distribution; DROP TABLE distribution_file; DROP TABLE delivery;
             DROP TABLE recovered; DROP INDEX record_forgettable; ALTER TABLE record DROP COLUMN forgettable;
             ALTER TABLE space DROP COLUMN digest; ALTER TABLE member DROP COLUMN floor_generation;
             ALTER TABLE member DROP COLUMN floor; PRAGMA user_version = 1",
        )
        .unwrap();
        drop(file);
        let present = Connection::open(folder.store()).unwrap();
        present
            .execute_batch(
                "INSERT INTO distribution(id, ordered, over, body) VALUES(x'01', 5, NULL, x'02');
                 INSERT INTO distribution_file(distribution, body) VALUES(x'01', x'03');
                 INSERT INTO delivery(distribution, machine, due, body) VALUES(x'01', x'04', NULL, x'05');",
            )
            .unwrap();
        drop(present);
        restore(&folder, &backup, RestoreMode::Rollback).unwrap();
        let restored = Connection::open(folder.store()).unwrap();
        for table in ["distribution", "distribution_file", "delivery"] {
            let sql = format!("SELECT count(*) FROM {table}");
            assert_eq!(restored.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap(), 1, "{table}");
        }
    }

    /// What a lost or damaged disk leaves beside the store must not be replayed over the restored one.
    #[tokio::test]
    async fn a_log_that_outlived_its_store_is_set_aside() {
        for damaged in [false, true] {
            let data = tempfile::tempdir().unwrap();
            let (folder, backup) = with_backup(data.path()).await;
            // As a killed server leaves them: the file, and its log with a commit that is not in it yet.
            let store = open(&folder);
            write(&store, 1_000, 500).await;
            let wal = beside(&folder.store(), "-wal");
            let log = fs::read(&wal).unwrap();
            store.close().await;
            fs::write(&wal, &log).unwrap();
            if damaged {
                fs::write(folder.store(), b"no store".repeat(9_000)).unwrap();
                // Nor can the store be had back from such a log.
                fs::write(&wal, b"no log either").unwrap();
            } else {
                fs::remove_file(folder.store()).unwrap();
            }
            let done = restore(&folder, &backup, RestoreMode::Recover).unwrap();
            assert!(COMPANIONS.iter().all(|companion| !beside(&folder.store(), companion).exists()));
            let kept = done.replaced.clone().unwrap();
            assert_eq!(kept.exists(), damaged);
            assert!(beside(&kept, "-wal").exists());
            restored(&folder, &done).await;
        }
    }

    #[tokio::test]
    async fn refuses_what_is_no_backup_and_a_folder_in_use() {
        let data = tempfile::tempdir().unwrap();
        let (folder, backup) = with_backup(data.path()).await;
        let before = fs::read(folder.store()).unwrap();
        let wrong = data.path().join("wrong.db");
        fs::write(&wrong, b"no store".repeat(999)).unwrap();
        let error = restore(&folder, &wrong, RestoreMode::Rollback).unwrap_err();
        assert_eq!(error.code(), "foreign_store");
        let lock = folder.lock().unwrap();
        let error = restore(&folder, &backup, RestoreMode::Rollback).unwrap_err();
        assert_eq!(error.code(), "folder_in_use");
        drop(lock);
        assert_eq!(fs::read(folder.store()).unwrap(), before);
    }
}
