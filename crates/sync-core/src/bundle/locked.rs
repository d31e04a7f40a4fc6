//! Opening a bundle, encrypted or not, from any source of bytes, and the reading half of the age layer: a bundle that is
//! encrypted with a pass phrase (<https://age-encryption.org/v1>). To write one takes randomness, which is the caller's.

use super::{BundleError, MAGIC, Protection, Pull, Reader};
use age::{DecryptError, Decryptor, scrypt, secrecy::SecretString, stream::StreamReader};
use alloc::{boxed::Box, string::ToString, vec::Vec};
use core::{fmt, iter, ops::RangeInclusive};
use std::io::{self, BufRead, Chain, Cursor, Read as _};

/// How every age file begins.
const BEGIN: &[u8] = b"age-encryption.org/";
/// How the last line of an age header begins.
const LAST_LINE: &[u8] = b"--- ";
/// No header with one pass phrase is longer; a longer one is refused before it takes memory.
const LONGEST_HEADER: u64 = 1024;
/// The bounds within which scrypt's exponent makes sense here.
pub const WORK: RangeInclusive<u8> = 1..=22;

/// Whether a file that begins like this is encrypted.
#[must_use]
pub fn begins_encrypted(bytes: &[u8]) -> bool {
    bytes.starts_with(BEGIN)
}

/// Why a bundle was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Locked {
    /// It is damaged, or was cut off.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// It is encrypted, and no pass phrase was given.
    #[error("the bundle is encrypted")]
    PassphraseNeeded,
    /// It is not encrypted, and a pass phrase was given.
    #[error("a pass phrase was given, and the bundle is not encrypted")]
    NotEncrypted,
    /// Another pass phrase made it.
    #[error("this is not the pass phrase of the bundle")]
    Passphrase,
    /// The pass phrase makes more work than is accepted: a hostile file would hold the processor for hours.
    #[error("the bundle's pass phrase makes more work (2^{required}) than is accepted")]
    Work {
        /// Scrypt's exponent.
        required: u8,
    },
    /// A key made it, not a pass phrase.
    #[error("the bundle is encrypted with something else than a pass phrase")]
    OtherKey,
    /// A version of age that is not known here.
    #[error("the bundle is encrypted in a version of the age format that is not known here")]
    Unknown,
    /// It could not be read.
    #[error("it can't be read: {0}")]
    Io(io::Error),
}

impl Locked {
    /// A stable word for scripts.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Bundle(error) => error.code(),
            Self::PassphraseNeeded => "bundle_passphrase_needed",
            Self::NotEncrypted => "bundle_not_encrypted",
            Self::Passphrase => "bundle_passphrase",
            Self::Work { .. } => "bundle_work",
            Self::OtherKey => "bundle_other_key",
            Self::Unknown => "bundle_unknown",
            Self::Io(_) => "bundle_io",
        }
    }

    /// What to do.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Bundle(error) => error.remedy(),
            Self::PassphraseNeeded => "give the pass phrase with which the bundle was made",
            Self::NotEncrypted => {
                "make sure that this is the file that you mean; if it is, open it without a pass phrase"
            }
            Self::Passphrase => {
                "give the pass phrase with which the bundle was made; mind capitals, blanks and the keyboard's layout"
            }
            Self::Work { .. } => {
                "if the file is trusted, decrypt it with the age tool and encrypt it again: age --passphrase"
            }
            Self::OtherKey => {
                "decrypt it with the age tool and its key, then encrypt it with a pass phrase: age --passphrase"
            }
            Self::Unknown => "decrypt it with the age tool and encrypt it again: age --passphrase",
            Self::Io(_) => "make sure that the file is there and may be read",
        }
    }
}

/// The inner stream of an encrypted bundle, for [`Reader::open`](super::Reader::open).
pub struct Unlocked<R>(Box<StreamReader<Chain<Cursor<Vec<u8>>, R>>>);

impl<R> fmt::Debug for Unlocked<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unlocked")
    }
}

impl<R: BufRead> Unlocked<R> {
    /// The next bytes of the inner stream.
    ///
    /// # Errors
    /// [`BundleError::Damaged`] where its encryption does not hold, [`BundleError::Io`] where it can't be read.
    pub fn next_bytes(&mut self, into: &mut [u8]) -> Result<usize, BundleError> {
        loop {
            match self.0.read(into) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read.map_err(of_stream),
            }
        }
    }
}

/// A stream of two kinds, so that a reader need not know whether it is encrypted.
#[derive(Debug)]
pub enum Stream<R> {
    /// As it stands.
    Plain(R),
    /// Encrypted with a pass phrase.
    Encrypted(Unlocked<R>),
}

impl<R: BufRead> Pull for Stream<R> {
    fn pull(&mut self, into: &mut [u8]) -> Result<usize, BundleError> {
        match self {
            Self::Plain(source) => source.pull(into),
            Self::Encrypted(unlocked) => unlocked.next_bytes(into),
        }
    }
}

/// What the decrypting stream says: about the content by these two kinds, else about the disk.
fn of_stream(error: io::Error) -> BundleError {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => damaged("its encryption does not hold"),
        _ => BundleError::Io(error.to_string()),
    }
}

fn damaged(what: &str) -> BundleError {
    BundleError::Damaged { what: what.into() }
}

/// Opens a bundle and reads its manifest: with a pass phrase where one is given, else as it stands. `accept` is the most
/// work that is done for the pass phrase, as scrypt's exponent: each one more doubles time and memory (2^n KiB).
///
/// # Errors
/// [`Locked`]. What is no bundle at all is [`BundleError::NotABundle`], with and without a pass phrase.
pub fn open<R: BufRead>(
    mut source: R,
    phrase: Option<&SecretString>,
    accept: u8,
) -> Result<Reader<Stream<R>>, Locked> {
    let begin = source.fill_buf().map_err(Locked::Io)?;
    let (encrypted, plain) = (begins_encrypted(begin), begin.starts_with(&MAGIC));
    let (stream, protection) = match phrase {
        None if encrypted => return Err(Locked::PassphraseNeeded),
        None => (Stream::Plain(source), Protection::Plain),
        Some(_) if plain => return Err(Locked::NotEncrypted),
        Some(_) if !encrypted => return Err(BundleError::NotABundle.into()),
        Some(phrase) => (unlock(source, phrase, accept)?, Protection::Encrypted),
    };
    Ok(Reader::open(stream, protection)?)
}

/// Reads the age header and opens the stream behind it.
fn unlock<R: BufRead>(mut source: R, phrase: &SecretString, accept: u8) -> Result<Stream<R>, Locked> {
    let header = header(&mut source)?;
    let decryptor = Decryptor::new_buffered(Cursor::new(header).chain(source)).map_err(refused)?;
    if !decryptor.is_scrypt() {
        return Err(Locked::OtherKey);
    }
    let mut identity = scrypt::Identity::new(phrase.clone());
    identity.set_max_work_factor(accept.min(*WORK.end()));
    let stream = decryptor.decrypt(iter::once(&identity as _)).map_err(refused)?;
    Ok(Stream::Encrypted(Unlocked(Box::new(stream))))
}

/// The lines of the header, within the bound.
fn header(source: &mut impl BufRead) -> Result<Vec<u8>, BundleError> {
    let io = |error: io::Error| BundleError::Io(error.to_string());
    let (mut header, mut limited) = (Vec::new(), source.take(LONGEST_HEADER));
    loop {
        let from = header.len();
        limited.read_until(b'\n', &mut header).map_err(io)?;
        match &header[from..] {
            line if line.starts_with(LAST_LINE) && line.ends_with(b"\n") => return Ok(header),
            line if line.ends_with(b"\n") => {}
            _ if limited.limit() == 0 => return Err(damaged("its encryption's header has no end")),
            _ => return Err(BundleError::Cut { at: header.len() as u64 }),
        }
    }
}

fn refused(error: DecryptError) -> Locked {
    match error {
        DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed | DecryptError::NoMatchingKeys => {
            Locked::Passphrase
        }
        DecryptError::ExcessiveWork { required, .. } => Locked::Work { required },
        DecryptError::UnknownFormat => Locked::Unknown,
        DecryptError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => Locked::Io(error),
        DecryptError::Io(_) => damaged("it ends within its encryption's header").into(),
        _ => damaged("its encryption's header does not hold").into(),
    }
}
