//! Where a pass phrase comes from: a file, or the terminal. Never an argument, which every process can see.

use super::{Lock, denied, passphrase_needed};
use crate::error::{Error, Result};
use age::secrecy::zeroize::Zeroize as _;
use std::{fs::File, io::Read as _, path::Path};
use sync_core::address::Secret;

/// No pass phrase is longer, in bytes.
const LONGEST: u64 = 4096;

/// The first line of a file, without its end.
///
/// # Errors
/// [`Error::File`] where it can't be read; `bundle_passphrase_needed` where the line is empty; `bundle_passphrase_file`
/// where it is longer than 4096 bytes or no UTF-8.
pub fn from_file(path: &Path) -> Result<Lock> {
    let at = |source| Error::File { path: path.into(), source };
    // At its full size from the start: a buffer that grew would leave copies behind.
    let mut bytes = Vec::with_capacity(LONGEST as usize + 2);
    let read = File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes));
    let lock = read.map_err(at).and_then(|_| {
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match core::str::from_utf8(line) {
            Ok(text) if line.len() as u64 <= LONGEST => Lock::pass_phrase(text),
            _ => Err(denied(
                "bundle_passphrase_file",
                format!("the first line of {} is no pass phrase", path.display()),
                "write one line of at most 4096 bytes in UTF-8",
            )),
        }
    });
    bytes.zeroize();
    lock
}

/// The pass phrase itself, as an order carries it to the process that makes or opens the file.
#[must_use]
pub fn text(lock: &Lock) -> Option<Secret> {
    match lock {
        Lock::Plain => None,
        Lock::PassPhrase(phrase) => Some(Secret(age::secrecy::ExposeSecret::expose_secret(phrase).into())),
    }
}

/// Asks at the terminal, without showing what is typed; twice where it is for a new bundle.
///
/// # Errors
/// `bundle_passphrase_needed` where there is no terminal or nothing was typed; `bundle_passphrase_differs` where the two
/// are not the same.
pub fn ask(twice: bool) -> Result<Lock> {
    let prompt = |text: &str| {
        rpassword::prompt_password(text)
            .map_err(|error| passphrase_needed(&format!("no pass phrase can be asked for here: {error}")))
    };
    let mut first = prompt("Pass phrase: ")?;
    if twice {
        let mut second = prompt("Once more: ")?;
        let same = first == second;
        second.zeroize();
        if !same {
            first.zeroize();
            return Err(denied(
                "bundle_passphrase_differs",
                "the two pass phrases are not the same",
                "type the same one twice",
            ));
        }
    }
    Lock::pass_phrase(first)
}
