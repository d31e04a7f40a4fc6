//! The age layer: a stream encrypted with a pass phrase, and back.

use super::{Lock, Work, denied, reading};
use crate::error::{Error, Result};
use age::{
    DecryptError, Decryptor, Encryptor, scrypt,
    secrecy::SecretString,
    stream::{StreamReader, StreamWriter},
};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Chain, Cursor, Read as _, Write},
    iter,
    path::Path,
};
use sync_core::bundle::{BundleError, Pull};

/// How every age file begins.
const BEGIN: &[u8] = b"age-encryption.org/";
/// How the last line of an age header begins.
const LAST_LINE: &[u8] = b"--- ";
/// No header with one pass phrase is longer; a longer one is refused before it takes memory.
const LONGEST_HEADER: u64 = 1024;
/// The bounds within which scrypt's exponent makes sense here.
const WORK: core::ops::RangeInclusive<u8> = 1..=22;

pub(super) fn begins_encrypted(bytes: &[u8]) -> bool {
    bytes.starts_with(BEGIN)
}

/// What is being written.
pub(super) enum Locking<W: Write> {
    Plain(BufWriter<W>),
    PassPhrase(StreamWriter<W>),
}

impl<W: Write> Locking<W> {
    /// Writes the age header, where there is a pass phrase.
    pub(super) fn begin(out: W, lock: &Lock, work: Work) -> io::Result<Self> {
        let Lock::PassPhrase(phrase) = lock else {
            return Ok(Self::Plain(BufWriter::with_capacity(64 << 10, out)));
        };
        let mut recipient = scrypt::Recipient::new(phrase.clone());
        recipient.set_work_factor(work.make.clamp(*WORK.start(), *WORK.end()));
        let encryptor = Encryptor::with_recipients(iter::once(&recipient as _)).map_err(io::Error::other)?;
        Ok(Self::PassPhrase(encryptor.wrap_output(out)?))
    }

    /// Writes what is left.
    pub(super) fn finish(self) -> io::Result<W> {
        match self {
            Self::Plain(out) => out.into_inner().map_err(io::IntoInnerError::into_error),
            Self::PassPhrase(out) => out.finish(),
        }
    }
}

/// What is being read: the inner stream.
pub(super) struct Unlocked(Inner);

/// The header, which was read beforehand, and the rest.
type AgeFile = Chain<Cursor<Vec<u8>>, BufReader<File>>;

enum Inner {
    Plain(BufReader<File>),
    PassPhrase(Box<StreamReader<AgeFile>>),
}

impl core::fmt::Debug for Unlocked {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self.0 {
            Inner::Plain(_) => "Plain",
            Inner::PassPhrase(_) => "PassPhrase",
        })
    }
}

impl Unlocked {
    pub(super) const fn plain(file: BufReader<File>) -> Self {
        Self(Inner::Plain(file))
    }
}

impl Pull for Unlocked {
    fn pull(&mut self, into: &mut [u8]) -> Result<usize, BundleError> {
        match &mut self.0 {
            Inner::Plain(file) => file.pull(into),
            Inner::PassPhrase(stream) => loop {
                match stream.read(into) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    read => return read.map_err(of_stream),
                }
            },
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

/// Reads the age header and opens the stream behind it.
pub(super) fn unlock(
    mut file: BufReader<File>,
    phrase: &SecretString,
    accept: u8,
    path: &Path,
) -> Result<Unlocked> {
    let header = header(&mut file).map_err(|error| reading(path, error))?;
    let decryptor =
        Decryptor::new_buffered(Cursor::new(header).chain(file)).map_err(|error| refused(path, error))?;
    if !decryptor.is_scrypt() {
        return Err(denied(
            "bundle_other_key",
            "the bundle is encrypted with something else than a pass phrase",
            "decrypt it with the age tool and its key, then encrypt it with a pass phrase: age --passphrase",
        ));
    }
    let mut identity = scrypt::Identity::new(phrase.clone());
    identity.set_max_work_factor(accept.min(*WORK.end()));
    let stream = decryptor.decrypt(iter::once(&identity as _)).map_err(|error| refused(path, error))?;
    Ok(Unlocked(Inner::PassPhrase(Box::new(stream))))
}

/// The lines of the header, within the bound.
fn header(file: &mut BufReader<File>) -> Result<Vec<u8>, BundleError> {
    let io = |error: io::Error| BundleError::Io(error.to_string());
    let (mut header, mut limited) = (Vec::new(), file.take(LONGEST_HEADER));
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

fn refused(path: &Path, error: DecryptError) -> Error {
    match error {
        DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed | DecryptError::NoMatchingKeys => {
            denied(
                "bundle_passphrase",
                "this is not the pass phrase of the bundle",
                "give the pass phrase with which the bundle was made; mind capitals, blanks and the keyboard's layout",
            )
        }
        DecryptError::ExcessiveWork { required, .. } => denied(
            "bundle_work",
            format!("the bundle's pass phrase makes more work (2^{required}) than is accepted"),
            "if the file is trusted, decrypt it with the age tool and encrypt it again: age --passphrase",
        ),
        DecryptError::UnknownFormat => denied(
            "bundle_unknown",
            "the bundle is encrypted in a version of the age format that is not known here",
            "decrypt it with the age tool and encrypt it again: age --passphrase",
        ),
        DecryptError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
            Error::File { path: path.into(), source: error }
        }
        DecryptError::Io(_) => damaged("it ends within its encryption's header").into(),
        _ => damaged("its encryption's header does not hold").into(),
    }
}
