//! A file that is there whole or not at all, also when the power fails: beside it first, then under its name.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

/// Tells apart the files that one process writes at the same time.
static WRITTEN: AtomicU32 = AtomicU32::new(0);

/// A file that is being written beside the one whose place it takes at [`WholeFile::commit`]. Dropped before that, it
/// is gone and the other is as it was.
#[derive(Debug)]
pub(crate) struct WholeFile {
    out: File,
    fresh: PathBuf,
    file: PathBuf,
    committed: bool,
}

impl WholeFile {
    /// Begins a file, readable by its owner alone: what a machine exports is people's.
    pub(crate) fn create(file: &Path) -> io::Result<Self> {
        let name = file.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let mut fresh = name.to_os_string();
        let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
        fresh.push(format!(".{}-{number}.part", std::process::id()));
        let fresh = folder(file).join(fresh);
        // A process of the same number may have left it when the power failed.
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let out = options.open(&fresh)?;
        Ok(Self { out, fresh, file: file.into(), committed: false })
    }

    /// Puts it into its place, durably.
    pub(crate) fn commit(mut self) -> io::Result<()> {
        self.out.sync_all()?;
        fs::rename(&self.fresh, &self.file)?;
        self.committed = true;
        File::open(folder(&self.file))?.sync_all()
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if !self.committed {
            let _ = fs::remove_file(&self.fresh);
        }
    }
}

/// Writes a whole file at once.
pub(crate) fn write_whole(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut out = WholeFile::create(file)?;
    out.write_all(bytes)?;
    out.commit()
}

fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_old_file_stands_until_the_new_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("book.csv");
        write_whole(&file, b"old").unwrap();
        let mut one = WholeFile::create(&file).unwrap();
        let mut two = WholeFile::create(&file).unwrap();
        one.write_all(b"one").unwrap();
        two.write_all(b"two").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"old");
        drop(one);
        assert_eq!(fs::read(&file).unwrap(), b"old");
        two.commit().unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions()) & 0o777,
            0o600
        );
        assert!(write_whole(&folder.path().join("none/book.csv"), b"x").is_err());
    }
}
