//! A whole store is restored from a backup, on a closed data folder.
//!
//! The restored store lives in a new epoch, so that every machine learns of it. What was replaced is kept as a file. The
//! present machines, their memberships and their logins stay: who belongs to the fleet is not a matter of its data.

use crate::{
    clock,
    folder::{Folder, FolderError, make_private_folder},
    random,
    store::{StoreError, inspect, open_file, read_heads},
};
use rusqlite::Connection;
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
    /// Where the store that was replaced lies; `None` where there was none that could be read.
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
    let epoch = build(backup, &new, &store, mode)?;
    let replaced = match present(&store) {
        None => None,
        Some(()) => {
            make_private_folder(&folder.replaced())?;
            let time = clock::now().to_string().replace([':', '.'], "-");
            let kept = folder.replaced().join(format!("store-{time}.db"));
            fs::copy(&store, &kept).map_err(io("the present store could not be kept"))?;
            sync(&kept)?;
            Some(kept)
        }
    };
    // One step: before it the old store is there, after it the new one.
    fs::rename(&new, &store).map_err(io("the restored store could not be put in place"))?;
    sync(folder.path())?;
    Ok(Restored { epoch, mode, replaced })
}

fn sync(path: &Path) -> Result<(), StoreError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(StoreError::io(format!("{} could not be made durable", path.display())))
}

/// Brings the present store into one file, without companions; `None` where there is none that can be read.
fn present(store: &Path) -> Option<()> {
    if !store.exists() {
        return None;
    }
    let connection = open_file(store, true).ok()?;
    connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())).ok()?;
    connection.close().ok()
}

/// Makes the restored store beside the present one: the backup in a new epoch, with the present members.
fn build(backup: &Path, new: &Path, store: &Path, mode: RestoreMode) -> Result<Epoch, RestoreError> {
    for file in [new.to_path_buf(), new.with_extension("restored-wal"), new.with_extension("restored-shm")] {
        match fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::io(format!("{} could not be removed", file.display()))(error).into());
            }
            _ => {}
        }
    }
    fs::copy(backup, new).map_err(StoreError::io("the backup could not be copied"))?;
    let present = if present(store).is_some() { Some(open_file(store, false)?) } else { None };
    let mut connection = open_file(new, true)?;
    let (_, heads) = read_heads(&connection)?;
    let present_position = match &present {
        Some(present) => read_heads(present)?.1.store().position,
        None => 0,
    };
    let draw = random::uuid().map_err(StoreError::io("the system has no random bytes"))?;
    let before = heads.store();
    let epoch = Epoch { restores: before.epoch.restores + 1, draw };
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

fn keep_members(present: &Connection, new: &Connection) -> Result<(), RestoreError> {
    for (table, columns) in MEMBERS {
        new.execute(&format!("DELETE FROM {table}"), [])?;
        let width = columns.split(',').count();
        let places = vec!["?"; width].join(", ");
        let mut insert = new.prepare(&format!("INSERT INTO {table}({columns}) VALUES({places})"))?;
        let mut rows = present.prepare(&format!("SELECT {columns} FROM {table}"))?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let values: Vec<rusqlite::types::Value> =
                (0..width).map(|i| row.get(i)).collect::<Result<_, _>>()?;
            insert.execute(rusqlite::params_from_iter(values))?;
        }
    }
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
