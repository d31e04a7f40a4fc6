//! The age layer of what is written: a stream encrypted with a pass phrase. [`sync_core::bundle::locked`] reads it.

use super::{Lock, Work};
use age::{Encryptor, scrypt, stream::StreamWriter};
use std::{
    io::{self, BufWriter, Write},
    iter,
};
use sync_core::bundle::locked::WORK;

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
