//! Bundles as files: the stream of [`sync_core::bundle`], encrypted with a pass phrase in the age format
//! (<https://age-encryption.org/v1>), whole on the disk or not there at all. `docs/bundle.md` states the format.
//!
//! ```
//! use sync_client::{Error, bundle::{self, Lock, Work}};
//! use sync_core::{bundle::{Entry, Manifest, Section, Source}, id::RecordId, time::Timestamp, value::Value};
//! # let folder = tempfile::tempdir().unwrap();
//! # let file = folder.path().join("batch.bundle");
//! let mut manifest = Manifest::new(bundle::PRODUCT, Timestamp(0), Source::default());
//! manifest.sections.push(Section::named("key"));
//! let id = RecordId::of_setting("tls");
//! let key = Entry { secret: true, ..Entry::new("key", "local", id, [("type".into(), Value::from("key"))].into()) };
//!
//! let lock = Lock::pass_phrase("correct horse battery staple")?;
//! let entries = || Ok([Ok(key.clone())]);
//! let made = bundle::create(&file, &lock, Work::QUICK, manifest, entries, &mut |_, _| {})?;
//!
//! let opened = bundle::open(&file, &lock, Work::QUICK)?;
//! assert_eq!(opened.manifest(), &made.manifest);
//! let mut records = 0;
//! opened.read_whole(&mut |_, _| {}, |entry| {
//!     assert_eq!(entry, key);
//!     records += 1;
//!     Ok(())
//! })?;
//! assert_eq!(records, 1);
//! # Ok::<(), Error>(())
//! ```

mod encrypted;
pub mod passphrase;
pub mod show;
#[cfg(test)]
mod tests;

use crate::{
    error::{Error, Result},
    whole::WholeFile,
};
use age::secrecy::SecretString;
use encrypted::Locking;
use sha2::{Digest as _, Sha256};
use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Write},
    path::{Path, PathBuf},
};
use sync_core::{
    address::Secret,
    bundle::{
        BundleError, Entry, MAGIC, Manifest, Protection, Reader,
        locked::{self, Locked, Stream, begins_encrypted},
        write,
    },
};

/// What a manifest made here says of the product.
pub const PRODUCT: &str = concat!("fleet-sync ", env!("CARGO_PKG_VERSION"));

/// What a bundle is locked with.
#[derive(Debug, Clone)]
pub enum Lock {
    /// Nothing: only for bundles without secrets.
    Plain,
    /// A pass phrase; it is wiped from memory when it is dropped.
    PassPhrase(SecretString),
}

impl Lock {
    /// A pass phrase.
    ///
    /// # Errors
    /// `bundle_passphrase_needed` where it is empty.
    pub fn pass_phrase(text: impl Into<String>) -> Result<Self> {
        let text = SecretString::from(text.into());
        if age::secrecy::ExposeSecret::expose_secret(&text).is_empty() {
            return Err(passphrase_needed("the pass phrase is empty"));
        }
        Ok(Self::PassPhrase(text))
    }

    /// A pass phrase where one is given, else nothing.
    ///
    /// # Errors
    /// As [`Lock::pass_phrase`].
    pub fn of(phrase: Option<&Secret>) -> Result<Self> {
        phrase.map_or(Ok(Self::Plain), |phrase| Self::pass_phrase(phrase.0.clone()))
    }

    const fn phrase(&self) -> Option<&SecretString> {
        match self {
            Self::Plain => None,
            Self::PassPhrase(phrase) => Some(phrase),
        }
    }

    const fn protection(&self) -> Protection {
        match self {
            Self::Plain => Protection::Plain,
            Self::PassPhrase(_) => Protection::Encrypted,
        }
    }
}

/// How much work a pass phrase makes, as scrypt's exponent: each one more doubles time and memory (2^n KiB).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// For a bundle that is made, 1 to 22.
    pub make: u8,
    /// The most that is accepted of a file. A hostile one would otherwise hold the processor for hours.
    pub accept: u8,
}

impl Work {
    /// So little that it keeps nobody out: for tests.
    pub const QUICK: Self = Self { make: 1, accept: 10 };
}

impl Default for Work {
    /// Makes with 17 (128 MiB, well under a second), accepts up to 18 (256 MiB), which the age tool makes.
    fn default() -> Self {
        Self { make: 17, accept: 18 }
    }
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The file's size.
    pub bytes: u64,
    /// The file's SHA-256, as it lies on the disk.
    pub sha256: [u8; 32],
    /// The manifest, with its sections counted.
    pub manifest: Manifest,
}

/// Makes a bundle. `manifest` names the sections in their order; `entries` gives their records in that order, in rising
/// order of (place, id) within each, and is called twice: once to count, once to write. `progress` is told how many
/// bytes of how many are written. An existing file is replaced whole, or stays where anything fails; an error that
/// `entries` gives, a cancel for instance, ends it and comes back.
///
/// # Errors
/// What `entries` says; the codes of [`BundleError`]; [`Error::File`] where the file can't be written.
pub fn create<I: IntoIterator<Item = Result<Entry>>>(
    path: &Path,
    lock: &Lock,
    work: Work,
    manifest: Manifest,
    entries: impl FnMut() -> Result<I>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Made> {
    let at = |source| Error::File { path: path.into(), source };
    let out = Hashing { out: WholeFile::create(path).map_err(at)?, hash: Sha256::new(), bytes: 0 };
    let mut sink = Sink { out: Locking::begin(out, lock, work).map_err(at)?, failed: None };
    let written = write(&mut sink, lock.protection(), manifest, entries, progress);
    let manifest = match (written, sink.failed) {
        // What the disk said says more than that something failed.
        (_, Some(failed)) => return Err(at(failed)),
        (written, None) => written?,
    };
    let Hashing { out, hash, bytes } = sink.out.finish().map_err(at)?;
    out.commit().map_err(at)?;
    Ok(Made { bytes, sha256: hash.finalize().into(), manifest })
}

/// Opens a bundle and reads its manifest.
///
/// # Errors
/// The codes of [`BundleError`], and: `bundle_passphrase` where it is the wrong one; `bundle_passphrase_needed` where the
/// bundle is encrypted and none was given; `bundle_not_encrypted` where one was given and the bundle is not;
/// `bundle_work` where more work is asked for than is accepted; `bundle_other_key` where the file is encrypted with
/// something else than a pass phrase; [`Error::File`] where it can't be read.
pub fn open(path: &Path, lock: &Lock, work: Work) -> Result<Opened> {
    let at = |source| Error::File { path: path.into(), source };
    let file = BufReader::with_capacity(64 << 10, File::open(path).map_err(at)?);
    let reader = locked::open(file, lock.phrase(), work.accept).map_err(|error| unlocking(path, error))?;
    Ok(Opened { reader, path: path.into() })
}

/// A bundle that is being read: an iterator of its records, one by one, [`None`] after the last one and the verified
/// end, or one error and then [`None`].
///
/// Nothing that was read is sure before [`Opened::is_complete`]; [`Opened::read_whole`] says it in its result.
#[derive(Debug)]
pub struct Opened {
    reader: Reader<Stream<BufReader<File>>>,
    path: PathBuf,
}

impl Opened {
    /// What the bundle says of itself.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        self.reader.manifest()
    }

    /// Whether the end was reached and everything is as it was written.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.reader.is_complete()
    }

    /// How many bytes of the inner stream are read, and how many there are by the manifest.
    #[must_use]
    pub const fn progress(&self) -> (u64, u64) {
        (self.reader.done(), self.reader.total())
    }

    /// Reads it to its end. `progress` is told how many bytes of how many are read; `take` gets the records one by one,
    /// and an error of it ends the reading. Where this succeeds, everything was as it was written.
    ///
    /// # Errors
    /// What `take` says; the codes of [`BundleError`]; [`Error::File`] where the file can't be read.
    pub fn read_whole(
        mut self,
        progress: &mut dyn FnMut(u64, u64),
        mut take: impl FnMut(Entry) -> Result<()>,
    ) -> Result<Manifest> {
        while let Some(entry) = self.next() {
            take(entry?)?;
            let (done, total) = self.progress();
            progress(done, total);
        }
        let (done, total) = self.progress();
        progress(done, total);
        Ok(self.reader.into_manifest())
    }
}

impl Iterator for Opened {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.reader.next()?.map_err(|error| reading(&self.path, error)))
    }
}

/// Whether a file that begins like this is a bundle, encrypted or not.
pub(crate) fn begins_as_bundle(head: &[u8]) -> bool {
    head.starts_with(&MAGIC) || begins_encrypted(head)
}

/// Whether a bundle needs a pass phrase.
///
/// # Errors
/// [`Error::File`] where it can't be read.
pub fn is_encrypted(path: &Path) -> Result<bool> {
    let begin = || BufReader::new(File::open(path)?).fill_buf().map(begins_encrypted);
    begin().map_err(|source| Error::File { path: path.into(), source })
}

impl From<BundleError> for Error {
    fn from(error: BundleError) -> Self {
        denied(error.code(), error.to_string(), error.remedy())
    }
}

/// An error of reading; where the disk is the reason, it is the file's.
fn reading(path: &Path, error: BundleError) -> Error {
    match error {
        BundleError::Io(why) => Error::File { path: path.into(), source: io::Error::other(why) },
        error => error.into(),
    }
}

fn unlocking(path: &Path, error: Locked) -> Error {
    match error {
        Locked::Bundle(error) => reading(path, error),
        Locked::Io(source) => Error::File { path: path.into(), source },
        Locked::PassphraseNeeded => passphrase_needed(&error.to_string()),
        error => denied(error.code(), error.to_string(), error.remedy()),
    }
}

fn denied(code: &str, message: impl Into<String>, remedy: &str) -> Error {
    Error::Denied { code: code.into(), message: message.into(), remedy: remedy.into() }
}

fn passphrase_needed(message: &str) -> Error {
    let remedy =
        "write the pass phrase into a file that you alone can read, and name it: --passphrase-file FILE";
    denied("bundle_passphrase_needed", message, remedy)
}

/// Sums up what goes into the file.
struct Hashing {
    out: WholeFile,
    hash: Sha256,
    bytes: u64,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.out.write(bytes)?;
        self.hash.update(&bytes[..len]);
        self.bytes += len as u64;
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Where the inner stream goes; it remembers what the disk said.
struct Sink {
    out: Locking<Hashing>,
    failed: Option<io::Error>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.out {
            Locking::Plain(out) => out.write(bytes),
            Locking::PassPhrase(out) => out.write(bytes),
        };
        written.map_err(|error| {
            let same = io::Error::new(error.kind(), error.to_string());
            // The writer tries an interrupted write again.
            if error.kind() != io::ErrorKind::Interrupted {
                self.failed = Some(error);
            }
            same
        })
    }

    /// The bytes are made durable at the end, by the file's owner.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
