//! Backups: made while serving, checked before they get their name.

use super::super::{BackupFile, StoreError};
use super::schema::{Access, open_file};
use rusqlite::{Connection, backup::Backup};
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

/// Copies the whole store into `to`. One read transaction spans the copy: writers go on beside it.
pub(super) fn backup(source: &Connection, to: &Path) -> Result<BackupFile, StoreError> {
    let partial = partial_name(to);
    remove_if_there(&partial)?;
    let made = copy(source, &partial).and_then(|()| {
        let file = digest(&partial)?;
        fs::rename(&partial, to).map_err(StoreError::io("the backup could not be named"))?;
        sync_folder_of(to)?;
        Ok(file)
    });
    if made.is_err() {
        let _ = fs::remove_file(&partial);
    }
    made
}

fn copy(source: &Connection, partial: &Path) -> Result<(), StoreError> {
    let mut target = Connection::open(partial)?;
    target.pragma_update(None, "synchronous", "OFF")?;
    Backup::new(source, &mut target)?.step(-1)?;
    // One file without companions, so that it can be moved and kept.
    target.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    target.close().map_err(|(_, error)| error)?;
    File::open(partial)
        .and_then(|file| file.sync_all())
        .map_err(StoreError::io("the backup could not be made durable"))?;
    inspect(partial)
}

/// Opens a store or a backup and checks all of it.
///
/// # Errors
/// [`StoreError::Foreign`], [`StoreError::Version`] or [`StoreError::Damaged`].
pub fn inspect(path: &Path) -> Result<(), StoreError> {
    let connection = open_file(path, Access::Read)?;
    let verdict: Result<String, _> = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0));
    let detail = match verdict {
        Ok(verdict) if verdict == "ok" => return Ok(()),
        Ok(verdict) => verdict,
        Err(error) => error.to_string(),
    };
    Err(StoreError::Damaged { path: path.into(), detail })
}

fn digest(path: &Path) -> Result<BackupFile, StoreError> {
    let read = || -> std::io::Result<BackupFile> {
        let mut file = File::open(path)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 16];
        let mut bytes = 0;
        loop {
            let n = file.read(&mut buffer)?;
            if n == 0 {
                break;
            }
            hasher.update(&buffer[..n]);
            bytes += n as u64;
        }
        Ok(BackupFile { bytes, sha256: hasher.finalize().into() })
    };
    read().map_err(StoreError::io("the backup cannot be read"))
}

fn partial_name(to: &Path) -> PathBuf {
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    to.with_file_name(format!(".{name}.partial"))
}

fn remove_if_there(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StoreError::Io { what: format!("{} could not be removed", path.display()), source: error })
        }
        _ => Ok(()),
    }
}

pub(super) fn sync_folder_of(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(StoreError::io("the folder could not be made durable"))
}
