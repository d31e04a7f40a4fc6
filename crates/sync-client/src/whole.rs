//! A file that is there whole or not at all, also when the power fails: beside it first, then under its name.
//!
//! A name that is a link is followed. What is no regular file (a device, a pipe) is written into, and stays what it is.

use std::{
    ffi::OsStr,
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
    /// Where it is being written, and what it will be; none where it goes straight into a device or a pipe.
    way: Option<Way>,
}

#[derive(Debug)]
struct Way {
    fresh: PathBuf,
    file: PathBuf,
    /// What the file that is replaced lets people do.
    permissions: Option<fs::Permissions>,
}

impl WholeFile {
    /// Begins a file. A new one is readable by its owner alone, for what a machine exports is people's; one that is there
    /// keeps its permissions.
    pub(crate) fn create(file: &Path) -> io::Result<Self> {
        let file = behind_links(file)?;
        let permissions = match fs::metadata(&file) {
            Ok(there) if there.is_dir() => return Err(io::Error::from(io::ErrorKind::IsADirectory)),
            Ok(there) if !there.is_file() => {
                return Ok(Self { out: OpenOptions::new().write(true).open(&file)?, way: None });
            }
            Ok(there) => Some(there.permissions()),
            Err(_) => None,
        };
        let name = file.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let mut fresh = name.to_os_string();
        let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
        fresh.push(format!(".{}-{number}.part", std::process::id()));
        let fresh = folder(&file).join(fresh);
        remove_parts_of_the_dead(folder(&file), name);
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
        Ok(Self { out, way: Some(Way { fresh, file, permissions }) })
    }

    /// Puts it into its place, durably.
    pub(crate) fn commit(mut self) -> io::Result<()> {
        let Some(Way { fresh, file, permissions }) = &self.way else { return self.out.flush() };
        if let Some(permissions) = permissions {
            self.out.set_permissions(permissions.clone())?;
        }
        self.out.sync_all()?;
        fs::rename(fresh, file)?;
        let folder = folder(file).to_path_buf();
        self.way = None;
        File::open(folder)?.sync_all()
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
        if let Some(way) = &self.way {
            let _ = fs::remove_file(&way.fresh);
        }
    }
}

/// How many links one name leads through at most, as systems have it.
const LINKS: usize = 40;

/// The file that a name leads to, also where it is not there yet.
fn behind_links(file: &Path) -> io::Result<PathBuf> {
    let mut file = file.to_path_buf();
    for _ in 0..LINKS {
        match fs::symlink_metadata(&file) {
            Ok(there) if there.file_type().is_symlink() => {
                let target = fs::read_link(&file)?;
                file = folder(&file).join(target);
            }
            _ => return Ok(file),
        }
    }
    Err(io::Error::other("the name leads through links that go round"))
}

/// Takes away what processes left half written beside this file that were killed. Where a system does not say which
/// processes live, and where something is in the way, it stays.
fn remove_parts_of_the_dead(folder: &Path, name: &OsStr) {
    let processes = Path::new("/proc");
    let Some(name) = name.to_str().filter(|_| processes.join("self").exists()) else { return };
    let number = |text: &str| text.parse::<u32>().ok();
    for found in fs::read_dir(folder).into_iter().flatten().flatten() {
        let found_name = found.file_name();
        let of_file = found_name.to_str().and_then(|found| found.strip_prefix(name)?.strip_prefix('.'));
        let writer = of_file.and_then(|rest| rest.strip_suffix(".part")?.split_once('-'));
        if let Some((process, written)) = writer
            && let (Some(process), Some(_)) = (number(process), number(written))
            && !processes.join(process.to_string()).exists()
        {
            let _ = fs::remove_file(found.path());
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

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_permissions_stay() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("within")).unwrap();
        fs::write(path("within/book.csv"), "old").unwrap();
        fs::set_permissions(path("within/book.csv"), fs::Permissions::from_mode(0o644)).unwrap();
        symlink("within/book.csv", path("link")).unwrap();
        symlink("within/new.csv", path("to-nothing")).unwrap();
        write_whole(&path("link"), b"new").unwrap();
        write_whole(&path("to-nothing"), b"fresh").unwrap();
        let mode = |name: &str| fs::metadata(path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(fs::read(path("within/book.csv")).unwrap(), b"new");
        assert_eq!(fs::read(path("within/new.csv")).unwrap(), b"fresh");
        assert_eq!((mode("within/book.csv"), mode("within/new.csv")), (0o644, 0o600));
        assert!(["link", "to-nothing"].iter().all(|name| path(name).is_symlink()));
        symlink("round", path("round")).unwrap();
        assert!(write_whole(&path("round"), b"x").is_err());
        assert!(write_whole(&path("within"), b"x").is_err() && path("within").is_dir());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_pipe_is_written_into_and_stays_one() {
        use std::os::unix::fs::FileTypeExt as _;
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        // Opened for both, so that nothing waits for the other end.
        let mut end = OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
        write_whole(&pipe, b"book").unwrap();
        assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
        let mut read = [0; 4];
        io::Read::read_exact(&mut end, &mut read).unwrap();
        assert_eq!(&read, b"book");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_killed_process_left_goes() {
        let folder = tempfile::tempdir().unwrap();
        // No process has a number beyond what the system gives out; this one lives.
        let dead = folder.path().join("book.csv.4294967295-0.part");
        let alive = folder.path().join(format!("book.csv.{}-4000000000.part", std::process::id()));
        let others = folder.path().join("book.csv.notes.part");
        let stays = [&alive, &others];
        [&dead, &alive, &others].into_iter().for_each(|path| fs::write(path, b"half").unwrap());
        write_whole(&folder.path().join("book.csv"), b"whole").unwrap();
        assert!(!dead.exists() && stays.iter().all(|path| path.exists()));
    }
}
