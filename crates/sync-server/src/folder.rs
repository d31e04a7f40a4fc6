//! The data folder: its files, and the lock that gives it one owner at a time.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// A data folder, not necessarily locked.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

/// The lock of a data folder; it ends with this value or with the process.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// The data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another process has it.
    #[error("the data folder {0} is in use by another process: stop it first, or name another folder")]
    InUse(PathBuf),
    /// A file of it is missing.
    #[error("{0} is missing: has the server been started with this data folder?")]
    Missing(PathBuf),
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl FolderError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InUse(_) => "folder_in_use",
            Self::Missing(_) => "folder_missing",
            Self::Io { .. } => "folder_io",
        }
    }
}

impl Folder {
    /// The folder at `path`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.path.join("store.db")
    }

    /// The backups.
    #[must_use]
    pub fn backups(&self) -> PathBuf {
        self.path.join("backups")
    }

    /// Stores that a restore replaced.
    #[must_use]
    pub fn replaced(&self) -> PathBuf {
        self.path.join("replaced")
    }

    /// The certificate, in PEM.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.path.join("certificate.pem")
    }

    /// Its key, in PEM, for the owner alone.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.path.join("key.pem")
    }

    /// The administrator's token, for the owner alone.
    #[must_use]
    pub fn administrator_token(&self) -> PathBuf {
        self.path.join("administrator-token")
    }

    /// Where the running server can be reached.
    #[must_use]
    pub fn address(&self) -> PathBuf {
        self.path.join("address")
    }

    /// The file of users and groups, unless another is named.
    #[must_use]
    pub fn users(&self) -> PathBuf {
        self.path.join("users.toml")
    }

    /// Makes the folder, for its owner alone, and takes its lock.
    ///
    /// # Errors
    /// [`FolderError::InUse`] where another process has it.
    pub fn lock(&self) -> Result<Lock, FolderError> {
        make_private_folder(&self.path)?;
        let path = self.path.join("lock");
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(at(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(FolderError::InUse(self.path.clone())),
            Err(TryLockError::Error(source)) => Err(FolderError::Io { path, source }),
        }
    }

    /// The text of a file of the folder, trimmed.
    ///
    /// # Errors
    /// [`FolderError::Missing`] where it is not there.
    pub fn read(&self, path: &Path) -> Result<String, FolderError> {
        match fs::read_to_string(path) {
            Ok(text) => Ok(text.trim().to_string()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(FolderError::Missing(path.into())),
            Err(error) => Err(at(path)(error)),
        }
    }
}

pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = path.to_path_buf();
    move |source| FolderError::Io { path, source }
}

/// Makes a folder that only its owner can look into; one that is there stays as it is.
pub(crate) fn make_private_folder(path: &Path) -> Result<(), FolderError> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(at(path))
}

/// Writes a whole file durably under its name, readable by its owner alone where it is secret.
pub(crate) fn write_whole(path: &Path, text: &str, secret: bool) -> Result<(), FolderError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let partial = path.with_file_name(format!(".{name}.partial"));
    let write = || -> io::Result<()> {
        match fs::remove_file(&partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.create_new(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, if secret { 0o600 } else { 0o644 });
        #[cfg(not(unix))]
        let _ = secret;
        let mut file = options.open(&partial)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&partial, path)?;
        if let Some(folder) = path.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    };
    write().map_err(at(path))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn has_one_owner_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Folder::new(folder.path().join("data"));
        let lock = folder.lock().unwrap();
        assert_eq!(folder.lock().unwrap_err().code(), "folder_in_use");
        drop(lock);
        folder.lock().unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn keeps_secrets_for_its_owner() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        write_whole(&path, "x", true).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
