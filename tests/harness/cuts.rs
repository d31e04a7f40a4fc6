//! Power that fails at any write: what a machine's database holds after every prefix of what was written to it.
//!
//! SQLite writes to the log beside the database (`-wal`), frame by frame; the database itself is only written when the log
//! is taken over into it. A [`Recorder`] keeps that from happening, so that the log grows by all that is written meanwhile,
//! by whatever process. A power cut leaves the database as it was and a prefix of the log, whose last frame may be torn;
//! or, where the disk reorders what was not flushed yet, a log with a hole.
//!
//! ```no_run
//! # fn act() {}
//! use harness::cuts::Recorder;
//! let recorder = Recorder::begin("machine/replica.db".as_ref())?;
//! act(); // whatever writes
//! let cuts = recorder.end()?;
//! for cut in cuts.all() {
//!     let folder = tempfile::tempdir()?;
//!     cuts.lay(cut, folder.path())?;
//!     // Open the folder with the product: it is as before or as after.
//! }
//! # Ok::<(), harness::programs::Failure>(())
//! ```

use crate::programs::Failure;
use rusqlite::Connection;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The bytes before the first frame of a log.
const LOG_HEADER: usize = 32;
/// The bytes before the page of a frame.
const FRAME_HEADER: usize = 24;

/// Lets a log grow, from a moment at which it was empty.
#[derive(Debug)]
pub struct Recorder {
    database: PathBuf,
    before: Vec<u8>,
    /// Reads the database as it was, which keeps the log from being taken over.
    reader: Connection,
}

/// One power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// After so many bytes of the log.
    After(usize),
    /// The frame with this number was never written, those after it were.
    Hole(usize),
}

/// What was written, to be cut anywhere.
#[derive(Debug)]
pub struct Cuts {
    name: String,
    before: Vec<u8>,
    log: Vec<u8>,
    frame: usize,
}

fn log_of(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push("-wal");
    path.into()
}

impl Recorder {
    /// Begins. Nobody may be writing at this moment.
    ///
    /// # Errors
    /// Where the database cannot be read, or is in use.
    pub fn begin(database: &Path) -> Result<Self, Failure> {
        let reader = Connection::open(database)?;
        let busy: i64 = reader.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy != 0 {
            return Err("the database is in use".into());
        }
        let before = fs::read(database)?;
        reader.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema")?;
        Ok(Self { database: database.into(), before, reader })
    }

    /// Ends. Whoever wrote has ended, or was killed.
    ///
    /// # Errors
    /// Where the log cannot be read, or the database was written after all.
    pub fn end(self) -> Result<Cuts, Failure> {
        let log = fs::read(log_of(&self.database))?;
        if fs::read(&self.database)? != self.before {
            return Err("the log was taken over into the database".into());
        }
        drop(self.reader);
        let page = log.get(8..12).and_then(|size| size.try_into().ok()).map_or(0, u32::from_be_bytes);
        let frame = FRAME_HEADER + usize::try_from(page)?;
        if frame == FRAME_HEADER || log.len() < LOG_HEADER + frame {
            return Err("nothing was written".into());
        }
        let name = self.database.file_name().ok_or("no file")?.to_string_lossy().into_owned();
        Ok(Cuts { name, before: self.before, log, frame })
    }
}

impl Cuts {
    /// How many frames were written.
    #[must_use]
    pub fn frames(&self) -> usize {
        (self.log.len() - LOG_HEADER) / self.frame
    }

    /// Every power cut: nothing written, a torn beginning, each frame whole, its header alone, and torn; each frame missing.
    pub fn all(&self) -> impl Iterator<Item = Cut> + '_ {
        let torn = [0, FRAME_HEADER, self.frame / 2, self.frame - 1];
        let prefixes = (0..self.frames())
            .flat_map(move |n| torn.map(|within| Cut::After(LOG_HEADER + n * self.frame + within)));
        let whole = [Cut::After(0), Cut::After(LOG_HEADER / 2)].into_iter();
        whole.chain(prefixes).chain([Cut::After(self.log.len())]).chain((0..self.frames()).map(Cut::Hole))
    }

    /// How many frames are whole before anything is missing.
    #[must_use]
    pub fn whole_frames(&self, cut: Cut) -> usize {
        match cut {
            Cut::After(bytes) => bytes.saturating_sub(LOG_HEADER) / self.frame,
            Cut::Hole(frame) => frame,
        }
    }

    /// How many bytes of the log so many whole frames are.
    #[must_use]
    pub fn bytes_of(&self, frames: usize) -> usize {
        if frames == 0 { 0 } else { LOG_HEADER + frames * self.frame }
    }

    /// Lays what a cut leaves into an empty folder.
    ///
    /// # Errors
    /// What the system says.
    pub fn lay(&self, cut: Cut, folder: &Path) -> Result<(), Failure> {
        let database = folder.join(&self.name);
        fs::write(&database, &self.before)?;
        let mut log = self.log.clone();
        match cut {
            Cut::After(bytes) => log.truncate(bytes),
            Cut::Hole(frame) => {
                let from = LOG_HEADER + frame * self.frame;
                log[from..from + self.frame].fill(0);
            }
        }
        if !log.is_empty() {
            fs::write(log_of(&database), &log)?;
        }
        Ok(())
    }
}
