//! A plan's fingerprint, by which exactly this plan can be applied, and the ids that it gives to new records: the same
//! whenever the same plan is made again.

use crate::{
    draw::{self, hex, now, unhex},
    error::{Error, Result},
};
use core::{fmt, str::FromStr};
use sha2::{Digest as _, Sha256};
use sync_core::{
    canonical::Encoder,
    change::Operation,
    id::{ImportId, RecordId},
    time::Timestamp,
};

/// What is applied: under which id, made of which file, for which order, with which effect. Written as
/// `ID.FILE-ORDER-EFFECT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    /// The id that the import will have; the new records' ids come from it.
    pub id: ImportId,
    file: [u8; 4],
    order: [u8; 4],
    effect: [u8; 16],
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}-{}-{}", self.id, hex(&self.file), hex(&self.order), hex(&self.effect))
    }
}

impl FromStr for Fingerprint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::WrongCommand(format!("`{text}` is no plan: write it as --plan showed it"));
        let (id, rest) = text.trim().split_once('.').ok_or_else(wrong)?;
        let mut parts = rest.split('-');
        let mut part = || parts.next().ok_or_else(wrong);
        let found = Self {
            id: id.parse().map_err(|_| wrong())?,
            file: bytes(part()?).ok_or_else(wrong)?,
            order: bytes(part()?).ok_or_else(wrong)?,
            effect: bytes(part()?).ok_or_else(wrong)?,
        };
        if parts.next().is_some() { Err(wrong()) } else { Ok(found) }
    }
}

fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    unhex(hex)?.try_into().ok()
}

impl Fingerprint {
    /// Refuses what is not this plan any more.
    ///
    /// # Errors
    /// `plan_stale`, with what changed.
    pub fn check(&self, found: &Self) -> Result<()> {
        if self == found {
            return Ok(());
        }
        Err(stale(if self.file != found.file {
            "the file is not the one that was planned"
        } else if self.order != found.order {
            "the order, or what the rules say of it, is not what was planned"
        } else {
            "records that it concerns were changed since"
        }))
    }
}

/// The refusal of a plan that does not hold any more.
pub(super) fn stale(what: &str) -> Error {
    Error::Denied {
        code: "plan_stale".into(),
        message: format!("the plan does not hold any more: {what}; nothing was changed"),
        remedy: "look at it again with --plan, and apply that one".into(),
    }
}

/// Gathers what a plan does, record by record.
pub(super) struct Effects {
    hash: Sha256,
    file: [u8; 4],
    order: [u8; 4],
}

impl Effects {
    /// `file` and `order` stand for the bytes of the file, and for all that was asked for and answered by the rules.
    pub(super) fn new(file: &[u8], order: &[u8]) -> Self {
        let short = |bytes: &[u8]| {
            let mut short = [0; 4];
            short.copy_from_slice(&Sha256::digest(bytes)[..4]);
            short
        };
        let hash = Sha256::new()
            .chain_update(b"import plan 1\0")
            .chain_update(Sha256::digest(file))
            .chain_update(Sha256::digest(order));
        Self { hash, file: short(file), order: short(order) }
    }

    /// Takes in the hash that the core made of what a plan reads and writes.
    pub(super) fn with(mut self, plan: &[u8; 32]) -> Self {
        self.hash.update(plan);
        self
    }

    /// Something that belongs to it, named so that it is never taken for something else.
    pub(super) fn add(&mut self, what: &str, record: Option<RecordId>, content: impl FnOnce(&mut Encoder)) {
        let mut encoder = Encoder::default();
        encoder.text(what);
        match record {
            Some(record) => encoder.bytes(record.0.as_bytes()),
            None => encoder.nil(),
        }
        content(&mut encoder);
        self.hash.update(encoder.finish());
    }

    pub(super) fn operation(&mut self, record: RecordId, operation: &Operation) {
        self.add("operation", Some(record), |encoder| match operation {
            Operation::Delete => encoder.nil(),
            Operation::Edit(edit) => {
                encoder.map(edit.len());
                for (name, value) in edit {
                    encoder.text(name);
                    encoder.option(value.as_ref());
                }
            }
        });
    }

    pub(super) fn end(self, id: ImportId) -> Fingerprint {
        let mut effect = [0; 16];
        effect.copy_from_slice(&self.hash.finalize()[..16]);
        Fingerprint { id, file: self.file, order: self.order, effect }
    }
}

/// A fresh id, which says when it was drawn.
pub(crate) fn fresh_id() -> Result<ImportId> {
    Ok(ImportId(RecordId::fresh(now(), draw::bytes()?).0))
}

/// The ids of an import's new records: UUIDv7 with a counter, in the order of the file, drawn from the import's id.
pub(super) struct Ids {
    import: ImportId,
    at: Timestamp,
    next: u32,
}

impl Ids {
    pub(super) fn new(import: ImportId) -> Self {
        let at = match import.0.get_version_num() {
            7 => Timestamp(i64::try_from(import.0.as_u128() >> 80).unwrap_or(0)),
            _ => now(),
        };
        Self { import, at, next: 0 }
    }

    pub(super) fn fresh(&mut self) -> RecordId {
        let n = self.next;
        self.next = self.next.wrapping_add(1);
        let drawn =
            Sha256::new().chain_update(self.import.0.as_bytes()).chain_update(n.to_be_bytes()).finalize();
        let mut bytes = [0; 10];
        // 26 bits that count, around the version's and the variant's own; then 48 that are drawn.
        let low_byte = |bits: u32| n.checked_shr(bits).unwrap_or(0).to_be_bytes()[3];
        bytes[..4].copy_from_slice(&[low_byte(22) & 0x0f, low_byte(14), low_byte(8) & 0x3f, low_byte(0)]);
        bytes[4..].copy_from_slice(&drawn[..6]);
        RecordId::fresh(self.at, bytes)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_the_same_again_and_rise() {
        let import = fresh_id().unwrap();
        let draw = |import| {
            let mut ids = Ids::new(import);
            (0..20_000).map(move |_| ids.fresh()).collect::<Vec<_>>()
        };
        let drawn = draw(import);
        assert!(drawn.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(drawn, draw(import));
        assert_ne!(drawn[0], draw(fresh_id().unwrap())[0]);
        assert!(drawn.iter().all(|id| id.0.get_version_num() == 7));
    }

    #[test]
    fn a_fingerprint_is_read_as_it_is_written() {
        let found = |file: &[u8], order: &[u8]| Effects::new(file, order).end(ImportId(uuid::Uuid::nil()));
        let one = found(b"file", b"order");
        assert_eq!(one.to_string().parse::<Fingerprint>().unwrap(), one);
        for wrong in ["", "x", &one.id.to_string(), &format!("{one}-00"), &one.to_string()[..60]] {
            assert_eq!(wrong.parse::<Fingerprint>().unwrap_err().code(), "wrong_command", "{wrong}");
        }
        let said = |other: &Fingerprint| one.check(other).unwrap_err().to_string();
        assert!(said(&found(b"other", b"order")).contains("file"));
        assert!(said(&found(b"file", b"other")).contains("order"));
    }
}
